//! Workers: they take jobs from the queue and run them.
//!
//! A worker owns the job's state change: an operation only reports and returns. While it runs, a heartbeat extends the
//! lease and a scribe stores what it reports in the order in which it came. A panic is a failure. When the lease is lost the
//! operation is cancelled, for somebody else may own the target by now.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::catalogue::Reconcile;
use super::queue::{self, End, HEARTBEAT, Job, Kept, LEASE_MS, Verdict};
use super::{Resources, figures, presence, scribe};
use crate::clock::Clock;
use crate::operation::{Context, OperationError, Outcome, Progress, Trouble};
use crate::store::{Store, StoreError};

/// How often a worker looks even when nobody woke it.
const POLL: Duration = Duration::from_secs(2);
/// How long a rung worker waits before it looks again whether its job is to stop.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// Runs jobs, up to `at_once` at a time, until `stop` is cancelled, then waits for what is under way: operations that can
/// be cleaned up automatically are cancelled, the others are let finish.
pub async fn serve(
    resources: Arc<Resources>,
    store: Store,
    clock: Clock,
    at_once: u32,
    stop: CancellationToken,
) {
    let worker = clock.id();
    let (here, now) = (store.clone(), clock.clone());
    let present = tokio::spawn(presence::keep(
        here,
        now,
        worker.clone(),
        at_once,
        stop.clone(),
    ));
    let at_once = usize::try_from(at_once).unwrap_or(1);
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        // The alarm is armed before the look, so that a job enqueued in between is not slept over.
        let woken = store.woken();
        tokio::pin!(woken);
        let claimed = if running.len() < at_once {
            claim(&store, &clock, &worker).await
        } else {
            None
        };
        if let Some(job) = claimed {
            let (resources, store, clock) = (resources.clone(), store.clone(), clock.clone());
            let stop = stop.clone();
            running.spawn(async move {
                run(&resources, &store, &clock, job, &stop).await;
            });
            continue;
        }
        tokio::select! {
            () = &mut woken => {}
            () = tokio::time::sleep(POLL) => {}
            () = stop.cancelled() => {}
        }
    }
    while running.join_next().await.is_some() {}
    let _signed_off = present.await;
}

/// Takes one named job and runs it here, as the terminal does with what it has just enqueued. `None` when somebody else
/// took it, or when the target is busy.
pub async fn run_here(
    resources: &Resources,
    store: &Store,
    clock: &Clock,
    id: &str,
    stop: &CancellationToken,
) -> Result<Option<()>, StoreError> {
    let worker = clock.id();
    let Some(job) = queue::claim(store, clock, &worker, Some(id)).await? else {
        return Ok(None);
    };
    run(resources, store, clock, job, stop).await;
    Ok(Some(()))
}

async fn claim(store: &Store, clock: &Clock, worker: &str) -> Option<Job> {
    match queue::claim(store, clock, worker, None).await {
        Ok(job) => job,
        Err(error) => {
            tracing::warn!(%error, "looking for a job failed; trying again");
            None
        }
    }
}

async fn run(
    resources: &Resources,
    store: &Store,
    clock: &Clock,
    job: Job,
    stop: &CancellationToken,
) {
    let started = clock.now_ms();
    tracing::info!(
        job.id,
        job.kind = job.operation.kind(),
        target.name = job.operation.target(),
        "job started"
    );
    let cancel = CancellationToken::new();
    let (progress, reports) = Progress::new(clock.clone());
    let context = Context {
        job: job.id.clone(),
        actor: job.actor.clone(),
        clock: clock.clone(),
        progress,
        cancel: cancel.clone(),
    };
    // On the heap: an operation's future is large, and every future around it would be as well.
    let work = Box::pin(job.operation.run(resources, context));
    let work = std::panic::AssertUnwindSafe(work).catch_unwind();
    let keep = keep_lease(store, clock, &job, &cancel);
    let write = scribe::write(store, clock, &job, reports);
    let watch = async {
        stop.cancelled().await;
        if job.operation.reconcile() == Reconcile::Automatic {
            cancel.cancel();
        }
        std::future::pending::<Infallible>().await
    };
    let work = async {
        tokio::select! {
            ended = work => ended,
            never = watch => match never {},
        }
    };
    let whole = async {
        // The scribe ends when the operation has dropped the last sender of its progress.
        let (ended, ()) = tokio::join!(work, write);
        let end = match ended {
            Ok(ended) => end_of(ended),
            Err(_panic) => panicked(resources, &job).await,
        };
        record(store, clock, &job, &end, clock.now_ms() - started).await;
    };
    // The lease is kept until the end is recorded: what is left to write of a long log takes its time.
    tokio::pin!(whole);
    tokio::select! {
        () = &mut whole => {}
        () = keep => {
            // Whoever has the job now decides; this run stops as soon as it can, and what it writes is refused.
            tracing::error!(job.id, "the lease was lost; the job is stopped");
            cancel.cancel();
            whole.await;
        }
    }
}

