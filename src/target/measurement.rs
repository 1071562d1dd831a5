//! Measurements: what checks found, kept in our store to see how a target changes.
//!
//! A measurement is written once, by the job of the check, and never changed. The table is documented in
//! `migrations/0002_jobs.sql`.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::store::{Store, StoreError};

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The target's name.
    pub target: String,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// The id of the job that measured.
    pub job: String,
    /// The server's version: 150018 is 15.18.
    pub version_num: i64,
    /// The size of the database; `None` when it could not be measured.
    pub database_bytes: Option<i64>,
    /// Migrations in effect.
    pub applied: i64,
    /// Migrations that wait.
    pub pending: i64,
    /// Migrations that somebody should look at: failed, edited, missing.
    pub troubled: i64,
}

/// Keeps a measurement.
pub async fn record(store: &Store, measurement: &Measurement) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "INSERT INTO measurement (target, at, job_id, version_num, database_bytes, applied, pending, troubled) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&measurement.target)
    .bind(measurement.at)
    .bind(&measurement.job)
    .bind(measurement.version_num)
    .bind(measurement.database_bytes)
    .bind(measurement.applied)
    .bind(measurement.pending)
    .bind(measurement.troubled)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The newest measurement of a target.
pub async fn latest(store: &Store, target: &str) -> Result<Option<Measurement>, StoreError> {
    let row = sqlx::query(
        "SELECT target, at, job_id, version_num, database_bytes, applied, pending, troubled FROM measurement \
         WHERE target = $1 ORDER BY at DESC, job_id DESC LIMIT 1",
    )
    .bind(target)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The measurements with a size since `since_ms`, oldest first, thinned evenly in time to at most `max_points`. The first,
/// the last, the smallest and the largest are always among them.
pub async fn series(
    store: &Store,
    target: &str,
    since_ms: i64,
    max_points: i64,
) -> Result<Vec<Measurement>, StoreError> {
    let row = sqlx::query(
        "SELECT count(*), coalesce(min(at), 0), coalesce(max(at), 0) FROM measurement \
         WHERE target = $1 AND at >= $2 AND database_bytes IS NOT NULL",
    )
    .bind(target)
    .bind(since_ms)
    .fetch_one(store.read())
    .await?;
    let (count, first, last): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    // Each slice of time keeps its last measurement. Three places are for those that a slice may not keep.
    let slice = if count <= max_points {
        1
    } else {
        (last - first) / (max_points - 3).max(1) + 1
    };
    let rows = sqlx::query(
        "WITH sized AS (SELECT target, at, job_id, version_num, database_bytes, applied, pending, troubled \
             FROM measurement WHERE target = $1 AND at >= $2 AND database_bytes IS NOT NULL) \
         SELECT * FROM sized \
         WHERE at IN (SELECT max(at) FROM sized GROUP BY (at - $3) / $4) OR at = $3 \
            OR at = (SELECT at FROM sized ORDER BY database_bytes, at LIMIT 1) \
            OR at = (SELECT at FROM sized ORDER BY database_bytes DESC, at LIMIT 1) \
         ORDER BY at, job_id",
    )
    .bind(target)
    .bind(since_ms)
    .bind(first)
    .bind(slice)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

fn decode(row: &AnyRow) -> Result<Measurement, StoreError> {
    Ok(Measurement {
        target: row.try_get(0)?,
        at: row.try_get(1)?,
        job: row.try_get(2)?,
        version_num: row.try_get(3)?,
        database_bytes: row.try_get(4)?,
        applied: row.try_get(5)?,
        pending: row.try_get(6)?,
        troubled: row.try_get(7)?,
    })
}
