//! The join, case by case.

use super::samples::{folder, row, rows};
use super::*;
use crate::migration::checksum::checksum;

#[test]
fn every_combination_of_folder_and_rows_has_its_state() {
    use State::{Applied, Broken, Failed, Missing, Pending, RolledBack};
    for (folders, kinds, state, pending) in [
        (&["m"][..], "", Pending, true),
        (&["m"], "a", Applied, false),
        (&["m"], "f", Failed, false),
        (&["m"], "r", RolledBack, true),
        (&["m"], "rr", RolledBack, true),
        (&["m"], "b", Pending, true),
        (&["m"], "rb", Pending, true),
        (&["m"], "ra", Applied, false),
        (&["m"], "ba", Applied, false),
        (&["m"], "fa", Failed, false),
        (&["m"], "af", Failed, false),
        (&["m"], "ff", Failed, false),
        (&["m"], "rf", Failed, false),
        (&["m"], "aa", Applied, false),
        (&["m!"], "", Broken, true),
        (&["m!"], "r", Broken, true),
        (&["m!"], "a", Applied, false),
        (&["m!"], "f", Failed, false),
        (&[], "a", Missing, false),
        (&[], "r", Missing, false),
        (&[], "b", Missing, false),
        (&[], "f", Failed, false),
    ] {
        let history = History::new(&folder(folders), &rows("m", kinds), false);
        let [entry] = history.entries.as_slice() else {
            panic!("one name, one entry");
        };
        assert_eq!(
            (entry.state, entry.pending),
            (state, pending),
            "{folders:?} {kinds}"
        );
        assert_eq!(entry.rows.len(), kinds.len());
        assert_eq!(entry.has_folder(), !folders.is_empty());
        let blocked = history.deploy_blocker().is_some();
        assert_eq!(blocked, kinds.contains('f'), "{folders:?} {kinds}");
    }
}

#[test]
fn an_open_row_may_run_while_the_lock_is_held() {
    let open = |second| {
        let mut row = row("m", 'f', second);
        row.logs = None;
        row
    };
    let state =
        |rows: &[LedgerRow], held| History::new(&folder(&["m"]), rows, held).entries[0].state;
    assert_eq!(state(&[open(1)], false), State::Failed);
    assert_eq!(state(&[open(1)], true), State::Running);
    assert_eq!(
        state(&[row("m", 'f', 1)], true),
        State::Failed,
        "an error is recorded"
    );
    assert_eq!(state(&[row("m", 'r', 1), open(2)], true), State::Running);
    assert_eq!(
        state(&[row("m", 'f', 1), open(2)], true),
        State::Failed,
        "the older one failed"
    );

    let other = LedgerRow {
        migration_name: "n".to_owned(),
        ..open(5)
    };
    let history = History::new(&folder(&["m", "n"]), &[open(1), other], true);
    assert_eq!(history.entries[0].state, State::Failed);
    assert_eq!(history.entries[1].state, State::Running);
    let blocker = history.deploy_blocker().unwrap();
    assert_eq!(
        blocker,
        Blocker::Running {
            name: "n".to_owned()
        }
    );
    assert_eq!(blocker.code(), "P1002");
}

#[test]
fn edited_compares_with_the_latest_applied_row() {
    let edited = |rows: &[LedgerRow]| History::new(&folder(&["m"]), rows, false).entries[0].edited;
    let other = |kind, second| LedgerRow {
        checksum: checksum(b"SELECT 2;"),
        ..row("m", kind, second)
    };
    assert!(!edited(&[row("m", 'a', 1)]));
    assert!(edited(&[other('a', 1)]));
    assert!(
        !edited(&[other('r', 1), row("m", 'a', 2)]),
        "the failed attempt had another script"
    );
    assert!(edited(&[row("m", 'a', 1), other('a', 2)]));
    assert!(
        !edited(&[row("m", 'a', 2), other('a', 1)]),
        "the rows may come in any order"
    );
    assert!(
        !edited(&[other('r', 1)]),
        "what is not in effect cannot have been edited since"
    );
    assert!(!edited(&[LedgerRow {
        checksum: checksum(b"SELECT 1;"),
        ..row("m", 'a', 1)
    }]));
}

#[test]
fn names_keep_prismas_order_and_late_ones_are_marked() {
    let history = History::new(
        &folder(&["20240103000000_c", "20240101000000_a", "20240102000000_b"]),
        &[
            row("20240102000000_b", 'a', 1),
            row("20240104000000_gone", 'r', 2),
        ],
        false,
    );
    let seen: Vec<_> = history
        .entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.state, entry.out_of_order))
        .collect();
    assert_eq!(
        seen,
        [
            ("20240101000000_a", State::Pending, true),
            ("20240102000000_b", State::Applied, false),
            ("20240103000000_c", State::Pending, false),
            ("20240104000000_gone", State::Missing, false),
        ]
    );
    assert_eq!(
        history.sentences(),
        [
            "2 migrations are pending.",
            "Folder and ledger have diverged. There is no common migration before that.",
            "1 migration is pending although a later one is applied: 20240101000000_a.",
        ]
    );
}

