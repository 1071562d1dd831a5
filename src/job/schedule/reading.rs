//! Looking at schedules and at what they have asked for. Nothing here writes.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Schedule, Timing};
use crate::job::queue::{self, Job};
use crate::store::{Store, StoreError, Tx};

/// What a schedule has ahead of it and behind it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The job that waits for its time.
    pub next: Option<Job>,
    /// The newest one that has begun, or is about to.
    pub last: Option<Job>,
}

/// The schedules of a target, oldest first.
pub async fn list(store: &Store, target: &str) -> Result<Vec<Schedule>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, payload, cron, zone, enabled, created_by, created_at, updated_at FROM schedule \
         WHERE target = $1 ORDER BY id",
    )
    .bind(target)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// The schedule of that id, if it is of `target`.
pub async fn get(store: &Store, target: &str, id: &str) -> Result<Option<Schedule>, StoreError> {
    let row = sqlx::query(
        "SELECT id, payload, cron, zone, enabled, created_by, created_at, updated_at FROM schedule \
         WHERE target = $1 AND id = $2",
    )
    .bind(target)
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// What a schedule has ahead of it and behind it.
pub async fn standing(store: &Store, schedule: &Schedule) -> Result<Standing, StoreError> {
    let next: Option<String> =
        sqlx::query_scalar("SELECT id FROM job WHERE schedule_id = $1 AND state = 'scheduled'")
            .bind(&schedule.id)
            .fetch_optional(store.read())
            .await?;
    // The target lets the engine use an index.
    let last: Option<String> = sqlx::query_scalar(
        "SELECT id FROM job WHERE target = $1 AND schedule_id = $2 AND (state = 'queued' OR started_at IS NOT NULL) \
         ORDER BY id DESC LIMIT 1",
    )
    .bind(schedule.operation.target())
    .bind(&schedule.id)
    .fetch_optional(store.read())
    .await?;
    let job = async |id: Option<String>| match id {
        Some(id) => queue::get(store, &id).await,
        None => Ok(None),
    };
    Ok(Standing {
        next: job(next).await?,
        last: job(last).await?,
    })
}

pub(super) async fn all_of(tx: &mut Tx, target: &str) -> Result<Vec<Schedule>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, payload, cron, zone, enabled, created_by, created_at, updated_at FROM schedule \
         WHERE target = $1 ORDER BY id",
    )
    .bind(target)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn one(tx: &mut Tx, id: &str) -> Result<Option<Schedule>, StoreError> {
    let row = sqlx::query(
        "SELECT id, payload, cron, zone, enabled, created_by, created_at, updated_at FROM schedule WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    row.as_ref().map(decode).transpose()
}

/// A row of `schedule`, with the columns that every query here names.
pub(super) fn decode(row: &AnyRow) -> Result<Schedule, StoreError> {
    let wrong = |reason: String| StoreError::Value {
        what: "schedule",
        reason,
    };
    let payload: String = row.try_get("payload")?;
    let timing = Timing::read(row.try_get("cron")?, row.try_get("zone")?);
    Ok(Schedule {
        id: row.try_get("id")?,
        operation: serde_json::from_str(&payload).map_err(|error| wrong(error.to_string()))?,
        timing: timing.map_err(|error| wrong(error.cron.or(error.zone).unwrap_or_default()))?,
        enabled: row.try_get::<i64, _>("enabled")? == 1,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
