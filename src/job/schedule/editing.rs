//! Making, changing, pausing and deleting schedules. Each is one transaction with its audit entry and with what becomes of
//! the run that waits for its time.

use jiff::Timestamp;

use super::{MOST, Schedule, Timing, payload, plant, reading};
use crate::audit;
use crate::clock::Clock;
use crate::job::Operation;
use crate::job::queue::By;
use crate::store::{Store, StoreError, Tx};

/// Why a schedule is not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The operation needs a person each time.
    #[error("{0} is never done by a schedule: it needs a person each time.")]
    NeedsPerson(&'static str),
    /// There are enough.
    #[error("This target has {MOST} schedules already, which is the most. Delete one first.")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a schedule, with its next run. When there is the same one already, that is returned: a double click makes one.
pub async fn create(
    store: &Store,
    clock: &Clock,
    operation: &Operation,
    timing: &Timing,
    by: By<'_>,
) -> Result<Schedule, CreateError> {
    if !operation.can_be_scheduled() {
        return Err(CreateError::NeedsPerson(operation.words()));
    }
    let mut tx = store.begin().await?;
    let there = reading::all_of(&mut tx, operation.target()).await?;
    let twin = there
        .iter()
        .find(|one| one.operation == *operation && one.timing == *timing);
    if let Some(twin) = twin {
        return Ok(twin.clone());
    }
    if there.len() >= MOST {
        return Err(CreateError::TooMany);
    }
    let now = clock.now_ms();
    let schedule = Schedule {
        id: clock.id(),
        operation: operation.clone(),
        timing: timing.clone(),
        enabled: true,
        created_by: by.actor.to_owned(),
        created_at: now,
        updated_at: now,
    };
    sqlx::query(
        "INSERT INTO schedule (id, target, payload, cron, zone, enabled, created_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $7)",
    )
    .bind(&schedule.id)
    .bind(operation.target())
    .bind(payload(operation)?)
    .bind(timing.cron())
    .bind(timing.zone())
    .bind(by.actor)
    .bind(now)
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from)?;
    plant(&mut tx, clock, &schedule, clock.now()).await?;
    record(&mut tx, clock, "schedule.create", None, Some(&schedule), by).await?;
    tx.commit().await.map_err(StoreError::from)?;
    store.wake().await;
    Ok(schedule)
}

/// Gives a schedule another time. A run that waits for its time is moved; one that is under way goes on. False: the
/// schedule is gone.
pub async fn change(
    store: &Store,
    clock: &Clock,
    id: &str,
    timing: &Timing,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let Some(before) = reading::one(&mut tx, id).await? else {
        return Ok(false);
    };
    if before.timing == *timing {
        return Ok(true);
    }
    let after = Schedule {
        timing: timing.clone(),
        updated_at: clock.now_ms(),
        ..before.clone()
    };
    write(&mut tx, &after).await?;
    if after.enabled {
        let next = timing.next(clock.now()).map(Timestamp::as_millisecond);
        let moved = sqlx::query(
            "UPDATE job SET run_at = $1, actor = $2 WHERE schedule_id = $3 AND state = 'scheduled' AND $1 IS NOT NULL",
        )
        .bind(next)
        .bind(after.actor())
        .bind(id)
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            plant(&mut tx, clock, &after, clock.now()).await?;
        }
    }
    record(
        &mut tx,
        clock,
        "schedule.change",
        Some(&before),
        Some(&after),
        by,
    )
    .await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

/// Pauses a schedule, which cancels the run that waits for its time, or lets it go on with the next slot from now. False:
/// the schedule is gone.
pub async fn set_enabled(
    store: &Store,
    clock: &Clock,
    id: &str,
    enabled: bool,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let Some(before) = reading::one(&mut tx, id).await? else {
        return Ok(false);
    };
    if before.enabled == enabled {
        return Ok(true);
    }
    let after = Schedule {
        enabled,
        updated_at: clock.now_ms(),
        ..before.clone()
    };
    write(&mut tx, &after).await?;
    let action = if enabled {
        plant(&mut tx, clock, &after, clock.now()).await?;
        "schedule.resume"
    } else {
        cancel_ahead(&mut tx, clock, &after, "Its schedule was paused.", by).await?;
        "schedule.pause"
    };
    record(&mut tx, clock, action, Some(&before), Some(&after), by).await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

/// Deletes a schedule and cancels the run that waits for its time; one that is under way goes on. False: it was gone.
pub async fn delete(
    store: &Store,
    clock: &Clock,
    id: &str,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let Some(before) = reading::one(&mut tx, id).await? else {
        return Ok(false);
    };
    cancel_ahead(&mut tx, clock, &before, "Its schedule was deleted.", by).await?;
    sqlx::query("DELETE FROM schedule WHERE id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    record(&mut tx, clock, "schedule.delete", Some(&before), None, by).await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

async fn cancel_ahead(
    tx: &mut Tx,
    clock: &Clock,
    schedule: &Schedule,
    why: &str,
    by: By<'_>,
) -> Result<(), StoreError> {
    let cancelled: Option<String> = sqlx::query_scalar(
        "UPDATE job SET state = 'cancelled', ended_at = $1, cancel_asked_at = $1, cancel_asked_by = $2 \
         WHERE schedule_id = $3 AND state = 'scheduled' RETURNING id",
    )
    .bind(clock.now_ms())
    .bind(by.actor)
    .bind(&schedule.id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(job) = cancelled else {
        return Ok(());
    };
    let entry = audit::Entry {
        actor: by.actor,
        action: schedule.operation.kind(),
        target: Some(schedule.operation.target()),
        job: Some(&job),
        outcome: "cancelled",
        place: by.place,
        detail: why,
        ..audit::Entry::default()
    };
    audit::record(tx, clock, &entry).await
}

async fn write(tx: &mut Tx, schedule: &Schedule) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE schedule SET cron = $1, zone = $2, enabled = $3, updated_at = $4 WHERE id = $5",
    )
    .bind(schedule.timing.cron())
    .bind(schedule.timing.zone())
    .bind(i64::from(schedule.enabled))
    .bind(schedule.updated_at)
    .bind(&schedule.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The audit entry of a change, with what the schedule was and what it became.
async fn record(
    tx: &mut Tx,
    clock: &Clock,
    action: &str,
    before: Option<&Schedule>,
    after: Option<&Schedule>,
    by: By<'_>,
) -> Result<(), StoreError> {
    let Some(schedule) = after.or(before) else {
        return Ok(());
    };
    let detail = format!("{}, {}", schedule.operation.words(), schedule.timing.name());
    let before = before.map(Schedule::facts).transpose()?;
    let after = after.map(Schedule::facts).transpose()?;
    let entry = audit::Entry {
        actor: by.actor,
        action,
        target: Some(schedule.operation.target()),
        outcome: "succeeded",
        place: by.place,
        detail: &detail,
        before: before.as_deref(),
        after: after.as_deref(),
        ..audit::Entry::default()
    };
    audit::record(tx, clock, &entry).await
}
