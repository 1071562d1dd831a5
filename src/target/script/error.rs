//! Why a script did not run to its end, where, and what of it is in effect.

use tokio_postgres::error::ErrorPosition;

use super::Mode;
use crate::sql::Statement;

/// Why a script did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Which statement, from 1.
    pub statement: usize,
    /// Of how many.
    pub of: usize,
    /// The line of the script, from 1: where the server points to, or where the statement begins.
    pub line: usize,
    /// The character in that line, from 1, where the server points to one.
    pub column: Option<usize>,
    /// The server's whole answer: severity, message, SQLSTATE, detail, hint.
    pub message: String,
    /// What of the script is in effect, in one sentence.
    pub in_effect: String,
    /// Nothing of it is in effect.
    pub undone: bool,
    /// The connection was lost, and either what is in effect is not known, or whether the server still works on it.
    pub unknown: bool,
    /// It waited for a lock in vain, and nothing of it is in effect: it can be tried again.
    pub can_retry: bool,
}

impl ScriptError {
    /// Where in the script: `line 3`, or `line 3, column 14` where the server points to it.
    #[must_use]
    pub fn place(&self) -> String {
        match self.column {
            Some(column) => format!("line {}, column {column}", self.line),
            None => format!("line {}", self.line),
        }
    }
}

pub(super) const NOTHING: &str = "Nothing of this script is in effect.";

/// Line and character of the script, both from 1, that the server's error points to. The server counts characters from the
/// beginning of the text that it was sent, which is the statement alone. Postgres docs: 55.8, field `P`.
pub(super) fn pointed_at(
    script: &str,
    statement: &Statement,
    error: &tokio_postgres::Error,
) -> Option<(usize, usize)> {
    let Some(ErrorPosition::Original(at)) = error.as_db_error()?.position() else {
        return None;
    };
    let text = statement.text(script);
    let (start, _) = text.char_indices().nth(usize::try_from(*at).ok()? - 1)?;
    let before = script.get(..statement.span.start + start)?;
    let line = before.matches('\n').count() + 1;
    let own = before.rsplit('\n').next().unwrap_or(before);
    Some((line, own.chars().count() + 1))
}

/// What the loss of the connection leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: it was not lost, or what it means is known.
    None,
    /// A transaction that will be undone, but the server may not have noticed yet.
    Unnoticed,
    /// Whether the last statement or commit took effect.
    Undecided,
}

pub(super) fn in_effect(mode: Mode, index: usize, loss: Loss, hidden: bool) -> String {
    if loss == Loss::Unnoticed {
        return UNNOTICED.to_owned();
    }
    let undecided = loss == Loss::Undecided;
    let hidden = hidden && mode != Mode::Together;
    let (before, rest) = match (mode, index) {
        (Mode::Single | Mode::Together, _) | (Mode::OneByOne, 0) => (String::new(), NOTHING),
        (Mode::OneByOne, 1) => (
            "Statement 1 is in effect; ".to_owned(),
            "the others are not.",
        ),
        (Mode::OneByOne, index) => (
            format!("Statements 1 to {index} are in effect; "),
            "the others are not.",
        ),
        (Mode::AsWritten, _) => (
            "What the script had committed before this statement is in effect; ".to_owned(),
            "the rest is not.",
        ),
    };
    let rest = match (undecided, hidden, before.is_empty()) {
        (true, _, true) => UNKNOWN,
        (true, _, false) => {
            "of the rest it is not known, for the connection was lost: look at the database."
        }
        (false, true, true) => PARTLY,
        (false, true, false) => {
            "the one that failed may have left part of its work behind, such as an invalid index; the others are not."
        }
        (false, false, _) => rest,
    };
    format!("{before}{rest}")
}

const UNKNOWN: &str = "The connection was lost, so it is not known whether the last statement or commit took effect: \
                       look at the database before you go on.";
const UNNOTICED: &str = "Nothing of this script will be in effect, for its COMMIT was not sent. But the server may still be running \
                         it, with its locks, until it notices that the connection is gone.";
const PARTLY: &str = "It may have left part of its work behind, such as an invalid index or rows that a procedure had \
                      committed: look at the database before you go on.";
