//! The queue: jobs and their events in the store.
//!
//! The states and what leads from one to the next are documented at the table `job` in `migrations/0002_jobs.sql`, and
//! held there by constraints and unique indexes. Every statement that extends, records or ends a run names the worker
//! and the fence of the run, so that a worker which lost its lease can write nothing more.
//!
//! [`enqueue`] puts jobs in, [`claim`] and [`finish`] run them, [`withdraw`] and [`ask_cancel`] stop them, [`interrupt`] and
//! [`reconcile`] are about runs whose worker vanished; the rest is for whoever looks.

mod cancel;
mod interrupted;
mod job;
mod lease;
mod log;
mod reading;
mod request;
mod told;

pub use cancel::{Asked, ask_cancel, withdraw};
pub use interrupted::{Lapsed, Verdict, adopt, interrupt, lapsed, note_deed, reconcile};
pub use job::{Counted, End, Job, Line, State};
pub use lease::{HEARTBEAT, Kept, LEASE_MS, append, claim, finish, heartbeat};
pub use log::{Part, Piece, last_done, lines, piece};
pub use reading::{Filter, Which, get, in_the_way, kinds, last_ended, open, open_counts, page};
pub use request::{Enqueued, Request, enqueue};

use crate::audit;
pub use crate::audit::By;
use crate::clock::Clock;
use crate::operation::Event;
use crate::store::{StoreError, Tx};

/// How many events go into one statement.
const ROWS: usize = 100;

/// Appends events to a job's log, in order. Writers of the store never overlap, so the numbers have no gap.
async fn append_in(tx: &mut Tx, id: &str, events: &[Event]) -> Result<(), StoreError> {
    let last: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM job_event WHERE job_id = $1")
            .bind(id)
            .fetch_one(&mut **tx)
            .await?;
    let mut seqs = last + 1..;
    // Many rows in one statement: over a network each statement costs a round trip.
    for events in events.chunks(ROWS) {
        let values: Vec<String> = (0..events.len())
            .map(|row| {
                let own = row * 5 + 2;
                format!(
                    "($1, ${own}, ${}, ${}, ${}, ${})",
                    own + 1,
                    own + 2,
                    own + 3,
                    own + 4
                )
            })
            .collect();
        let statement = format!(
            "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES {}",
            values.join(", ")
        );
        // Safe: it is made of numbers only.
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id);
        for (event, seq) in events.iter().zip(&mut seqs) {
            insert = insert
                .bind(seq)
                .bind(event.at)
                .bind(event.level.word())
                .bind(&event.step)
                // Postgres's text cannot hold a NUL, and a tool's output may.
                .bind(event.text.replace('\0', "\u{fffd}"));
        }
        insert.execute(&mut **tx).await?;
    }
    Ok(())
}

/// The audit entry of what became of a job, on behalf of whoever asked for it.
async fn conclude(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    outcome: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let by = By {
        actor: &job.actor,
        place: "worker",
    };
    record(tx, clock, job, by, outcome, detail).await
}

/// An audit entry about a job.
async fn record(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    by: By<'_>,
    outcome: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let entry = audit::Entry {
        actor: by.actor,
        action: job.operation.kind(),
        target: Some(job.operation.target()),
        job: Some(&job.id),
        outcome,
        place: by.place,
        detail,
        ..audit::Entry::default()
    };
    audit::record(tx, clock, &entry).await
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Value {
        what: "value of a job",
        reason: error.to_string(),
    })
}
