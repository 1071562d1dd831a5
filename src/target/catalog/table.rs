//! Sizes and row counts of tables.
//!
//! Measuring a table (`pg_total_relation_size`) takes a lock on it and would queue behind a migration's ACCESS EXCLUSIVE one,
//! so locked tables are told by the page counts in `pg_class` instead, which need no lock. Counting reads the table itself,
//! within a budget; what does not fit is estimated from the planner's statistics, and called so.

use std::time::Duration;

use tokio_postgres::types::Type;

use super::{PATIENCE, Unanswered, ask, quote_ident};
use crate::operation::Trouble;
use crate::target::connect::Session;

/// A table by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema, as it is stored, not quoted.
    pub schema: String,
    /// The table, as it is stored, not quoted.
    pub name: String,
}

impl TableName {
    /// A table's name from its two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// As it stands in SQL.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }
}

/// How large a table is, with its indexes and oversized values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Bytes on disk.
    pub bytes: i64,
    /// The bytes were measured now; else they are of the last vacuum or analyze, because somebody holds the table's lock.
    pub bytes_exact: bool,
    /// The planner's estimate; `None` when the table was never analyzed.
    pub rows_estimate: Option<i64>,
}

/// A number of rows or values, with what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Count {
    /// Counted now.
    Exact(i64),
    /// From the planner's statistics.
    Estimated(i64),
    /// Neither could be had; the words say why and end a sentence.
    Unknown(String),
}

/// The largest tables outside of the system's schemas, largest first.
pub async fn largest_tables(session: &Session, limit: i64) -> Result<Vec<TableSize>, Trouble> {
    let measured = "CASE WHEN busy.relation IS NULL THEN pg_total_relation_size(c.oid) ELSE pages.bytes END, \
                    busy.relation IS NULL";
    let given: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&limit, Type::INT8)];
    let mut answer = ask(session, PATIENCE, &size_question(measured), &given).await;
    if let Err(Unanswered::Locked | Unanswered::Late) = answer {
        // A lock was taken after we looked, or is on an index.
        answer = ask(
            session,
            PATIENCE,
            &size_question("pages.bytes, false"),
            &given,
        )
        .await;
    }
    let doing = "Measuring the tables";
    let rows = answer.map_err(|unanswered| unanswered.trouble(doing))?;
    rows.iter()
        .map(|row| {
            Ok(TableSize {
                schema: row.try_get(0)?,
                name: row.try_get(1)?,
                bytes: row.try_get(2)?,
                bytes_exact: row.try_get(3)?,
                rows_estimate: row.try_get(4)?,
            })
        })
        .collect::<Result<_, tokio_postgres::Error>>()
        .map_err(|error| Unanswered::Failed(error).trouble(doing))
}

/// SQL: how many rows the server thinks that a relation `c` has; NULL when it never looked. Postgres 13 writes 0 for that and
/// later ones -1: a 0 of 13 is believed only where there are pages.
pub const ESTIMATED_ROWS: &str = "CASE WHEN c.reltuples > 0 OR c.reltuples = 0 AND (c.relpages > 0 \
     OR current_setting('server_version_num')::int4 >= 140000) THEN c.reltuples::float8 END";

/// Joins what a relation `c` takes up by the page counts, which need no lock.
pub(super) const PAGES: &str = "CROSS JOIN LATERAL ( \
     SELECT (sum(part.relpages) * current_setting('block_size')::int8)::int8 AS bytes \
       FROM pg_class part \
      WHERE part.oid IN (c.oid, c.reltoastrelid) \
         OR part.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (c.oid, c.reltoastrelid)) \
     ) pages";

/// Joins whether a relation `c` must not be measured. Waiting requests for ACCESS EXCLUSIVE count as busy too: the next
/// reader queues behind them.
pub(super) const BUSY: &str = "LEFT JOIN ( \
     SELECT DISTINCT relation FROM pg_locks \
      WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
     ) busy ON busy.relation = c.oid";

fn size_question(measure: &str) -> String {
    format!(
        "SELECT n.nspname::text, c.relname::text, {measure}, \
                ({ESTIMATED_ROWS})::int8 \
           FROM pg_class c \
           JOIN pg_namespace n ON n.oid = c.relnamespace {PAGES} {BUSY} \
          WHERE c.relkind IN ('r', 'm') \
            AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
          ORDER BY 3 DESC, 1, 2 LIMIT $1"
    )
}

/// How many rows a table has. Reads the table, for at most `budget`.
pub async fn count_rows(session: &Session, table: &TableName, budget: Duration) -> Count {
    let question = format!("SELECT count(*) FROM {}", table.quoted());
    match counted(session, &question, &[], budget).await {
        Ok(count) => Count::Exact(count),
        Err(unanswered) => estimated(session, table, None, &unanswered).await,
    }
}

/// How many rows of a table have a value in a column. Reads the table, for at most `budget`.
pub async fn count_values(
    session: &Session,
    table: &TableName,
    column: &str,
    budget: Duration,
) -> Count {
    let question = format!(
        "SELECT count({}) FROM {}",
        quote_ident(column),
        table.quoted()
    );
    match counted(session, &question, &[], budget).await {
        Ok(count) => Count::Exact(count),
        Err(unanswered) => estimated(session, table, Some(column), &unanswered).await,
    }
}

/// How many rows of a table have no value in a column. Reads the table, for at most `budget`.
pub async fn count_missing(
    session: &Session,
    table: &TableName,
    column: &str,
    budget: Duration,
) -> Count {
    let condition = format!("t.{} IS NULL", quote_ident(column));
    count_where(session, table, &condition, budget).await
}

