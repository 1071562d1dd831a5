//! The store to a file and back, on either engine and across them.

use std::path::{Path, PathBuf};

use lockkeeper::audit::{self, Entry};
use lockkeeper::store::Store;
use lockkeeper::store::snapshot::{self, SnapshotError};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::chain::broken_at;
use crate::first::{self, rows};
use crate::ground::{Ground, NOON, audit, number, sql};
use crate::queue::reap;

on_both!(
    a_snapshot_goes_to_the_other_engine_and_back,
    a_snapshot_shows_one_moment,
    what_waited_lapses_and_nobody_is_signed_in,
    a_snapshot_of_the_first_schema_is_brought_up_to_date,
    a_store_that_is_in_use_or_not_empty_is_refused,
    a_restore_that_is_given_up_changes_nothing,
    every_table_is_in_a_snapshot_or_left_out_on_purpose,
);

/// Rows of the tables that came after the first schema.
const LATER: [&str; 6] = [
    "INSERT INTO schedule (id, target, payload, cron, zone, enabled, created_by, created_at, updated_at) \
     VALUES ('s', 'a', '{}', '0 3 * * *', 'Europe/Warsaw', 1, 'Ada', 1, 2)",
    "INSERT INTO measurement (target, at, job_id, version_num, database_bytes, applied, pending, troubled) VALUES \
     ('a', 1, 'j1', 150018, 12345678901, 1, 2, 3), ('a', 2, 'j1', 150018, NULL, 1, 2, 3)",
    "INSERT INTO drift (target, at, job_id, differences, body) VALUES ('a', 3, 'j1', 2, '{\"a\": \"it''s\"}')",
    "INSERT INTO worker (id, host, pid, version, at_once, started_at, seen_at) VALUES ('w', 'h', 1, '0', 4, 1, 1)",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head (one, seq, hash) SELECT 1, seq, hash FROM audit WHERE seq = 3",
];

fn other(ground: &Ground) -> Ground {
    match ground.file() {
        Some(_) => Ground::postgres(),
        None => Ground::sqlite(),
    }
}

/// A store with rows in every table.
async fn filled(ground: &Ground) -> Store {
    let store = ground.open().await;
    first::fill(store.read()).await;
    for statement in LATER {
        sql(&store, statement).await.unwrap();
    }
    store
}

async fn write(store: &Store, ground: &Ground, folder: &TempDir, name: &str) -> PathBuf {
    let file = folder.path().join(name);
    snapshot::write(store, &ground.clock, &file, false)
        .await
        .unwrap();
    file
}

/// Puts a snapshot back as the command does, with its audit entry.
async fn restore(store: &Store, ground: &Ground, file: &Path, replace: bool) -> Option<PathBuf> {
    let checked = snapshot::check(file).unwrap();
    let mut restored = snapshot::restore(store, &ground.clock, &checked, replace)
        .await
        .unwrap();
    let entry = Entry {
        actor: "ada",
        action: "store.restore",
        outcome: "succeeded",
        ..Entry::default()
    };
    audit::record(&mut restored.tx, &ground.clock, &entry)
        .await
        .unwrap();
    restored.tx.commit().await.unwrap();
    restored.kept
}

/// The lines of the rows of a snapshot, without what each restore adds.
fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut lines: Vec<String> = lines[1..lines.len() - 1]
        .iter()
        .filter(|line| !line.contains("store.restore") && !line.contains("\"t\":\"audit_head\""))
        .map(|line| (*line).to_owned())
        .collect();
    // Each engine has its own order of letters.
    lines.sort();
    lines
}

async fn a_snapshot_goes_to_the_other_engine_and_back(here: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let there = other(&here);
    let from = filled(&here).await;
    sql(&from, "DELETE FROM job WHERE state = 'queued'")
        .await
        .unwrap();
    let first = write(&from, &here, &folder, "first").await;
    let store = there.open().await;
    assert_eq!(restore(&store, &there, &first, false).await, None);
    let second = write(&store, &there, &folder, "second").await;
    let kept = restore(&from, &here, &second, true).await.unwrap();
    let third = write(&from, &here, &folder, "third").await;
    assert_eq!(lines(&first).len(), 24);
    assert_eq!(lines(&first), lines(&second));
    assert_eq!(lines(&first), lines(&third));
    assert_eq!(lines(&first), lines(&kept), "what was replaced is kept");
    let entries = audit(&from).await;
    assert_eq!((entries.len(), broken_at(&entries)), (5, None));
    assert_eq!(
        number(&from, "SELECT count(*) FROM _sqlx_migrations").await,
        snapshot::check(&first).unwrap().header.schema
    );
    let again = Store::open(&here.url).await.unwrap();
    again.ping().await.unwrap();
}

