//! The log of a job.

use lockkeeper::job::queue;
use lockkeeper::operation::{Event, Level};

use crate::ground::{Ground, NOON};
use crate::queue::{backup, enqueue};

on_both!(
    events_keep_their_order_without_a_gap,
    two_writers_of_one_log_leave_no_gap,
    each_job_counts_for_itself,
);

fn event(level: Level, text: &str) -> Event {
    Event {
        at: NOON,
        level,
        step: "Dump".to_owned(),
        text: text.to_owned(),
    }
}

async fn events_keep_their_order_without_a_gap(ground: Ground) {
    let store = ground.open().await;
    let id = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let texts = [
        "one",
        "two — ünïcode",
        "a NUL: \0.",
        "",
        "five\nlines",
        "six",
    ];
    let levels = [
        Level::Step,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Info,
        Level::Info,
    ];
    let events: Vec<Event> = levels
        .into_iter()
        .zip(texts)
        .map(|(level, text)| event(level, text))
        .collect();
    queue::append(&store, &id, &events[..2]).await.unwrap();
    queue::append(&store, &id, &[]).await.unwrap();
    queue::append(&store, &id, &events[2..]).await.unwrap();
    let lines = queue::lines(&store, &id, 0, 100).await.unwrap();
    let seqs: Vec<i64> = lines.iter().map(|line| line.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!(lines[2].event.text, "a NUL: \u{fffd}.");
    assert_eq!(lines[0].event, events[0]);
    assert_eq!(lines[3].event, events[3]);
    assert_eq!(lines[4].event, events[4]);
    let rest = queue::lines(&store, &id, 3, 2).await.unwrap();
    assert_eq!(rest, lines[3..5]);
    assert!(queue::lines(&store, &id, 6, 2).await.unwrap().is_empty());
}

async fn two_writers_of_one_log_leave_no_gap(ground: Ground) {
    let stores = [ground.open().await, ground.open().await];
    let id = enqueue(&stores[0], &ground.clock, &backup("a", "")).await;
    let writing = (0..30).map(|n: usize| {
        let (store, id) = (stores[n % 2].clone(), id.clone());
        tokio::spawn(async move {
            let events = [event(Level::Info, "a"), event(Level::Info, "b")];
            queue::append(&store, &id, &events).await.unwrap();
        })
    });
    for task in writing.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let lines = queue::lines(&stores[0], &id, 0, 100).await.unwrap();
    let seqs: Vec<i64> = lines.iter().map(|line| line.seq).collect();
    assert_eq!(seqs, (1..=60).collect::<Vec<_>>());
    for pair in lines.chunks(2) {
        assert_eq!((&*pair[0].event.text, &*pair[1].event.text), ("a", "b"));
    }
}

async fn each_job_counts_for_itself(ground: Ground) {
    let store = ground.open().await;
    let first = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let second = enqueue(&store, &ground.clock, &backup("b", "")).await;
    let info = [event(Level::Info, "here")];
    queue::append(&store, &first, &info).await.unwrap();
    queue::append(&store, &second, &info).await.unwrap();
    let lines = queue::lines(&store, &second, 0, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].seq), (1, 1));
    let unknown = queue::append(&store, "no such job", &info).await;
    assert!(unknown.is_err(), "an event belongs to a job");
}