#[test]
fn the_lock_file_comes_before_failed_rows() {
    let mut refused = folder(&["m"]);
    refused.lock_file = LockFile::Refused {
        found: Some("mysql".to_owned()),
    };
    let history = History::new(&refused, &rows("m", "f"), false);
    assert_eq!(history.deploy_blocker().unwrap().code(), "P3019");
    assert_eq!(
        history.sentences(),
        ["migration_lock.toml names the provider mysql, not postgresql."]
    );
    let history = History::new(&folder(&["m"]), &rows("m", "f"), false);
    assert_eq!(history.deploy_blocker().unwrap().code(), "P3009");
}

#[test]
fn sentences_say_what_prisma_does_not() {
    let edited = LedgerRow {
        checksum: "x".to_owned(),
        ..row("a", 'a', 1)
    };
    let history = History::new(
        &folder(&["a", "b", "c!"]),
        &[edited, row("b", 'r', 2), row("gone", 'a', 3)],
        false,
    );
    assert_eq!(
        history.sentences(),
        [
            "2 migrations are pending.",
            "Folder and ledger have diverged. The last common migration is b.",
            "1 migration has no readable script, and deploy would stop there (P3015): c.",
            "1 migration was marked as rolled back and would be applied again: b.",
            "1 migration was edited after it was applied: a.",
            "2 migrations are pending although a later one is applied: b, c.",
            "1 migration is applied, but its folder is gone: gone.",
        ]
    );
    assert_eq!(
        history.counts(),
        Counts {
            applied: 1,
            pending: 2,
            rolled_back: 1,
            missing: 1,
            broken: 1,
            edited: 1,
            out_of_order: 2,
            ..Counts::default()
        }
    );
    let nothing = History::new(&folder(&[]), &[], false);
    assert_eq!(nothing.sentences(), ["Nothing is pending."]);
    assert_eq!(nothing.pending().count(), 0);
    assert_eq!(nothing.deploy_blocker(), None);
    let failed: Vec<LedgerRow> = (1..=5).flat_map(|n| rows(&format!("m{n}"), "f")).collect();
    assert_eq!(
        History::new(&folder(&[]), &failed, false).sentences(),
        [
            "5 migrations failed, and nothing else is applied before that is repaired: m1, m2, m3 and 2 more."
        ]
    );
}

#[test]
fn notes_explain_what_is_peculiar() {
    let note = |folders: &[&str], rows: &[LedgerRow]| {
        History::new(&folder(folders), rows, false).entries[0]
            .note
            .clone()
            .unwrap_or_default()
    };
    assert_eq!(note(&["m"], &rows("m", "a")), "");
    assert_eq!(note(&["m"], &[]), "");
    assert!(note(&["m"], &rows("m", "b")).contains("Prisma never writes"));
    assert!(note(&["m"], &rows("m", "r")).contains("applies it again"));
    assert!(note(&["m"], &rows("m", "fa")).contains("also succeeded"));
    assert!(note(&["m!"], &[]).contains("migration.sql"));
    assert!(note(&["m!"], &rows("m", "a")).contains("does not need it"));
    assert!(note(&[], &rows("m", "f")).contains("only be marked as rolled back"));
    let crashed = LedgerRow {
        logs: None,
        ..row("m", 'f', 1)
    };
    assert!(note(&["m"], &[crashed]).contains("No error was recorded"));
    let marked = LedgerRow {
        finished_at: Some(row("m", 'a', 1).started_at),
        logs: Some(String::new()),
        applied_steps_count: 0,
        ..row("m", 'a', 1)
    };
    assert!(note(&["m"], &[marked]).contains("marked as applied"));
}

#[test]
fn hostile_names_stay_on_one_line() {
    let name = "evil\n\u{1b}[31m; DROP TABLE \u{202e}'\"<script>";
    let history = History::new(&folder(&[]), &rows(name, "f"), false);
    let [sentence] = history.sentences().try_into().unwrap();
    assert!(!sentence.contains(char::is_control), "{sentence:?}");
    assert!(!sentence.contains('\u{202e}'), "{sentence:?}");
    assert_eq!(history.entry(name).unwrap().name, name);
}

#[test]
fn a_thousand_migrations_are_joined_at_once() {
    let names: Vec<String> = (0..1000)
        .map(|n| format!("20240101{n:06}_step_{n}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let applied: Vec<LedgerRow> = names[..900]
        .iter()
        .zip(1..)
        .map(|(name, second)| row(name, 'a', second))
        .collect();
    let history = History::new(&folder(&names), &applied, false);
    let counts = history.counts();
    assert_eq!(
        (counts.applied, counts.pending, counts.edited),
        (900, 100, 0)
    );
    assert_eq!(history.pending().next().unwrap().name, names[900]);
}
