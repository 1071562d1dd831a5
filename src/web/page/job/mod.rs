//! `/jobs/{id}`: one job, step by step. While it runs the script adds to what the server printed; without it the page
//! asks again every few seconds (`layout.refresh`). Both show the same.
//!
//! The stream at `/jobs/{id}/events?after={seq}` and its fallback `/jobs/{id}/events.json` are described at
//! `web/live.rs`.

mod samples;

use askama::Template;

use super::jobs::JobState;
use super::log::LogView;
use super::measure::Millis;
use super::pill::Pill;
use super::trouble::TroubleBox;
use super::when::When;
use crate::web::layout::{Layout, Link, Tone};

/// A moment in the life of the job.
#[derive(Clone, Debug)]
pub struct Moment {
    /// `Requested`, `Started` …
    pub label: &'static str,
    /// When.
    pub at: When,
    /// What there is to say about it: `by ada, from 127.0.0.1`.
    pub note: String,
    /// How long it was since the moment before.
    pub after: Option<Millis>,
}

/// How far the step is that runs now. Nothing of it is estimated.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// `18 of 23 migrations`, `48 MB so far`; empty when nothing is counted.
    pub words: String,
    /// Done, and of how much, where that is known exactly: only then is there a bar.
    pub share: Option<(i64, i64)>,
}

/// How the job can be stopped.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// The button: `Withdraw`.
    pub label: &'static str,
    /// What stopping does and does not undo, said before the button that does it; none where nothing has begun.
    pub effect: Option<&'static str>,
}

/// One thing that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whether it is in order; none: it could not be told.
    pub is_well: Option<bool>,
    /// One sentence.
    pub text: String,
}

impl Seen {
    /// The word for those who do not see its symbol, the symbol, and its colour.
    #[must_use]
    pub fn pill(&self) -> Pill {
        match self.is_well {
            Some(true) => Pill::new("well", "check", Tone::Good),
            Some(false) => Pill::new("not well", "warn", Tone::Warn),
            None => Pill::new("not known", "info", Tone::Calm),
        }
    }
}

/// A way to end an interrupted job.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What the form sends.
    pub value: &'static str,
    /// The button.
    pub label: &'static str,
}

/// What a person decides about an interrupted job.
#[derive(Clone, Debug)]
pub struct ReconcilePanel {
    /// What was done last, in one sentence.
    pub last: String,
    /// What the operation says of a crash in its middle.
    pub effect: &'static str,
    /// What can be seen now.
    pub evidence: Vec<Seen>,
    /// How it can be said to have ended.
    pub choices: Vec<Choice>,
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
    /// What is to be added to the state: `asked to stop by ada at 16:05:33`.
    pub note: String,
    /// The target.
    pub target: String,
    /// On whose behalf.
    pub actor: String,
    /// How long it took, or has taken.
    pub took: Option<Millis>,
    /// How it ended, in one sentence, when nothing went wrong: `jarvis-2026.dump was taken.`
    pub ending: Option<String>,
    /// What it waits for, in one sentence, with the job that is in its way.
    pub waits: Option<(String, Option<Link>)>,
    /// From its request to its end.
    pub timeline: Vec<Moment>,
    /// How far the step is.
    pub progress: Progress,
    /// Its log.
    pub log: LogView,
    /// What went wrong.
    pub trouble: Option<TroubleBox>,
    /// Where to see what it made.
    pub result: Option<Link>,
    /// How to stop it, where that is possible.
    pub cancel: Option<Cancel>,
    /// The panel of an interrupted job.
    pub reconcile: Option<ReconcilePanel>,
}

impl JobPage {
    /// The path of the job.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/jobs/{}", self.id)
    }
}
