//! Entries that somebody else wrote with a good hash, as whoever has read the code can.

use lockkeeper::audit::verify::{Verdict, verify};
use lockkeeper::audit::{self, Entry, Fault, Head, Recorded, chain};
use lockkeeper::store::Store;

use crate::ground::{Ground, audit, sql};
use crate::tampering::{fault, restore, seven, whole};

on_both!(
    what_was_added_or_replaced_is_found,
    what_was_found_once_is_found_after_more_was_written,
    a_chain_that_was_computed_anew_needs_an_anchor,
);

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

async fn what_was_added_or_replaced_is_found(ground: Ground) {
    let store = seven(&ground).await;
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
