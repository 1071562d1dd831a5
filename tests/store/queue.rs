//! The queue: what gets in, and who gets what out.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockkeeper::app::App;
use lockkeeper::clock::Clock;
use lockkeeper::config::{Config, Environment, Flags};
use lockkeeper::job::Operation;
use lockkeeper::job::queue::{self, By, End, Filter, Job, Request, State, Which};
use lockkeeper::operation::Outcome;
use lockkeeper::store::Store;

use crate::ground::{Ground, audit, number};

on_both!(
    a_job_and_the_record_of_its_request_are_one,
    a_double_click_makes_one_job,
    the_oldest_job_is_taken_first,
    a_named_job_is_taken_by_name_only,
    one_job_runs_per_target_and_others_go_on,
    eight_workers_take_two_hundred_jobs_once_each,
    a_page_of_jobs_goes_back_in_time,
    a_filter_shows_what_meets_all_of_it,
);

/// Who asks, and from where.
pub const BY: By<'_> = By {
    actor: "ada",
    place: "terminal",
};

/// An operation on `target`.
pub fn backup(target: &str, note: &str) -> Operation {
    Operation::TakeBackup {
        target: target.to_owned(),
        note: note.to_owned(),
    }
}

/// What ada asks for.
pub fn request<'a>(operation: &'a Operation, key: Option<&'a str>) -> Request<'a> {
    Request {
        operation,
        by: BY,
        key,
    }
}

/// Puts an operation into the queue, a moment after the one before.
pub async fn enqueue(store: &Store, clock: &Clock, operation: &Operation) -> String {
    clock.advance(1);
    let mut tx = store.begin().await.unwrap();
    let enqueued = queue::enqueue(&mut tx, clock, &request(operation, None)).await;
    tx.commit().await.unwrap();
    enqueued.unwrap().id
}

/// Interrupts every run whose lease has lapsed, as a reaper does that has watched them for long enough.
pub async fn reap(store: &Store, clock: &Clock) -> Vec<Job> {
    let lapsed = queue::lapsed(store, clock).await.unwrap();
    queue::interrupt(store, clock, &lapsed).await.unwrap()
}

/// A good end.
pub fn done() -> End {
    End::Succeeded(Outcome {
        summary: "It is done.".to_owned(),
        made: None,
    })
}

async fn a_job_and_the_record_of_its_request_are_one(ground: Ground) {
    let store = ground.open().await;
    let mut tx = store.begin().await.unwrap();
    queue::enqueue(&mut tx, &ground.clock, &request(&backup("a", ""), None))
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM job").await, 0);
    assert_eq!(number(&store, "SELECT count(*) FROM audit").await, 0);

    let id = enqueue(&store, &ground.clock, &backup("a", "a \"note\"")).await;
    let job = queue::get(&store, &id).await.unwrap().unwrap();
    assert_eq!(job.operation, backup("a", "a \"note\""));
    assert_eq!((job.state, job.actor.as_str()), (State::Queued, "ada"));
    let entries = audit(&store).await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!(entry.job.as_deref(), Some(id.as_str()));
    assert_eq!(entry.target.as_deref(), Some("a"));
    assert_eq!(entry.action, "backup.take");
    assert_eq!(entry.outcome, "requested");
}

async fn a_double_click_makes_one_job(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let flags = Flags {
        store_url: Some(ground.url.clone()),
        ..Flags::default()
    };
    let target = [("DATABASE_URL", "postgresql://app:secret@127.0.0.1:1/app")];
    let config = Config::load(&flags, &Environment::of(folder.path(), target)).unwrap();
    let app = App::open(config, ground.clock.clone()).await.unwrap();
    let clicks = (0..20).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            app.enqueue(&request(&backup("app", ""), None))
                .await
                .unwrap()
        })
    });
    let mut ids = HashSet::new();
    for click in clicks.collect::<Vec<_>>() {
        ids.insert(click.await.unwrap());
    }
    assert_eq!(ids.len(), 1, "every click leads to the same job");
    assert_eq!(number(&app.store, "SELECT count(*) FROM job").await, 1);
    assert_eq!(number(&app.store, "SELECT count(*) FROM audit").await, 1);

    let other = app
        .enqueue(&request(&backup("app", "another note"), None))
        .await
        .unwrap();
    assert!(!ids.contains(&other), "what differs is another job");
}

async fn the_oldest_job_is_taken_first(ground: Ground) {
    let store = ground.open().await;
    let mut asked = Vec::new();
    for target in ["c", "a", "b"] {
        asked.push(enqueue(&store, &ground.clock, &backup(target, "")).await);
    }
    let mut taken = Vec::new();
    while let Some(job) = queue::claim(&store, &ground.clock, "w", None)
        .await
        .unwrap()
    {
        assert_eq!(job.state, State::Running);
        assert_eq!(job.started_at, Some(ground.clock.now_ms()));
        taken.push(job.id);
    }
    assert_eq!(taken, asked);
}

async fn a_named_job_is_taken_by_name_only(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let second = enqueue(&store, &ground.clock, &backup("b", "")).await;
    let claim = async |id: &str| {
        queue::claim(&store, &ground.clock, "w", Some(id))
            .await
            .unwrap()
            .map(|job| job.id)
    };
    assert_eq!(claim("no such job").await, None);
    assert_eq!(claim(&second).await, Some(second.clone()));
    assert_eq!(claim(&second).await, None, "it runs already");
    assert_eq!(claim(&first).await, Some(first.clone()));
}

