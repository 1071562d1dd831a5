//! The ledger: Prisma's table `_prisma_migrations`, row by row.
//!
//! The table is Prisma's and stays exactly as Prisma makes it: same columns, same types, same meaning of NULL. Every
//! statement here names the table by schema, because a script may have changed the search path before it runs. Times
//! travel as text (UTC, microseconds), so that a value which no calendar holds is an error with words instead of a
//! failed conversion.

use jiff::Timestamp;

use crate::operation::Trouble;
use crate::sql::TableName;

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
        let about = migration_name
            .clone()
            .or_else(|| id.clone())
            .unwrap_or_default();
        let unreadable = |column, found: Option<&str>| UnreadableRow {
            row: about.clone(),
            column,
            found: found.map(str::to_owned),
        };
        let time = |column, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match text.parse::<Timestamp>() {
                Ok(time) => Ok(Some(time)),
                Err(_) => Err(unreadable(column, Some(text))),
            },
        };
        let steps_read = steps.as_deref().and_then(|text| text.parse().ok());
        Ok(Self {
            finished_at: time("finished_at", &finished_at)?,
            rolled_back_at: time("rolled_back_at", &rolled_back_at)?,
            started_at: time("started_at", &started_at)?
                .ok_or_else(|| unreadable("started_at", None))?,
            applied_steps_count: steps_read
                .ok_or_else(|| unreadable("applied_steps_count", steps.as_deref()))?,
            id: id.ok_or_else(|| unreadable("id", None))?,
            checksum: checksum.ok_or_else(|| unreadable("checksum", None))?,
            migration_name: migration_name.ok_or_else(|| unreadable("migration_name", None))?,
            logs,
        })
    }
}

/// A row that Prisma never writes and could not read either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row {row:?} of {TABLE} has {} in {column}", found.as_deref().unwrap_or("NULL"))]
pub struct UnreadableRow {
    /// The migration's name, or the row's id where it has none.
    pub row: String,
    /// The column.
    pub column: &'static str,
    /// What it holds; `None` is NULL.
    pub found: Option<String>,
}

impl From<UnreadableRow> for Trouble {
    fn from(row: UnreadableRow) -> Self {
        Self::new(
            format!("The history cannot be read: {row}, a value that Prisma never writes."),
            "Nothing was changed. The data of the application is not concerned.",
            format!(
                "Correct the column {} of that row by hand; `prisma migrate` is likely to stop at it as well.",
                row.column
            ),
        )
    }
}

/// The ledger of a schema, quoted for SQL.
#[must_use]
pub fn table_sql(schema: &str) -> String {
    TableName::within(schema, TABLE).to_sql()
}

/// Creates the ledger as Prisma creates it. Fails if there is one.
#[must_use]
pub fn create_table_sql(schema: &str) -> String {
    format!(
        "CREATE TABLE {} (\n    \
             id VARCHAR(36) PRIMARY KEY NOT NULL,\n    \
             checksum VARCHAR(64) NOT NULL,\n    \
             finished_at TIMESTAMPTZ,\n    \
             migration_name VARCHAR(255) NOT NULL,\n    \
             logs TEXT,\n    \
             rolled_back_at TIMESTAMPTZ,\n    \
             started_at TIMESTAMPTZ NOT NULL DEFAULT now(),\n    \
             applied_steps_count INTEGER NOT NULL DEFAULT 0\n)",
        table_sql(schema)
    )
}

/// All rows by the time they began, for [`LedgerRow::from_texts`].
#[must_use]
pub fn select_sql(schema: &str) -> String {
    // `to_char` has no text for an infinite time, which would then look like NULL.
    let time = |column: &str| {
        format!(
            "CASE WHEN isfinite({column}) \
             THEN to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
             ELSE {column}::text END"
        )
    };
    format!(
        "SELECT id::text, checksum::text, {}, migration_name::text, logs::text, {}, {}, applied_steps_count::text \
         FROM {} ORDER BY started_at ASC, id ASC",
        time("finished_at"),
        time("rolled_back_at"),
        time("started_at"),
        table_sql(schema)
    )
}

/// Before a script runs. Parameters, all text: id, checksum, started at, name.
#[must_use]
pub fn insert_sql(schema: &str) -> String {
    format!(
        "INSERT INTO {} (id, checksum, started_at, migration_name) VALUES ($1, $2, $3::text::timestamptz, $4)",
        table_sql(schema)
    )
}

/// For a migration that is marked as applied: began and finished at one moment, no logs, no step. Parameters, all text: id,
/// checksum, the moment, name.
#[must_use]
pub fn insert_marked_sql(schema: &str) -> String {
    format!(
        "INSERT INTO {} (id, checksum, logs, started_at, finished_at, migration_name) \
         VALUES ($1, $2, '', $3::text::timestamptz, $3::text::timestamptz, $4)",
        table_sql(schema)
    )
}

/// After a script succeeded, first. Parameter: id.
#[must_use]
pub fn count_step_sql(schema: &str) -> String {
    format!(
        "UPDATE {} SET applied_steps_count = applied_steps_count + 1 WHERE id = $1",
        table_sql(schema)
    )
}

/// After a script succeeded, second. Parameters, both text: id, finished at.
#[must_use]
pub fn set_finished_sql(schema: &str) -> String {
    format!(
        "UPDATE {} SET finished_at = $2::text::timestamptz WHERE id = $1",
        table_sql(schema)
    )
}

/// After a script failed. Parameters: id, the error.
#[must_use]
pub fn set_logs_sql(schema: &str) -> String {
    format!("UPDATE {} SET logs = $2 WHERE id = $1", table_sql(schema))
}

/// For a row that is given up: everything of its script was undone, or a person says so. Parameters: id, the moment.
#[must_use]
pub fn set_rolled_back_sql(schema: &str) -> String {
    format!(
        "UPDATE {} SET rolled_back_at = $2::text::timestamptz WHERE id = $1",
        table_sql(schema)
    )
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
            let trouble = Trouble::from(error);
            assert!(trouble.what.starts_with("The history cannot be read"));
        }
    }

    #[test]
    fn every_statement_is_sql_and_names_the_schema() {
        for sql in [
            create_table_sql,
            select_sql,
            insert_sql,
            insert_marked_sql,
            set_rolled_back_sql,
            count_step_sql,
            set_finished_sql,
            set_logs_sql,
        ] {
            let text = sql("we\"ird; schema");
            assert!(text.contains("\"we\"\"ird; schema\".\"_prisma_migrations\""));
            assert_eq!(crate::sql::parse(&text).unwrap().len(), 1, "{text}");
        }
    }
}
