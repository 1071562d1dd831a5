//! Asking a job to stop.

use super::{By, Job, append_in, record};
use crate::clock::Clock;
use crate::operation::{Event, Level};
use crate::store::{Store, StoreError, Tx};

/// What became of the wish that a job should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// No worker had taken it: it is cancelled.
    Withdrawn,
    /// Its worker is told; what is in effect is said when it has stopped.
    Told,
    /// It is over, or interrupted: there is nothing to stop.
    TooLate,
}

/// Asks a job to stop, with its audit entry: one that waits is cancelled at once, one that runs is stopped by its worker.
/// Asking again changes nothing.
pub async fn ask_cancel(
    store: &Store,
    clock: &Clock,
    job: &Job,
    by: By<'_>,
) -> Result<Asked, StoreError> {
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    let asked = if withdraw_in(&mut tx, clock, job, by).await? {
        Asked::Withdrawn
    } else {
        let told = sqlx::query(
            "UPDATE job SET cancel_asked_at = $1, cancel_asked_by = $2 \
             WHERE id = $3 AND state = 'running' AND cancel_asked_at IS NULL",
        )
        .bind(now)
        .bind(by.actor)
        .bind(&job.id)
        .execute(&mut *tx)
        .await?;
        if told.rows_affected() == 1 {
            let step: Option<String> = sqlx::query_scalar("SELECT step FROM job WHERE id = $1")
                .bind(&job.id)
                .fetch_one(&mut *tx)
                .await?;
            let event = Event {
                at: now,
                level: Level::Warn,
                step: step.unwrap_or_default(),
                text: format!("{} asked to stop this job.", by.actor),
            };
            append_in(&mut tx, &job.id, &[event]).await?;
            record(&mut tx, clock, job, by, "cancel asked", "").await?;
            Asked::Told
        } else {
            let runs: Option<String> =
                sqlx::query_scalar("SELECT id FROM job WHERE id = $1 AND state = 'running'")
                    .bind(&job.id)
                    .fetch_optional(&mut *tx)
                    .await?;
            return Ok(runs.map_or(Asked::TooLate, |_| Asked::Told));
        }
    };
    tx.commit().await?;
    store.wake().await;
    Ok(asked)
}

/// Takes a job back that no worker has taken yet, with its audit entry, and says whether it did. One that runs is not told
/// anything: that is [`ask_cancel`]'s.
pub async fn withdraw(
    store: &Store,
    clock: &Clock,
    job: &Job,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let withdrawn = withdraw_in(&mut tx, clock, job, by).await?;
    tx.commit().await?;
    if withdrawn {
        store.wake().await;
    }
    Ok(withdrawn)
}

async fn withdraw_in(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let withdrawn = sqlx::query(
        "UPDATE job SET state = 'cancelled', ended_at = $1, cancel_asked_at = $1, cancel_asked_by = $2 \
         WHERE id = $3 AND state IN ('scheduled', 'queued')",
    )
    .bind(clock.now_ms())
    .bind(by.actor)
    .bind(&job.id)
    .execute(&mut **tx)
    .await?;
    if withdrawn.rows_affected() == 0 {
        return Ok(false);
    }
    let detail = "withdrawn before it began";
    record(tx, clock, job, by, "cancelled", detail).await?;
    Ok(true)
}
