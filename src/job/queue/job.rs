//! What the queue holds, as values: a job, where it stands, how it ended, a line of its log.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::job::Operation;
use crate::operation::{Event, Outcome, Trouble};
use crate::store::StoreError;

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
    pub(super) fn state(&self) -> State {
        match self {
            Self::Succeeded(_) => State::Succeeded,
            Self::Failed(_) => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }
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
