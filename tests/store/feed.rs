//! The feed: who watches a job is woken by that job, by nothing else, and not by polling the store itself.

use std::time::Duration;

use lockkeeper::job::feed::{Feed, Watcher};
use lockkeeper::job::queue;
use lockkeeper::operation::{Event, Level};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;
use crate::queue::{backup, enqueue};

on_both!(a_watcher_is_woken_by_its_own_job);

async fn is_woken(watcher: &mut Watcher) -> bool {
    timeout(Duration::from_secs(3), watcher.moved())
        .await
        .is_ok()
}

async fn is_left_alone(watcher: &mut Watcher) -> bool {
    timeout(Duration::from_millis(1500), watcher.moved())
        .await
        .is_err()
}

async fn a_watcher_is_woken_by_its_own_job(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let second = enqueue(&store, &ground.clock, &backup("b", "")).await;
    let feed = Feed::new(store.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn(feed.clone().run(stop.clone()));
    let (mut one, mut other) = (feed.watch(&first), feed.watch(&second));
    // The first look tells both where they are.
    assert!(is_woken(&mut one).await && is_woken(&mut other).await);
    assert!(is_left_alone(&mut one).await);

    // Another process takes the job and writes to its log: nothing rings here on SQLite.
    let elsewhere = ground.open().await;
    let job = queue::claim(&elsewhere, &ground.clock, "w", Some(&first))
        .await
        .unwrap()
        .unwrap();
    assert!(is_woken(&mut one).await, "it runs");
    let event = Event {
        at: ground.clock.now_ms(),
        level: Level::Info,
        step: "Dump".to_owned(),
        text: "a line".to_owned(),
    };
    queue::append(&elsewhere, &job, &[event], None)
        .await
        .unwrap();
    assert!(is_woken(&mut one).await, "it says something");
    queue::finish(&elsewhere, &ground.clock, &job, &crate::queue::done())
        .await
        .unwrap();
    assert!(is_woken(&mut one).await, "it is over");
    assert!(is_left_alone(&mut other).await, "nothing happened to it");

    stop.cancel();
    timeout(Duration::from_secs(2), running)
        .await
        .unwrap()
        .unwrap();
}
