//! The log of a job.

use lockkeeper::job::queue::{self, Counted, Job};
use lockkeeper::operation::{Count, Event, Level};
use lockkeeper::store::Store;

use crate::ground::{Ground, NOON};
use crate::queue::{backup, enqueue};

on_both!(
    events_keep_their_order_without_a_gap,
    two_writers_of_one_log_leave_no_gap,
    each_job_counts_for_itself,
    what_is_counted_belongs_to_its_step,
);

async fn running(store: &Store, ground: &Ground, target: &str) -> Job {
    enqueue(store, &ground.clock, &backup(target, "")).await;
    let job = queue::claim(store, &ground.clock, "w", None).await;
    job.unwrap().unwrap()
}

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
    let job = running(&store, &ground, "a").await;
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
    assert!(
        queue::append(&store, &job, &events[..2], None)
            .await
            .unwrap()
    );
    assert!(queue::append(&store, &job, &[], None).await.unwrap());
    assert!(
        queue::append(&store, &job, &events[2..], None)
            .await
            .unwrap()
    );
    let lines = queue::lines(&store, &job.id, 0, 100).await.unwrap();
    let seqs: Vec<i64> = lines.iter().map(|line| line.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!(lines[2].event.text, "a NUL: \u{fffd}.");
    assert_eq!(lines[0].event, events[0]);
    assert_eq!(lines[3].event, events[3]);
    assert_eq!(lines[4].event, events[4]);
    let rest = queue::lines(&store, &job.id, 3, 2).await.unwrap();
    assert_eq!(rest, lines[3..5]);
    assert!(
        queue::lines(&store, &job.id, 6, 2)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn two_writers_of_one_log_leave_no_gap(ground: Ground) {
    let stores = [ground.open().await, ground.open().await];
    let job = running(&stores[0], &ground, "a").await;
    let writing = (0..30).map(|n: usize| {
        let (store, job) = (stores[n % 2].clone(), job.clone());
        tokio::spawn(async move {
            let events = [event(Level::Info, "a"), event(Level::Info, "b")];
            queue::append(&store, &job, &events, None).await.unwrap();
        })
    });
    for task in writing.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let lines = queue::lines(&stores[0], &job.id, 0, 100).await.unwrap();
    let seqs: Vec<i64> = lines.iter().map(|line| line.seq).collect();
    assert_eq!(seqs, (1..=60).collect::<Vec<_>>());
    for pair in lines.chunks(2) {
        assert_eq!((&*pair[0].event.text, &*pair[1].event.text), ("a", "b"));
    }
}

async fn each_job_counts_for_itself(ground: Ground) {
    let store = ground.open().await;
    let first = running(&store, &ground, "a").await;
    let second = running(&store, &ground, "b").await;
    let info = [event(Level::Info, "here")];
    queue::append(&store, &first, &info, None).await.unwrap();
    queue::append(&store, &second, &info, None).await.unwrap();
    let lines = queue::lines(&store, &second.id, 0, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].seq), (1, 1));
    let queued = enqueue(&store, &ground.clock, &backup("c", "")).await;
    let queued = queue::get(&store, &queued).await.unwrap().unwrap();
    let written = queue::append(&store, &queued, &info, None).await.unwrap();
    assert!(!written, "a job that does not run has nothing to say");
}

async fn what_is_counted_belongs_to_its_step(ground: Ground) {
    let store = ground.open().await;
    let job = running(&store, &ground, "a").await;
    let now = async || queue::get(&store, &job.id).await.unwrap().unwrap();
    let count = Count {
        done: 3,
        total: Some(7),
        unit: "bytes",
    };
    let dump = [event(Level::Step, "Dumping.")];
    queue::append(&store, &job, &dump, Some(&count))
        .await
        .unwrap();
    let counted = Counted {
        done: 3,
        total: Some(7),
        unit: "bytes".to_owned(),
    };
    assert_eq!(now().await.step.as_deref(), Some("Dump"));
    assert_eq!(now().await.count, Some(counted.clone()));
    let same = [event(Level::Info, "Still dumping.")];
    queue::append(&store, &job, &same, None).await.unwrap();
    assert_eq!(now().await.count, Some(counted));
    let next = Event {
        step: "Check".to_owned(),
        ..event(Level::Step, "Checking.")
    };
    queue::append(&store, &job, &[next], None).await.unwrap();
    assert_eq!(now().await.step.as_deref(), Some("Check"));
    assert_eq!(now().await.count, None, "a new step counts from nothing");
}
