//! What somebody who writes into the store behind Lockkeeper's back can do to the audit, and what is found of it.

use lockkeeper::audit::verify::{Verdict, Whole, verify};
use lockkeeper::audit::{self, Entry, Fault, Head, Recorded, chain};
use lockkeeper::store::Store;

use crate::ground::{Ground, NOON, audit, sql};

on_both!(
    a_chain_that_was_left_alone_is_whole,
    every_edit_is_found,
    every_cut_is_found,
    what_was_moved_or_added_is_found,
    what_was_found_once_is_found_after_more_was_written,
    a_chain_that_was_computed_anew_needs_an_anchor,
    ten_thousand_entries_are_verified_in_seconds,
);

/// Seven entries, the third and the fourth of which changed a setting.
async fn seven(ground: &Ground) -> Store {
    let store = ground.open().await;
    for n in 1..=7 {
        let entry = Entry {
            actor: "ada",
            action: "schedule.change",
            target: (n != 2).then_some("jarvis"),
            job: (n != 2).then_some("a job"),
            outcome: "succeeded",
            place: "127.0.0.1",
            detail: "Changed.",
            before: (n == 3 || n == 4).then_some(r#"{"cron":"0 3 * * *"}"#),
            after: (n == 3).then_some(r#"{"cron":"0 4 * * *"}"#),
        };
        audit::record_alone(&store, &ground.clock, &entry)
            .await
            .unwrap();
        ground.clock.advance(1_000);
    }
    for statement in [
        "CREATE TABLE audit_copy AS SELECT * FROM audit",
        "CREATE TABLE head_copy AS SELECT * FROM audit_head",
    ] {
        sql(&store, statement).await.unwrap();
    }
    store
}

/// Undoes every change of a test.
async fn restore(store: &Store) {
    for statement in [
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "INSERT INTO audit SELECT * FROM audit_copy",
        "INSERT INTO audit_head SELECT * FROM head_copy",
    ] {
        sql(store, statement).await.unwrap();
    }
}

/// Does each change to the same seven entries and compares what is found.
async fn expect(store: &Store, changes: &[(&[&'static str], &str)]) {
    for (statements, said) in changes {
        for statement in *statements {
            sql(store, statement).await.unwrap();
        }
        assert_eq!(fault(store).await.to_string(), *said, "{statements:?}");
        restore(store).await;
        assert!(matches!(whole(store).await, Whole { count: 7, .. }));
    }
}

async fn fault(store: &Store) -> Fault {
    match verify(store, None).await.unwrap() {
        Verdict::Broken(found) => found.fault,
        held => panic!("{held:?}"),
    }
}

async fn whole(store: &Store) -> Whole {
    match verify(store, None).await.unwrap() {
        Verdict::Whole(whole) => whole,
        broken => panic!("{broken:?}"),
    }
}

/// Writes an entry with the hash that it ought to have, as somebody who read this code would.
async fn forge(store: &Store, entry: &Recorded) -> Recorded {
    let forged = Recorded {
        hash: chain::hash(entry),
        ..entry.clone()
    };
    let mut tx = store.begin().await.unwrap();
    sqlx::query("DELETE FROM audit WHERE seq = $1")
        .bind(forged.seq)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO audit (seq, at, actor, action, target, job_id, outcome, place, detail, before_value, after_value, \
         previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(forged.seq)
    .bind(forged.at)
    .bind(&forged.actor)
    .bind(&forged.action)
    .bind(&forged.target)
    .bind(&forged.job)
    .bind(&forged.outcome)
    .bind(&forged.place)
    .bind(&forged.detail)
    .bind(&forged.before)
    .bind(&forged.after)
    .bind(&forged.previous_hash)
    .bind(&forged.hash)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    forged
}

/// An entry that continues `last` properly.
fn after(last: &Recorded) -> Recorded {
    Recorded {
        seq: last.seq + 1,
        previous_hash: last.hash.clone(),
        ..last.clone()
    }
}

async fn a_chain_that_was_left_alone_is_whole(ground: Ground) {
    let empty = ground.open().await;
    assert_eq!(verify(&empty, None).await.unwrap(), Verdict::Empty);
    let store = seven(&ground).await;
    let last = audit(&store).await.pop().unwrap();
    let head = Head {
        seq: 7,
        hash: last.hash,
    };
    let expected = Whole {
        count: 7,
        first_at: NOON,
        last_at: NOON + 6_000,
        head: head.clone(),
    };
    assert_eq!(whole(&store).await, expected);
    // What was noted stays true when more is written.
    let entry = Entry::default();
    audit::record_alone(&store, &ground.clock, &entry)
        .await
        .unwrap();
    let later = verify(&store, Some(&head)).await.unwrap();
    assert!(matches!(later, Verdict::Whole(Whole { count: 8, .. })));
}

async fn every_edit_is_found(ground: Ground) {
    let store = seven(&ground).await;
    let edited = |n: i64| {
        format!("entry {n} was changed after it was written: what it says does not give its hash.")
    };
    let (second, third, fourth) = (edited(2), edited(3), edited(4));
    expect(
        &store,
        &[
            (&["UPDATE audit SET at = at + 1 WHERE seq = 3"], &third),
            (&["UPDATE audit SET actor = 'eve' WHERE seq = 3"], &third),
            (&["UPDATE audit SET action = 'x' WHERE seq = 3"], &third),
            (&["UPDATE audit SET target = 'x' WHERE seq = 3"], &third),
            (&["UPDATE audit SET target = NULL WHERE seq = 3"], &third),
            (&["UPDATE audit SET target = '' WHERE seq = 2"], &second),
            (&["UPDATE audit SET job_id = 'x' WHERE seq = 3"], &third),
            (&["UPDATE audit SET job_id = '' WHERE seq = 2"], &second),
            (&["UPDATE audit SET outcome = 'x' WHERE seq = 3"], &third),
            (&["UPDATE audit SET place = 'x' WHERE seq = 3"], &third),
            (&["UPDATE audit SET detail = '' WHERE seq = 3"], &third),
            (
                &["UPDATE audit SET before_value = '{}' WHERE seq = 3"],
                &third,
            ),
            (
                &["UPDATE audit SET before_value = NULL WHERE seq = 3"],
                &third,
            ),
            (
                &["UPDATE audit SET after_value = '{}' WHERE seq = 3"],
                &third,
            ),
            (
                &["UPDATE audit SET after_value = '{}' WHERE seq = 2"],
                &second,
            ),
            // What it was turned into what it became.
            (
                &["UPDATE audit SET after_value = before_value, before_value = NULL WHERE seq = 4"],
                &fourth,
            ),
            // From one column into the next.
            (
                &["UPDATE audit SET place = '', detail = place || detail WHERE seq = 3"],
                &third,
            ),
            (
                &["UPDATE audit SET previous_hash = hash WHERE seq = 3"],
                &third,
            ),
            (
                &["UPDATE audit SET hash = previous_hash WHERE seq = 3"],
                &third,
            ),
            (&["UPDATE audit SET actor = 'eve' WHERE seq >= 3"], &third),
            (
                &["UPDATE audit SET actor = 'eve' WHERE seq = 7"],
                &edited(7),
            ),
        ],
    )
    .await;
}

async fn every_cut_is_found(ground: Ground) {
    let store = seven(&ground).await;
    let head_gone = |n: i64| {
        format!(
            "the note of which entry was written last is gone or unreadable: entries after entry {n} may have been cut \
             off, and nothing here says how many."
        )
    };
    expect(
        &store,
        &[
            (
                &["DELETE FROM audit WHERE seq = 1"],
                "the audit begins with entry 2: entry 1 is gone.",
            ),
            (
                &["DELETE FROM audit WHERE seq < 4"],
                "the audit begins with entry 4: entries 1 to 3 are gone.",
            ),
            (
                &["DELETE FROM audit WHERE seq = 4"],
                "after entry 3 comes entry 5: entry 4 is gone.",
            ),
            (
                &["DELETE FROM audit WHERE seq IN (4, 5)"],
                "after entry 3 comes entry 6: entries 4 to 5 are gone.",
            ),
            // The gap was closed by numbering anew.
            (
                &[
                    "DELETE FROM audit WHERE seq = 4",
                    "UPDATE audit SET seq = 4 WHERE seq = 5",
                    "UPDATE audit SET seq = 5 WHERE seq = 6",
                    "UPDATE audit SET seq = 6 WHERE seq = 7",
                    "UPDATE audit_head SET seq = 6",
                ],
                "entry 4 was written as entry 5: entries were moved to other places.",
            ),
            (
                &["DELETE FROM audit WHERE seq = 7"],
                "the end was cut off: entry 7 was written last, and entry 7 is gone.",
            ),
            (
                &["DELETE FROM audit WHERE seq > 4"],
                "the end was cut off: entry 7 was written last, and entries 5 to 7 are gone.",
            ),
            (
                &["DELETE FROM audit"],
                "the end was cut off: entry 7 was written last, and entries 1 to 7 are gone.",
            ),
            (&["DELETE FROM audit_head"], &head_gone(7)),
            (
                &["DELETE FROM audit WHERE seq > 4", "DELETE FROM audit_head"],
                &head_gone(4),
            ),
            (
                &[
                    "DELETE FROM audit WHERE seq > 4",
                    "UPDATE audit_head SET seq = 4",
                ],
                "entry 4 was replaced: the entry that was written last had another hash.",
            ),
        ],
    )
    .await;
}

async fn what_was_moved_or_added_is_found(ground: Ground) {
    let store = seven(&ground).await;
    expect(
        &store,
        &[
            (
                &[
                    "UPDATE audit SET seq = seq + 1000 WHERE seq IN (3, 4)",
                    "UPDATE audit SET seq = 1007 - seq WHERE seq > 1000",
                ],
                "entry 3 was written as entry 4: entries were moved to other places.",
            ),
            (
                &["UPDATE audit SET seq = 0 WHERE seq = 7"],
                "entry 0 stands before entry 1: it was added by something else.",
            ),
        ],
    )
    .await;

    let entries = audit(&store).await;
    forge(&store, &after(&entries[6])).await;
    let said = "entry 8 was added by something else: Lockkeeper wrote entry 7 last.";
    assert_eq!(fault(&store).await.to_string(), said);
    restore(&store).await;

    // An entry with a good hash in the middle: what follows names the hash of the one that was there.
    let forged = Recorded {
        actor: "eve".to_owned(),
        ..entries[3].clone()
    };
    forge(&store, &forged).await;
    assert_eq!(fault(&store).await, Fault::Unlinked(5));
    restore(&store).await;

    let forged = Recorded {
        actor: "eve".to_owned(),
        ..entries[6].clone()
    };
    forge(&store, &forged).await;
    assert_eq!(fault(&store).await, Fault::EndReplaced(7));
    restore(&store).await;

    let forged = Recorded {
        previous_hash: entries[6].hash.clone(),
        ..entries[0].clone()
    };
    forge(&store, &forged).await;
    assert_eq!(fault(&store).await, Fault::Unlinked(1));
}

async fn what_was_found_once_is_found_after_more_was_written(ground: Ground) {
    let store = seven(&ground).await;
    let entries = audit(&store).await;
    let write_on = async || {
        for _ in 0..3 {
            let entry = Entry::default();
            audit::record_alone(&store, &ground.clock, &entry)
                .await
                .unwrap();
        }
    };
    sql(&store, "DELETE FROM audit WHERE seq > 5")
        .await
        .unwrap();
    write_on().await;
    assert_eq!(fault(&store).await, Fault::Missing { first: 6, next: 8 });
    restore(&store).await;

    for statement in ["DELETE FROM audit WHERE seq > 5", "DELETE FROM audit_head"] {
        sql(&store, statement).await.unwrap();
    }
    write_on().await;
    assert_eq!(fault(&store).await, Fault::HeadGone(8));
    restore(&store).await;

    forge(&store, &after(&entries[6])).await;
    write_on().await;
    assert_eq!(fault(&store).await, Fault::Added { seq: 8, last: 7 });
    restore(&store).await;

    let forged = Recorded {
        actor: "eve".to_owned(),
        ..entries[6].clone()
    };
    forge(&store, &forged).await;
    write_on().await;
    assert_eq!(fault(&store).await, Fault::Unlinked(8));
}

async fn a_chain_that_was_computed_anew_needs_an_anchor(ground: Ground) {
    let store = seven(&ground).await;
    let noted = whole(&store).await.head;
    let early = Head {
        seq: 2,
        hash: audit(&store).await[1].hash.clone(),
    };
    // Whoever can write everything changes the third entry, every hash after it, and the head.
    let mut previous = early.hash.clone();
    for entry in &audit(&store).await[2..] {
        let actor = if entry.seq == 3 { "eve" } else { "ada" };
        let forged = Recorded {
            actor: actor.to_owned(),
            previous_hash: previous,
            ..entry.clone()
        };
        previous = forge(&store, &forged).await.hash;
    }
    let follow = "UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE seq = 7)";
    sql(&store, follow).await.unwrap();
    assert_eq!(whole(&store).await.count, 7, "the store alone cannot tell");
    let against = async |anchor: &Head| verify(&store, Some(anchor)).await.unwrap();
    match against(&noted).await {
        Verdict::Broken(found) => assert_eq!(found.fault, Fault::NotTheAnchor(7)),
        held => panic!("{held:?}"),
    }
    // An anchor from before the change says nothing about what came after it.
    assert!(matches!(against(&early).await, Verdict::Whole(_)));
    for (statement, last) in [
        ("DELETE FROM audit WHERE seq > 3", 3),
        ("DELETE FROM audit", 0),
    ] {
        sql(&store, statement).await.unwrap();
        sql(&store, "DELETE FROM audit_head").await.unwrap();
        let follow = "INSERT INTO audit_head SELECT 1, seq, hash FROM audit WHERE seq = 3";
        sql(&store, follow).await.unwrap();
        match against(&noted).await {
            Verdict::Broken(found) => {
                assert_eq!(found.fault, Fault::ShortOfAnchor { anchor: 7, last });
                assert_eq!(found.sound, last);
            }
            held => panic!("{held:?}"),
        }
    }
}

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
    let began = std::time::Instant::now();
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
