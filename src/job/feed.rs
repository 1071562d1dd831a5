//! Which jobs have moved, for whoever watches some of them live.
//!
//! What must stay true: however many streams are open, this process asks the store one question per alarm, and at most
//! one a second when nothing rings; with nobody watching it asks nothing. A stream reads its job only when it has moved.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Row;
use sqlx::any::AnyRow;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// How often the store is asked even when nobody rang: another process may run the job.
const POLL: Duration = Duration::from_secs(1);
/// The least time between two questions, however often it rings.
const PAUSE: Duration = Duration::from_millis(100);

/// What a watcher would see of a job. It is only compared, never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pulse {
    state: String,
    seq: i64,
    step: Option<String>,
    done: Option<i64>,
    asked_at: Option<i64>,
}

impl Pulse {
    fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            state: row.try_get("state")?,
            seq: row.try_get("seq")?,
            step: row.try_get("step")?,
            done: row.try_get("done")?,
            asked_at: row.try_get("cancel_asked_at")?,
        })
    }

    /// A job that is not open: nothing of it will move any more.
    fn over() -> Self {
        Self {
            state: "over".to_owned(),
            ..Self::default()
        }
    }
}

/// The feed of one process. Clones are the same feed.
#[derive(Clone, Debug)]
pub struct Feed {
    store: Store,
    watched: Arc<Mutex<HashMap<String, watch::Sender<Pulse>>>>,
    joined: Arc<Notify>,
}

/// One watcher's end; dropping it is all there is to leaving.
#[derive(Debug)]
pub struct Watcher(watch::Receiver<Pulse>);

impl Watcher {
    /// Waits until the job may have moved since the last time, or since it is watched. It may wake for nothing.
    pub async fn moved(&mut self) {
        if self.0.changed().await.is_err() {
            // The feed has ended; whoever waits looks by its own clock.
            std::future::pending::<()>().await;
        }
    }
}

impl Feed {
    /// A feed of the jobs in `store`. It is quiet until [`Feed::run`] runs.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            watched: Arc::default(),
            joined: Arc::default(),
        }
    }

    /// Watches a job. Look at it afterwards: what happened before is not told.
    #[must_use]
    pub fn watch(&self, job: &str) -> Watcher {
        let mut jobs = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = jobs
            .entry(job.to_owned())
            .or_insert_with(|| watch::Sender::new(Pulse::default()));
        let watcher = Watcher(sender.subscribe());
        self.joined.notify_one();
        watcher
    }

    /// Tells watchers what moved until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            // Armed before the look, so that what happens in between is not slept over.
            let woken = self.store.woken();
            let is_watched = self.leave();
            if is_watched && let Err(error) = self.look().await {
                tracing::warn!(%error, "the feed of jobs could not be read from the store; trying again");
            }
            let poll = async {
                if is_watched {
                    tokio::time::sleep(POLL).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = woken, if is_watched => {}
                () = poll => {}
                () = self.joined.notified() => {}
                () = stop.cancelled() => return,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Forgets jobs that nobody watches any more. False: nobody watches any.
    fn leave(&self) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        !watched.is_empty()
    }

    async fn look(&self) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT id, state, step, done, cancel_asked_at, \
             (SELECT coalesce(max(seq), 0) FROM job_event WHERE job_id = job.id) AS seq \
             FROM job WHERE state IN ('scheduled', 'queued', 'running')",
        )
        .fetch_all(self.store.read())
        .await?;
        let mut open = HashMap::new();
        for row in &rows {
            open.insert(row.try_get::<String, _>("id")?, Pulse::of(row)?);
        }
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for (job, sender) in watched.iter() {
            let pulse = open.remove(job).unwrap_or_else(Pulse::over);
            sender.send_if_modified(|last| {
                let moved = *last != pulse;
                *last = pulse;
                moved
            });
        }
        Ok(())
    }
}
