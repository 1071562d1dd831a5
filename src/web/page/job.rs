//! `/jobs/{id}`: one job, step by step. While it runs the script adds to what the server printed; without it the page
//! asks again every few seconds (`layout.refresh`). Both show the same.
//!
//! The stream at `/jobs/{id}/events?after={seq}` sends `state` at once and at every change (`{"state":"running"}`),
//! `event` for every line (`{"seq":12,"at":1795363533000,"level":"info","step":"dump","text":"…"}`, `at` in milliseconds)
//! and `done` when the job has ended.

use askama::Template;

use super::jobs::JobState;
use super::measure::Millis;
use super::trouble::TroubleBox;
use super::when::When;
use crate::web::layout::{Environment, Layout, Link, Nav, Tab};

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventLevel {
    /// Worth reading.
    Info,
    /// Worth a look.
    Warn,
    /// The reason of a failure.
    Error,
}

impl EventLevel {
    /// The class of the line; the stream uses the same words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug)]
pub struct EventLine {
    /// Its number in the job; also its anchor, `#e12`.
    pub seq: i64,
    /// When.
    pub at: When,
    /// How loud it is.
    pub level: EventLevel,
    /// The line.
    pub text: String,
}

/// One step of the job.
#[derive(Clone, Debug)]
pub struct StepView {
    /// The number of the event that began it; also its anchor.
    pub seq: i64,
    /// Its name, as the operation gives it.
    pub name: String,
    /// Its sentence.
    pub text: String,
    /// What became of it.
    pub state: JobState,
    /// How long it took.
    pub took: Option<Millis>,
    /// Its lines.
    pub events: Vec<EventLine>,
}

/// What a person decides about an interrupted job.
#[derive(Clone, Debug)]
pub struct ReleasePanel {
    /// What was done last, in one sentence.
    pub last: String,
    /// What to look at before releasing, one sentence each.
    pub look: Vec<String>,
    /// Whether this person may release it.
    pub can_release: bool,
    /// The single-use token.
    pub token: String,
    /// What was typed before a refusal.
    pub typed: String,
    /// Why it was refused.
    pub error: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/job.html")]
pub struct JobPage {
    /// What every page shares. Its title begins with the state, `running · Take a backup`; set `refresh` while it lives.
    pub layout: Layout,
    /// The id of the job.
    pub id: String,
    /// What it does: `Take a backup`.
    pub operation: String,
    /// What became of it.
    pub state: JobState,
    /// The target.
    pub target: String,
    /// On whose behalf.
    pub actor: String,
    /// When a worker began.
    pub started_at: Option<When>,
    /// How long it took, or has taken.
    pub took: Option<Millis>,
    /// What waiting means here, shown while there is no step: `It waits for the job that runs on jarvis.`
    pub waiting: String,
    /// Its steps so far.
    pub steps: Vec<StepView>,
    /// The number of the last event on this page; the stream goes on after it.
    pub seq: i64,
    /// That lines were left out, in one sentence.
    pub dropped: Option<String>,
    /// What went wrong.
    pub trouble: Option<TroubleBox>,
    /// Where to see what it made.
    pub result: Option<Link>,
    /// Whether this person may cancel it now.
    pub can_cancel: bool,
    /// The panel of an interrupted job.
    pub release: Option<ReleasePanel>,
}

impl JobPage {
    /// A backup that is being taken.
    #[must_use]
    pub fn sample() -> Self {
        let line = |seq: i64, level, text: &str| EventLine {
            seq,
            at: When::at(1_795_363_533_000 + seq * 1000),
            level,
            text: text.to_owned(),
        };
        let step = |seq: i64, name: &str, text: &str, state: JobState, events| StepView {
            seq,
            name: name.to_owned(),
            text: text.to_owned(),
            state,
            took: (state == JobState::Succeeded).then_some(Millis(1_240)),
            events,
        };
        Self {
            layout: Layout {
                nav: Nav::Jobs,
                crumbs: vec![Link::new("Jobs", "/jobs")],
                refresh: Some(3),
                ..Layout::sample_target(
                    "running · Take a backup",
                    "jarvis",
                    Environment::Production,
                    Tab::None,
                )
            },
            id: "0193f2c9-7a10-7c1e-b3f0-5a2b9d6e4c01".to_owned(),
            operation: "Take a backup".to_owned(),
            state: JobState::Running,
            target: "jarvis".to_owned(),
            actor: "ada".to_owned(),
            started_at: Some(When::at(1_795_363_533_000)),
            took: Some(Millis(41_000)),
            waiting: "It waits for a worker.".to_owned(),
            steps: vec![
                step(
                    1,
                    "preflight",
                    "Looking at the database and the room in the archive",
                    JobState::Succeeded,
                    vec![
                        line(
                            2,
                            EventLevel::Info,
                            "Postgres 15.14, 3.61 GB, 61.2 GB free in the archive",
                        ),
                        line(
                            3,
                            EventLevel::Warn,
                            "1 session has been idle in a transaction for 2 h 04 min; it delays nothing here",
                        ),
                    ],
                ),
                step(
                    4,
                    "snapshot",
                    "Counting rows in one snapshot",
                    JobState::Succeeded,
                    vec![line(5, EventLevel::Info, "1,745,534 rows in 23 tables")],
                ),
                step(
                    6,
                    "dump",
                    "Writing the dump with pg_dump 15.14",
                    JobState::Running,
                    vec![
                        line(
                            7,
                            EventLevel::Info,
                            "dumping contents of table \"public.Message\"",
                        ),
                        line(8, EventLevel::Info, "412 MB written"),
                    ],
                ),
            ],
            seq: 8,
            dropped: None,
            trouble: None,
            result: None,
            can_cancel: true,
            release: None,
        }
    }