async fn a_snapshot_shows_one_moment(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&ground).await;
    let clock = ground.clock.clone();
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..400 {
                let mut tx = store.begin().await.unwrap();
                for statement in [
                    "INSERT INTO setting (name, value, updated_at) SELECT 'n' || count(*), '', 0 FROM setting",
                    "INSERT INTO measurement (target, at, job_id, version_num, applied, pending, troubled) \
                     SELECT 'n', count(*), '', 1, 0, 0, 0 FROM measurement",
                ] {
                    sqlx::query(statement).execute(&mut *tx).await.unwrap();
                }
                tx.commit().await.unwrap();
            }
        })
    };
    let mut moments = 0;
    while !writing.is_finished() {
        let file = folder.path().join("moving");
        let written = snapshot::write(&store, &clock, &file, true).await.unwrap();
        // Both are written together, so no moment shows one without the other.
        assert_eq!(written.rows["setting"], written.rows["measurement"] + 1);
        assert_eq!(snapshot::check(&file).unwrap().footer.rows, written.rows);
        moments += 1;
    }
    writing.await.unwrap();
    assert!(moments > 1, "{moments}");
}

async fn what_waited_lapses_and_nobody_is_signed_in(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&ground).await;
    sql(
        &store,
        "UPDATE approval SET expires_at = 9000000000000 WHERE id = 'y2'",
    )
    .await
    .unwrap();
    let file = write(&store, &ground, &folder, "snapshot").await;
    let text = std::fs::read_to_string(&file).unwrap();
    for left_out in ["key_hash", "token_hash", "\"seen_at\""] {
        assert!(!text.contains(left_out), "{left_out}");
    }
    restore(&store, &ground, &file, true).await;
    assert_eq!(
        rows(
            store.read(),
            "SELECT id, state, ended_at FROM job WHERE id > 'j4' ORDER BY id"
        )
        .await,
        [
            "\"j5\" | \"running\" | null".to_owned(),
            format!("\"j6\" | \"cancelled\" | {NOON}")
        ]
    );
    let told = rows(store.read(), "SELECT trouble FROM job WHERE id = 'j6'").await;
    assert!(told[0].contains("may have run before"), "{told:?}");
    assert_eq!(
        rows(
            store.read(),
            "SELECT id, expires_at FROM approval ORDER BY id"
        )
        .await,
        ["\"y1\" | 2".to_owned(), format!("\"y2\" | {NOON}")]
    );
    let doors = "SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM setup_link) + (SELECT count(*) FROM worker)";
    assert_eq!(number(&store, doors).await, 0);
    let reaped = reap(&store, &ground.clock).await;
    assert_eq!(reaped.len(), 1, "what ran is interrupted, as after a crash");
}

