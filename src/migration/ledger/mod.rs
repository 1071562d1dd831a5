//! The ledger: Prisma's table `_prisma_migrations`, row by row.
//!
//! The table is Prisma's and stays exactly as Prisma makes it: same columns, same types, same meaning of NULL ([`sql`]).
//! One that somebody changed by hand is read as far as it goes, and what is odd about it is said ([`reading`]). Times
//! travel as text (UTC, microseconds), so that a value which no calendar holds is told in words instead of being a failed
//! conversion.

mod reading;
mod sql;

use jiff::Timestamp;

pub use reading::{Ledger, Oddity};
pub use sql::{
    count_step_sql, create_table_sql, insert_marked_sql, insert_sql, select_sql, set_finished_sql,
    set_logs_sql, set_rolled_back_sql, table_sql,
};

/// The ledger's name.
pub const TABLE: &str = "_prisma_migrations";

/// The key of the advisory lock that everyone who writes the ledger holds: `pg_advisory_lock(72707369)`.
pub const ADVISORY_LOCK: i64 = 72_707_369;

/// One row of the ledger: one attempt at one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// A random UUID in text form, unless somebody wrote something else.
    pub id: String,
    /// The script's checksum at that time.
    pub checksum: String,
    /// When it succeeded.
    pub finished_at: Option<Timestamp>,
    /// The name of the migration's directory. Not unique.
    pub migration_name: String,
    /// The error of a failure; empty for a row that was only marked as applied.
    pub logs: Option<String>,
    /// When a person marked it as rolled back.
    pub rolled_back_at: Option<Timestamp>,
    /// When it began, by the clock of whoever ran it.
    pub started_at: Timestamp,
    /// 1 after a success, otherwise 0; nothing is decided by it.
    pub applied_steps_count: i32,
}

/// What a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// The migration is in effect.
    Applied,
    /// It failed, or runs right now; only the advisory lock tells which.
    FailedOrRunning,
    /// It was given up and does not count.
    RolledBack,
    /// Finished and rolled back: nobody but a person writes this. Deploy takes it as not applied.
    BothSet,
}

impl LedgerRow {
    /// What the row means.
    #[must_use]
    pub fn state(&self) -> RowState {
        match (self.finished_at, self.rolled_back_at) {
            (Some(_), None) => RowState::Applied,
            (None, None) => RowState::FailedOrRunning,
            (None, Some(_)) => RowState::RolledBack,
            (Some(_), Some(_)) => RowState::BothSet,
        }
    }

    /// Whether the migration was marked as applied (`migrate resolve --applied`) and its script never run.
    #[must_use]
    pub fn was_marked(&self) -> bool {
        self.finished_at == Some(self.started_at)
            && self.applied_steps_count == 0
            && self.logs.as_deref() == Some("")
    }

    /// A row from the columns of [`select_sql`], in its order.
    pub fn from_texts(columns: [Option<String>; 8]) -> Result<Self, UnreadableRow> {
        let (row, odd) = Self::with_oddities(columns);
        match (odd.into_iter().next(), row) {
            (None, Some(row)) => Ok(row),
            // A row without a name has at least that oddity.
            (odd, _) => Err(odd.unwrap_or_default()),
        }
    }

