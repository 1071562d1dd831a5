//! The scheduler: queues what is due, and puts the next run of every schedule into the queue.
//!
//! Every console runs one. None of them leads: whatever one does is done once, because writers of the store never
//! overlap and a unique index allows a schedule one job ahead or under way. So doing it again changes nothing.

use std::time::Duration;

use sqlx::Row;
use tokio_util::sync::CancellationToken;

use super::{plant, reading};
use crate::audit;
use crate::clock::{Clock, timestamp};
use crate::store::{Store, StoreError, Tx};

/// What was planted by a clock that was further ahead than this is planted anew, in milliseconds: it may be years away.
const AHEAD_MS: i64 = 3_600_000;

/// How long the scheduler sleeps at most.
const LONGEST: Duration = Duration::from_secs(30);
/// How soon it looks again when it is woken. It is woken by every event of every job; schedules are not that urgent.
const BREATH: Duration = Duration::from_secs(1);

/// What a look has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// How many jobs whose time has come were queued.
    pub promoted: usize,
    /// How many next runs were put into the queue to wait for their time.
    pub planted: usize,
}

/// Looks again and again until `stop` is cancelled.
pub async fn run(store: Store, clock: Clock, stop: CancellationToken) {
    while !stop.is_cancelled() {
        // The alarm is armed before the look, so that a schedule made in between is not slept over.
        let woken = store.woken();
        tokio::pin!(woken);
        let until_next = match look(&store, &clock).await {
            Ok(next) => next.map_or(LONGEST, |next| {
                Duration::from_millis(u64::try_from(next - clock.now_ms()).unwrap_or_default())
            }),
            Err(error) => {
                tracing::warn!(%error, "looking for scheduled jobs failed; trying again");
                LONGEST
            }
        };
        let woken = async {
            woken.await;
            tokio::time::sleep(BREATH).await;
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(until_next.clamp(BREATH, LONGEST)) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Does what is due; when the next job is, in milliseconds since the epoch.
async fn look(store: &Store, clock: &Clock) -> Result<Option<i64>, StoreError> {
    let ticked = tick(store, clock).await?;
    if ticked != Ticked::default() {
        let Ticked { promoted, planted } = ticked;
        tracing::debug!(promoted, planted, "schedules looked at");
    }
    let next = sqlx::query_scalar("SELECT min(run_at) FROM job WHERE state = 'scheduled'")
        .fetch_one(store.read())
        .await?;
    Ok(next)
}

/// Queues the jobs whose time has come, then plants the next run of every schedule that has none. Any number of consoles
/// may do this at the same moment.
pub async fn tick(store: &Store, clock: &Clock) -> Result<Ticked, StoreError> {
    // A look first: nearly always nothing is due, and then no write lock is taken.
    let due: Option<String> =
        sqlx::query_scalar("SELECT id FROM job WHERE state = 'scheduled' AND run_at <= $1 LIMIT 1")
            .bind(clock.now_ms())
            .fetch_optional(store.read())
            .await?;
    let bare: Option<String> = sqlx::query_scalar(BARE_LOOK)
        .fetch_optional(store.read())
        .await?;
    let ahead: Option<String> = sqlx::query_scalar(
        "SELECT id FROM job WHERE state = 'scheduled' AND created_at > $1 LIMIT 1",
    )
    .bind(clock.now_ms() + AHEAD_MS)
    .fetch_optional(store.read())
    .await?;
    if due.is_none() && bare.is_none() && ahead.is_none() {
        return Ok(Ticked::default());
    }
    let mut tx = store.begin().await?;
    if ahead.is_some() {
        tracing::warn!(
            "runs were scheduled while the clock was far ahead; they are scheduled anew"
        );
        sqlx::query(
            "UPDATE job SET state = 'cancelled', ended_at = $1 WHERE state = 'scheduled' AND created_at > $2",
        )
        .bind(clock.now_ms())
        .bind(clock.now_ms() + AHEAD_MS)
        .execute(&mut *tx)
        .await?;
    }
    let ticked = Ticked {
        promoted: promote(&mut tx, clock).await?,
        planted: plant_all(&mut tx, clock).await?,
    };
    tx.commit().await?;
    if ticked.promoted > 0 {
        store.wake().await;
    }
    Ok(ticked)
}

/// A schedule that is on and has nothing ahead or under way. An interrupted run is over: what it may hold up is the
/// target, and the queue knows that.
macro_rules! bare {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM schedule s WHERE s.enabled = 1 AND NOT EXISTS (SELECT 1 FROM job j WHERE j.schedule_id = s.id \
             AND j.state IN ('scheduled', 'queued', 'running'))"
        )
    };
}
const BARE_LOOK: &str = concat!(bare!("s.id"), " LIMIT 1");
const BARE: &str =
    bare!("s.id, s.payload, s.cron, s.zone, s.enabled, s.created_by, s.created_at, s.updated_at");

async fn promote(tx: &mut Tx, clock: &Clock) -> Result<usize, StoreError> {
    let rows = sqlx::query(
        "UPDATE job SET state = 'queued' WHERE state = 'scheduled' AND run_at <= $1 \
         RETURNING id, kind, target, actor, run_at",
    )
    .bind(clock.now_ms())
    .fetch_all(&mut **tx)
    .await?;
    for row in &rows {
        let (id, kind): (String, String) = (row.try_get("id")?, row.try_get("kind")?);
        let (target, actor): (String, String) = (row.try_get("target")?, row.try_get("actor")?);
        let due = timestamp(row.try_get("run_at")?).strftime("%Y-%m-%d %H:%M UTC");
        let entry = audit::Entry {
            actor: &actor,
            action: &kind,
            target: Some(&target),
            job: Some(&id),
            outcome: "requested",
            place: "schedule",
            detail: &format!("Its time was {due}."),
            ..audit::Entry::default()
        };
        audit::record(tx, clock, &entry).await?;
    }
    Ok(rows.len())
}

async fn plant_all(tx: &mut Tx, clock: &Clock) -> Result<usize, StoreError> {
    let mut planted = 0;
    for row in sqlx::query(BARE).fetch_all(&mut **tx).await? {
        let schedule = match reading::decode(&row) {
            Ok(schedule) => schedule,
            Err(error) => {
                tracing::warn!(%error, "a schedule cannot be read and is left out");
                continue;
            }
        };
        // A slot that a person has cancelled, or that ran while the clock was a little ahead, does not come again. What was
        // planted by a clock that was far ahead says nothing.
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT run_at FROM job WHERE target = $1 AND schedule_id = $2 AND created_at < $3 ORDER BY id DESC LIMIT 1",
        )
        .bind(schedule.operation.target())
        .bind(&schedule.id)
        .bind(clock.now_ms() + AHEAD_MS)
        .fetch_optional(&mut **tx)
        .await?
        .flatten();
        let after = timestamp(last.unwrap_or(i64::MIN).max(clock.now_ms()));
        planted += usize::from(plant(tx, clock, &schedule, after).await?);
    }
    Ok(planted)
}
