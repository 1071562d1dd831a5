//! A thousand jobs on twenty targets and eight workers, each with its own connections to the store as a process of its
//! own would have: none is lost, none runs twice, no two exclusive ones meet on a target.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lockkeeper::clock::Clock;
use lockkeeper::job::Operation;
use lockkeeper::job::queue::{self, By, End, Job, Kept, Request};
use lockkeeper::operation::{Event, Level, Outcome};
use lockkeeper::store::Store;
use secrecy::SecretString;

use crate::support::cluster::Cluster;

const JOBS: u32 = 1_000;
const TARGETS: u32 = 20;
const WORKERS: usize = 8;

/// What the workers saw of each other.
#[derive(Default)]
struct Seen {
    runs: HashMap<String, u32>,
    held: HashSet<String>,
    beside: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_jobs_run_once_each_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    campaign("SQLite", &url.into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_jobs_run_once_each_on_postgres() {
    let cluster = Cluster::for_stores();
    cluster.create_database("store");
    campaign("Postgres", &cluster.url("store").into()).await;
}

async fn campaign(engine: &str, url: &SecretString) {
    let clock = Clock::system();
    let store = Store::open(url).await.unwrap();
    let began = Instant::now();
    for n in 0..JOBS {
        enqueue(&store, &clock, n).await;
    }
    let asked = began.elapsed();
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let began = Instant::now();
    let mut workers = Vec::new();
    for n in 0..WORKERS {
        let store = Store::open(url).await.unwrap();
        let (clock, seen) = (clock.clone(), seen.clone());
        workers.push(tokio::spawn(async move {
            work(&store, &clock, &format!("worker {n}"), &seen).await;
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let ran = began.elapsed();
    let beside = {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.runs.len(), JOBS as usize, "a job was lost");
        assert!(seen.runs.values().all(|runs| *runs == 1), "a job ran twice");
        seen.beside
    };
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM job j WHERE j.state = 'succeeded' AND j.fence = 1 \
         AND (SELECT count(*) FROM job_event WHERE job_id = j.id) = 4",
    )
    .fetch_one(store.read())
    .await
    .unwrap();
    assert_eq!(ended, i64::from(JOBS));
    println!(
        "{engine}: {JOBS} jobs over {TARGETS} targets with {WORKERS} workers: asked for in {:.1} s ({:.0}/s), run in \
         {:.1} s ({:.0} jobs/s, each with a step, three lines, a heartbeat and its audit); lost 0, twice 0, overlaps of \
         exclusive jobs 0; {} shared runs met an exclusive one",
        asked.as_secs_f64(),
        f64::from(JOBS) / asked.as_secs_f64(),
        ran.as_secs_f64(),
        f64::from(JOBS) / ran.as_secs_f64(),
        beside
    );
}

async fn enqueue(store: &Store, clock: &Clock, n: u32) {
    let target = format!("target {}", n % TARGETS);
    // Every third only looks; the note keeps the others from being taken for the same request.
    let operation = if n.is_multiple_of(3) {
        Operation::MakePlan { target }
    } else {
        Operation::TakeBackup {
            target,
            note: n.to_string(),
        }
    };
    // A plan that waits already is the same plan, so these have a worker of their own before the rest begins.
    let mut tx = store.begin().await.unwrap();
    let by = By {
        actor: "ada",
        place: "terminal",
    };
    let request = Request {
        operation: &operation,
        by,
        key: None,
    };
    let enqueued = queue::enqueue(&mut tx, clock, &request).await.unwrap();
    if !enqueued.is_new {
        // The queue folds what only looks into the one that waits; here a thousand are wanted.
        let operation = Operation::TakeBackup {
            target: operation.target().to_owned(),
            note: format!("instead of plan {n}"),
        };
        let request = Request {
            operation: &operation,
            by,
            key: None,
        };
        assert!(
            queue::enqueue(&mut tx, clock, &request)
                .await
                .unwrap()
                .is_new
        );
    }
    tx.commit().await.unwrap();
}

async fn work(store: &Store, clock: &Clock, worker: &str, seen: &Mutex<Seen>) {
    let mut idle = 0;
    while idle < 20 {
        let Some(job) = queue::claim(store, clock, worker, None).await.unwrap() else {
            idle += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        idle = 0;
        run(store, clock, &job, seen).await;
    }
}

async fn run(store: &Store, clock: &Clock, job: &Job, seen: &Mutex<Seen>) {
    let target = job.operation.target().to_owned();
    let exclusive = job.operation.is_exclusive();
    {
        let mut seen = seen.lock().unwrap();
        *seen.runs.entry(job.id.clone()).or_default() += 1;
        if exclusive {
            assert!(
                seen.held.insert(target.clone()),
                "two exclusive jobs on {target}"
            );
        } else if seen.held.contains(&target) {
            seen.beside += 1;
        }
    }
    let line = |level, text: &str| Event {
        at: clock.now_ms(),
        level,
        step: "Work".to_owned(),
        text: text.to_owned(),
    };
    let events = [
        line(Level::Step, "Working."),
        line(Level::Info, "one"),
        line(Level::Info, "two"),
        line(Level::Info, "three"),
    ];
    assert!(queue::append(store, job, &events, None).await.unwrap());
    let kept = queue::heartbeat(store, clock, job).await.unwrap();
    assert_eq!(kept, Kept::Yes);
    if exclusive {
        // Let go before the end is written: from then on the next one may begin.
        seen.lock().unwrap().held.remove(&target);
    }
    let end = End::Succeeded(Outcome {
        summary: "Done.".to_owned(),
        made: None,
    });
    assert!(queue::finish(store, clock, job, &end).await.unwrap());
}
