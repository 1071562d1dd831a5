//! The queue: jobs and their events in the store.
//!
//! The states and what leads from one to the next are documented at the table `job` in `migrations/0001_first.sql`.
//! Every statement that ends or extends a run names the worker that holds it, so that a worker which lost its lease
//! can write nothing more.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Operation;
use crate::audit;
use crate::clock::Clock;
use crate::operation::{Event, Level, Outcome, Trouble};
use crate::store::{Store, StoreError, Tx};

/// How long a worker may be silent before its job counts as interrupted, in milliseconds.
pub const LEASE_MS: i64 = 15_000;

/// Where a job stands. The words are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a worker.
    Queued,
    /// A worker holds the lease.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly; what is in effect is known.
    Failed,
    /// Was stopped and left nothing behind.
    Cancelled,
    /// The worker vanished; what is in effect is not known.
    Interrupted,
}

impl State {
    const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word of the store and of the pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing will happen to the job by itself any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A job as the store holds it.
#[derive(Clone, Debug)]
pub struct Job {
    /// UUID v7.
    pub id: String,
    /// What is run.
    pub operation: Operation,
    /// Where it stands.
    pub state: State,
    /// On whose behalf.
    pub actor: String,
    /// Milliseconds since the epoch, as the next two.
    pub created_at: i64,
    /// When a worker took it.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// What it left behind, when it ended well.
    pub outcome: Option<Outcome>,
    /// What went wrong, when it did not.
    pub trouble: Option<Trouble>,
}

/// An event with its place in the job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// 1, 2, 3 …
    pub seq: i64,
    /// What happened.
    pub event: Event,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Well.
    Succeeded(Outcome),
    /// Badly; the trouble says what is in effect.
    Failed(Trouble),
    /// Stopped, with nothing left behind.
    Cancelled,
}

impl End {
    fn state(&self) -> State {
        match self {
            Self::Succeeded(_) => State::Succeeded,
            Self::Failed(_) => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }
}

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

/// One job.
pub async fn get(store: &Store, id: &str) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query(
        "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The newest jobs before `before` (an id, exclusive), of one target or of all, newest first.
pub async fn page(
    store: &Store,
    target: Option<&str>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job \
         WHERE ($1 IS NULL OR target = $1) AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(target)
    .bind(before)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// Jobs that wait, run or are interrupted, oldest first: what the pages show as being under way.
pub async fn open(store: &Store) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job \
         WHERE state IN ('queued', 'running', 'interrupted') ORDER BY id LIMIT 200",
    )
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// When a job of the target last ended, in milliseconds since the epoch: what was known of the target before is old.
pub async fn last_ended(store: &Store, target: &str) -> Result<Option<i64>, StoreError> {
    let at = sqlx::query_scalar("SELECT max(ended_at) FROM job WHERE target = $1")
        .bind(target)
        .fetch_one(store.read())
        .await?;
    Ok(at)
}

/// The log of a job after `after` (exclusive), oldest first, at most `limit` lines.
pub async fn lines(
    store: &Store,
    id: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, level, step, text FROM job_event WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(id)
    .bind(after)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Line {
                seq: row.try_get("seq")?,
                event: Event {
                    at: row.try_get("at")?,
                    level: Level::from_word(row.try_get("level")?),
                    step: row.try_get("step")?,
                    text: row.try_get("text")?,
                },
            })
        })
        .collect()
}

fn json<T: serde::Serialize>(value: &T) -> Result<Option<String>, StoreError> {
    serde_json::to_string(value)
        .map(Some)
        .map_err(|error| StoreError::Value {
            what: "end of a job",
            reason: error.to_string(),
        })
}

fn decode(row: &AnyRow) -> Result<Job, StoreError> {
    fn read<T: serde::de::DeserializeOwned>(
        what: &'static str,
        text: Option<String>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| StoreError::Value {
                what,
                reason: error.to_string(),
            })
    }
    let word: String = row.try_get("state")?;
    let state = State::ALL
        .into_iter()
        .find(|state| state.word() == word)
        .ok_or(StoreError::Value {
            what: "job state",
            reason: word,
        })?;
    let operation = read("operation", Some(row.try_get("payload")?))?.ok_or(StoreError::Value {
        what: "operation",
        reason: "it is empty".to_owned(),
    })?;
    Ok(Job {
        id: row.try_get("id")?,
        operation,
        state,
        actor: row.try_get("actor")?,
        created_at: row.try_get("created_at")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        outcome: read("outcome", row.try_get("outcome")?)?,
        trouble: read("trouble", row.try_get("trouble")?)?,
    })
}
