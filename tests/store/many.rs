//! The audit of a console that was in use for years. What it takes is printed.
#![expect(clippy::print_stdout, reason = "the figures are for whoever runs it")]

use std::time::{Duration, Instant};

use lockkeeper::audit::{self, Entry, Fault, Filter};

use crate::ground::{Ground, NOON, sql};
use crate::tampering::{fault, whole};

on_both!(
    ten_thousand_entries_are_verified_in_seconds,
    a_hundred_thousand_entries_are_searched_at_once,
);

async fn ten_thousand_entries_are_verified_in_seconds(ground: Ground) {
    const MANY: i64 = 10_000;
    let store = ground.open().await;
    for _ in 0..MANY / 500 {
        let mut tx = store.begin().await.unwrap();
        for _ in 0..500 {
            let entry = Entry {
                detail: "one of many",
                ..Entry::default()
            };
            audit::record(&mut tx, &ground.clock, &entry).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    let began = Instant::now();
    assert_eq!(whole(&store).await.count, MANY);
    let took = began.elapsed();
    println!("{MANY} entries were verified in {took:?}");
    assert!(took.as_secs() < 5, "{took:?}");
    // The break is found in whatever chunk it is, and at its borders.
    for n in [1_000, 1_001, MANY] {
        let mut tx = store.begin().await.unwrap();
        sqlx::query("UPDATE audit SET detail = 'x' || detail WHERE seq = $1")
            .bind(n)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(fault(&store).await, Fault::Edited(n));
        let mut tx = store.begin().await.unwrap();
        sqlx::query("UPDATE audit SET detail = substr(detail, 2) WHERE seq = $1")
            .bind(n)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

async fn a_hundred_thousand_entries_are_searched_at_once(ground: Ground) {
    let store = ground.open().await;
    sql(
        &store,
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
         INSERT INTO audit (seq, at, actor, action, target, outcome, place, detail, previous_hash, hash) \
         SELECT i, 1700000000000 + i * 1000, CASE WHEN i = 7 THEN 'eve' ELSE 'ada' END, \
         CASE WHEN i % 2 = 0 THEN 'backup.take' ELSE 'sign-in' END, CASE WHEN i % 2 = 0 THEN 'jarvis' END, \
         CASE WHEN i = 9 THEN 'refused' ELSE 'succeeded' END, 'worker', 'a sentence of some length about it', '', '' FROM n",
    )
    .await
    .unwrap();
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    let cases = [
        ("all", none(), 50),
        (
            "a rare actor",
            Filter {
                actor: some("eve"),
                ..none()
            },
            1,
        ),
        (
            "nobody",
            Filter {
                actor: some("nobody"),
                ..none()
            },
            0,
        ),
        (
            "a target and a rare actor",
            Filter {
                actor: some("eve"),
                target: some("jarvis"),
                ..none()
            },
            0,
        ),
        (
            "a rare outcome",
            Filter {
                outcome: some("refused"),
                ..none()
            },
            1,
        ),
        (
            "the first minute",
            Filter {
                to_ms: Some(NOON + 60_000),
                ..none()
            },
            50,
        ),
        (
            "the last seconds",
            Filter {
                from_ms: Some(NOON + 99_990_000),
                ..none()
            },
            11,
        ),
    ];
    for (words, filter, expected) in cases {
        let began = Instant::now();
        let page = audit::page(&store, &filter, None, 50).await.unwrap();
        let took = began.elapsed();
        println!("{words}: {took:?}");
        assert_eq!(page.len(), expected, "{words}");
        assert!(took < Duration::from_secs(3), "{words}: {took:?}");
    }
}
