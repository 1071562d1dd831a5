//! A store of the first schema, opened by this program.

use std::time::Duration;

use lockkeeper::audit::{self, Entry};
use lockkeeper::job::queue::{self, LEASE_MS, State};
use lockkeeper::store::Store;
use sqlx::AnyPool;

use crate::chain::broken_at;
use crate::first::{self, all, rows};
use crate::ground::{Ground, audit, number, sql};
use crate::queue::{backup, reap};

on_both!(
    every_row_survives,
    what_the_schema_refuses_is_refused_afterwards,
    what_ran_is_interrupted_and_the_chain_goes_on,
    a_step_that_fails_leaves_the_first_schema,
    an_upgrade_that_is_given_up_leaves_the_first_schema_or_the_last,
);

async fn every_row_survives(ground: Ground) {
    let old = first::made(&ground).await;
    let before = all(&old).await;
    assert!(before.iter().all(|rows| rows.len() > 1), "{before:#?}");
    let store = ground.open().await;
    assert_eq!(all(store.read()).await, before);
    assert_eq!(
        rows(
            store.read(),
            "SELECT id, fence, priority FROM job ORDER BY id"
        )
        .await,
        [
            "\"j1\" | 1 | 0",
            "\"j2\" | 1 | 0",
            "\"j3\" | 0 | 0",
            "\"j4\" | 1 | 0",
            "\"j5\" | 1 | 0",
            "\"j6\" | 0 | 0"
        ],
        "a job that was taken has been taken once"
    );
    let admins = "SELECT CAST(count(*) AS BIGINT) FROM \"user\" JOIN user_role ON user_role.user_id = \"user\".id \
                  AND target = '*' AND role = 'admin'";
    let users = number(&store, "SELECT count(*) FROM \"user\"").await;
    assert_eq!(
        number(&store, admins).await,
        users,
        "they could do everything"
    );
    let head = "SELECT CAST(count(*) AS BIGINT) FROM audit_head h JOIN audit a ON a.seq = h.seq AND a.hash = h.hash \
                WHERE h.seq = 3";
    assert_eq!(number(&store, head).await, 1);
}

async fn what_the_schema_refuses_is_refused_afterwards(ground: Ground) {
    drop(first::made(&ground).await);
    let store = ground.open().await;
    for impossible in [
        // A state that there is not, a second one at work on a target, the same request twice, an event of no job.
        "UPDATE job SET state = 'sleeping' WHERE id = 'j6'",
        "UPDATE job SET state = 'running', started_at = 1, lease_until = 2 WHERE id = 'j6'",
        "UPDATE job SET idempotency_key = 'k' WHERE id IN ('j1', 'j2')",
        "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ('ghost', 1, 1, 'info', '', '')",
        "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ('j1', 2, 1, 'info', '', '')",
        "DELETE FROM job WHERE id = 'j1'",
        "UPDATE job SET run_at = NULL, state = 'scheduled' WHERE id = 'j6'",
    ] {
        sql(&store, impossible).await.unwrap_err();
    }
    for possible in [
        "UPDATE job SET idempotency_key = 'k' WHERE id = 'j1'",
        "UPDATE job SET state = 'scheduled', run_at = 99 WHERE id = 'j6'",
    ] {
        sql(&store, possible).await.unwrap();
    }
}

async fn what_ran_is_interrupted_and_the_chain_goes_on(ground: Ground) {
    drop(first::made(&ground).await);
    let store = ground.open().await;
    // Only what this program can read back: the others stand for rows, not for operations.
    let reaped = reap(&store, &ground.clock).await;
    assert_eq!(reaped.len(), 1);
    assert_eq!(
        (reaped[0].id.as_str(), reaped[0].state),
        ("j5", State::Interrupted)
    );
    let waits = crate::queue::enqueue(&store, &ground.clock, &backup("c", "")).await;
    let taken = queue::claim(&store, &ground.clock, "w2", Some(&waits)).await;
    assert_eq!(taken.unwrap().unwrap().id, waits);
    ground.clock.advance(LEASE_MS);
    let entry = Entry {
        actor: "Ada",
        action: "sign-in",
        outcome: "succeeded",
        ..Entry::default()
    };
    audit::record_alone(&store, &ground.clock, &entry)
        .await
        .unwrap();
    let entries = audit(&store).await;
    assert!(entries.len() > 4);
    assert_eq!(broken_at(&entries), None);
}

/// Looks at a store that is not open: it is wholly of the first schema.
async fn expect_first(pool: &AnyPool, before: &[Vec<String>]) {
    assert_eq!(
        rows(pool, "SELECT version FROM _sqlx_migrations").await,
        ["1"]
    );
    assert_eq!(all(pool).await, before);
    for newer in [
        "SELECT fence FROM job",
        "SELECT 1 FROM job_1",
        "SELECT 1 FROM worker",
    ] {
        assert!(sqlx::query(newer).fetch_all(pool).await.is_err(), "{newer}");
    }
    let mut tx = pool.begin().await.unwrap();
    let second =
        "UPDATE job SET state = 'running', started_at = 1, lease_until = 2 WHERE id = 'j6'";
    sqlx::query(second)
        .execute(&mut *tx)
        .await
        .expect_err("the unique index is there as well");
    tx.rollback().await.unwrap();
}

async fn a_step_that_fails_leaves_the_first_schema(ground: Ground) {
    let old = first::made(&ground).await;
    let before = all(&old).await;
    // By then the jobs have been moved to their new table.
    sqlx::query("CREATE TABLE schedule (id TEXT)")
        .execute(&old)
        .await
        .unwrap();
    Store::open(&ground.url).await.unwrap_err();
    expect_first(&old, &before).await;
    sqlx::query("DROP TABLE schedule")
        .execute(&old)
        .await
        .unwrap();
    let store = ground.open().await;
    assert_eq!(all(store.read()).await, before);
}

async fn an_upgrade_that_is_given_up_leaves_the_first_schema_or_the_last(ground: Ground) {
    let old = first::made(&ground).await;
    sqlx::query(
        "INSERT INTO job_event (job_id, seq, at, level, step, text) \
         WITH RECURSIVE n(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < 3000) \
         SELECT 'j1', n, n, 'info', '', 'a line of the log' FROM n",
    )
    .execute(&old)
    .await
    .unwrap();
    let before = all(&old).await;
    let mut given_up = 0;
    for doubled in 0..16 {
        let opening = Store::open(&ground.url);
        match tokio::time::timeout(Duration::from_millis(1 << doubled), opening).await {
            Err(_) => given_up += 1,
            Ok(store) => {
                assert_eq!(all(store.unwrap().read()).await, before);
                break;
            }
        }
        // What was begun is undone when the engine notices that nobody is there any more.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let newest = rows(
            &old,
            "SELECT CAST(max(version) AS BIGINT) FROM _sqlx_migrations",
        )
        .await;
        if newest == ["1"] {
            expect_first(&old, &before).await;
        } else {
            assert_eq!(all(&old).await, before);
        }
    }
    assert!(given_up > 1);
}
