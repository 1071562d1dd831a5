//! What the schema itself refuses, whatever the code does.

use crate::ground::{Ground, number, sql};

on_both!(
    impossible_rows_are_refused,
    two_exclusive_jobs_cannot_run_on_one_target,
);

/// Each breaks one rule of the schema.
const IMPOSSIBLE: [&str; 17] = [
    // A state that there is not.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at) \
     VALUES ('x', 'k', 't', '{}', 'sleeping', 1, 'ada', 1)",
    // A flag that is neither.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at) \
     VALUES ('x', 'k', 't', '{}', 'queued', 2, 'ada', 1)",
    // Queued, and started.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at) \
     VALUES ('x', 'k', 't', '{}', 'queued', 1, 'ada', 1, 2)",
    // Running, and never started.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, lease_until) \
     VALUES ('x', 'k', 't', '{}', 'running', 1, 'ada', 1, 2)",
    // Running without a lease.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at) \
     VALUES ('x', 'k', 't', '{}', 'running', 1, 'ada', 1, 2)",
    // Failed without an end.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at) \
     VALUES ('x', 'k', 't', '{}', 'failed', 1, 'ada', 1, 2)",
    // Interrupted, and ended.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at) \
     VALUES ('x', 'k', 't', '{}', 'interrupted', 1, 'ada', 1, 2, 3)",
    // Interrupted, and still leased.
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, lease_until) \
     VALUES ('x', 'k', 't', '{}', 'interrupted', 1, 'ada', 1, 2, 3)",
    // An event of no job.
    "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ('ghost', 1, 1, 'info', '', '')",
    // A level that there is not.
    "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ('known', 1, 1, 'loud', '', '')",
    // A verdict that there is not.
    "INSERT INTO plan (id, target, digest, verdict, body, made_by, author, made_at, job_id) \
     VALUES ('x', 't', 'd', 'harmless', '{}', 'ada', 'ada', 1, 'known')",
    // A plan that is closed in a way that there is not, for no reason, or although it was applied.
    "UPDATE plan SET closed_at = 1, closed_as = 'bored', closed_by = 'ada', closed_reason = '' WHERE id = 'known'",
    "UPDATE plan SET closed_at = 1, closed_as = 'void', closed_by = 'ada' WHERE id = 'known'",
    "UPDATE plan SET applied_at = 1, closed_at = 1, closed_as = 'void', closed_by = 'ada', closed_reason = '' WHERE id = 'known'",
    // A yes to no plan.
    "INSERT INTO approval (id, plan_id, digest, reason, approved_by, approved_at, expires_at) \
     VALUES ('x', 'ghost', 'd', '', 'ada', 1, 2)",
    // A yes that was used by nobody.
    "INSERT INTO approval (id, plan_id, digest, reason, approved_by, approved_at, expires_at, used_at) \
     VALUES ('x', 'known', 'd', '', 'ada', 1, 2, 1)",
    // A session of nobody.
    "INSERT INTO session (key_hash, user_id, state, created_at, expires_at) VALUES ('x', 'ghost', '{}', 1, 2)",
];

async fn impossible_rows_are_refused(ground: Ground) {
    let store = ground.open().await;
    for known in [
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at) \
         VALUES ('known', 'k', 't', '{}', 'queued', 1, 'ada', 1)",
        "INSERT INTO plan (id, target, digest, verdict, body, made_by, author, made_at, job_id) \
         VALUES ('known', 't', 'd', 'safe', '{}', 'ada', 'ada', 1, 'known')",
    ] {
        sql(&store, known).await.unwrap();
    }
    for row in IMPOSSIBLE {
        let refused = sql(&store, row).await.unwrap_err();
        let refused = refused
            .as_database_error()
            .map(sqlx::error::DatabaseError::kind);
        assert!(
            matches!(
                refused,
                Some(
                    sqlx::error::ErrorKind::CheckViolation
                        | sqlx::error::ErrorKind::ForeignKeyViolation
                )
            ),
            "{row}: {refused:?}"
        );
    }
    let rows = "SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM job_event) \
                + (SELECT count(*) FROM plan) + (SELECT count(*) FROM approval)";
    assert_eq!(number(&store, rows).await, 2);
}

async fn two_exclusive_jobs_cannot_run_on_one_target(ground: Ground) {
    let store = ground.open().await;
    sql(
        &store,
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at) \
         VALUES ('1', 'k', 't', '{}', 'interrupted', 1, 'ada', 1, 1)",
    )
    .await
    .unwrap();
    let second = sql(
        &store,
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, lease_until) \
         VALUES ('2', 'k', 't', '{}', 'running', 1, 'ada', 1, 1, 2)",
    )
    .await
    .unwrap_err();
    assert!(second.as_database_error().unwrap().is_unique_violation());
    sql(
        &store,
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, lease_until) \
         VALUES ('3', 'k', 'elsewhere', '{}', 'running', 1, 'ada', 1, 1, 2)",
    )
    .await
    .unwrap();
}
