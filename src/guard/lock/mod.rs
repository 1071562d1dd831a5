//! What a statement locks, and whom that keeps waiting.
//!
//! A lock is held until the transaction ends, and whoever waits for it makes everybody behind wait too: a statement that
//! needs a table for a millisecond can stop it for as long as the longest query on it runs.

mod taken;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use taken::taken;

/// Postgres's locks of tables, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LockMode {
    /// Reading.
    #[serde(rename = "ACCESS SHARE")]
    AccessShare,
    /// Reading with `FOR UPDATE`, and looking up what a foreign key points to.
    #[serde(rename = "ROW SHARE")]
    RowShare,
    /// Writing rows.
    #[serde(rename = "ROW EXCLUSIVE")]
    RowExclusive,
    /// Validating a constraint, building an index concurrently, vacuum.
    #[serde(rename = "SHARE UPDATE EXCLUSIVE")]
    ShareUpdateExclusive,
    /// Building an index.
    #[serde(rename = "SHARE")]
    Share,
    /// Adding a foreign key or a trigger.
    #[serde(rename = "SHARE ROW EXCLUSIVE")]
    ShareRowExclusive,
    /// Refreshing a materialised view concurrently.
    #[serde(rename = "EXCLUSIVE")]
    Exclusive,
    /// Most of `ALTER TABLE`, and everything that drops.
    #[serde(rename = "ACCESS EXCLUSIVE")]
    AccessExclusive,
}

impl LockMode {
    /// As Postgres names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whom it keeps waiting, as words before the table's name.
    #[must_use]
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare => "blocks no reads and no writes of",
            Self::RowExclusive => "blocks writes of the same rows of",
            Self::ShareUpdateExclusive => {
                "blocks other changes of the schema, but no reads and no writes of"
            }
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "blocks writes of",
            Self::AccessExclusive => "blocks reads and writes of",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A lock that a statement takes on a table that is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOn {
    /// The table, written for people.
    pub table: String,
    /// How.
    pub mode: LockMode,
}

impl LockOn {
    /// For example `blocks writes of "User"`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} {}", self.mode.blocks(), self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_stored_by_the_name_that_postgres_gives_it() {
        for mode in [
            LockMode::AccessShare,
            LockMode::RowShare,
            LockMode::RowExclusive,
            LockMode::ShareUpdateExclusive,
            LockMode::Share,
            LockMode::ShareRowExclusive,
            LockMode::Exclusive,
            LockMode::AccessExclusive,
        ] {
            let stored = serde_json::to_string(&mode).expect("a mode has a name");
            assert_eq!(stored, format!("\"{}\"", mode.name()));
        }
    }
}
