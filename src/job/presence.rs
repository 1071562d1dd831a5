//! Who runs jobs: the rows of the table `worker`, one for each program that takes from the queue, and one that counts for
//! nothing but being there for each console, so that nobody puts another store into the place of one in use.
//!
//! What must stay true: a worker that stops in good order is gone from the list at once, one that was killed
//! [`SILENT_MS`] after its last sign of life. A row gives no right to a job (that is the lease's); it only tells people
//! whether somebody will take what waits.

use std::time::Duration;

use sqlx::Row;
use sqlx::any::AnyRow;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// How often a worker says that it is alive.
const BEAT: Duration = Duration::from_secs(10);
/// How long a worker may be silent before it counts as gone, in milliseconds.
pub const SILENT_MS: i64 = 30_000;
/// How long the row of a worker that was killed is kept, in milliseconds. Nobody is shown it.
const FORGET_MS: i64 = 24 * 3_600_000;

/// A program that runs jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its id, as the jobs that it holds name it.
    pub id: String,
    /// The name of its machine.
    pub host: String,
    /// Its process there.
    pub pid: i64,
    /// The version of the program.
    pub version: String,
    /// How many jobs it runs at a time.
    pub at_once: i64,
    /// When it started, in milliseconds since the epoch.
    pub started_at: i64,
    /// When it was last alive, in milliseconds since the epoch.
    pub seen_at: i64,
}

/// Keeps the row of the worker `id`, or with `at_once` zero of a program that uses the store and runs no jobs, until `stop`
/// is cancelled, then removes it. A store that does not answer is tried again at the next beat: a worker whose row is
/// missing still works.
pub async fn keep(store: Store, clock: Clock, id: String, at_once: u32, stop: CancellationToken) {
    let started_at = clock.now_ms();
    let me = Worker {
        id,
        host: host(),
        pid: i64::from(std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at_once: i64::from(at_once),
        started_at,
        seen_at: started_at,
    };
    while !stop.is_cancelled() {
        if let Err(error) = show(&store, &clock, &me).await {
            tracing::warn!(%error, "this worker could not say that it is alive; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            () = stop.cancelled() => {}
        }
    }
    if let Err(error) = leave(&store, &me.id).await {
        tracing::warn!(%error, "this worker could not sign off; it is listed for half a minute more");
    }
}

/// Writes the worker's row, or that it is alive, and forgets those that were killed long ago.
async fn show(store: &Store, clock: &Clock, me: &Worker) -> Result<(), StoreError> {
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    sqlx::query(
        "INSERT INTO worker (id, host, pid, version, at_once, started_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(&me.id)
    .bind(&me.host)
    .bind(me.pid)
    .bind(&me.version)
    .bind(me.at_once)
    .bind(me.started_at)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM worker WHERE seen_at < $1")
        .bind(now - FORGET_MS)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn leave(store: &Store, id: &str) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query("DELETE FROM worker WHERE id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// The workers that are alive, the oldest first.
pub async fn list(store: &Store, clock: &Clock) -> Result<Vec<Worker>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, host, pid, version, at_once, started_at, seen_at FROM worker WHERE seen_at > $1 AND at_once > 0 \
         ORDER BY started_at, id",
    )
    .bind(clock.now_ms() - SILENT_MS)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// Of the programs that use the store and are alive, the one that has been there for longest: what one of them is to do,
/// that one does.
pub async fn first(store: &Store, clock: &Clock) -> Result<Option<String>, StoreError> {
    let id = sqlx::query_scalar(
        "SELECT id FROM worker WHERE seen_at > $1 AND at_once = 0 ORDER BY started_at, id LIMIT 1",
    )
    .bind(clock.now_ms() - SILENT_MS)
    .fetch_optional(store.read())
    .await?;
    Ok(id)
}

/// Whether anybody is alive who would take a queued job. Where nobody is, a page must not say that it will start.
pub async fn any(store: &Store, clock: &Clock) -> Result<bool, StoreError> {
    Ok(!list(store, clock).await?.is_empty())
}

fn decode(row: &AnyRow) -> Result<Worker, StoreError> {
    Ok(Worker {
        id: row.try_get("id")?,
        host: row.try_get("host")?,
        pid: row.try_get("pid")?,
        version: row.try_get("version")?,
        at_once: row.try_get("at_once")?,
        started_at: row.try_get("started_at")?,
        seen_at: row.try_get("seen_at")?,
    })
}

/// The name of this machine (in a container: of the container), from the kernel or from where Unix systems write it.
fn host() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "this machine".to_owned())
}
