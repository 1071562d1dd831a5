//! What is removed with time, what is not, and that nobody waits for it.

use std::time::Duration;

use lockkeeper::config::Keep;
use lockkeeper::job::queue::{self, Kept};
use lockkeeper::job::retention::{self, Removed};
use lockkeeper::store::Store;

use crate::first::rows;
use crate::ground::{Ground, NOON, number, sql};
use crate::queue::{backup, enqueue};

on_both!(
    what_ended_long_ago_goes_and_nothing_else,
    nought_keeps_for_ever,
    the_newest_job_of_a_schedule_stays,
    measurements_are_forgotten,
    what_was_sent_is_forgotten_and_what_waits_is_not,
    heartbeats_go_on_while_much_is_removed,
);

const DAY: i64 = 24 * 60 * 60 * 1000;
const KEEP: Keep = Keep {
    jobs_days: 90,
    events_days: 30,
};

/// A job that ended so many days ago, with as many lines in its log.
async fn ended(store: &Store, id: &str, days: i64, lines: i64) {
    let at = NOON - days * DAY;
    let mut tx = store.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at) \
         VALUES ($1, 'k', 't', '{}', 'succeeded', 1, 'ada', 1, 1, $2)",
    )
    .bind(id)
    .bind(at)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO job_event (job_id, seq, at, level, step, text) \
         WITH RECURSIVE n(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < $2) \
         SELECT CAST($1 AS TEXT), n, n, 'info', '', 'line' FROM n WHERE n <= $2",
    )
    .bind(id)
    .bind(lines)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn what_ended_long_ago_goes_and_nothing_else(ground: Ground) {
    let store = ground.open().await;
    ended(&store, "ancient", 91, 1_203).await;
    ended(&store, "ancient-silent", 91, 0).await;
    ended(&store, "old", 89, 700).await;
    ended(&store, "old-too", 31, 3).await;
    ended(&store, "young", 29, 5).await;
    // As old as anything, and not over: one waits, one runs, of one nobody knows.
    sql(
        &store,
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, lease_until) VALUES \
         ('waits', 'k', 'a', '{}', 'queued', 1, 'ada', 1, NULL, NULL), \
         ('runs', 'k', 'b', '{}', 'running', 1, 'ada', 1, 1, 2), \
         ('unknown', 'k', 'c', '{}', 'interrupted', 1, 'ada', 1, 1, NULL)",
    )
    .await
    .unwrap();
    sql(
        &store,
        "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES \
         ('runs', 1, 1, 'info', '', ''), ('unknown', 1, 1, 'info', '', '')",
    )
    .await
    .unwrap();
    sql(
        &store,
        "INSERT INTO plan (id, target, digest, verdict, body, made_by, author, made_at, job_id) \
         VALUES ('p', 't', 'd', 'safe', '{}', 'ada', 'ada', 1, 'ancient')",
    )
    .await
    .unwrap();
    sql(
        &store,
        "INSERT INTO audit (seq, at, actor, action, job_id, outcome, place, detail, previous_hash, hash) \
         VALUES (1, 1, 'ada', 'x', 'ancient', 'succeeded', '', '', '', 'h')",
    )
    .await
    .unwrap();

    let removed = retention::tidy(&store, &ground.clock, KEEP).await.unwrap();
    let expected = Removed {
        events: 1_203 + 700 + 3,
        jobs: 2,
        ..Removed::default()
    };
    assert_eq!(removed, expected);
    assert_eq!(
        rows(
            store.read(),
            "SELECT id, log_removed_at, (SELECT count(*) FROM job_event WHERE job_id = id) FROM job ORDER BY created_at, id"
        )
        .await,
        [
            format!("\"old\" | {NOON} | 0"),
            format!("\"old-too\" | {NOON} | 0"),
            "\"runs\" | null | 1".to_owned(),
            "\"unknown\" | null | 1".to_owned(),
            "\"waits\" | null | 0".to_owned(),
            "\"young\" | null | 5".to_owned(),
        ]
    );
    assert_eq!(number(&store, "SELECT count(*) FROM plan").await, 1);
    assert_eq!(number(&store, "SELECT count(*) FROM audit").await, 1);

    let again = retention::tidy(&store, &ground.clock, KEEP).await.unwrap();
    assert_eq!(again, Removed::default());
    ground.clock.advance(2 * DAY);
    let later = retention::tidy(&store, &ground.clock, KEEP).await.unwrap();
    assert_eq!((later.events, later.jobs), (5, 1), "young's log, and old");
}

