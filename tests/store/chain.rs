//! Writers and the audit chain that rests on them.

use lockkeeper::audit::{self, Entry, Recorded};
use sha2::{Digest, Sha256};

use crate::ground::{Ground, NOON, audit, sql};

on_both!(
    writers_wait_for_each_other,
    two_hundred_concurrent_entries_make_one_chain,
    a_changed_entry_no_longer_has_its_hash,
    an_entry_that_is_rolled_back_leaves_no_gap,
    a_page_starts_before_a_given_entry,
);

/// Written from the description of the chain, not from its code: each field with its length in eight bytes before it.
fn hash_of(entry: &Recorded) -> String {
    let mut bytes = Vec::new();
    for field in [
        &entry.seq.to_string(),
        &entry.at.to_string(),
        &entry.actor,
        &entry.action,
        entry.target.as_ref().unwrap_or(&String::new()),
        entry.job.as_ref().unwrap_or(&String::new()),
        &entry.outcome,
        &entry.place,
        &entry.detail,
        &entry.previous_hash,
    ] {
        bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(field.as_bytes());
    }
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// The first entry that does not fit, if one does not.
fn broken_at(entries: &[Recorded]) -> Option<i64> {
    let mut previous = "";
    for (entry, seq) in entries.iter().zip(1..) {
        if entry.seq != seq || entry.previous_hash != previous || entry.hash != hash_of(entry) {
            return Some(entry.seq);
        }
        previous = &entry.hash;
    }
    None
}

fn entry(detail: &str) -> Entry<'_> {
    Entry {
        actor: "ada",
        action: "backup.take",
        target: Some("jarvis"),
        job: Some("a job"),
        outcome: "succeeded",
        place: "worker",
        detail,
        ..Entry::default()
    }
}

async fn writers_wait_for_each_other(ground: Ground) {
    let stores = [ground.open().await, ground.open().await];
    sql(
        &stores[0],
        "INSERT INTO setting (name, value, updated_at) VALUES ('n', '0', 0)",
    )
    .await
    .unwrap();
    let adding = (0..60).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let before: i64 = sqlx::query_scalar("SELECT updated_at FROM setting WHERE name = 'n'")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            tokio::task::yield_now().await;
            sqlx::query("UPDATE setting SET updated_at = $1 WHERE name = 'n'")
                .bind(before + 1)
                .execute(&mut *tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        })
    });
    for task in adding.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let n = crate::ground::number(&stores[0], "SELECT updated_at FROM setting").await;
    assert_eq!(n, 60, "what was read stayed true until the commit");
}

async fn two_hundred_concurrent_entries_make_one_chain(ground: Ground) {
    let stores = [ground.open().await, ground.open().await];
    let writing = (0..200).map(|n: usize| {
        let (store, clock) = (stores[n % 2].clone(), ground.clock.clone());
        tokio::spawn(async move {
            let detail = format!("entry {n}");
            audit::record_alone(&store, &clock, &entry(&detail))
                .await
                .unwrap();
        })
    });
    for task in writing.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let entries = audit(&stores[0]).await;
    assert_eq!(entries.len(), 200);
    assert_eq!(broken_at(&entries), None);
    assert_eq!(entries[0].previous_hash, "");
    assert_eq!(entries[0].at, NOON);
}

async fn a_changed_entry_no_longer_has_its_hash(ground: Ground) {
    let store = ground.open().await;
    for detail in ["one", "two", "", "four — ünïcode"] {
        audit::record_alone(&store, &ground.clock, &entry(detail))
            .await
            .unwrap();
    }
    assert_eq!(broken_at(&audit(&store).await), None);
    for (change, shows_at) in [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 3),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
    ] {
        sql(&store, change).await.unwrap();
        assert_eq!(broken_at(&audit(&store).await), Some(shows_at), "{change}");
    }
}

async fn an_entry_that_is_rolled_back_leaves_no_gap(ground: Ground) {
    let store = ground.open().await;
    for (detail, keep) in [("kept", true), ("dropped", false), ("kept too", true)] {
        let mut tx = store.begin().await.unwrap();
        audit::record(&mut tx, &ground.clock, &entry(detail))
            .await
            .unwrap();
        if keep {
            tx.commit().await.unwrap();
        }
    }
    let entries = audit(&store).await;
    assert_eq!(entries.len(), 2);
    assert_eq!(broken_at(&entries), None);
}

async fn a_page_starts_before_a_given_entry(ground: Ground) {
    let store = ground.open().await;
    for _ in 0..5 {
        audit::record_alone(&store, &ground.clock, &entry("a NUL: \0."))
            .await
            .unwrap();
    }
    let page = audit::page(&store, &audit::Filter::default(), Some(4), 2)
        .await
        .unwrap();
    let seqs: Vec<i64> = page.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [3, 2]);
    assert_eq!(page[0].detail, "a NUL: \u{fffd}.");
    assert_eq!(broken_at(&audit(&store).await), None);
}
