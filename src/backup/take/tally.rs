//! The tally: how large each table of the snapshot is, how many rows it has, what the ledger said. Made beside the dump.
//!
//! What must stay true: a number of rows is called exact only when it was counted in the snapshot; where something cannot
//! be had it is left out and the dump goes on. The budget: counting lasts no longer than the dump and a tenth of that
//! (five seconds at least). It takes one process of the server, the small tables first, so that what is left to the
//! server's estimate is few and large. Sizes and sequences are asked for here and not with the snapshot, because they wait
//! for whoever holds a table, and `pg_dump` waits for the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use super::snapshot::{Kind, Relation, Snapshot};
use crate::backup::contents::{Sequence, Table};
use crate::backup::manifest::MigrationRow;
use crate::migration::{LedgerRow, RowState, TABLE, select_sql};
use crate::operation::Progress;
use crate::target::catalog::quote_ident;
use crate::target::describe;

/// How long counting may go on after the shortest dump.
const GRACE: Duration = Duration::from_secs(5);

/// How many tables are told that could not be counted.
const TOLD: usize = 3;
/// How many sequences are read with one question: each takes a lock until it is answered.
const AT_ONCE: usize = 50;

/// What is known of the tables so far. Read while it is written.
#[derive(Debug, Default)]
pub(super) struct Tally {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    bytes: HashMap<u32, i64>,
    rows: HashMap<u32, i64>,
    sequences: Vec<Sequence>,
    migrations: Vec<MigrationRow>,
}

/// How long counting may go on once the dump has ended, which took `dumped`.
pub(super) fn grace(dumped: Duration) -> Duration {
    (dumped / 10).max(GRACE)
}

impl Tally {
    /// Measures and counts until everything is known. Dropped before that, it keeps what it knows.
    pub async fn make(&self, snapshot: &Snapshot, progress: &Progress) {
        match ledger(snapshot).await {
            Ok(rows) => self.known(|known| known.migrations = rows),
            Err(why) => progress.warn(format!(
                "The ledger could not be read, so the manifest will not say which migrations are in this backup: {why}"
            )),
        }
        match sizes(snapshot).await {
            Ok(bytes) => self.known(|known| known.bytes = bytes),
            Err(why) => progress.warn(format!("The tables could not be measured: {why}")),
        }
        match sequences(snapshot).await {
            Ok(found) => self.known(|known| known.sequences = found),
            Err(why) => progress.warn(format!("The sequences could not be read: {why}")),
        }
        let mut tables: Vec<&Relation> = snapshot.tables().collect();
        tables.sort_by_key(|table| self.bytes(table));
        let mut failed = 0;
        for table in tables {
            match count(snapshot, table).await {
                Ok(rows) => self.known(|known| {
                    known.rows.insert(table.oid, rows);
                }),
                // The same reason a thousand times is no better than a few times.
                Err(_) if failed >= TOLD => {}
                Err(why) => {
                    failed += 1;
                    progress.warn(format!(
                        "The rows of {}.{} could not be counted: {why}",
                        table.schema, table.name
                    ));
                }
            }
            if snapshot.session.client().is_closed() {
                return;
            }
        }
    }

    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The size of a table on the server's disk: measured, or by the server's last look.
    pub fn bytes(&self, table: &Relation) -> i64 {
        let measured = self.known(|known| known.bytes.get(&table.oid).copied());
        measured.unwrap_or(table.pages_bytes)
    }

    /// The rows of a table, once they have been counted.
    pub fn counted(&self, oid: u32) -> Option<i64> {
        self.known(|known| known.rows.get(&oid).copied())
    }

    /// The tables for the manifest: what was counted, else what the server estimates, marked as that.
    pub fn tables(&self, snapshot: &Snapshot) -> Vec<Table> {
        let tables = snapshot.tables().map(|table| {
            let counted = self.counted(table.oid);
            Table {
                schema: table.schema.clone(),
                name: table.name.clone(),
                rows: counted.or(table.estimate),
                rows_exact: counted.is_some(),
                bytes: self.known(|known| known.bytes.get(&table.oid).copied()),
            }
        });
        tables.collect()
    }

    /// The sequences for the manifest.
    pub fn sequences(&self) -> Vec<Sequence> {
        self.known(|known| known.sequences.clone())
    }

    /// The ledger for the manifest, oldest first.
    pub fn migrations(&self) -> Vec<MigrationRow> {
        self.known(|known| known.migrations.clone())
    }
}