/// How many texts of a column have more than `limit` characters. Reads the table, for at most `budget`.
pub async fn count_longer(
    session: &Session,
    table: &TableName,
    column: &str,
    limit: i32,
    budget: Duration,
) -> Count {
    // Blanks at the end are cut without a word, as the standard wants it.
    let condition = format!(
        "char_length(rtrim(t.{}, ' ')) > {limit}",
        quote_ident(column)
    );
    count_where(session, table, &condition, budget).await
}

/// How many values of a column are, as texts, none of `values`. Reads the table, for at most `budget`.
pub async fn count_outside(
    session: &Session,
    table: &TableName,
    column: &str,
    values: &[String],
    budget: Duration,
) -> Count {
    let question = format!(
        "SELECT count(*) FROM {} t WHERE t.{}::text <> ALL ($1)",
        table.quoted(),
        quote_ident(column)
    );
    let given: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] =
        [(&values, Type::TEXT_ARRAY)];
    exact(counted(session, &question, &given, budget).await)
}

/// How many rows there are beyond the first of each that have the same values in `columns`; rows without a value in one of
/// them are like no other. Reads the table, for at most `budget`.
pub async fn count_doubles(
    session: &Session,
    table: &TableName,
    columns: &[String],
    budget: Duration,
) -> Count {
    let names: Vec<String> = columns.iter().map(|column| quote_ident(column)).collect();
    let full: Vec<String> = names
        .iter()
        .map(|name| format!("{name} IS NOT NULL"))
        .collect();
    let question = format!(
        "SELECT coalesce(sum(n - 1), 0)::int8 FROM (SELECT count(*) AS n FROM {} WHERE {} GROUP BY {} \
         HAVING count(*) > 1) alike",
        table.quoted(),
        full.join(" AND "),
        names.join(", ")
    );
    exact(counted(session, &question, &[], budget).await)
}

/// How many values of a column do not come back from a cast to the type `to` and back to `from`. Both are types as they
/// stand in SQL. Reads the table, for at most `budget`.
pub async fn count_altered(
    session: &Session,
    table: &TableName,
    column: &str,
    (from, to): (&str, &str),
    budget: Duration,
) -> Count {
    let column = quote_ident(column);
    let condition = format!("t.{column}::{to}::{from} IS DISTINCT FROM t.{column}");
    count_where(session, table, &condition, budget).await
}

/// How many rows of a table point to a row of `other` that is not there. Reads both, for at most `budget`.
pub async fn count_orphans(
    session: &Session,
    (table, columns): (&TableName, &[String]),
    (other, other_columns): (&TableName, &[String]),
    budget: Duration,
) -> Count {
    let full = columns
        .iter()
        .map(|column| format!("t.{} IS NOT NULL", quote_ident(column)));
    let same = columns
        .iter()
        .zip(other_columns)
        .map(|(own, theirs)| format!("o.{} = t.{}", quote_ident(theirs), quote_ident(own)));
    let condition = format!(
        "{} AND NOT EXISTS (SELECT FROM {} o WHERE {})",
        full.collect::<Vec<_>>().join(" AND "),
        other.quoted(),
        same.collect::<Vec<_>>().join(" AND ")
    );
    count_where(session, table, &condition, budget).await
}

/// How many rows `t` of a table fulfil a condition.
async fn count_where(
    session: &Session,
    table: &TableName,
    condition: &str,
    budget: Duration,
) -> Count {
    let question = format!(
        "SELECT count(*) FROM {} t WHERE {condition}",
        table.quoted()
    );
    exact(counted(session, &question, &[], budget).await)
}

/// There is no estimate of what is not in the planner's statistics.
fn exact(counted: Result<i64, Unanswered>) -> Count {
    match counted {
        Ok(count) => Count::Exact(count),
        Err(unanswered) => Count::Unknown(unanswered.reason()),
    }
}

async fn counted(
    session: &Session,
    question: &str,
    given: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)],
    budget: Duration,
) -> Result<i64, Unanswered> {
    let rows = ask(session, budget, question, given).await?;
    match rows.first() {
        Some(row) => Ok(row.try_get(0)?),
        None => Err(Unanswered::Late),
    }
}

async fn estimated(
    session: &Session,
    table: &TableName,
    column: Option<&str>,
    why: &Unanswered,
) -> Count {
    let unknown = || Count::Unknown(why.reason());
    if matches!(why, Unanswered::Failed(_)) {
        return unknown();
    }
    // pg_stats shows only columns that the role may read: without a null fraction there is no estimate of values.
    let question = format!(
        "SELECT {ESTIMATED_ROWS}, \
            (SELECT s.null_frac::float8 FROM pg_stats s \
              WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = $3 \
              ORDER BY s.inherited DESC LIMIT 1) \
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE n.nspname = $1 AND c.relname = $2"
    );
    let given: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
        (&table.schema, Type::TEXT),
        (&table.name, Type::TEXT),
        (&column, Type::TEXT),
    ];
    let Ok(rows) = ask(session, PATIENCE, &question, &given).await else {
        return unknown();
    };
    let statistics = rows.first().and_then(|row| {
        let rows: f64 = row.try_get(0).ok()?;
        let nulls: Option<f64> = row.try_get(1).ok()?;
        Some((rows, nulls))
    });
    match (statistics, column) {
        (Some((rows, _)), None) => Count::Estimated(whole(rows)),
        (Some((rows, Some(nulls))), Some(_)) => Count::Estimated(whole(rows * (1.0 - nulls))),
        _ => unknown(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an estimate of rows is far below the limit of i64, and `as` saturates"
)]
fn whole(estimate: f64) -> i64 {
    estimate.round().max(0.0) as i64
}
