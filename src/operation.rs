//! The contract of an operation: something the program can do to a target.
//!
//! An operation is a plain async function of a chapter that takes a [`Context`]. It reports [`Event`]s through it,
//! watches its cancellation, and ends with an [`Outcome`] or an [`OperationError`]. It never sees the queue, a browser
//! or a terminal, so both doors run the same one. Read [`crate::job`] next for who runs it and what is stored.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// What a person is told when something went wrong.
///
/// All three parts are whole sentences and free of secrets: they are shown on pages, printed on terminals and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    /// What happened.
    pub what: String,
    /// What that means for the data.
    pub data: String,
    /// What to do next.
    pub next: String,
    /// Which kind it is, for whoever cannot read sentences. What was stored without one reads as [`Class::Other`].
    #[serde(default)]
    pub class: Class,
}

/// The kinds of trouble that scripts tell apart: the terminal has an exit code for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Neither of the two below.
    #[default]
    Other,
    /// No session on the target could be opened.
    Unreachable,
    /// The guard did not let it happen: nothing was begun.
    Refused,
}

impl Trouble {
    /// A trouble from its three sentences.
    pub fn new(what: impl Into<String>, data: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            data: data.into(),
            next: next.into(),
            class: Class::Other,
        }
    }

    /// The same, said because no session on the target could be opened.
    #[must_use]
    pub fn unreachable(mut self) -> Self {
        self.class = Class::Unreachable;
        self
    }

    /// The same, said because the guard refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.class = Class::Refused;
        self
    }
}

/// How an operation ends when it does not end well.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// It did not do what it was asked to; what is in effect is known and said.
    #[error(transparent)]
    Fail(#[from] Trouble),
    /// It was cancelled and left nothing behind.
    #[error("cancelled")]
    Cancelled,
    /// It was cancelled after some of its work had taken effect; the trouble says what.
    #[error("cancelled: {0}")]
    Stopped(Trouble),
    /// It ended, and what is in effect is not known: a person has to look.
    #[error("{0}")]
    NeedsHuman(Trouble),
}

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A named phase begins.
    Step,
    /// Something worth reading.
    Info,
    /// Something that a person should look at, though the work goes on.
    Warn,
    /// The reason of a failure.
    Error,
}

impl Level {
    /// The word that is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of a stored word; an unknown one reads as [`Level::Info`].
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "step" => Self::Step,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => Self::Info,
        }
    }
}

/// One line of recorded progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds since the epoch.
    pub at: i64,
    /// How loud it is.
    pub level: Level,
    /// The step it belongs to, as the operation names it.
    pub step: String,
    /// One sentence or line, without secrets.
    pub text: String,
}

/// What an operation left behind when it ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// One sentence.
    pub summary: String,
    /// The id of the thing it made (a plan, a backup), if it made one.
    pub made: Option<String>,
}

/// How much of a step is done. Nothing here is estimated: what is not known is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Done so far, in `unit`.
    pub done: u64,
    /// Of how much, where that is known exactly.
    pub total: Option<u64>,
    /// What is counted: `bytes`, `migrations` …
    pub unit: &'static str,
}

/// What an operation reports while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A line of the log.
    Event(Event),
    /// How far the step is; each replaces the one before.
    Count(Count),
}

/// The operation's way to say where it is. Clones report to the same place.
#[derive(Clone, Debug)]
pub struct Progress {
    reports: mpsc::UnboundedSender<Report>,
    clock: Clock,
    step: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Progress {
    /// A progress and the end at which its reports come out, in order.
    #[must_use]
    pub fn new(clock: Clock) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (reports, received) = mpsc::unbounded_channel();
        let progress = Self {
            reports,
            clock,
            step: std::sync::Arc::default(),
        };
        (progress, received)
    }

    /// A named phase begins; what follows belongs to it.
    pub fn step(&self, name: &str, text: impl Into<String>) {
        if let Ok(mut step) = self.step.lock() {
            name.clone_into(&mut step);
        }
        self.send(Level::Step, text.into());
    }

    /// Something worth reading.
    pub fn info(&self, text: impl Into<String>) {
        self.send(Level::Info, text.into());
    }

    /// Something to look at, though the work goes on.
    pub fn warn(&self, text: impl Into<String>) {
        self.send(Level::Warn, text.into());
    }

    /// So much of the step is done; `total` only where it is known exactly.
    pub fn count(&self, done: u64, total: Option<u64>, unit: &'static str) {
        let _unheard = self
            .reports
            .send(Report::Count(Count { done, total, unit }));
    }

    fn send(&self, level: Level, text: String) {
        let step = self
            .step
            .lock()
            .map(|step| step.clone())
            .unwrap_or_default();
        let at = self.clock.now_ms();
        // Nobody listening is no reason to stop the work: the worker that lost its lease has gone, the effect has not.
        let _unheard = self.reports.send(Report::Event(Event {
            at,
            level,
            step,
            text,
        }));
    }
}

/// What every operation is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The id of the job; also the suffix of `application_name` on the target, `lockkeeper:<job>`.
    pub job: String,
    /// On whose behalf, as the audit names them.
    pub actor: String,
    /// Time and ids.
    pub clock: Clock,
    /// Where to report.
    pub progress: Progress,
    /// Cancelled when the job is asked to stop.
    pub cancel: CancellationToken,
}
