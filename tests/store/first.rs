//! A store as the first schema left it, with rows in every table, and a way to compare rows.

use std::borrow::Cow;

use lockkeeper::audit::Recorded;
use secrecy::ExposeSecret;
use sqlx::any::AnyTypeInfoKind;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, Row, SqlSafeStr, ValueRef};

use crate::chain::hash_of;
use crate::ground::Ground;

/// Rows of the first schema, which every later one can hold: jobs in all of its states, one whose worker is at it.
const ROWS: [&str; 9] = [
    "INSERT INTO setting (name, value, updated_at) VALUES ('cookie_key', 'c0ffee', 1)",
    "INSERT INTO \"user\" (id, name, name_key, password_hash, created_at, password_changed_at, disabled_at) VALUES \
     ('u1', 'Ada', 'ada', '$argon2id$v=19$…', 1, 2, NULL), ('u2', 'Żółć \"; DROP', 'żółć', 'hash', 3, 4, 5)",
    "INSERT INTO setup_link (token_hash, created_at, expires_at, used_at) VALUES ('ab', 1, 2, 2), ('cd', 1, 2, NULL)",
    "INSERT INTO session (key_hash, user_id, state, created_at, expires_at) VALUES \
     ('s1', 'u1', '{}', 1, 9000000000000), ('s2', NULL, '{}', 1, 2)",
    "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at, worker, \
     lease_until, outcome, trouble) VALUES \
     ('j1', 'backup.take', 'a', '{\"kind\":\"backup.take\",\"target\":\"a\",\"note\":\"\"}', 'succeeded', 1, 'Ada', 1, 2, 3, 'w', NULL, '{\"summary\":\"done\"}', NULL), \
     ('j2', 'plan.make', 'a', '{}', 'failed', 1, 'Ada', 4, 5, 6, 'w', NULL, NULL, '{\"what\":\"a\nline\"}'), \
     ('j3', 'plan.make', 'a', '{}', 'cancelled', 1, 'Ada', 7, NULL, 8, NULL, NULL, NULL, NULL), \
     ('j4', 'plan.apply', 'a', '{}', 'interrupted', 1, 'Ada', 9, 10, NULL, 'w', NULL, NULL, NULL), \
     ('j5', 'backup.take', 'b', '{\"kind\":\"backup.take\",\"target\":\"b\",\"note\":\"\"}', 'running', 1, 'Ada', 11, 12, NULL, 'w', 13, NULL, NULL), \
     ('j6', 'backup.take', 'b', '{}', 'queued', 1, 'Ada', 14, NULL, NULL, NULL, NULL, NULL, NULL)",
    "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ('j1', 1, 1, 'step', 'Dump', ''), \
     ('j1', 2, 2, 'info', 'Dump', 'ünï — \u{1f512} \"x\" \\ \t'), ('j5', 1, 12, 'step', 'Preflight', 'it runs')",
    "INSERT INTO plan (id, target, digest, verdict, body, made_by, made_at, job_id, applied_at) VALUES \
     ('p1', 'a', 'd1', 'safe', '{}', 'Ada', 1, 'j0', 2), ('p2', 'a', 'd2', 'destructive', '{}', 'Ada', 3, 'j2', NULL)",
    "INSERT INTO approval (id, plan_id, digest, approved_by, approved_at, expires_at, used_at, used_by) VALUES \
     ('y1', 'p1', 'd1', 'Ada', 1, 2, 1, 'j1'), ('y2', 'p2', 'd2', 'Ada', 3, 4, NULL, NULL)",
    // Large and negative numbers come through as they are.
    "INSERT INTO setting (name, value, updated_at) VALUES ('most', '', 9223372036854775807), ('least', '0', -9223372036854775808)",
];

/// Every column of the first schema, table by table.
pub const READS: [&str; 9] = [
    "SELECT name, value, updated_at FROM setting ORDER BY name",
    "SELECT id, name, name_key, password_hash, created_at, password_changed_at, disabled_at FROM \"user\" ORDER BY id",
    "SELECT token_hash, created_at, expires_at, used_at FROM setup_link ORDER BY token_hash",
    "SELECT key_hash, user_id, state, created_at, expires_at FROM session ORDER BY key_hash",
    "SELECT id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at, worker, lease_until, \
     outcome, trouble FROM job ORDER BY id",
    "SELECT job_id, seq, at, level, step, text FROM job_event ORDER BY job_id, seq",
    "SELECT id, target, digest, verdict, body, made_by, made_at, job_id, applied_at FROM plan ORDER BY id",
    "SELECT id, plan_id, digest, approved_by, approved_at, expires_at, used_at, used_by FROM approval ORDER BY id",
    "SELECT seq, at, actor, action, target, job_id, outcome, place, detail, previous_hash, hash FROM audit ORDER BY seq",
];

/// A store with the first step of the schema and none after it, filled.
pub async fn made(ground: &Ground) -> AnyPool {
    sqlx::any::install_default_drivers();
    let url = ground.url.expose_secret();
    if let Some(file) = ground.file() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    let pool = sqlx::any::AnyPoolOptions::new()
        .max_connections(2)
        .connect(url)
        .await
        .unwrap();
    let mut schema = Migrator::with_migrations(vec![Migration::new(
        1,
        Cow::Borrowed("first"),
        MigrationType::Simple,
        include_str!("../../migrations/0001_first.sql").into_sql_str(),
        false,
    )]);
    schema.set_locking(false);
    schema.run(&pool).await.unwrap();
    fill(&pool).await;
    pool
}

/// Puts the rows in, and an audit of three entries.
pub async fn fill(pool: &AnyPool) {
    for rows in ROWS {
        sqlx::query(rows).execute(pool).await.unwrap();
    }
    let mut previous_hash = String::new();
    for seq in 1..=3 {
        let mut entry = Recorded {
            seq,
            at: seq,
            actor: "Ada".to_owned(),
            action: "backup.take".to_owned(),
            target: (seq > 1).then(|| "a".to_owned()),
            job: (seq > 2).then(|| "j1".to_owned()),
            outcome: "requested".to_owned(),
            place: "127.0.0.1".to_owned(),
            detail: String::new(),
            before: None,
            after: None,
            previous_hash,
            hash: String::new(),
        };
        entry.hash = hash_of(&entry);
        sqlx::query(
            "INSERT INTO audit (seq, at, actor, action, target, job_id, outcome, place, detail, previous_hash, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(seq)
        .bind(entry.at)
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.target)
        .bind(entry.job)
        .bind(entry.outcome)
        .bind(entry.place)
        .bind(entry.detail)
        .bind(entry.previous_hash)
        .bind(&entry.hash)
        .execute(pool)
        .await
        .unwrap();
        previous_hash = entry.hash;
    }
}

/// What a query finds, a text for each row.
pub async fn rows(pool: &AnyPool, query: &'static str) -> Vec<String> {
    let found = sqlx::query(query).fetch_all(pool).await.unwrap();
    let value = |row: &sqlx::any::AnyRow, at: usize| {
        let raw = row.try_get_raw(at).unwrap();
        match raw.type_info().kind() {
            _ if raw.is_null() => "null".to_owned(),
            AnyTypeInfoKind::Text => format!("{:?}", row.get::<String, _>(at)),
            _ => row.get::<i64, _>(at).to_string(),
        }
    };
    found
        .iter()
        .map(|row| {
            let values: Vec<String> = (0..row.len()).map(|at| value(row, at)).collect();
            values.join(" | ")
        })
        .collect()
}

/// What all of [`READS`] find.
pub async fn all(pool: &AnyPool) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for query in READS {
        all.push(rows(pool, query).await);
    }
    all
}
