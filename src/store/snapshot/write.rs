//! Writing the store to a file, row by row, while others go on using it.

use std::path::Path;

use futures_util::TryStreamExt;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{Column, Row, ValueRef};

use super::super::{Store, StoreError, Tx, newest};
use super::part::Part;
use super::{Counts, FORM, Footer, Header, LAST, SnapshotError, TABLES, Table};
use crate::clock::Clock;

/// A snapshot that is on the disk.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// The size of the file.
    pub bytes: u64,
    /// How many rows of each table.
    pub rows: Counts,
    /// SHA-256 of all lines but the last.
    pub sha256: String,
    /// The moment that it shows, in milliseconds since the epoch.
    pub at: i64,
}

/// Writes the store, as it is at one moment, to `file`. A file that is there is refused unless `replace`; when this fails
/// or is dropped, nothing new is there.
///
/// The file is written by the calling thread: this is for commands, not for pages.
pub async fn write(
    store: &Store,
    clock: &Clock,
    file: &Path,
    replace: bool,
) -> Result<Written, SnapshotError> {
    let mut part = Part::begin(file, replace)?;
    let mut tx = store.begin_read().await?;
    // The first read: from here on the transaction sees this moment. A newer program may have changed the schema since
    // the store was opened, and then the tables are not those that are known here.
    let schema: i64 =
        sqlx::query_scalar("SELECT CAST(max(version) AS BIGINT) FROM _sqlx_migrations")
            .fetch_one(&mut *tx)
            .await?;
    if schema != newest() {
        return Err(SnapshotError::Overtaken(schema));
    }
    let at = clock.now_ms();
    let header = Header {
        lockkeeper_store: FORM,
        schema,
        at: clock.now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    part.line("the header", encode(&header)?)?;
    let mut rows = Counts::new();
    for table in &TABLES {
        let count = write_table(&mut tx, &mut part, table).await?;
        rows.insert(table.name.to_owned(), count);
    }
    tx.rollback().await?;
    let sha256 = part.sha256();
    let footer = Footer {
        rows: rows.clone(),
        sha256: sha256.clone(),
    };
    part.line("the footer", encode(&footer)?)?;
    let bytes = part.publish()?;
    Ok(Written {
        bytes,
        rows,
        sha256,
        at,
    })
}

async fn write_table(tx: &mut Tx, part: &mut Part, table: &Table) -> Result<u64, SnapshotError> {
    let mut count = 0;
    let mut rows = sqlx::query(table.rows).fetch(&mut **tx);
    while let Some(row) = rows.try_next().await? {
        let line = json!({"t": table.name, "r": values(&row)?});
        part.line(table.name, encode(&line)?)?;
        count += 1;
    }
    Ok(count)
}

/// A row by the names of its columns. The schema knows two types, and nothing.
fn values(row: &AnyRow) -> Result<Map<String, Value>, SnapshotError> {
    let mut values = Map::new();
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at)?;
        let value = if raw.is_null() {
            Value::Null
        } else {
            match raw.type_info().kind() {
                AnyTypeInfoKind::Text => Value::from(row.try_get::<String, _>(at)?),
                _ => Value::from(row.try_get::<i64, _>(at)?),
            }
        };
        values.insert(column.name().to_owned(), value);
    }
    Ok(values)
}

fn encode<T: Serialize>(line: &T) -> Result<Vec<u8>, SnapshotError> {
    serde_json::to_vec(line).map_err(|error| {
        SnapshotError::Store(StoreError::Value {
            what: "row",
            reason: error.to_string(),
        })
    })
}

/// Remembers in the store that `written` exists, for [`super::last_written`]. The caller commits.
pub async fn record(tx: &mut Tx, written: &Written) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
    )
    .bind(LAST)
    .bind(&written.sha256)
    .bind(written.at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
