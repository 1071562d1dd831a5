//! The audit through both doors: finding in it, taking it out, checking it.

use lockkeeper::audit::{self, Entry};
use lockkeeper::clock::Clock;
use lockkeeper::store::Store;
use reqwest::StatusCode;
use scraper::{Html, Selector};
use serde_json::Value;

use crate::scene::{DONE, NOT_SO, Scene, USAGE};
use crate::support::project::Project;
use crate::support::visitor::Visitor;

/// The moment at which the entries of [`record`] begin: 2023-11-14T22:13:20Z.
const NOON: i64 = 1_700_000_000_000;
const HOSTILE: &str =
    "=cmd|' /C calc'!A0,\"<script>alert(1)</script>\"\r\n\u{2028}\u{9b}2J \u{202e}txt.exe 🚀 & é";

fn scene() -> Scene {
    Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"))
}

async fn store(scene: &Scene) -> Store {
    let file = scene.console.folder().join("lockkeeper-data/store.db");
    Store::open(&format!("sqlite:{}", file.display()).into())
        .await
        .unwrap()
}

async fn tamper(scene: &Scene, statement: &'static str) {
    let mut tx = store(scene).await.begin().await.unwrap();
    sqlx::query(statement).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Records what `entry` says for each number, a second apart.
async fn record(scene: &Scene, count: usize, entry: Entry<'_>) {
    let store = store(scene).await;
    let clock = Clock::fixed(NOON);
    for _ in 0..count {
        audit::record_alone(&store, &clock, &entry).await.unwrap();
        clock.advance(1_000);
    }
}

fn hostile() -> Entry<'static> {
    Entry {
        actor: HOSTILE,
        action: HOSTILE,
        target: Some(HOSTILE),
        outcome: HOSTILE,
        place: HOSTILE,
        detail: HOSTILE,
        before: Some(r#"{"cron":"0 3 * * *","<b>zone</b>":"UTC"}"#),
        after: Some(r#"{"cron":"0 4 * * *","<b>zone</b>":"<img src=x>"}"#),
        ..Entry::default()
    }
}

#[tokio::test]
async fn the_terminal_says_whether_the_chain_holds() {
    let scene = scene();
    record(&scene, 4, hostile()).await;
    let whole = scene.run(&["audit", "verify", "--json"], DONE).json();
    assert_eq!(whole["whole"], true);
    assert_eq!(whole["entries"], 5);
    let anchor = whole["anchor"].as_str().unwrap().to_owned();
    assert!(anchor.starts_with("5:"), "{anchor}");
    scene
        .run(&["audit", "verify"], DONE)
        .says(&["The audit is whole: 5 entries", &anchor]);
    // The anchor stays good while more is written.
    scene.run(&["user", "disable", "ada"], DONE);
    scene.run(&["audit", "verify", "--anchor", &anchor], DONE);

    let other = format!("5:{}", "0".repeat(64));
    scene
        .run(&["audit", "verify", "--anchor", &other], NOT_SO)
        .says(&["The audit is broken: entry 5 has another hash than the anchor"]);
    let late = format!("50:{}", "0".repeat(64));
    scene
        .run(&["audit", "verify", "--anchor", &late], NOT_SO)
        .says(&["entries 7 to 50 are gone"]);
    scene
        .run(&["audit", "verify", "--anchor", "5"], USAGE)
        .says(&["an anchor is the number of an entry"]);

    tamper(&scene, "UPDATE audit SET actor = 'eve' WHERE seq = 3").await;
    scene.run(&["audit", "verify"], NOT_SO).says(&[
        "entry 3 was changed after it was written",
        "2 entries before it hold",
    ]);
    let broken = scene.run(&["audit", "verify", "--json"], NOT_SO).json();
    assert_eq!(broken["whole"], false);
    assert_eq!(broken["broken_at"], 3);
    assert_eq!(broken["fault"], "edited");

    for statement in ["DELETE FROM audit", "DELETE FROM audit_head"] {
        tamper(&scene, statement).await;
    }
    scene
        .run(&["audit", "verify"], NOT_SO)
        .says(&["nothing that could be proven"]);
    std::fs::remove_dir_all(scene.console.folder().join("lockkeeper-data")).unwrap();
    scene
        .run(&["audit", "verify"], USAGE)
        .says(&["there is no store at"]);
}

#[tokio::test]
async fn the_terminal_finds_entries_and_is_not_commanded_by_them() {
    let scene = scene();
    record(&scene, 2, hostile()).await;
    let list = |args: &[&str]| {
        let args = [&["audit", "list", "--json"], args].concat();
        let entries = scene.run(&args, DONE);
        assert!(entries.out.chars().all(is_tame), "{:?}", entries.out);
        let entries = entries.json();
        let seqs = entries["entries"].as_array().unwrap().iter();
        seqs.map(|entry| entry["seq"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(&[]), [3, 2, 1]);
    assert_eq!(list(&["--limit", "2"]), [3, 2]);
    assert_eq!(list(&["--actor", HOSTILE]), [3, 2]);
    assert_eq!(list(&["--target", HOSTILE, "--outcome", "failed"]), [0; 0]);
    assert_eq!(list(&["--action", "user.add"]), [1]);
    assert_eq!(list(&["--until", "2023-11-14"]), [3, 2]);
    assert_eq!(list(&["--since", "2023-11-15"]), [1]);
    assert_eq!(
        list(&["--since", "2023-11-14T22:13:21Z", "--until", "2023-11-14"]),
        [3]
    );
    let said = scene.run(&["audit", "list"], DONE);
    assert_eq!(said.out.lines().count(), 4, "{}", said.out);
    assert!(said.out.chars().all(is_tame), "{:?}", said.out);
    said.says(&["user.add", "2023-11-14 22:13:21 UTC", "0 3 * * *"]);
    scene
        .run(&["audit", "list", "--since", "yesterday"], USAGE)
        .says(&["“yesterday” is not a date"]);
    scene.run(&["audit", "list", "--limit", "0"], USAGE);
}

fn is_tame(letter: char) -> bool {
    let commands = letter.is_control() && letter != '\n';
    !commands && !matches!(letter, '\u{202e}' | '\u{2028}')
}

#[tokio::test]
async fn the_page_finds_entries_and_keeps_what_was_chosen() {
    let mut scene = scene();
    record(&scene, 120, hostile()).await;
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let actor = encode(HOSTILE);
    let first =
        format!("/audit?actor={actor}&action=&target=&outcome=&from=2023-11-14&to=2023-11-15");
    let mut path = first.clone();
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = visitor.read(&path).await;
        pages += 1;
        seen.extend(numbers(&page.text));
        assert_eq!(page.attribute("#from", "value"), "2023-11-14");
        assert_eq!(page.attribute("#to", "type"), "date");
        for attack in ["<script>alert", "<img", "<b>zone", "\u{202e}", "\u{9b}"] {
            assert!(!page.text.contains(attack), "{attack}");
        }
        if !page.has("a[rel=next]") {
            break;
        }
        path = page.attribute("a[rel=next]", "href");
    }
    assert_eq!(pages, 4);
    assert_eq!(seen, (2..=121).rev().collect::<Vec<_>>());

    let page = visitor.read(&first).await;
    let words = page.words();
    assert!(words.contains("cron 0 3 * * * → 0 4 * * *"), "{words}");
    assert!(words.contains("<b>zone</b> UTC → <img src=x>"), "{words}");
    assert_eq!(page.attribute("td code", "title").len(), 64);
    let short = page.one("td code");
    assert!(page.attribute("td code", "title").starts_with(&short));
    assert_eq!(short.len(), 12);

    let page = visitor
        .get("/audit?actor=ada&from=yester%22day&to=2023-11-15")
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.one("#from-error")
            .contains("“yester\"day” is not a date")
    );
    assert_eq!(page.attribute("#from", "value"), "yester\"day");
    assert_eq!(page.attribute("#actor", "value"), "ada");
    assert_eq!(page.attribute("#to", "value"), "2023-11-15");
    assert!(!page.has("td"));
    let page = visitor.get("/audit?from=2023-11-16&to=2023-11-15").await;
    assert_eq!(page.one("#to-error"), "The last day is before the first.");
    let words = visitor.read("/audit?target=nothing").await.words();
    assert!(words.contains("No such entry"), "{words}");
}

#[tokio::test]
async fn the_export_is_what_the_page_shows_and_is_recorded() {
    let mut scene = scene();
    record(&scene, 700, hostile()).await;
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.read("/audit").await;
    let export = visitor.read(&page.attribute("a[download]", "href")).await;
    assert_eq!(export.header("cache-control"), "no-store");
    assert_eq!(
        export.header("content-type"),
        "application/jsonl; charset=utf-8"
    );
    let disposition = export.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"audit-"),
        "{disposition}"
    );
    assert!(export.bytes.is_ascii());
    let lines: Vec<Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // The user, the hostile ones, the sign-in and the export itself.
    assert_eq!(lines.len(), 703);
    assert_eq!(lines[1]["actor"], HOSTILE);
    assert_eq!(lines[702]["action"], "audit.export");
    assert_eq!(lines[702]["detail"], "All entries.");
    let mut previous = Value::from("");
    for line in &lines {
        assert_eq!(line["previous_hash"], previous);
        previous = line["hash"].clone();
    }

    let path = format!("/audit.jsonl?target={}&to=2023-11-14", encode(HOSTILE));
    assert_eq!(visitor.read(&path).await.text.lines().count(), 700);
    let refused = visitor.get("/audit.jsonl?to=x").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("#to-error"));
    let exports = visitor.read("/audit?action=audit.export").await;
    assert_eq!(numbers(&exports.text).len(), 2);
    assert!(exports.words().contains("&to=2023-11-14"));
    scene.run(&["audit", "verify"], DONE);
}

/// The numbers of the entries on a page.
fn numbers(text: &str) -> Vec<i64> {
    let rows = Selector::parse("tr[id]").unwrap();
    Html::parse_document(text)
        .select(&rows)
        .map(|row| row.attr("id").unwrap()[1..].parse().unwrap())
        .collect()
}

fn encode(text: &str) -> String {
    crate::support::cluster::encode(text)
}
