//! The statements that read and write the ledger.
//!
//! Each names the table by schema, because a script may have changed the search path before it runs.

use super::TABLE;
use crate::sql::TableName;

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

/// All rows by the time they began, for [`LedgerRow::from_texts`](super::LedgerRow::from_texts).
#[must_use]
pub fn select_sql(schema: &str) -> String {
    select_columns_sql(
        schema,
        &COLUMNS.map(|(name, data_type)| Some((name, data_type))),
    )
}

/// The columns that Prisma makes and reads, with their types as Postgres writes them.
pub(super) const COLUMNS: [(&str, &str); 8] = [
    ("id", "character varying(36)"),
    ("checksum", "character varying(64)"),
    ("finished_at", TIME),
    ("migration_name", "character varying(255)"),
    ("logs", "text"),
    ("rolled_back_at", TIME),
    ("started_at", TIME),
    ("applied_steps_count", "integer"),
];

const TIME: &str = "timestamp with time zone";

/// The same of a table whose columns have other types, or that lacks some: those read as NULL.
pub(super) fn select_columns_sql(schema: &str, columns: &[Option<(&str, &str)>]) -> String {
    let shown: Vec<String> = columns
        .iter()
        .map(|column| match column {
            None => "NULL".to_owned(),
            Some((name, TIME)) => time(name, &format!("{name} AT TIME ZONE 'UTC'")),
            Some((name, "timestamp without time zone")) => time(name, name),
            Some((name, _)) => format!("{name}::text"),
        })
        .collect();
    // By the text of the time where that is odd, which is as good as any order.
    let order: Vec<String> = ["started_at", "id"]
        .iter()
        .filter(|name| columns.iter().flatten().any(|(column, _)| column == *name))
        .map(|name| format!("{name} ASC"))
        .collect();
    let order = if order.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", order.join(", "))
    };
    format!(
        "SELECT {} FROM {}{order}",
        shown.join(", "),
        table_sql(schema)
    )
}

/// A time as text. `to_char` has no text for an infinite one, which would then look like NULL.
fn time(column: &str, in_utc: &str) -> String {
    format!(
        "CASE WHEN isfinite({column}) THEN to_char({in_utc}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
         ELSE {column}::text END"
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
