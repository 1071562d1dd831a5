//! How long what has ended is kept: logs, jobs, measurements, notifications.
//!
//! What must stay true: the audit is never touched; a job that is not over, and its log, are never touched; the writer is
//! let go after at most 500 rows, so that heartbeats go on however much there is to remove. A crash in between
//! leaves nothing half known: a log is marked as removed when its last line has gone, and a job goes after its log.
//!
//! Plans name the job that made them, approvals the job that used them, measurements the job that took them. They only
//! repeat its id and outlive it.

use std::time::Duration;

use crate::clock::Clock;
use crate::config::Keep;
use crate::store::{Store, StoreError};

/// How many rows go in one write transaction.
const ROWS: i64 = 500;
/// How long the writer is free between two of them.
const PAUSE: Duration = Duration::from_millis(20);
/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;
/// How long measurements are kept, in days: a year and the month to compare it with.
const MEASUREMENT_DAYS: i64 = 400;
/// How long notifications are kept that were sent or given up, in days.
const NOTIFICATION_DAYS: i64 = 90;

/// How many rows were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Lines of the logs of jobs.
    pub events: u64,
    /// Jobs.
    pub jobs: u64,
    /// Measurements.
    pub measurements: u64,
    /// Notifications.
    pub notifications: u64,
}

/// Removes what is older than it is kept for. Several processes may do so at once, and one that is stopped in the middle
/// is gone on with by the next.
pub async fn tidy(store: &Store, clock: &Clock, keep: Keep) -> Result<Removed, StoreError> {
    let now = clock.now_ms();
    let before = |days: u32| (days > 0).then(|| now - i64::from(days) * DAY);
    let jobs_before = before(keep.jobs_days);
    let mut removed = Removed::default();
    // The log of a job goes with the job at the latest.
    if let Some(before) = before(keep.events_days).max(jobs_before) {
        removed.events = remove_logs(store, now, before).await?;
    }
    if let Some(before) = jobs_before {
        removed.jobs = in_chunks(store, JOBS, before).await?;
    }
    removed.measurements = in_chunks(store, MEASUREMENTS, now - MEASUREMENT_DAYS * DAY).await?;
    removed.notifications = in_chunks(store, NOTIFICATIONS, now - NOTIFICATION_DAYS * DAY).await?;
    if removed != Removed::default() {
        tracing::info!(
            removed.events,
            removed.jobs,
            removed.measurements,
            removed.notifications,
            "removed what is older than it is kept for"
        );
    }
    Ok(removed)
}

/// A look, which takes no write lock, and what removes at most `$2` of the rows it would find.
struct Purge {
    look: &'static str,
    remove: &'static str,
}

/// The newest job of a schedule stays: it tells when the schedule last ran.
const JOBS: Purge = Purge {
    look: "SELECT CAST(count(*) AS BIGINT) FROM (SELECT 1 FROM job WHERE ended_at < $1 AND log_removed_at IS NOT NULL \
           AND (schedule_id IS NULL OR EXISTS (SELECT 1 FROM job newer WHERE newer.schedule_id = job.schedule_id \
                AND newer.id > job.id)) LIMIT 1) found",
    remove: "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE ended_at < $1 AND log_removed_at IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM job_event WHERE job_event.job_id = job.id) \
             AND (schedule_id IS NULL OR EXISTS (SELECT 1 FROM job newer WHERE newer.schedule_id = job.schedule_id \
                  AND newer.id > job.id)) ORDER BY ended_at LIMIT $2)",
};
const MEASUREMENTS: Purge = Purge {
    look: "SELECT CAST(count(*) AS BIGINT) FROM (SELECT 1 FROM measurement WHERE at < $1 LIMIT 1) found",
    remove: "DELETE FROM measurement WHERE (target, at, job_id) IN \
             (SELECT target, at, job_id FROM measurement WHERE at < $1 LIMIT $2)",
};
/// What waits is never touched.
const NOTIFICATIONS: Purge = Purge {
    look: "SELECT CAST(count(*) AS BIGINT) FROM (SELECT 1 FROM notification WHERE state IN ('sent', 'given-up') \
           AND created_at < $1 LIMIT 1) found",
    remove: "DELETE FROM notification WHERE id IN (SELECT id FROM notification WHERE state IN ('sent', 'given-up') \
             AND created_at < $1 LIMIT $2)",
};

async fn in_chunks(store: &Store, purge: Purge, before: i64) -> Result<u64, StoreError> {
    let mut removed = 0;
    // Nearly always there is nothing.
    let found: i64 = sqlx::query_scalar(purge.look)
        .bind(before)
        .fetch_one(store.read())
        .await?;
    if found == 0 {
        return Ok(removed);
    }
    loop {
        let mut tx = store.begin().await?;
        let gone = sqlx::query(purge.remove)
            .bind(before)
            .bind(ROWS)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        removed += gone;
        if gone < ROWS.unsigned_abs() {
            return Ok(removed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes the logs of jobs that ended before `before`, and marks the jobs.
async fn remove_logs(store: &Store, now: i64, before: i64) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let ended: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM job WHERE ended_at < $1 AND log_removed_at IS NULL ORDER BY ended_at LIMIT $2",
        )
        .bind(before)
        .bind(ROWS)
        .fetch_all(store.read())
        .await?;
        if ended.is_empty() {
            return Ok(removed);
        }
        removed += remove_some(store, now, &ended).await?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes the first lines of these jobs' logs and marks those that have none left, in one transaction that touches
/// 500 rows. Returns how many lines that were.
async fn remove_some(store: &Store, now: i64, jobs: &[String]) -> Result<u64, StoreError> {
    let mut tx = store.begin().await?;
    let (mut removed, mut room) = (0, ROWS);
    for job in jobs {
        let gone = sqlx::query(
            "DELETE FROM job_event WHERE job_id = $1 AND seq IN \
             (SELECT seq FROM job_event WHERE job_id = $1 ORDER BY seq LIMIT $2)",
        )
        .bind(job)
        .bind(room)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        removed += gone;
        room -= i64::try_from(gone).unwrap_or(room);
        if room <= 0 {
            break;
        }
        sqlx::query("UPDATE job SET log_removed_at = $1 WHERE id = $2")
            .bind(now)
            .bind(job)
            .execute(&mut *tx)
            .await?;
        room -= 1;
    }
    tx.commit().await?;
    Ok(removed)
}
