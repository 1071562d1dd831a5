//! Jobs whose worker vanished: how they are noticed, and how they end.

use super::job::decode;
use super::{Job, State, append_in, conclude, json};
use crate::audit;
use crate::clock::Clock;
use crate::operation::{Event, Level, Trouble};
use crate::store::{Store, StoreError, Tx};

/// Marks every running job whose lease has lapsed as interrupted, and returns them.
pub async fn reap(store: &Store, clock: &Clock) -> Result<Vec<Job>, StoreError> {
    let now = clock.now_ms();
    let lapsed = "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job \
                  WHERE state = 'running' AND lease_until < $1 ORDER BY id";
    // A look first: nearly always there is none, and then no write lock is taken.
    if sqlx::query(lapsed)
        .bind(now)
        .fetch_optional(store.read())
        .await?
        .is_none()
    {
        return Ok(Vec::new());
    }
    let mut tx = store.begin().await?;
    let rows = sqlx::query(lapsed).bind(now).fetch_all(&mut *tx).await?;
    let mut jobs = Vec::new();
    for row in &rows {
        let mut job = decode(row)?;
        sqlx::query("UPDATE job SET state = 'interrupted', lease_until = NULL WHERE id = $1 AND state = 'running'")
            .bind(&job.id)
            .execute(&mut *tx)
            .await?;
        job.state = State::Interrupted;
        let text = "The program that ran this job went away before it ended.";
        note(&mut tx, clock, &job.id, Level::Error, text).await?;
        conclude(&mut tx, clock, &job, "interrupted", text).await?;
        jobs.push(job);
    }
    tx.commit().await?;
    Ok(jobs)
}

/// Ends an interrupted job as failed, which frees the target. `actor` is the person who looked, or the worker that
/// cleaned up; `trouble` says what is known. False: it was not interrupted.
pub async fn release(
    store: &Store,
    clock: &Clock,
    job: &Job,
    actor: &str,
    place: &str,
    trouble: &Trouble,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let released = sqlx::query(
        "UPDATE job SET state = 'failed', ended_at = $1, trouble = $2 WHERE id = $3 AND state = 'interrupted'",
    )
    .bind(clock.now_ms())
    .bind(json(trouble)?)
    .bind(&job.id)
    .execute(&mut *tx)
    .await?;
    if released.rows_affected() == 0 {
        return Ok(false);
    }
    let text = format!("Released by {actor}: {}", trouble.data);
    note(&mut tx, clock, &job.id, Level::Info, &text).await?;
    audit::record(
        &mut tx,
        clock,
        &audit::Entry {
            actor,
            action: job.operation.kind(),
            target: Some(job.operation.target()),
            job: Some(&job.id),
            outcome: "released",
            place,
            detail: &trouble.data,
            ..audit::Entry::default()
        },
    )
    .await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

async fn note(
    tx: &mut Tx,
    clock: &Clock,
    id: &str,
    level: Level,
    text: &str,
) -> Result<(), StoreError> {
    let event = Event {
        at: clock.now_ms(),
        level,
        step: "Interrupted".to_owned(),
        text: text.to_owned(),
    };
    append_in(tx, id, &[event]).await
}
