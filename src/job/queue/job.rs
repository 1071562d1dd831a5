//! What the queue holds, as values: a job, where it stands, how it ended, a line of its log.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::job::Operation;
use crate::operation::{Event, Outcome, Trouble};
use crate::store::StoreError;

/// Where a job stands. The words are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its time.
    Scheduled,
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
    /// All of them, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Scheduled,
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
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing will happen to the job by itself any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Queued | Self::Running)
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
    /// Milliseconds since the epoch, as all times here.
    pub created_at: i64,
    /// Not before; none: at once.
    pub run_at: Option<i64>,
    /// When a worker took it.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// The highest is taken first.
    pub priority: i64,
    /// The schedule that asked for it.
    pub schedule_id: Option<String>,
    /// Who holds, or last held, the lease.
    pub worker: Option<String>,
    /// How often it was taken. A write of a run with another number is refused.
    pub fence: i64,
    /// When it was asked to stop, and by whom.
    pub cancel_asked: Option<(i64, String)>,
    /// The step it is in, or was in last.
    pub step: Option<String>,
    /// How much of that step is done.
    pub count: Option<Counted>,
    /// When its log was removed for its age.
    pub log_removed_at: Option<i64>,
    /// What it left behind, when it ended well.
    pub outcome: Option<Outcome>,
    /// What went wrong, when it did not.
    pub trouble: Option<Trouble>,
}

/// How much of a step is done, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Done so far, in `unit`.
    pub done: i64,
    /// Of how much, where that is known exactly.
    pub total: Option<i64>,
    /// What is counted: `bytes`, `migrations` …
    pub unit: String,
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
    /// Stopped: with nothing left behind, or with what the trouble says.
    Cancelled(Option<Trouble>),
    /// What is in effect is not known: a person has to look.
    Interrupted(Trouble),
}

impl End {
    /// The state that the job is in afterwards.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Succeeded(_) => State::Succeeded,
            Self::Failed(_) => State::Failed,
            Self::Cancelled(_) => State::Cancelled,
            Self::Interrupted(_) => State::Interrupted,
        }
    }

    pub(super) fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Succeeded(_) => None,
            Self::Failed(trouble) | Self::Interrupted(trouble) => Some(trouble),
            Self::Cancelled(trouble) => trouble.as_ref(),
        }
    }
}

/// The columns that [`decode`] reads, for the statements of this chapter.
macro_rules! columns {
    () => {
        "id, payload, state, actor, created_at, run_at, started_at, ended_at, priority, schedule_id, worker, fence, \
         cancel_asked_at, cancel_asked_by, step, done, total, unit, log_removed_at, outcome, trouble"
    };
}
pub(super) use columns;

/// The jobs of these rows. One that only a newer program can read is left out: it must not hide the others.
pub(super) fn readable(rows: &[AnyRow]) -> Vec<Job> {
    rows.iter()
        .filter_map(|row| {
            decode(row)
                .inspect_err(|error| tracing::warn!(%error, "a job cannot be read and is left out"))
                .ok()
        })
        .collect()
}

/// A row of `job`, with the columns that every query here names.
pub(super) fn decode(row: &AnyRow) -> Result<Job, StoreError> {
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
    let state = State::from_word(&word).ok_or(StoreError::Value {
        what: "job state",
        reason: word,
    })?;
    let operation = read("operation", Some(row.try_get("payload")?))?.ok_or(StoreError::Value {
        what: "operation",
        reason: "it is empty".to_owned(),
    })?;
    let asked_at: Option<i64> = row.try_get("cancel_asked_at")?;
    let done: Option<i64> = row.try_get("done")?;
    let unit: Option<String> = row.try_get("unit")?;
    let total = row.try_get("total")?;
    Ok(Job {
        id: row.try_get("id")?,
        operation,
        state,
        actor: row.try_get("actor")?,
        created_at: row.try_get("created_at")?,
        run_at: row.try_get("run_at")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        priority: row.try_get("priority")?,
        schedule_id: row.try_get("schedule_id")?,
        worker: row.try_get("worker")?,
        fence: row.try_get("fence")?,
        cancel_asked: asked_at.zip(row.try_get("cancel_asked_by")?),
        step: row.try_get("step")?,
        count: done
            .zip(unit)
            .map(|(done, unit)| Counted { done, total, unit }),
        log_removed_at: row.try_get("log_removed_at")?,
        outcome: read("outcome", row.try_get("outcome")?)?,
        trouble: read("trouble", row.try_get("trouble")?)?,
    })
}