    /// The same, failed.
    #[must_use]
    pub fn sample_failed() -> Self {
        let mut page = Self::sample();
        "failed · Take a backup".clone_into(&mut page.layout.title);
        page.layout.refresh = None;
        page.state = JobState::Failed;
        page.can_cancel = false;
        page.steps[2].state = JobState::Failed;
        page.steps[2].events.push(EventLine {
            seq: 9,
            at: When::at(1_795_363_590_000),
            level: EventLevel::Error,
            text: "pg_dump: error: could not write to output file: No space left on device"
                .to_owned(),
        });
        page.trouble = Some(TroubleBox::new(
            "The archive ran full while the dump was written: 412 MB were written, 0 bytes are left.",
            "The database was only read and is as it was. The unfinished file was removed; older backups are untouched.",
            "Make at least 1.4 GB of room in /var/lib/lockkeeper/archive, then take the backup again.",
        ));
        page
    }

    /// An apply whose worker vanished.
    #[must_use]
    pub fn sample_interrupted() -> Self {
        let mut page = Self::sample_failed();
        "interrupted · Apply a plan".clone_into(&mut page.layout.title);
        "Apply a plan".clone_into(&mut page.operation);
        page.state = JobState::Interrupted;
        page.trouble = None;
        for (step, (name, text)) in page.steps.iter_mut().zip([
            ("backup", "Taking a backup first"),
            (
                "check",
                "Comparing the database and the folder with the plan",
            ),
            ("apply", "Running the statements"),
        ]) {
            name.clone_into(&mut step.name);
            text.clone_into(&mut step.text);
            step.events.clear();
        }
        page.steps[2].state = JobState::Interrupted;
        page.release = Some(ReleasePanel {
            last: "Statement 2 of 3 was sent at 16:06:11 UTC: ALTER TABLE \"User\" DROP COLUMN \"phone\". No answer was recorded.".to_owned(),
            look: vec!["Whether the column User.phone still exists.".to_owned(), "Whether _prisma_migrations has a finished_at for 20261120093000_add_phone.".to_owned()],
            can_release: true,
            token: "t0k3n".to_owned(),
            typed: String::new(),
            error: None,
        });
        page
    }
}