/// A whole file of these lines, as a program of that schema would have written it.
fn file_of(folder: &TempDir, schema: i64, lines: &[&str]) -> PathBuf {
    let header = format!(
        "{{\"lockkeeper_store\":1,\"schema\":{schema},\"at\":\"2026-11-22T19:00:00Z\",\"version\":\"0.0.1\"}}\n"
    );
    let mut text = header;
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        *counts
            .entry(line["t"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    let sha256 = base16ct::lower::encode_string(&Sha256::digest(&text));
    let footer = serde_json::json!({"rows": counts, "sha256": sha256});
    let file = folder.path().join(format!("schema-{schema}"));
    std::fs::write(&file, format!("{text}{footer}\n")).unwrap();
    file
}

async fn a_snapshot_of_the_first_schema_is_brought_up_to_date(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let job = r#"{"t":"job","r":{"id":"j","kind":"k","target":"t","payload":"{}","state":"interrupted","exclusive":1,"actor":"ada","created_at":1,"started_at":2,"ended_at":null,"worker":"w","lease_until":null,"outcome":null,"trouble":null}}"#;
    let event = r#"{"t":"job_event","r":{"job_id":"j","seq":1,"at":1,"level":"info","step":"","text":"x"}}"#;
    let file = file_of(&folder, 1, &[job, event]);
    let store = filled(&ground).await;
    restore(&store, &ground, &file, true).await;
    assert_eq!(
        rows(store.read(), "SELECT id, fence, priority, state FROM job").await,
        ["\"j\" | 1 | 0 | \"interrupted\""]
    );
    assert_eq!(number(&store, "SELECT count(*) FROM job_event").await, 1);
    assert_eq!(number(&store, "SELECT count(*) FROM \"user\"").await, 0);
    Store::open(&ground.url).await.unwrap();

    // Rows that contradict the schema are refused as a whole, in words.
    let orphan = r#"{"t":"job_event","r":{"job_id":"ghost","seq":1,"at":1,"level":"info","step":"","text":"x"}}"#;
    let file = file_of(&folder, 2, &[orphan]);
    let checked = snapshot::check(&file).unwrap();
    let error = snapshot::restore(&store, &ground.clock, &checked, true)
        .await
        .unwrap_err();
    assert!(matches!(error, SnapshotError::Rows { .. }), "{error:?}");
    assert_eq!(number(&store, "SELECT count(*) FROM job_event").await, 1);
}

async fn a_store_that_is_in_use_or_not_empty_is_refused(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&ground).await;
    let file = write(&store, &ground, &folder, "snapshot").await;
    let checked = snapshot::check(&file).unwrap();
    let before = first::all(store.read()).await;
    let refused = async |replace| {
        let refused = snapshot::restore(&store, &ground.clock, &checked, replace).await;
        assert_eq!(first::all(store.read()).await, before);
        refused.unwrap_err()
    };
    let error = refused(false).await;
    assert!(matches!(error, SnapshotError::NotEmpty(_)), "{error:?}");
    assert!(error.to_string().contains("2 users, 6 jobs"), "{error}");
    let mut tx = store.begin().await.unwrap();
    sqlx::query("UPDATE worker SET seen_at = $1, host = 'lock.example', pid = 77")
        .bind(NOON - 29_000)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let error = refused(true).await;
    assert!(matches!(error, SnapshotError::InUse(_)), "{error:?}");
    assert!(
        error.to_string().contains("lock.example (process 77)"),
        "{error}"
    );
    ground.clock.advance(2_000);
    let restored = snapshot::restore(&store, &ground.clock, &checked, true).await;
    drop(restored.unwrap());
    // A command at work is no worker, and is noticed all the same.
    let mut tx = store.begin().await.unwrap();
    sqlx::query("UPDATE job SET lease_until = $1 WHERE id = 'j5'")
        .bind(ground.clock.now_ms() + 1)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let before = first::all(store.read()).await;
    let error = snapshot::restore(&store, &ground.clock, &checked, true)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("job j5 is running on b"),
        "{error}"
    );
    assert_eq!(first::all(store.read()).await, before);
}

async fn a_restore_that_is_given_up_changes_nothing(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&ground).await;
    let file = write(&store, &ground, &folder, "snapshot").await;
    let checked = snapshot::check(&file).unwrap();
    sql(
        &store,
        "UPDATE setting SET value = 'mine' WHERE name = 'cookie_key'",
    )
    .await
    .unwrap();
    let before = first::all(store.read()).await;
    // Everything is done but the commit.
    let restored = snapshot::restore(&store, &ground.clock, &checked, true)
        .await
        .unwrap();
    drop(restored);
    assert_eq!(first::all(store.read()).await, before);
    // The file changes after it was checked.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("c0ffee", "c0ffef")).unwrap();
    ground.clock.advance(1_000);
    let error = snapshot::restore(&store, &ground.clock, &checked, true)
        .await
        .unwrap_err();
    assert!(matches!(error, SnapshotError::Altered { .. }), "{error:?}");
    assert_eq!(first::all(store.read()).await, before);
    ground.open().await.ping().await.unwrap();
}

async fn every_table_is_in_a_snapshot_or_left_out_on_purpose(ground: Ground) {
    let folder = tempfile::tempdir().unwrap();
    let store = ground.open().await;
    let tables = if ground.file().is_some() {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    } else {
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'"
    };
    let mut tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(store.read())
        .await
        .unwrap();
    tables.sort();
    let file = write(&store, &ground, &folder, "empty").await;
    let mut known: Vec<String> = snapshot::check(&file)
        .unwrap()
        .footer
        .rows
        .into_keys()
        .collect();
    let left_out =
        "_sqlx_migrations condition device notification session setup_link throttle worker";
    known.extend(left_out.split(' ').map(str::to_owned));
    known.sort();
    assert_eq!(tables, known);
}