async fn nought_keeps_for_ever(ground: Ground) {
    let store = ground.open().await;
    ended(&store, "ancient", 3_000, 2).await;
    let keep = |jobs_days, events_days| Keep {
        jobs_days,
        events_days,
    };
    let removed = retention::tidy(&store, &ground.clock, keep(0, 0)).await;
    assert_eq!(removed.unwrap(), Removed::default());
    let removed = retention::tidy(&store, &ground.clock, keep(0, 30))
        .await
        .unwrap();
    assert_eq!((removed.events, removed.jobs), (2, 0));
    ended(&store, "old", 100, 2).await;
    let removed = retention::tidy(&store, &ground.clock, keep(90, 0))
        .await
        .unwrap();
    assert_eq!(
        (removed.events, removed.jobs),
        (2, 2),
        "a log goes with its job"
    );
}

async fn the_newest_job_of_a_schedule_stays(ground: Ground) {
    let store = ground.open().await;
    for id in ["a1", "a2", "b1"] {
        ended(&store, id, 200, 1).await;
    }
    sql(&store, "UPDATE job SET schedule_id = substr(id, 1, 1)")
        .await
        .unwrap();
    let removed = retention::tidy(&store, &ground.clock, KEEP).await.unwrap();
    assert_eq!((removed.events, removed.jobs), (3, 1));
    assert_eq!(
        rows(store.read(), "SELECT id FROM job ORDER BY id").await,
        ["\"a2\"", "\"b1\""]
    );
}

async fn measurements_are_forgotten(ground: Ground) {
    let store = ground.open().await;
    for days in [401, 399] {
        let mut tx = store.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO measurement (target, at, job_id, version_num, applied, pending, troubled) \
             VALUES ('t', $1, 'j', 150018, 1, 0, 0)",
        )
        .bind(NOON - days * DAY)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
    let removed = retention::tidy(&store, &ground.clock, KEEP).await.unwrap();
    assert_eq!(removed.measurements, 1);
    let left = "SELECT at FROM measurement";
    assert_eq!(number(&store, left).await, NOON - 399 * DAY);
}

async fn heartbeats_go_on_while_much_is_removed(ground: Ground) {
    let store = ground.open().await;
    ended(&store, "ancient", 91, 20_000).await;
    let id = enqueue(&store, &ground.clock, &backup("a", "")).await;
    let claimed = queue::claim(&store, &ground.clock, "w", Some(&id)).await;
    let job = claimed.unwrap().unwrap();
    let purge = {
        let (store, clock) = (store.clone(), ground.clock.clone());
        tokio::spawn(async move { retention::tidy(&store, &clock, KEEP).await })
    };
    let mut beats = 0;
    while !purge.is_finished() {
        let beat = queue::heartbeat(&store, &ground.clock, &job);
        let beat = tokio::time::timeout(Duration::from_secs(2), beat).await;
        let beat = beat.expect("a heartbeat waited for the purge");
        assert_eq!(beat.unwrap(), Kept::Yes);
        beats += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let removed = purge.await.unwrap().unwrap();
    assert_eq!((removed.events, removed.jobs), (20_000, 1));
    assert!(beats >= 20, "{beats} heartbeats fitted in between");
}

async fn what_was_sent_is_forgotten_and_what_waits_is_not(ground: Ground) {
    let store = ground.open().await;
    let mut tx = store.begin().await.unwrap();
    for (state, days, count) in [
        ("sent", 91, 1_201),
        ("given-up", 91, 3),
        ("waiting", 91, 2),
        ("sent", 89, 5),
    ] {
        sqlx::query(
            "INSERT INTO notification (id, event_key, kind, target, channel, subject, body, created_at, state, next_try_at, \
             sent_at) WITH RECURSIVE n(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < $3) \
             SELECT CAST($1 AS TEXT) || CAST(n AS TEXT) || '.' || CAST($2 AS TEXT), \
             CAST($1 AS TEXT) || CAST(n AS TEXT) || '.' || CAST($2 AS TEXT), 'test', '', 'mail:a', '', '', \
             $2, CAST($1 AS TEXT), 0, CASE WHEN CAST($1 AS TEXT) = 'sent' THEN $2 END FROM n",
        )
        .bind(state)
        .bind(NOON - days * 86_400_000)
        .bind(count)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let removed = retention::tidy(&store, &ground.clock, KEEP).await.unwrap();
    let expected = Removed {
        notifications: 1_204,
        ..Removed::default()
    };
    assert_eq!(removed, expected);
    assert_eq!(number(&store, "SELECT count(*) FROM notification").await, 7);
}
