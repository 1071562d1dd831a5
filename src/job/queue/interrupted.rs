//! Jobs whose worker vanished, or could not tell what is in effect: how they are noticed, and how they end.

use sqlx::Row;

use super::job::{columns, decode, readable};
use super::{By, Job, State, append_in, conclude, json, record, told};
use crate::clock::Clock;
use crate::job::catalogue::Reconcile;
use crate::operation::{Event, Level, Outcome, Trouble};
use crate::store::{Store, StoreError, Tx};

/// How long whoever noticed an interrupted job has for cleaning up before somebody else tries, in milliseconds.
const CLEAN_UP_MS: i64 = 300_000;

/// How an interrupted job is said to have ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything it was to do is in effect.
    Succeeded(Outcome),
    /// Not everything is; the trouble says what is known.
    Failed(Trouble),
}

/// A running job whose lease has lapsed: which run, and until when it was its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lapsed {
    /// The job's id.
    pub id: String,
    /// The run's fence.
    pub fence: i64,
    /// When the lease lapsed, in milliseconds since the epoch.
    pub lease_until: i64,
}

/// The running jobs whose lease has lapsed. That alone is no proof that their program is dead; see
/// [`Reaper`](crate::job::Reaper).
pub async fn lapsed(store: &Store, clock: &Clock) -> Result<Vec<Lapsed>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, fence, lease_until FROM job WHERE state = 'running' AND lease_until < $1 ORDER BY id",
    )
    .bind(clock.now_ms())
    .fetch_all(store.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Lapsed {
                id: row.try_get("id")?,
                fence: row.try_get("fence")?,
                lease_until: row.try_get("lease_until")?,
            })
        })
        .collect()
}

/// Marks these runs as interrupted, unless they were extended or have ended meanwhile, and returns them: what can be
/// cleaned up is the caller's to clean up. One that only a newer program can read is left to it.
pub async fn interrupt(
    store: &Store,
    clock: &Clock,
    dead: &[Lapsed],
) -> Result<Vec<Job>, StoreError> {
    let mut jobs = Vec::new();
    for one in dead {
        let mut tx = store.begin().await?;
        let row = sqlx::query(concat!(
            "UPDATE job SET state = 'interrupted', lease_until = NULL, fence = fence + 1 \
             WHERE id = $1 AND fence = $2 AND lease_until = $3 AND state = 'running' RETURNING ",
            columns!()
        ))
        .bind(&one.id)
        .bind(one.fence)
        .bind(one.lease_until)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { continue };
        let job = match decode(&row) {
            Ok(job) => job,
            Err(error) => {
                tracing::warn!(job.id = one.id, %error, "a lapsed job cannot be read and is left as it is");
                continue;
            }
        };
        let text = "The program that ran this job went away before it ended.";
        note(&mut tx, clock, &job.id, Level::Error, text).await?;
        conclude(&mut tx, clock, &job, "interrupted", text).await?;
        // What the program cleans up by itself is told when it is known how that ended.
        if job.operation.reconcile() == Reconcile::Person {
            let next = "Open the job: it shows what the database says, and what you may decide. Until then the target stays locked.";
            let trouble = Trouble::new(text, job.operation.after_crash(), next);
            told::interrupted(&mut tx, clock, &job, &trouble).await?;
        }
        tx.commit().await?;
        store.wake().await;
        jobs.push(job);
    }
    Ok(jobs)
}

/// Takes over interrupted jobs that can be cleaned up automatically and whose cleaning up was itself cut short. Each goes
/// to one caller, and not before whoever noticed it first has had its time.
pub async fn adopt(store: &Store, clock: &Clock) -> Result<Vec<Job>, StoreError> {
    const LEFT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM job WHERE state = 'interrupted' \
         AND $1 > (SELECT max(at) FROM job_event WHERE job_id = job.id) ORDER BY id"
    );
    let before = clock.now_ms() - CLEAN_UP_MS;
    let rows = sqlx::query(LEFT)
        .bind(before)
        .fetch_all(store.read())
        .await?;
    let mut adopted = Vec::new();
    for mut job in readable(&rows) {
        if job.operation.reconcile() == Reconcile::Person {
            continue;
        }
        let mut tx = store.begin().await?;
        let taken = sqlx::query(
            "UPDATE job SET fence = fence + 1 WHERE id = $1 AND fence = $2 AND state = 'interrupted'",
        )
        .bind(&job.id)
        .bind(job.fence)
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 1 {
            let text = "Cleaning up after it was cut short; it is tried again.";
            note(&mut tx, clock, &job.id, Level::Warn, text).await?;
            tx.commit().await?;
            job.fence += 1;
            adopted.push(job);
        }
    }
    Ok(adopted)
}

/// Ends an interrupted job, which frees the target, with its audit entry. `by` is the person who looked, or the worker
/// that cleaned up. False: it was not interrupted any more.
pub async fn reconcile(
    store: &Store,
    clock: &Clock,
    job: &Job,
    by: By<'_>,
    verdict: &Verdict,
) -> Result<bool, StoreError> {
    let (state, outcome, trouble, finding) = match verdict {
        Verdict::Succeeded(outcome) => (
            State::Succeeded,
            Some(json(outcome)?),
            None,
            &outcome.summary,
        ),
        Verdict::Failed(trouble) => (State::Failed, None, Some(json(trouble)?), &trouble.data),
    };
    let mut tx = store.begin().await?;
    let ended = sqlx::query(
        "UPDATE job SET state = $1, ended_at = $2, outcome = $3, trouble = $4 WHERE id = $5 AND state = 'interrupted'",
    )
    .bind(state.word())
    .bind(clock.now_ms())
    .bind(outcome)
    .bind(trouble)
    .bind(&job.id)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    let text = format!("Reconciled as {} by {}: {finding}", state.word(), by.actor);
    note(&mut tx, clock, &job.id, Level::Info, &text).await?;
    let word = format!("reconciled: {}", state.word());
    record(&mut tx, clock, job, by, &word, finding).await?;
    // Of a job that waited for a person, people were told; that one has decided now.
    if let Verdict::Failed(trouble) = verdict
        && job.operation.reconcile() == Reconcile::Automatic
    {
        told::failed(&mut tx, clock, job, trouble).await?;
    }
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

/// Notes in the log and the audit what a person did about an interrupted job that does not end it. False: it was not
/// interrupted any more.
pub async fn note_deed(
    store: &Store,
    clock: &Clock,
    job: &Job,
    by: By<'_>,
    deed: &str,
    finding: &str,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let interrupted: Option<String> =
        sqlx::query_scalar("SELECT id FROM job WHERE id = $1 AND state = 'interrupted'")
            .bind(&job.id)
            .fetch_optional(&mut *tx)
            .await?;
    if interrupted.is_none() {
        return Ok(false);
    }
    let text = format!("{deed} by {}: {finding}", by.actor);
    note(&mut tx, clock, &job.id, Level::Warn, &text).await?;
    record(&mut tx, clock, job, by, deed, finding).await?;
    tx.commit().await?;
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
