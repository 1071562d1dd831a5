//! Running jobs: who takes one, how long it is theirs, what they record, how it ends.

use std::time::Duration;

use super::job::{columns, decode};
use super::{End, Job, append_in, conclude, json, told};
use crate::clock::Clock;
use crate::operation::{Count, Event};
use crate::store::{Store, StoreError, Tx};

/// How long a worker may be silent before its job counts as interrupted, in milliseconds.
pub const LEASE_MS: i64 = 15_000;

/// How often a worker extends it.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// What a worker is told when it extends its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The job is still its own.
    Yes,
    /// The job is still its own, and it is to stop it.
    CancelAsked,
    /// The job is not its own any more: it must stop and write nothing.
    Lost,
}

/// Takes the queued job of the highest priority, the oldest of several, whose target is free; or `only` that one if it is
/// named. Operations that only a newer program knows are left to it. A shared job needs no free target. One statement: two workers cannot take the same job, and the unique index
/// refuses a second exclusive one on a target.
pub async fn claim(
    store: &Store,
    clock: &Clock,
    worker: &str,
    only: Option<&str>,
) -> Result<Option<Job>, StoreError> {
    // A look first: an idle worker asks every few seconds, and needs no write lock to learn that there is nothing.
    let waits: Option<String> =
        sqlx::query_scalar("SELECT id FROM job WHERE state = 'queued' LIMIT 1")
            .fetch_optional(store.read())
            .await?;
    if waits.is_none() {
        return Ok(None);
    }
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    let claimed = sqlx::query(concat!(
        "UPDATE job SET state = 'running', worker = $1, fence = fence + 1, started_at = $2, lease_until = $3 \
         WHERE state = 'queued' AND id = ( \
             SELECT j.id FROM job j WHERE j.state = 'queued' AND ($4 IS NULL OR j.id = $4) \
             AND j.kind IN ('target.check', 'drift.detect', 'plan.make', 'backup.take', 'plan.apply', \
             'migration.resolve', 'migration.baseline') \
             AND (j.exclusive = 0 OR NOT EXISTS ( \
                 SELECT 1 FROM job busy WHERE busy.target = j.target AND busy.exclusive = 1 \
                 AND busy.state IN ('running', 'interrupted'))) \
             ORDER BY j.priority DESC, j.id LIMIT 1) \
         RETURNING ",
        columns!()
    ))
    .bind(worker)
    .bind(now)
    .bind(now + LEASE_MS)
    .bind(only)
    .fetch_optional(&mut *tx)
    .await?;
    // Before the commit: a row that cannot be read stays queued, for a program that can read it.
    let job = claimed.as_ref().map(decode).transpose()?;
    tx.commit().await?;
    Ok(job)
}

/// Extends the lease of a run.
pub async fn heartbeat(store: &Store, clock: &Clock, job: &Job) -> Result<Kept, StoreError> {
    let mut tx = store.begin().await?;
    let asked: Option<Option<i64>> = sqlx::query_scalar(
        "UPDATE job SET lease_until = $1 WHERE id = $2 AND worker = $3 AND fence = $4 AND state = 'running' \
         RETURNING cancel_asked_at",
    )
    .bind(clock.now_ms() + LEASE_MS)
    .bind(&job.id)
    .bind(&job.worker)
    .bind(job.fence)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(match asked {
        None => Kept::Lost,
        Some(None) => Kept::Yes,
        Some(Some(_)) => Kept::CancelAsked,
    })
}

/// Appends events to the log of a run, in order, and notes the step it is in and how far that is. False: the job is not
/// this run's any more, and nothing was written.
pub async fn append(
    store: &Store,
    job: &Job,
    events: &[Event],
    count: Option<&Count>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    if !is_held(&mut tx, job).await? {
        return Ok(false);
    }
    append_in(&mut tx, &job.id, events).await?;
    let step = events.last().map(|event| event.step.as_str());
    if let Some(step) = step.filter(|step| !step.is_empty()) {
        // A new step counts from nothing.
        sqlx::query(
            "UPDATE job SET done = NULL, total = NULL, unit = NULL, step = $1 \
             WHERE id = $2 AND (step IS NULL OR step <> $1)",
        )
        .bind(step)
        .bind(&job.id)
        .execute(&mut *tx)
        .await?;
    }
    if let Some(count) = count {
        sqlx::query("UPDATE job SET done = $1, total = $2, unit = $3 WHERE id = $4")
            .bind(i64::try_from(count.done).unwrap_or(i64::MAX))
            .bind(
                count
                    .total
                    .map(|total| i64::try_from(total).unwrap_or(i64::MAX)),
            )
            .bind(count.unit)
            .bind(&job.id)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Whether the run still has the job. What a transaction has read stays true until it commits.
async fn is_held(tx: &mut Tx, job: &Job) -> Result<bool, StoreError> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT id FROM job WHERE id = $1 AND worker = $2 AND fence = $3 AND state = 'running'",
    )
    .bind(&job.id)
    .bind(&job.worker)
    .bind(job.fence)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(id.is_some())
}

/// Ends a run, with its audit entry and with what people are told of it. False: the job is not this run's any more.
pub async fn finish(
    store: &Store,
    clock: &Clock,
    job: &Job,
    end: &End,
) -> Result<bool, StoreError> {
    let outcome = match end {
        End::Succeeded(outcome) => Some(json(outcome)?),
        _ => None,
    };
    let trouble = end.trouble().map(json).transpose()?;
    let ended_at = (!matches!(end, End::Interrupted(_))).then(|| clock.now_ms());
    let mut tx = store.begin().await?;
    let ended = sqlx::query(
        "UPDATE job SET state = $1, ended_at = $2, lease_until = NULL, outcome = $3, trouble = $4 \
         WHERE id = $5 AND worker = $6 AND fence = $7 AND state = 'running'",
    )
    .bind(end.state().word())
    .bind(ended_at)
    .bind(outcome)
    .bind(trouble)
    .bind(&job.id)
    .bind(&job.worker)
    .bind(job.fence)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    let detail = match end {
        End::Succeeded(outcome) => &outcome.summary,
        _ => end.trouble().map_or("", |trouble| &trouble.what),
    };
    conclude(&mut tx, clock, job, end.state().word(), detail).await?;
    match end {
        End::Failed(trouble) => told::failed(&mut tx, clock, job, trouble).await?,
        End::Interrupted(trouble) => told::interrupted(&mut tx, clock, job, trouble).await?,
        End::Succeeded(_) | End::Cancelled(_) => {}
    }
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}
