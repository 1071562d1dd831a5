//! `/jobs`: what runs, what waits, what ran; interrupted and running ones first.

use askama::Template;

use super::measure::Millis;
use super::pill::Pill;
use super::when::When;
use crate::web::layout::{Layout, Nav, Tone};

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
    /// When a worker began.
    pub started_at: Option<When>,
    /// How long it took, or has taken.
    pub took: Option<Millis>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/jobs.html")]
pub struct JobsPage {
    /// What every page shares.
    pub layout: Layout,
    /// How many run and wait, in one sentence.
    pub summary: String,
    /// At most 50 of them.
    pub jobs: Vec<JobRow>,
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
        Self {
            layout: Layout {
                nav: Nav::Jobs,
                ..Layout::sample("Jobs")
            },
            summary: "1 is running, 2 wait, 1 was interrupted.".to_owned(),
            jobs: states.into_iter().enumerate().map(job).collect(),
            older: Some("/jobs?before=018f2c96".to_owned()),
            example: "lockkeeper backup take jarvis".to_owned(),
        }
    }

    /// None yet.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            jobs: Vec::new(),
            older: None,
            ..Self::sample()
        }
    }
}
