//! Figures of jobs, for a monitoring system: how many are in which state, and how long they took.

use sqlx::Row;

use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// The histogram of how long jobs ran, in seconds, with the labels `kind` and `outcome`.
pub const DURATION: &str = "lockkeeper_job_duration_seconds";
/// The states of a job, as the table `job` names them: a state in which no job is counts zero.
const STATES: [&str; 7] = [
    "scheduled",
    "queued",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "interrupted",
];

/// The queue at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// Every state with the number of jobs in it.
    pub by_state: Vec<(&'static str, i64)>,
    /// For how long the oldest queued job has been waiting, in milliseconds; 0 when none waits.
    pub waiting_ms: i64,
}

impl Jobs {
    /// How many jobs are in the state.
    #[must_use]
    pub fn count(&self, state: &str) -> i64 {
        self.by_state
            .iter()
            .find(|(name, _)| *name == state)
            .map_or(0, |(_, jobs)| *jobs)
    }
}

/// Counts the jobs. One statement that reads the index of states, and of the queued ones the rows.
pub async fn jobs(store: &Store, clock: &Clock) -> Result<Jobs, StoreError> {
    let rows = sqlx::query(
        "SELECT state, count(*) AS jobs, \
                (SELECT min(coalesce(run_at, created_at)) FROM job WHERE state = 'queued') AS since \
         FROM job GROUP BY state",
    )
    .fetch_all(store.read())
    .await?;
    let mut by_state = STATES.map(|state| (state, 0));
    let mut since: Option<i64> = None;
    for row in &rows {
        let state: String = row.try_get("state")?;
        if let Some(known) = by_state.iter_mut().find(|(name, _)| *name == state) {
            known.1 = row.try_get("jobs")?;
        }
        since = row.try_get("since")?;
    }
    Ok(Jobs {
        by_state: by_state.to_vec(),
        waiting_ms: since.map_or(0, |since| (clock.now_ms() - since).max(0)),
    })
}

/// Records that this process ran a job to its end. `kind` and `outcome` are names out of the program, so there are only
/// so many series; where nobody reads figures this does nothing.
pub fn ended(kind: &'static str, outcome: &'static str, duration_ms: i64) {
    let ms = u32::try_from(duration_ms.max(0)).unwrap_or(u32::MAX);
    metrics::histogram!(DURATION, "kind" => kind, "outcome" => outcome)
        .record(f64::from(ms) / 1_000.0);
}
