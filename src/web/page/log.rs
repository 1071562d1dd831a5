//! The log of a job as its page shows it: steps with their lines, in pieces of a few hundred lines.

use super::jobs::JobState;
use super::measure::{Count, Millis};
use super::when::When;

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
    /// The class of the line, which also puts the word before it; the stream uses the same words.
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
    /// The number of the event that began it, which is also its anchor; none where that is not in this piece of the log.
    pub seq: Option<i64>,
    /// Its name, as the operation gives it.
    pub name: String,
    /// Its sentence.
    pub text: String,
    /// What became of it.
    pub state: JobState,
    /// How long it took; none where its beginning or its end is not in this piece of the log.
    pub took: Option<Millis>,
    /// Its lines.
    pub events: Vec<EventLine>,
}

impl StepView {
    /// Longer steps that ended well are shown folded.
    const LONG: usize = 12;

    /// Whether its lines are in sight without a click.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != JobState::Succeeded || self.events.len() <= Self::LONG
    }

    /// Whether there are lines, or may be soon.
    #[must_use]
    pub fn has_lines(&self) -> bool {
        self.state.is_live() || !self.events.is_empty()
    }

    /// What a folded step says about its lines: `412 lines, 2 warnings`.
    #[must_use]
    pub fn inside(&self) -> String {
        let of = |level| {
            self.events
                .iter()
                .filter(|line| line.level == level)
                .count()
        };
        let say = |n: usize, word: &str| {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            format!("{} {word}{}", Count(n), if n == 1 { "" } else { "s" })
        };
        let mut parts = vec![say(self.events.len(), "line")];
        for (level, word) in [(EventLevel::Warn, "warning"), (EventLevel::Error, "error")] {
            match of(level) {
                0 => {}
                n => parts.push(say(n, word)),
            }
        }
        parts.join(", ")
    }
}

/// The ways through a log that does not fit on one page, as paths. One that leads nowhere new is none.
#[derive(Clone, Debug, Default)]
pub struct LogPages {
    /// What is shown: `Lines 501 to 1,000`.
    pub shown: String,
    /// The query of the piece that is shown, for links to its lines; empty when all of the log is on the page.
    pub here: String,
    /// To the beginning.
    pub first: Option<String>,
    /// One piece back.
    pub earlier: Option<String>,
    /// One piece on.
    pub later: Option<String>,
    /// To the end.
    pub last: Option<String>,
}

/// The log.
#[derive(Clone, Debug)]
pub struct LogView {
    /// The steps of this piece.
    pub steps: Vec<StepView>,
    /// The number of the last line of the page; the stream goes on after it.
    pub seq: i64,
    /// Whether the script follows the job here: it lives, and this is the unfiltered end of its log.
    pub follows: bool,
    /// Whether only warnings and errors are shown.
    pub loud: bool,
    /// Why there is nothing, in one sentence.
    pub empty: String,
    /// The ways through it; none when it fits on the page.
    pub pages: Option<LogPages>,
}
