//! Comparisons in the store. Of each target the newest ones are kept; the table is documented in `migrations/0005_drift.sql`.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Drift;
use crate::store::{Store, StoreError};

/// How many comparisons of one target are kept.
const KEPT: i64 = 50;
/// How many differing things are stored of one comparison: a folder that belongs to another database differs in thousands.
const THINGS: usize = 500;

/// Keeps what the job has found, and forgets the oldest.
pub async fn record(store: &Store, drift: &Drift, job: &str) -> Result<(), StoreError> {
    let mut kept = drift.clone();
    if kept.differences.len() > THINGS {
        let more = kept.differences.len() - THINGS;
        kept.differences.truncate(THINGS);
        kept.notes.push(format!(
            "{more} more things differ; `lockkeeper migrate diff --json` without a store tells all of them."
        ));
    }
    let body = serde_json::to_string(&kept).map_err(|error| unreadable(&error))?;
    let mut tx = store.begin().await?;
    sqlx::query(
        "INSERT INTO drift (target, at, job_id, differences, body) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&drift.target)
    .bind(drift.at)
    .bind(job)
    .bind(i64::try_from(drift.count).unwrap_or(i64::MAX))
    .bind(body)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM drift WHERE target = $1 AND job_id NOT IN \
         (SELECT job_id FROM drift WHERE target = $1 ORDER BY at DESC, job_id DESC LIMIT $2)",
    )
    .bind(&drift.target)
    .bind(KEPT)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The newest comparison of a target.
pub async fn latest(store: &Store, target: &str) -> Result<Option<(Drift, String)>, StoreError> {
    let row = sqlx::query(
        "SELECT body, job_id FROM drift WHERE target = $1 ORDER BY at DESC, job_id DESC LIMIT 1",
    )
    .bind(target)
    .fetch_optional(store.read())
    .await?;
    row.as_ref()
        .map(|row| Ok((decode(row)?, row.try_get(1)?)))
        .transpose()
}

/// What a job has found.
pub async fn of_job(store: &Store, job: &str) -> Result<Option<Drift>, StoreError> {
    let row = sqlx::query("SELECT body FROM drift WHERE job_id = $1")
        .bind(job)
        .fetch_optional(store.read())
        .await?;
    row.as_ref().map(decode).transpose()
}

fn decode(row: &AnyRow) -> Result<Drift, StoreError> {
    let body: String = row.try_get(0)?;
    serde_json::from_str(&body).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> StoreError {
    StoreError::Value {
        what: "comparison",
        reason: error.to_string(),
    }
}