/// Asks within the snapshot, and takes the question back: an error of the server would end the transaction, and the snapshot
/// with it; and the locks of what was read would be kept, so that with many tables the server had none left for the dump.
/// All of it travels as one message, and every column comes as text.
async fn ask(snapshot: &Snapshot, question: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    const BACK: &str = "ROLLBACK TO SAVEPOINT asked; RELEASE SAVEPOINT asked";
    let client = snapshot.session.client();
    let asked = format!("SAVEPOINT asked; {question}; {BACK}");
    match client.simple_query(&asked).await {
        Ok(messages) => Ok(messages.iter().filter_map(row).collect()),
        Err(error) => {
            if client.batch_execute(BACK).await.is_err() {
                let lost = snapshot.session.lost();
                return Err(lost.unwrap_or_else(|| describe(&error)));
            }
            Err(describe(&error))
        }
    }
}

fn row(message: &SimpleQueryMessage) -> Option<Vec<Option<String>>> {
    match message {
        SimpleQueryMessage::Row(row) => {
            let columns = (0..row.len()).map(|column| row.get(column).map(str::to_owned));
            Some(columns.collect())
        }
        _ => None,
    }
}

/// A column that holds a number.
fn number<T: std::str::FromStr>(row: &[Option<String>], column: usize) -> Option<T> {
    row.get(column)?.as_ref()?.parse().ok()
}

/// In `ONLY` the table: the rows of its children are theirs.
async fn count(snapshot: &Snapshot, table: &Relation) -> Result<i64, String> {
    let question = format!(
        "SELECT count(*) FROM ONLY {}.{}",
        quote_ident(&table.schema),
        quote_ident(&table.name)
    );
    let rows = ask(snapshot, &question).await?;
    let counted = rows.first().and_then(|row| number(row, 0));
    counted.ok_or_else(|| "the server answered with no number".to_owned())
}

async fn sizes(snapshot: &Snapshot) -> Result<HashMap<u32, i64>, String> {
    let oids: Vec<String> = snapshot
        .tables()
        .map(|table| table.oid.to_string())
        .collect();
    let question = format!(
        "SELECT oid, pg_table_size(oid) FROM unnest('{{{}}}'::oid[]) AS tables (oid)",
        oids.join(",")
    );
    let rows = ask(snapshot, &question).await?;
    let sizes = rows
        .iter()
        .filter_map(|row| Some((number(row, 0)?, number(row, 1)?)));
    Ok(sizes.collect())
}

/// Read like tables, and not by the function that tells the last value: that one keeps its lock to the end.
async fn sequences(snapshot: &Snapshot) -> Result<Vec<Sequence>, String> {
    let relations = snapshot.relations.iter();
    let all: Vec<&Relation> = relations
        .filter(|relation| relation.kind == Kind::Sequence)
        .collect();
    let mut sequences = Vec::with_capacity(all.len());
    for some in all.chunks(AT_ONCE) {
        let questions: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, sequence)| {
                let (schema, name) = (quote_ident(&sequence.schema), quote_ident(&sequence.name));
                format!("SELECT {at}, CASE WHEN is_called THEN last_value END FROM {schema}.{name}")
            })
            .collect();
        let rows = ask(snapshot, &questions.join(" UNION ALL ")).await?;
        sequences.extend(some.iter().enumerate().map(|(at, sequence)| {
            Sequence {
                schema: sequence.schema.clone(),
                name: sequence.name.clone(),
                last_value: rows
                    .iter()
                    .find(|row| number(row, 0) == Some(at))
                    .and_then(|row| number(row, 1)),
            }
        }));
    }
    Ok(sequences)
}

/// The ledger in the snapshot. One that Prisma did not write is no reason to go without a backup.
async fn ledger(snapshot: &Snapshot) -> Result<Vec<MigrationRow>, String> {
    let schema = snapshot.session.schema();
    let is_there = snapshot.relations.iter().any(|relation| {
        relation.schema == schema && relation.name == TABLE && relation.kind != Kind::Sequence
    });
    if !is_there {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for row in ask(snapshot, &select_sql(schema)).await? {
        let columns = std::array::from_fn(|index| row.get(index).cloned().flatten());
        let row = LedgerRow::from_texts(columns).map_err(|row| row.to_string())?;
        rows.push(MigrationRow {
            state: state_word(row.state()).to_owned(),
            name: row.migration_name,
            checksum: row.checksum,
        });
    }
    Ok(rows)
}

fn state_word(state: RowState) -> &'static str {
    match state {
        RowState::Applied => "applied",
        RowState::FailedOrRunning => "failed",
        RowState::RolledBack | RowState::BothSet => "rolled back",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_may_last_a_tenth_longer_than_the_dump_and_five_seconds_at_least() {
        assert_eq!(grace(Duration::from_secs(1)), Duration::from_secs(5));
        assert_eq!(grace(Duration::from_mins(10)), Duration::from_mins(1));
    }
}
