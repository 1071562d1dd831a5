//! What somebody who writes into the store behind Lockkeeper's back can do to the audit, and what is found of it.

use lockkeeper::audit::verify::{Verdict, Whole, verify};
use lockkeeper::audit::{self, Entry, Fault, Head};
use lockkeeper::store::Store;

use crate::ground::{Ground, NOON, audit, sql};

on_both!(
    a_chain_that_was_left_alone_is_whole,
    every_edit_is_found,
    every_cut_is_found,
    what_was_moved_is_found,
);

/// Seven entries, the third and the fourth of which changed a setting.
pub async fn seven(ground: &Ground) -> Store {
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
pub async fn restore(store: &Store) {
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

/// What is found first in one that does not.
pub async fn fault(store: &Store) -> Fault {
    match verify(store, None).await.unwrap() {
        Verdict::Broken(found) => found.fault,
        held => panic!("{held:?}"),
    }
}

/// What is said of a chain that holds.
pub async fn whole(store: &Store) -> Whole {
    match verify(store, None).await.unwrap() {
        Verdict::Whole(whole) => whole,
        broken => panic!("{broken:?}"),
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

async fn what_was_moved_is_found(ground: Ground) {
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
}