    /// The same of rows that somebody wrote by hand: what cannot be read is said and takes a value that means nothing, a
    /// time the beginning of 1970. A row without a name is none.
    pub(super) fn with_oddities(
        columns: [Option<String>; 8],
    ) -> (Option<Self>, Vec<UnreadableRow>) {
        let [
            id,
            checksum,
            finished_at,
            migration_name,
            logs,
            rolled_back_at,
            started_at,
            steps,
        ] = columns;
        let about = migration_name.as_ref().or(id.as_ref()).cloned();
        let mut odd = Vec::new();
        let mut unreadable = |column, found: Option<String>| {
            odd.push(UnreadableRow {
                row: about.clone().unwrap_or_default(),
                column,
                found,
            });
        };
        let mut time = |column, text: Option<String>| {
            let text = text?;
            Some(text.parse().unwrap_or_else(|_| {
                unreadable(column, Some(text));
                Timestamp::UNIX_EPOCH
            }))
        };
        let finished_at = time("finished_at", finished_at);
        let rolled_back_at = time("rolled_back_at", rolled_back_at);
        let started_at = time("started_at", started_at);
        if started_at.is_none() {
            unreadable("started_at", None);
        }
        let applied_steps_count = steps.as_ref().and_then(|text| text.parse().ok());
        if applied_steps_count.is_none() {
            unreadable("applied_steps_count", steps);
        }
        let mut required = |column, text: Option<String>| {
            if text.is_none() {
                unreadable(column, None);
            }
            text
        };
        let id = required("id", id).unwrap_or_default();
        let checksum = required("checksum", checksum).unwrap_or_default();
        let row = required("migration_name", migration_name).map(|migration_name| Self {
            id,
            checksum,
            finished_at,
            migration_name,
            logs,
            rolled_back_at,
            started_at: started_at.unwrap_or(Timestamp::UNIX_EPOCH),
            applied_steps_count: applied_steps_count.unwrap_or_default(),
        });
        (row, odd)
    }
}

/// A row that Prisma never writes and could not read either.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the row {row:?} of {TABLE} has {} in {column}", found.as_deref().unwrap_or("NULL"))]
pub struct UnreadableRow {
    /// The migration's name, or the row's id where it has none.
    pub row: String,
    /// The column.
    pub column: &'static str,
    /// What it holds; `None` is NULL.
    pub found: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [Option<String>; 8] {
        [
            Some("2b1c"),
            Some("e3b0"),
            None,
            Some("20240101000000_init"),
            None,
            None,
            Some("2024-01-01T10:00:00.123456Z"),
            Some("0"),
        ]
        .map(|text| text.map(str::to_owned))
    }

    #[test]
    fn the_two_times_make_four_states() {
        let later = Some("2024-01-01T10:00:01.000000Z".to_owned());
        for (finished, rolled_back, state) in [
            (false, false, RowState::FailedOrRunning),
            (true, false, RowState::Applied),
            (false, true, RowState::RolledBack),
            (true, true, RowState::BothSet),
        ] {
            let mut texts = columns();
            texts[2] = later.clone().filter(|_| finished);
            texts[5] = later.clone().filter(|_| rolled_back);
            let row = LedgerRow::from_texts(texts).unwrap();
            assert_eq!(row.state(), state);
            assert_eq!(row.started_at.subsec_microsecond(), 123_456);
            assert!(!row.was_marked());
        }
    }

    #[test]
    fn a_marked_row_is_told_from_an_executed_one() {
        let mut texts = columns();
        texts[2] = texts[6].clone();
        texts[4] = Some(String::new());
        assert!(LedgerRow::from_texts(texts.clone()).unwrap().was_marked());
        texts[7] = Some("1".to_owned());
        assert!(!LedgerRow::from_texts(texts).unwrap().was_marked());
    }

    #[test]
    fn values_that_no_calendar_holds_are_said() {
        for (index, value, words) in [
            (0, None, "NULL in id"),
            (1, None, "NULL in checksum"),
            (2, Some("infinity"), "infinity in finished_at"),
            (3, None, "NULL in migration_name"),
            (5, Some("-infinity"), "-infinity in rolled_back_at"),
            (6, None, "NULL in started_at"),
            (
                6,
                Some("294276-12-31T00:00:00.000000Z"),
                "294276-12-31T00:00:00.000000Z in started_at",
            ),
            (7, None, "NULL in applied_steps_count"),
            (7, Some("99999999999"), "99999999999 in applied_steps_count"),
        ] {
            let mut texts = columns();
            texts[index] = value.map(str::to_owned);
            let error = LedgerRow::from_texts(texts).unwrap_err();
            assert!(error.to_string().ends_with(words), "{error}");
        }
    }
}