async fn one_job_runs_per_target_and_others_go_on(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "1")).await;
    let waits = enqueue(&store, &ground.clock, &backup("a", "2")).await;
    let other = enqueue(&store, &ground.clock, &backup("b", "")).await;
    let claim = async |only: Option<&str>| {
        queue::claim(&store, &ground.clock, "w", only)
            .await
            .unwrap()
            .map(|job| job.id)
    };
    assert_eq!(claim(None).await, Some(first.clone()));
    assert_eq!(claim(Some(&waits)).await, None, "its target is busy");
    assert_eq!(claim(None).await, Some(other));
    assert_eq!(claim(None).await, None);
    let job = queue::get(&store, &first).await.unwrap().unwrap();
    assert!(
        queue::finish(&store, &ground.clock, &job, &done())
            .await
            .unwrap()
    );
    assert_eq!(claim(None).await, Some(waits));
}

/// Takes jobs until all have been taken, and holds each for a moment in which nobody else may hold its target.
async fn work(store: Store, clock: Clock, worker: String, taken: Arc<Mutex<Vec<String>>>) {
    static HELD: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    while taken.lock().unwrap().len() < 200 {
        let Some(job) = queue::claim(&store, &clock, &worker, None).await.unwrap() else {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        let holds = (store.place().to_owned(), job.operation.target().to_owned());
        {
            let mut held = HELD.lock().unwrap();
            assert!(!held.contains(&holds), "two jobs on one target");
            held.push(holds.clone());
        }
        tokio::task::yield_now().await;
        HELD.lock().unwrap().retain(|other| *other != holds);
        taken.lock().unwrap().push(job.id.clone());
        let ended = queue::finish(&store, &clock, &job, &done()).await;
        assert!(ended.unwrap());
    }
}

async fn eight_workers_take_two_hundred_jobs_once_each(ground: Ground) {
    let stores = [ground.open().await, ground.open().await];
    let mut tx = stores[0].begin().await.unwrap();
    for n in 0..200 {
        let operation = backup(&format!("target{}", n % 5), &n.to_string());
        queue::enqueue(&mut tx, &ground.clock, &request(&operation, None))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let workers = (0..8).map(|n: usize| {
        let (store, clock) = (stores[n % 2].clone(), ground.clock.clone());
        tokio::spawn(work(store, clock, format!("worker {n}"), taken.clone()))
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let taken = taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 200);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>().len(), 200);
    let over = "SELECT count(*) FROM job WHERE state = 'succeeded'";
    assert_eq!(number(&stores[1], over).await, 200);
    assert_eq!(
        number(&stores[1], "SELECT count(*) FROM audit").await,
        400,
        "one entry for each request, one for each end"
    );
}

async fn a_page_of_jobs_goes_back_in_time(ground: Ground) {
    let store = ground.open().await;
    let mut ids = Vec::new();
    for (target, note) in [("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"), ("a", "3")] {
        ids.push(enqueue(&store, &ground.clock, &backup(target, note)).await);
    }
    let page = async |target: Option<&str>, before: Option<&str>| {
        let filter = Filter {
            target,
            ..Filter::default()
        };
        let jobs = queue::page(&store, &filter, before, 2).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None).await, [ids[4].clone(), ids[3].clone()]);
    let before = Some(ids[3].as_str());
    assert_eq!(page(None, before).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(
        page(Some("a"), before).await,
        [ids[2].clone(), ids[0].clone()]
    );
    assert_eq!(queue::open(&store).await.unwrap().len(), 5);
    assert_eq!(queue::last_ended(&store, "a").await.unwrap(), None);
}

async fn a_filter_shows_what_meets_all_of_it(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let second = enqueue(&store, &ground.clock, &backup("b", "")).await;
    let plan = Operation::MakePlan {
        target: "a".to_owned(),
    };
    let third = enqueue(&store, &ground.clock, &plan).await;
    let job = queue::claim(&store, &ground.clock, "w", Some(&first))
        .await
        .unwrap()
        .unwrap();
    let in_the_way = queue::in_the_way(&store, "a").await.unwrap();
    assert_eq!(in_the_way.map(|job| job.id), Some(first.clone()));
    let shown = async |filter: Filter<'_>| {
        let jobs = queue::page(&store, &filter, None, 10).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    let every = Filter::default();
    let state = |state| Filter {
        which: Some(Which::In(state)),
        ..every
    };
    let open = Filter {
        which: Some(Which::Open),
        ..every
    };
    assert_eq!(shown(state(State::Running)).await, [first.as_str()]);
    assert_eq!(
        shown(state(State::Queued)).await,
        [third.clone(), second.clone()]
    );
    let both = Filter {
        kind: Some("backup.take"),
        target: Some("a"),
        actor: Some("ada"),
        ..open
    };
    assert_eq!(shown(both).await, [first.as_str()]);
    let nobody = Filter {
        actor: Some("nobody"),
        ..both
    };
    assert_eq!(shown(nobody).await, [""; 0]);
    let mut counts = queue::open_counts(&store, None).await.unwrap();
    counts.sort_by_key(|(_, jobs)| *jobs);
    assert_eq!(counts, [(State::Running, 1), (State::Queued, 2)]);

    assert!(
        queue::finish(&store, &ground.clock, &job, &done())
            .await
            .unwrap()
    );
    assert!(queue::in_the_way(&store, "a").await.unwrap().is_none());
    assert_eq!(shown(open).await, [third.clone(), second]);
    assert_eq!(shown(state(State::Succeeded)).await, [first]);
    let kinds = queue::kinds(&store).await.unwrap();
    let kinds: Vec<_> = kinds.iter().map(Operation::kind).collect();
    assert_eq!(kinds, ["backup.take", "plan.make"]);
}
