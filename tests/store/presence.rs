//! Workers: who is alive to run a job, and how one that was killed is noticed.

use std::time::Duration;

use lockkeeper::clock::Clock;
use lockkeeper::job::presence::{self, SILENT_MS, Worker};
use lockkeeper::job::{figures, queue};
use lockkeeper::store::Store;
use tokio_util::sync::CancellationToken;

use crate::ground::{Ground, NOON, number, sql};
use crate::queue::{backup, enqueue};

on_both!(
    a_worker_is_listed_until_it_stops,
    one_that_was_killed_is_gone_after_half_a_minute,
    a_row_that_was_removed_comes_back,
    jobs_are_counted_by_state,
);

async fn listed(store: &Store, clock: &Clock, expected: &[&str]) -> Vec<Worker> {
    for _ in 0..100 {
        let workers = presence::list(store, clock).await.unwrap();
        if workers
            .iter()
            .map(|worker| worker.id.as_str())
            .eq(expected.iter().copied())
        {
            return workers;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{expected:?} are not who is listed");
}

async fn a_worker_is_listed_until_it_stops(ground: Ground) {
    let (store, clock) = (ground.open().await, ground.clock.clone());
    assert!(!presence::any(&store, &clock).await.unwrap());
    let mut kept = Vec::new();
    for id in ["w1", "w2"] {
        let stop = CancellationToken::new();
        let keep = presence::keep(store.clone(), clock.clone(), id.to_owned(), 3, stop.clone());
        kept.push((tokio::spawn(keep), stop));
    }
    let workers = listed(&store, &clock, &["w1", "w2"]).await;
    assert!(presence::any(&store, &clock).await.unwrap());
    let one = &workers[0];
    assert_eq!((one.at_once, one.started_at, one.seen_at), (3, NOON, NOON));
    assert_eq!(one.pid, i64::from(std::process::id()));
    assert_eq!(one.version, env!("CARGO_PKG_VERSION"));
    assert!(!one.host.is_empty() && !one.host.ends_with('\n'));
    let (task, stop) = kept.remove(0);
    stop.cancel();
    task.await.unwrap();
    listed(&store, &clock, &["w2"]).await;
    assert_eq!(number(&store, "SELECT count(*) FROM worker").await, 1);
}

async fn one_that_was_killed_is_gone_after_half_a_minute(ground: Ground) {
    let (store, clock) = (ground.open().await, ground.clock.clone());
    let stop = CancellationToken::new();
    let keep = presence::keep(store.clone(), clock.clone(), "w".to_owned(), 1, stop);
    let task = tokio::spawn(keep);
    listed(&store, &clock, &["w"]).await;
    task.abort();
    clock.advance(SILENT_MS - 1);
    listed(&store, &clock, &["w"]).await;
    clock.advance(1);
    listed(&store, &clock, &[]).await;
    assert!(!presence::any(&store, &clock).await.unwrap());
    assert_eq!(number(&store, "SELECT count(*) FROM worker").await, 1);

    // The next one to start forgets it when it is long ago.
    clock.advance(25 * 3_600_000);
    let stop = CancellationToken::new();
    let keep = presence::keep(store.clone(), clock.clone(), "x".to_owned(), 1, stop);
    let task = tokio::spawn(keep);
    listed(&store, &clock, &["x"]).await;
    assert_eq!(number(&store, "SELECT count(*) FROM worker").await, 1);
    task.abort();
}

async fn a_row_that_was_removed_comes_back(ground: Ground) {
    let (store, clock) = (ground.open().await, ground.clock.clone());
    let stop = CancellationToken::new();
    let keep = presence::keep(
        store.clone(),
        clock.clone(),
        "w".to_owned(),
        1,
        stop.clone(),
    );
    let task = tokio::spawn(keep);
    listed(&store, &clock, &["w"]).await;
    sql(&store, "DELETE FROM worker").await.unwrap();
    clock.advance(5_000);
    // A beat is ten seconds.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let workers = listed(&store, &clock, &["w"]).await;
    assert_eq!(
        (workers[0].started_at, workers[0].seen_at),
        (NOON, NOON + 5_000)
    );
    stop.cancel();
    task.await.unwrap();
}

async fn jobs_are_counted_by_state(ground: Ground) {
    let (store, clock) = (ground.open().await, ground.clock.clone());
    let none = figures::jobs(&store, &clock).await.unwrap();
    assert_eq!((none.by_state.len(), none.waiting_ms), (7, 0));
    assert!(none.by_state.iter().all(|(_, jobs)| *jobs == 0));
    enqueue(&store, &clock, &backup("a", "")).await;
    clock.advance(1_000);
    enqueue(&store, &clock, &backup("b", "")).await;
    enqueue(&store, &clock, &backup("c", "")).await;
    clock.advance(500);
    let jobs = figures::jobs(&store, &clock).await.unwrap();
    // Each request is a millisecond after what was before it.
    assert_eq!((jobs.count("queued"), jobs.waiting_ms), (3, 1_502));
    queue::claim(&store, &clock, "w", None)
        .await
        .unwrap()
        .unwrap();
    let jobs = figures::jobs(&store, &clock).await.unwrap();
    assert_eq!((jobs.count("queued"), jobs.count("running")), (2, 1));
    assert_eq!(jobs.waiting_ms, 501, "the first is taken");
}
