//! Finding entries of the audit, and taking them out of the store.

use std::time::{Duration, Instant};

use lockkeeper::audit::export::Export;
use lockkeeper::audit::{self, Entry, Filter};
use lockkeeper::store::Store;
use serde_json::Value;

use crate::ground::{Ground, NOON, sql};

on_both!(
    each_filter_finds_what_it_names,
    pages_of_a_filter_leave_nothing_out,
    a_name_that_attacks_is_only_a_name,
    an_export_holds_every_column_oldest_first,
    a_hundred_thousand_entries_are_searched_at_once,
);

async fn write(ground: &Ground, store: &Store, entry: Entry<'_>) {
    audit::record_alone(store, &ground.clock, &entry)
        .await
        .unwrap();
    ground.clock.advance(1_000);
}

/// Eight entries, a second apart: all combinations of two actors, two targets (one is none) and two actions.
async fn eight(ground: &Ground) -> Store {
    let store = ground.open().await;
    for n in 0..8 {
        let entry = Entry {
            actor: if n & 1 == 0 { "ada" } else { "bob" },
            target: (n & 2 == 0).then_some("jarvis"),
            action: if n & 4 == 0 { "sign-in" } else { "plan.make" },
            outcome: if n == 5 { "refused" } else { "succeeded" },
            ..Entry::default()
        };
        write(ground, &store, entry).await;
    }
    store
}

async fn found(store: &Store, filter: &Filter) -> Vec<i64> {
    let page = audit::page(store, filter, None, 100).await.unwrap();
    page.iter().map(|entry| entry.seq).collect()
}

async fn each_filter_finds_what_it_names(ground: Ground) {
    let store = eight(&ground).await;
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    let cases: [(Filter, &[i64]); 11] = [
        (none(), &[8, 7, 6, 5, 4, 3, 2, 1]),
        (
            Filter {
                actor: some("ada"),
                ..none()
            },
            &[7, 5, 3, 1],
        ),
        (
            Filter {
                actor: some("ad"),
                ..none()
            },
            &[],
        ),
        (
            Filter {
                action: some("sign-in"),
                ..none()
            },
            &[4, 3, 2, 1],
        ),
        (
            Filter {
                target: some("jarvis"),
                ..none()
            },
            &[6, 5, 2, 1],
        ),
        (
            Filter {
                outcome: some("refused"),
                ..none()
            },
            &[6],
        ),
        (
            Filter {
                actor: some("bob"),
                action: some("plan.make"),
                ..none()
            },
            &[8, 6],
        ),
        (
            Filter {
                actor: some("ada"),
                action: some("sign-in"),
                target: some("jarvis"),
                ..none()
            },
            &[1],
        ),
        (
            Filter {
                from_ms: Some(NOON + 6_000),
                ..none()
            },
            &[8, 7],
        ),
        (
            Filter {
                to_ms: Some(NOON + 2_000),
                ..none()
            },
            &[2, 1],
        ),
        (
            Filter {
                from_ms: Some(NOON + 2_000),
                to_ms: Some(NOON + 6_000),
                actor: some("bob"),
                ..none()
            },
            &[6, 4],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(&store, &filter).await, expected, "{filter:?}");
    }
}

async fn pages_of_a_filter_leave_nothing_out(ground: Ground) {
    let store = eight(&ground).await;
    let filter = Filter {
        actor: Some("ada".to_owned()),
        ..Filter::default()
    };
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = audit::page(&store, &filter, before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        seen.extend(page.iter().map(|entry| entry.seq));
        // What is written meanwhile is newer than where the pages are.
        let entry = Entry {
            actor: "ada",
            ..Entry::default()
        };
        write(&ground, &store, entry).await;
    }
    assert_eq!(seen, [7, 5, 3, 1]);
}

/// Names that would break out of a query, a line or a table.
const HOSTILE: [&str; 6] = [
    "o'brien\"; DROP TABLE audit; --",
    "<script>alert(1)</script>",
    "two\nlines\r\n\u{2028}and\u{85}more",
    "=1+1,\"a\";\tb",
    "🚀 семь \u{202e}txt.exe\u{1b}[2J",
    "%_\\ $1 {}",
];

async fn a_name_that_attacks_is_only_a_name(ground: Ground) {
    let store = ground.open().await;
    for name in HOSTILE {
        let entry = Entry {
            actor: name,
            action: name,
            target: Some(name),
            outcome: name,
            ..Entry::default()
        };
        write(&ground, &store, entry).await;
    }
    for (name, seq) in HOSTILE.iter().zip(1..) {
        let some = || Some((*name).to_owned());
        let none = Filter::default;
        for filter in [
            Filter {
                actor: some(),
                ..none()
            },
            Filter {
                action: some(),
                ..none()
            },
            Filter {
                target: some(),
                ..none()
            },
            Filter {
                outcome: some(),
                ..none()
            },
        ] {
            assert_eq!(found(&store, &filter).await, [seq], "{filter:?}");
        }
    }
    let whole = audit::verify::verify(&store, None).await.unwrap();
    assert!(matches!(whole, audit::verify::Verdict::Whole(_)));
}

async fn lines(store: &Store, filter: Filter) -> Vec<String> {
    let mut export = Export::begin(store, filter).await.unwrap();
    let mut text = String::new();
    while let Some(lines) = export.next().await.unwrap() {
        text.push_str(&lines);
    }
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

async fn an_export_holds_every_column_oldest_first(ground: Ground) {
    let store = ground.open().await;
    let entry = Entry {
        actor: HOSTILE[4],
        action: HOSTILE[2],
        target: Some(HOSTILE[3]),
        job: Some("a job"),
        outcome: HOSTILE[0],
        place: HOSTILE[1],
        detail: HOSTILE[5],
        before: Some(r#"{"cron": "0 3 * * *"}"#),
        after: None,
    };
    write(&ground, &store, entry.clone()).await;
    for _ in 0..600 {
        write(&ground, &store, Entry::default()).await;
    }
    let lines = lines(&store, Filter::default()).await;
    assert_eq!(lines.len(), 601);
    for (line, seq) in lines.iter().zip(1..) {
        // No reader takes a letter of a name for the end of the line, whatever it takes for one.
        assert!(
            line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{line}"
        );
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["seq"], seq);
    }
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    let recorded = &crate::ground::audit(&store).await[0];
    for (name, value) in [
        ("at", Value::from("2023-11-14T22:13:20.000Z")),
        ("actor", entry.actor.into()),
        ("action", entry.action.into()),
        ("target", entry.target.into()),
        ("job", entry.job.into()),
        ("outcome", entry.outcome.into()),
        ("place", entry.place.into()),
        ("detail", entry.detail.into()),
        ("before", entry.before.into()),
        ("after", Value::Null),
        ("previous_hash", "".into()),
        ("hash", recorded.hash.clone().into()),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    let narrow = Filter {
        target: Some(HOSTILE[3].to_owned()),
        ..Filter::default()
    };
    assert_eq!(self::lines(&store, narrow).await, lines[..1]);
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
