//! `/jobs`: what runs, what waits, what ran, newest first, narrowed by a filter that stands in the address.

use askama::Template;

use super::measure::Millis;
use super::pill::Pill;
use super::when::When;
use crate::web::layout::{Layout, Link, Nav, Tone};

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It waits for its time.
    Scheduled,
    /// It waits for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// It did what it was asked to.
    Succeeded,
    /// It did not; what is in effect is known.
    Failed,
    /// It was stopped and left nothing behind.
    Cancelled,
    /// Its worker vanished; what is in effect is not known, and the target stays locked.
    Interrupted,
}

impl JobState {
    /// The state as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Scheduled => Pill::new("scheduled", "clock", Tone::Calm),
            Self::Queued => Pill::new("queued", "queue", Tone::Calm),
            Self::Running => Pill::new("running", "run", Tone::Info),
            Self::Succeeded => Pill::new("succeeded", "check", Tone::Good),
            Self::Failed => Pill::new("failed", "cross", Tone::Bad),
            Self::Cancelled => Pill::new("cancelled", "ban", Tone::Calm),
            Self::Interrupted => Pill::new("interrupted", "broken", Tone::Bad),
        }
    }

    /// Whether more will happen by itself.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Scheduled | Self::Queued | Self::Running)
    }
}

/// One job.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub state: JobState,
    /// What it does: `Take a backup`.
    pub operation: String,
    /// The target.
    pub target: String,
    /// On whose behalf.
    pub actor: String,
    /// When it is to run, while it waits for that.
    pub run_at: Option<When>,
    /// When a worker began.
    pub started_at: Option<When>,
    /// How long it took, or has taken.
    pub took: Option<Millis>,
}

/// Something to choose from in a filter.
#[derive(Clone, Debug)]
pub struct Pick {
    /// What the form sends.
    pub value: String,
    /// What is read.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// What the list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// The states.
    pub states: Vec<Pick>,
    /// The operations.
    pub kinds: Vec<Pick>,
    /// The targets.
    pub targets: Vec<Pick>,
    /// On whose behalf, as it was typed.
    pub actor: String,
    /// What is shown, in one sentence, while the filter hides something: `Shown are failed jobs on jarvis.`
    pub shows: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/jobs.html")]
pub struct JobsPage {
    /// What every page shares.
    pub layout: Layout,
    /// How many are under way, each with the way to them: `2 waiting`.
    pub open: Vec<Link>,
    /// The filter.
    pub filter: JobFilter,
    /// At most 50 of them.
    pub jobs: Vec<JobRow>,
    /// The path of the newest ones, on every page but the first.
    pub newest: Option<String>,
    /// The path of the next ones.
    pub older: Option<String>,
    /// A command that starts one, for the empty page.
    pub example: String,
}

impl JobsPage {
    /// One job in every state.
    #[must_use]
    pub fn sample() -> Self {
        let job = |(n, state): (usize, JobState)| JobRow {
            id: format!("018f2c9{n}"),
            state,
            operation: ["Take a backup", "Make a plan", "Apply a plan"][n % 3].to_owned(),
            target: "jarvis".to_owned(),
            actor: "ada".to_owned(),
            run_at: (state == JobState::Scheduled).then(|| When::at(1_795_400_000_000)),
            started_at: (!matches!(state, JobState::Queued | JobState::Scheduled))
                .then(|| When::at(1_795_363_533_000)),
            took: (!state.is_live()).then_some(Millis(93_500)),
        };
        let states = [
            JobState::Interrupted,
            JobState::Running,
            JobState::Queued,
            JobState::Scheduled,
            JobState::Failed,
            JobState::Cancelled,
            JobState::Succeeded,
        ];
        let picks = |words: &[&str]| {
            let pick = |word: &&str| Pick {
                value: (*word).to_owned(),
                label: (*word).to_owned(),
                chosen: false,
            };
            words.iter().map(pick).collect::<Vec<_>>()
        };
        Self {
            layout: Layout {
                nav: Nav::Jobs,
                ..Layout::sample("Jobs")
            },
            open: vec![
                Link::new("1 running", "/jobs?state=running"),
                Link::new("1 interrupted", "/jobs?state=interrupted"),
            ],
            filter: JobFilter {
                states: picks(&["open", "running", "failed"]),
                kinds: picks(&["Take a backup", "Apply a plan"]),
                targets: picks(&["jarvis", "staging"]),
                ..JobFilter::default()
            },
            jobs: states.into_iter().enumerate().map(job).collect(),
            newest: None,
            older: Some("/jobs?before=018f2c96".to_owned()),
            example: "lockkeeper backup take jarvis".to_owned(),
        }
    }

    /// None yet.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            jobs: Vec::new(),
            open: Vec::new(),
            older: None,
            ..Self::sample()
        }
    }

    /// Some, but none that the filter shows.
    #[must_use]
    pub fn sample_hidden() -> Self {
        let mut page = Self::sample_empty();
        page.filter.states[2].chosen = true;
        "eve".clone_into(&mut page.filter.actor);
        page.filter.shows = Some("Shown are failed jobs of eve.".to_owned());
        page
    }
}
