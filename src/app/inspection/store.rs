//! Lockkeeper's own database, who works on it and what waits in it.

use std::path::Path;

use super::Check;
use super::factor::factors;
use super::machine::{SHORT, room};
use crate::clock::{Clock, timestamp};
use crate::config::Config;
use crate::job::{figures, presence};
use crate::store::{Store, StoreError, snapshot};

/// The store and the room that it has.
pub async fn store(config: &Config, store: &Store) -> Vec<Check> {
    let (size, step) = match (store.size().await, store.step().await) {
        (Ok(size), Ok(step)) => (size, step),
        (Err(error), _) | (_, Err(error)) => return vec![unusable(&error)],
    };
    let written = match snapshot::last_written(store).await {
        Ok(Some(at)) => {
            let at = timestamp(at).strftime("%Y-%m-%d %H:%M UTC");
            format!("last written to a file by `lockkeeper store backup` {at}")
        }
        _ => "never written to a file by `lockkeeper store backup`".to_owned(),
    };
    let found = format!(
        "{} in {}, {} kB, step {step} of the schema, {written}",
        store.engine(),
        store.place(),
        size / 1_000
    );
    let mut checks = vec![Check::well("store", found), factors(config, store).await];
    if let Some(folder) = config.store.file.as_deref().and_then(Path::parent) {
        checks.push(match room(folder).await {
            Some(free) if free >= SHORT => {
                Check::well("store's disk", format!("{} GB free", free / 1_000_000_000))
            }
            Some(free) => Check::ill(
                "store's disk",
                format!("{} MB free", free / 1_000_000),
                "Make room: without it no job, no sign-in and no approval can be recorded.",
            ),
            None => Check::ill(
                "store's disk",
                "the room there cannot be told",
                "Check that the disk is mounted and answers.",
            ),
        });
    }
    checks
}

/// A store that cannot be used.
#[must_use]
pub fn unusable(error: &StoreError) -> Check {
    Check::ill(
        "store",
        error.to_string(),
        "Correct `url` in [store]; jobs and sign-in need it.",
    )
}

/// Who runs jobs, and which jobs there are.
pub async fn work(store: &Store, clock: &Clock) -> Vec<Check> {
    let listed = presence::list(store, clock).await;
    let counted = figures::jobs(store, clock).await;
    match (listed, counted) {
        (Ok(workers), Ok(jobs)) => {
            let waiting = jobs.count("queued");
            let mut checks = self::workers(&workers, waiting);
            checks.push(queue(&jobs));
            checks
        }
        (Err(error), _) | (_, Err(error)) => vec![unusable(&error)],
    }
}

/// That nobody runs jobs is ill only when one waits: a console that is not running is no fault.
fn workers(workers: &[presence::Worker], waiting: i64) -> Vec<Check> {
    let told = |worker: &presence::Worker| {
        let found = format!(
            "process {} on {}, version {}, {} jobs at a time, since {}",
            worker.pid,
            worker.host,
            worker.version,
            worker.at_once,
            timestamp(worker.started_at).strftime("%Y-%m-%d %H:%M UTC")
        );
        if worker.version == env!("CARGO_PKG_VERSION") {
            Check::well("worker", found)
        } else {
            Check::ill(
                "worker",
                found,
                format!(
                    "This is version {}. Run the same one everywhere on a store.",
                    env!("CARGO_PKG_VERSION")
                ),
            )
        }
    };
    match (workers, waiting) {
        ([], 0) => vec![Check::well(
            "workers",
            "none is running, and no job waits for one",
        )],
        ([], waiting) => vec![Check::ill(
            "workers",
            format!("none is running, and jobs wait for one: {waiting}"),
            "Start `lockkeeper serve`, or `lockkeeper worker` on this store.",
        )],
        (workers, _) => workers.iter().map(told).collect(),
    }
}

fn queue(jobs: &figures::Jobs) -> Check {
    let [scheduled, queued, running, interrupted] =
        ["scheduled", "queued", "running", "interrupted"].map(|state| jobs.count(state));
    let mut found = format!("{running} running, {queued} queued, {scheduled} scheduled");
    if queued > 0 {
        found = format!(
            "{found}; the oldest has waited {} s",
            jobs.waiting_ms / 1_000
        );
    }
    if interrupted == 0 {
        return Check::well("jobs", found);
    }
    Check::ill(
        "jobs",
        format!("{found}, {interrupted} interrupted"),
        "Look at the interrupted ones and decide: `lockkeeper job list`, or the list of jobs. They may keep a target locked.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(version: &str) -> presence::Worker {
        presence::Worker {
            id: "w".to_owned(),
            host: "box".to_owned(),
            pid: 7,
            version: version.to_owned(),
            at_once: 2,
            started_at: 0,
            seen_at: 0,
        }
    }

    #[test]
    fn a_worker_of_another_version_is_to_fix() {
        let own = env!("CARGO_PKG_VERSION");
        let checks = workers(&[worker(own), worker("0.0.9")], 3);
        let to_fix: Vec<bool> = checks.iter().map(|check| check.fix.is_some()).collect();
        assert_eq!(to_fix, [false, true]);
        assert_eq!(
            checks[0].found,
            format!(
                "process 7 on box, version {own}, 2 jobs at a time, since 1970-01-01 00:00 UTC"
            )
        );
    }

    #[test]
    fn an_interrupted_job_is_to_fix() {
        let jobs = |by_state: Vec<(&'static str, i64)>| figures::Jobs {
            by_state,
            waiting_ms: 61_000,
        };
        let calm = queue(&jobs(vec![("running", 1)]));
        assert_eq!(calm.found, "1 running, 0 queued, 0 scheduled");
        assert_eq!(calm.fix, None);
        let ill = queue(&jobs(vec![("queued", 2), ("interrupted", 1)]));
        assert!(ill.found.ends_with("waited 61 s, 1 interrupted"), "{ill:?}");
        assert!(ill.fix.is_some());
    }
}
