//! Waking sleepers: workers must not wait for their next poll.

use std::time::Duration;

use crate::ground::{Ground, number};

/// Far longer than a wake-up takes, far shorter than a test may hang.
const PATIENCE: Duration = Duration::from_secs(10);

on_both!(
    a_sleeper_of_the_same_process_is_woken,
    a_wake_between_arming_and_sleeping_is_not_lost,
);

async fn a_sleeper_of_the_same_process_is_woken(ground: Ground) {
    let store = ground.open().await;
    let sleeper = store.clone();
    let (asleep, ready) = tokio::sync::oneshot::channel();
    let slept = tokio::spawn(async move {
        let woken = sleeper.woken();
        asleep.send(()).unwrap();
        tokio::time::timeout(PATIENCE, woken).await
    });
    ready.await.unwrap();
    store.wake().await;
    slept.await.unwrap().expect("woken in time");
}

async fn a_wake_between_arming_and_sleeping_is_not_lost(ground: Ground) {
    let store = ground.open().await;
    let woken = store.woken();
    store.wake().await;
    tokio::time::timeout(PATIENCE, woken)
        .await
        .expect("the alarm is armed from the call on");
}

#[tokio::test]
async fn a_sleeper_of_another_process_is_woken_on_postgres() {
    let ground = Ground::postgres();
    let (here, there) = (ground.open().await, ground.open().await);
    let woken = there.woken();
    here.wake().await;
    tokio::time::timeout(PATIENCE, woken)
        .await
        .expect("notified through the server");
}

#[tokio::test]
async fn a_sleeper_is_woken_again_after_the_connection_was_cut() {
    let ground = Ground::postgres();
    let (here, there) = (ground.open().await, ground.open().await);
    let listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(number(&here, listeners).await, 2);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    number(&here, cut).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let woken = there.woken();
    here.wake().await;
    tokio::time::timeout(PATIENCE, woken)
        .await
        .expect("it listens again");
}

#[tokio::test]
async fn a_writer_that_hangs_does_not_hang_the_others_for_ever() {
    let ground = Ground::postgres();
    let (here, there) = (ground.open().await, ground.open().await);
    let hangs = here.begin().await.unwrap();
    let waited = tokio::time::timeout(PATIENCE * 2, there.begin()).await;
    let refused = waited.expect("it is told within its lock timeout");
    assert!(refused.is_err());
    hangs.rollback().await.unwrap();
    there.begin().await.unwrap();
}
