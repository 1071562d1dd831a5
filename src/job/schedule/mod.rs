//! Schedules: what asks for an operation again and again.
//!
//! What must stay true:
//! - A schedule has at most one job ahead or under way, in all consoles together: the unique index `job_schedule` says
//!   so, not code. So no slot runs twice, and no run overlaps the next.
//! - While it is on and nothing of it is under way, its next run stands in the queue as a job that waits for its time.
//!   Pausing or deleting it cancels that job, changing it moves that job, in one transaction with the audit entry.
//! - After a time in which nothing ran there is one overdue job: it runs once, and the next slot is a later one.
//!
//! Read [`timing`] for cron and clocks, `editing` for what people do, [`scheduler`] for what happens when the time has come.

mod editing;
mod reading;
pub mod scheduler;
pub mod timing;

pub use editing::{CreateError, change, create, delete, set_enabled};
pub use reading::{Standing, get, list, standing};
pub use timing::{Timing, TimingError};

use jiff::Timestamp;
use serde::Serialize;

use super::Operation;
use crate::clock::Clock;
use crate::migration::drift::{Extent, Replay};
use crate::store::{StoreError, Tx};

/// How many schedules a target may have: more than anybody reads on one page would hide one.
pub const MOST: usize = 12;
/// By how much a run that a schedule asks for is less urgent than the same that a person asks for.
const LESS_URGENT: i64 = 100;

/// What asks for an operation again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// UUID v7.
    pub id: String,
    /// What is asked for.
    pub operation: Operation,
    /// When.
    pub timing: Timing,
    /// Whether it does so now; a paused one has no next run.
    pub enabled: bool,
    /// Who made it.
    pub created_by: String,
    /// Milliseconds since the epoch, as the next.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

impl Schedule {
    /// The actor of its runs in queue and audit.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("schedule:{}", self.timing.name())
    }

    /// What the audit keeps of it, as JSON.
    fn facts(&self) -> Result<String, StoreError> {
        #[derive(Serialize)]
        struct Facts<'a> {
            operation: &'a Operation,
            cron: &'a str,
            zone: &'a str,
            enabled: bool,
        }
        let facts = Facts {
            operation: &self.operation,
            cron: self.timing.cron(),
            zone: self.timing.zone(),
            enabled: self.enabled,
        };
        serde_json::to_string(&facts).map_err(|error| StoreError::Value {
            what: "schedule",
            reason: error.to_string(),
        })
    }
}

/// The operations that a schedule of `target` may ask for, the most usual first.
#[must_use]
pub fn choices(target: &str) -> Vec<Operation> {
    let target = target.to_owned();
    let all = [
        Operation::TakeBackup {
            target: target.clone(),
            note: String::new(),
        },
        Operation::CheckTarget {
            target: target.clone(),
        },
        Operation::DetectDrift {
            target: target.clone(),
            replay: Replay::default(),
            extent: Extent::default(),
        },
        Operation::MakePlan { target },
    ];
    all.into_iter()
        .filter(Operation::can_be_scheduled)
        .collect()
}

/// Puts the next run after `after` into the queue, where it waits for its time. False: one is there, or the calendar ends.
async fn plant(
    tx: &mut Tx,
    clock: &Clock,
    schedule: &Schedule,
    after: Timestamp,
) -> Result<bool, StoreError> {
    let Some(next) = schedule.timing.next(after) else {
        return Ok(false);
    };
    let operation = &schedule.operation;
    let planted = sqlx::query(
        "INSERT INTO job (id, kind, target, payload, state, exclusive, priority, actor, created_at, run_at, schedule_id) \
         VALUES ($1, $2, $3, $4, 'scheduled', $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(clock.id())
    .bind(operation.kind())
    .bind(operation.target())
    .bind(payload(operation)?)
    .bind(i64::from(operation.is_exclusive()))
    .bind(operation.priority() - LESS_URGENT)
    .bind(schedule.actor())
    .bind(clock.now_ms())
    .bind(next.as_millisecond())
    .bind(&schedule.id)
    .execute(&mut **tx)
    .await?;
    Ok(planted.rows_affected() == 1)
}

fn payload(operation: &Operation) -> Result<String, StoreError> {
    serde_json::to_string(operation).map_err(|error| StoreError::Value {
        what: "operation",
        reason: error.to_string(),
    })
}