fn end_of(ended: Result<Outcome, OperationError>) -> End {
    match ended {
        Ok(outcome) => End::Succeeded(outcome),
        Err(OperationError::Fail(trouble)) => End::Failed(trouble),
        Err(OperationError::Cancelled) => End::Cancelled(None),
        Err(OperationError::Stopped(trouble)) => End::Cancelled(Some(trouble)),
        Err(OperationError::NeedsHuman(trouble)) => End::Interrupted(trouble),
    }
}

async fn record(store: &Store, clock: &Clock, job: &Job, end: &End, duration_ms: i64) {
    let state = end.state().word();
    // A store that is busy for a moment must not turn a finished job into an interrupted one.
    for pause in [0, 200, 1_000, 3_000] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match queue::finish(store, clock, job, end).await {
            Ok(true) => {
                tracing::info!(job.id, job.state = state, duration_ms, "job ended");
                figures::ended(job.operation.kind(), state, duration_ms);
                return;
            }
            Ok(false) => break,
            Err(error) => tracing::warn!(job.id, %error, "recording the end failed"),
        }
    }
    tracing::error!(
        job.id,
        job.state = state,
        "the end of the job could not be recorded; it will read as interrupted"
    );
}

/// Keeps the lease, and passes on that somebody asked the job to stop. Returns when the lease is lost.
async fn keep_lease(store: &Store, clock: &Clock, job: &Job, cancel: &CancellationToken) {
    let lease = Duration::from_millis(LEASE_MS.unsigned_abs());
    // By a clock that never steps.
    let mut kept_at = Instant::now();
    loop {
        let next = Instant::now() + HEARTBEAT;
        // Whoever asks a job to stop rings, so that it does not take until the next heartbeat. Everybody else rings as
        // well, and the store is asked only so often.
        while !cancel.is_cancelled() {
            let woken = store.woken();
            if asked_to_stop(store, job).await {
                cancel.cancel();
            }
            tokio::select! {
                () = woken => tokio::time::sleep(LOOK_PAUSE).await,
                () = tokio::time::sleep_until(next) => {}
            }
            if Instant::now() >= next {
                break;
            }
        }
        tokio::time::sleep_until(next).await;
        let beat = queue::heartbeat(store, clock, job);
        match tokio::time::timeout(HEARTBEAT, beat).await {
            Ok(Ok(Kept::Yes)) => kept_at = Instant::now(),
            Ok(Ok(Kept::CancelAsked)) => {
                kept_at = Instant::now();
                cancel.cancel();
            }
            Ok(Ok(Kept::Lost)) => return,
            Ok(Err(error)) => tracing::warn!(job.id, %error, "the lease could not be extended"),
            Err(_late) => tracing::warn!(job.id, "the store is slow; the lease was not extended"),
        }
        if kept_at.elapsed() > lease {
            return;
        }
    }
}

async fn asked_to_stop(store: &Store, job: &Job) -> bool {
    let now = queue::get(store, &job.id).await;
    matches!(now, Ok(Some(now)) if now.cancel_asked.is_some())
}

/// How a run ends in which the program itself failed: what can be cleaned up is, the rest is a person's to look at.
async fn panicked(resources: &Resources, job: &Job) -> End {
    let what =
        "Lockkeeper itself failed in the middle of this job. This is a defect of the program.";
    let next =
        "Look at the log of the console for the place, and at the target before you try again.";
    let trouble = Trouble::new(what, job.operation.after_crash(), next);
    match job.operation.reconcile() {
        Reconcile::Automatic => match job.operation.clean_up(resources, &job.id).await {
            Verdict::Succeeded(outcome) => End::Succeeded(outcome),
            Verdict::Failed(_) => End::Failed(trouble),
        },
        Reconcile::Person => End::Interrupted(trouble),
    }
}
