//! The queue: jobs and their events in the store.
//!
//! The states and what leads from one to the next are documented at the table `job` in `migrations/0002_jobs.sql`.
//! Every statement that ends or extends a run names the worker that holds it, so that a worker which lost its lease
//! can write nothing more.

mod interrupted;
mod job;
mod log;
mod reading;

pub use interrupted::{reap, release};
pub use job::{End, Job, Line, State};
pub use log::{Part, Piece, last_done, lines, piece};
pub use reading::{get, last_ended, open, page};

use job::decode;

use super::Operation;
use crate::audit;
use crate::clock::Clock;
use crate::operation::Event;
use crate::store::{Store, StoreError, Tx};

/// How long a worker may be silent before its job counts as interrupted, in milliseconds.
pub const LEASE_MS: i64 = 15_000;
/// Puts an operation into the queue, with its audit entry. The caller commits, then calls [`Store::wake`].
pub async fn enqueue(
    tx: &mut Tx,
    clock: &Clock,
    operation: &Operation,
    actor: &str,
    place: &str,
) -> Result<String, StoreError> {
    let id = clock.id();
    let payload = serde_json::to_string(operation).map_err(|error| StoreError::Value {
        what: "operation",
        reason: error.to_string(),
    })?;
    sqlx::query(
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at) \
         VALUES ($1, $2, $3, $4, 'queued', 1, $5, $6)",
    )
    .bind(&id)
    .bind(operation.kind())
    .bind(operation.target())
    .bind(payload)
    .bind(actor)
    .bind(clock.now_ms())
    .execute(&mut **tx)
    .await?;
    audit::record(
        tx,
        clock,
        &audit::Entry {
            actor,
            action: operation.kind(),
            target: Some(operation.target()),
            job: Some(&id),
            outcome: "requested",
            place,
            detail: "",
        },
    )
    .await?;
    Ok(id)
}

/// The job that waits or runs already for the same operation, so that a second click makes no second job.
pub async fn pending_twin(
    tx: &mut Tx,
    operation: &Operation,
) -> Result<Option<String>, StoreError> {
    let payload = serde_json::to_string(operation).map_err(|error| StoreError::Value {
        what: "operation",
        reason: error.to_string(),
    })?;
    let id = sqlx::query_scalar(
        "SELECT id FROM job WHERE target = $1 AND payload = $2 AND state IN ('queued', 'running') ORDER BY id LIMIT 1",
    )
    .bind(operation.target())
    .bind(payload)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(id)
}

/// Takes the oldest queued job whose target is free, or `only` that one if it is named. One statement: two workers
/// cannot take the same job, and the unique index refuses a second exclusive one on a target.
pub async fn claim(
    store: &Store,
    clock: &Clock,
    worker: &str,
    only: Option<&str>,
) -> Result<Option<Job>, StoreError> {
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    let claimed = sqlx::query(
        "UPDATE job SET state = 'running', worker = $1, started_at = $2, lease_until = $3 \
         WHERE state = 'queued' AND id = ( \
             SELECT j.id FROM job j WHERE j.state = 'queued' AND ($4 IS NULL OR j.id = $4) \
             AND NOT EXISTS (SELECT 1 FROM job busy WHERE busy.target = j.target AND busy.exclusive = 1 \
                             AND busy.state IN ('running', 'interrupted')) \
             ORDER BY j.id LIMIT 1) \
         RETURNING id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble",
    )
    .bind(worker)
    .bind(now)
    .bind(now + LEASE_MS)
    .bind(only)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    claimed.as_ref().map(decode).transpose()
}

/// Extends the lease. False: the job is not this worker's any more, and it must stop.
pub async fn heartbeat(
    store: &Store,
    clock: &Clock,
    id: &str,
    worker: &str,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let kept = sqlx::query(
        "UPDATE job SET lease_until = $1 WHERE id = $2 AND worker = $3 AND state = 'running'",
    )
    .bind(clock.now_ms() + LEASE_MS)
    .bind(id)
    .bind(worker)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(kept.rows_affected() == 1)
}

/// Appends events to a job's log, in order.
pub async fn append(store: &Store, id: &str, events: &[Event]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    append_in(&mut tx, id, events).await?;
    tx.commit().await?;
    Ok(())
}

async fn append_in(tx: &mut Tx, id: &str, events: &[Event]) -> Result<(), StoreError> {
    let last: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM job_event WHERE job_id = $1")
            .bind(id)
            .fetch_one(&mut **tx)
            .await?;
    for (event, seq) in events.iter().zip(last + 1..) {
        sqlx::query(
            "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(seq)
        .bind(event.at)
        .bind(event.level.word())
        .bind(&event.step)
        // Postgres's text cannot hold a NUL, and a tool's output may.
        .bind(event.text.replace('\0', "\u{fffd}"))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Ends a run that `worker` holds, with its audit entry. False: the job is not this worker's any more.
pub async fn finish(
    store: &Store,
    clock: &Clock,
    job: &Job,
    worker: &str,
    end: &End,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let (outcome, trouble) = match end {
        End::Succeeded(outcome) => (json(outcome)?, None),
        End::Failed(trouble) => (None, json(trouble)?),
        End::Cancelled => (None, None),
    };
    let state = end.state();
    let ended = sqlx::query(
        "UPDATE job SET state = $1, ended_at = $2, lease_until = NULL, outcome = $3, trouble = $4 \
         WHERE id = $5 AND worker = $6 AND state = 'running'",
    )
    .bind(state.word())
    .bind(clock.now_ms())
    .bind(outcome)
    .bind(trouble)
    .bind(&job.id)
    .bind(worker)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    let detail = match end {
        End::Succeeded(outcome) => outcome.summary.as_str(),
        End::Failed(trouble) => trouble.what.as_str(),
        End::Cancelled => "",
    };
    conclude(&mut tx, clock, job, state.word(), detail).await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

async fn conclude(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    outcome: &str,
    detail: &str,
) -> Result<(), StoreError> {
    audit::record(
        tx,
        clock,
        &audit::Entry {
            actor: &job.actor,
            action: job.operation.kind(),
            target: Some(job.operation.target()),
            job: Some(&job.id),
            outcome,
            place: "worker",
            detail,
        },
    )
    .await
}

/// Takes a job back that no worker has taken yet, with its audit entry. False: one has, or it is over.
pub async fn withdraw(store: &Store, clock: &Clock, job: &Job) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let withdrawn = sqlx::query(
        "UPDATE job SET state = 'cancelled', ended_at = $1 WHERE id = $2 AND state = 'queued'",
    )
    .bind(clock.now_ms())
    .bind(&job.id)
    .execute(&mut *tx)
    .await?;
    if withdrawn.rows_affected() == 0 {
        return Ok(false);
    }
    conclude(
        &mut tx,
        clock,
        job,
        "cancelled",
        "withdrawn before it began",
    )
    .await?;
    tx.commit().await?;
    Ok(true)
}

fn json<T: serde::Serialize>(value: &T) -> Result<Option<String>, StoreError> {
    serde_json::to_string(value)
        .map(Some)
        .map_err(|error| StoreError::Value {
            what: "end of a job",
            reason: error.to_string(),
        })
}
