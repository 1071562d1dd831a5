//! The reaper: notices jobs whose program has gone away, and cleans up after those that only read.
//!
//! What must stay true: a job whose program lives is never taken from it. The lease is a time of the store, and clocks step
//! and machines pause; so a lapsed lease alone proves nothing. Only one that has lapsed and was not extended while this
//! program watched it for longer than a heartbeat, by a clock that never steps, is a dead one's. A task of its own: a busy
//! worker must not be the one who notices that another has gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Resources;
use super::catalogue::Reconcile;
use super::queue::{self, By, HEARTBEAT, Job, Lapsed};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// How often it looks.
const POLL: Duration = Duration::from_secs(2);
/// For how long a lapsed lease is watched: a living worker extends it several times less than that later.
const WATCH: Duration = HEARTBEAT.saturating_add(Duration::from_secs(2));

/// What has been seen so far.
#[derive(Debug, Default)]
pub struct Reaper {
    lapsed: HashMap<Lapsed, Instant>,
}

impl Reaper {
    /// Looks until `stop` is cancelled.
    pub async fn run(
        resources: Arc<Resources>,
        store: Store,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let mut reaper = Self::default();
        loop {
            if let Err(error) = reaper.look(&resources, &store, &clock).await {
                tracing::warn!(%error, "looking for interrupted jobs failed; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Looks once. True: there are lapsed leases that it has not watched for long enough.
    pub async fn look(
        &mut self,
        resources: &Resources,
        store: &Store,
        clock: &Clock,
    ) -> Result<bool, StoreError> {
        let now = Instant::now();
        let lapsed = queue::lapsed(store, clock).await?;
        // What was extended since, or has ended, is forgotten.
        self.lapsed.retain(|seen, _| lapsed.contains(seen));
        for one in &lapsed {
            self.lapsed.entry(one.clone()).or_insert(now);
        }
        let dead: Vec<Lapsed> = self
            .lapsed
            .iter()
            .filter(|(_, since)| now.duration_since(**since) >= WATCH)
            .map(|(one, _)| one.clone())
            .collect();
        let mut jobs = queue::interrupt(store, clock, &dead).await?;
        for job in &jobs {
            tracing::warn!(
                job.id,
                job.kind = job.operation.kind(),
                target.name = job.operation.target(),
                "job interrupted"
            );
        }
        jobs.extend(queue::adopt(store, clock).await?);
        for job in jobs {
            clean_up(resources, store, clock, &job).await?;
        }
        Ok(self.lapsed.len() > dead.len())
    }
}

async fn clean_up(
    resources: &Resources,
    store: &Store,
    clock: &Clock,
    job: &Job,
) -> Result<(), StoreError> {
    if job.operation.reconcile() == Reconcile::Person {
        return Ok(());
    }
    let verdict = job.operation.clean_up(resources, &job.id).await;
    let by = By {
        actor: "lockkeeper",
        place: "worker",
    };
    queue::reconcile(store, clock, job, by, &verdict).await?;
    Ok(())
}
