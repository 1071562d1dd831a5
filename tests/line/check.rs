//! Checking a target through both doors: what is said of a calm one, of a messy one, of one that does not answer.
use std::time::{Duration, Instant};

use lockkeeper::store::Store;
use lockkeeper::target::measurement::{self, Measurement};

use crate::scene::{DONE, Holder, NOT_SO, Said, Scene, UNREACHABLE, bare, database, target};
use crate::support::cluster::PASSWORD;
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

const CHECK: [&str; 2] = ["target", "check"];
const SOON: Duration = Duration::from_secs(20);

/// A terminal on a database where everything is applied.
fn calm() -> Scene {
    let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY);\nCREATE SCHEMA audit;\n\
                CREATE TABLE audit.entry (id int);";
    let scene = Scene::terminal(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    scene
}

/// A terminal on a database with a migration of every sorrow.
fn messy() -> Scene {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_init", "CREATE TABLE word (id int);")
            .migration("2_gone", "CREATE TABLE other (id int);")
            .migration("3_bad", "INSERT INTO word VALUES ('no number');"),
    );
    scene.plan_and_apply(NOT_SO);
    scene
        .project
        .write("1_init", "CREATE TABLE word (id bigint);");
    scene.project.write("4_next", "CREATE TABLE next (id int);");
    std::fs::remove_dir_all(scene.project.migrations().join("2_gone")).unwrap();
    scene
}

/// The newest measurement in the store of a console.
async fn latest(console: &Console) -> Option<Measurement> {
    let file = console.folder().join("lockkeeper-data/store.db");
    let store = Store::open(&format!("sqlite:{}", file.display()).into()).await;
    measurement::latest(&store.unwrap(), "app").await.unwrap()
}

#[tokio::test]
async fn a_calm_target_is_told_and_measured() {
    let scene = calm();
    let said = scene.run(&CHECK, DONE);
    said.says(&[
        "The role is postgres, a superuser; the connection is not encrypted.",
        "audit.entry: ",
        "Person: ",
        " connections are in use.",
        "1 migration is applied.",
        "Nothing is pending.",
    ]);
    assert!(said.out.starts_with("Postgres "), "{}", said.out);
    assert!(
        said.out
            .trim_end()
            .ends_with(", 1 migration applied, 0 pending."),
        "{}",
        said.out
    );

    let said = scene.run(&["target", "check", "app", "--json"], DONE);
    let job = said.json();
    assert_eq!(job["state"], "succeeded");
    for line in said.out.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let kept = latest(&scene.console).await.unwrap();
    assert_eq!(job["job"], kept.job.as_str());
    let version = scene.ask("SELECT current_setting('server_version_num')");
    assert_eq!(kept.version_num.to_string(), version);
    assert!(kept.database_bytes.unwrap() > 1_000_000, "{kept:?}");
    assert_eq!((kept.applied, kept.pending, kept.troubled), (1, 0, 0));
}

#[tokio::test]
async fn a_messy_target_is_told_in_warnings_and_the_check_succeeds() {
    let scene = messy();
    let before = scene.ledger();
    let said = scene.run(&CHECK, NOT_SO);
    assert!(
        said.out
            .trim_end()
            .ends_with("2 migrations applied, 1 pending, 1 failed, 1 edited, 1 missing."),
        "{}",
        said.out
    );
    said.says(&[
        "warning 1 migration is pending: 4_next.",
        "warning 1 migration failed, and nothing else is applied before that is repaired: 3_bad.",
        "warning 1 migration was edited after it was applied: 1_init.",
        "warning 1 migration is applied, but its folder is gone: 2_gone.",
    ]);
    let kept = latest(&scene.console).await.unwrap();
    assert_eq!((kept.applied, kept.pending, kept.troubled), (2, 1, 3));
    assert_eq!(scene.ledger(), before);

    // Without the folder nothing is called missing.
    std::fs::remove_dir_all(scene.project.migrations()).unwrap();
    scene
        .run(&CHECK, NOT_SO)
        .says(&["2 migrations applied, 1 failed, the migrations folder could not be read."]);
}

#[test]
fn a_check_waits_behind_no_lock_and_says_who_holds_the_migrations() {
    let scene = calm();
    let held =
        "BEGIN; LOCK TABLE \"Person\" IN ACCESS EXCLUSIVE MODE; SELECT pg_advisory_lock(72707369)";
    let _holder = Holder::of(&scene.database, held);
    let began = Instant::now();
    scene.run(&CHECK, NOT_SO).says(&[
        "(somebody holds its lock)",
        "The lock of the migrations is held by psql (process ",
    ]);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_target_that_does_not_answer_fails_the_check() {
    let project = Project::new();
    let url = "postgresql://app:hushhush@127.0.0.1:9/app";
    let console = Console::prepare(&[target("app", url, &project)], None);
    // Without a store, and then with one.
    for has_store in [false, true] {
        if has_store {
            console.add_user();
        }
        let said = Said::of(console.cli(&CHECK), &CHECK, UNREACHABLE);
        said.says(&["127.0.0.1:9/app", "data: ", "next: "]);
        assert!(!said.all().contains("hushhush"));
        assert_eq!(said.all().contains("There is no store here"), !has_store);
        let args = ["target", "check", "--json"];
        let said = Said::of(console.cli(&args), &args, UNREACHABLE);
        assert!(said.json()["error"]["what"].is_string(), "{}", said.out);
    }
    assert_eq!(latest(&console).await, None);
}

#[test]
fn a_url_alone_is_enough() {
    let project = Project::new().migration("1_init", "CREATE TABLE word (id int);");
    let name = database();
    let run = |args: &[&str], code| Said::of(bare(&name, project.folder(), args), args, code);
    run(&CHECK, NOT_SO).says(&[
        "There is no store here: this check is not recorded",
        "There is no ledger yet.",
        "1 migration is pending: 1_init.",
    ]);
    assert!(!project.folder().join("lockkeeper-data").exists());

    let listed = run(&["target", "list"], DONE);
    listed.says(&[&name, "127.0.0.1:"]);
    assert!(!listed.all().contains(PASSWORD), "{}", listed.all());
    let listed = run(&["target", "list", "--json"], DONE);
    assert_eq!(listed.json()["targets"][0]["name"], name.as_str());
    assert!(!listed.out.contains(PASSWORD), "{}", listed.out);
}

#[tokio::test]
async fn the_page_shows_what_its_check_measured() {
    let mut scene = calm();
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.read("/t/app").await;
    assert!(page.words().contains("No check has run yet."));
    assert!(page.words().contains("lockkeeper target check app"));
    assert!(!page.has("svg.chart"));

    let job = visitor.start("/t/app/check", &[]).await;
    let done = visitor.wait(&job, &["succeeded"], SOON).await;
    assert!(done.words().contains("Nothing is pending."));
    let page = visitor.read("/t/app").await;
    assert!(page.words().contains("It was measured once so far"));
    assert!(page.has("svg.chart[role=img]"));
    assert!(page.has(&format!("a[href='{job}']")));

    scene.run(&CHECK, DONE);
    let page = visitor.read("/t/app").await;
    assert!(page.has("svg.chart polyline"), "{}", page.words());
    for word in ["Smallest", "Largest", "Latest"] {
        assert!(page.words().contains(word), "{}", page.words());
    }
}

#[tokio::test]
async fn a_check_runs_beside_a_backup() {
    let mut scene = calm();
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let held = "BEGIN; LOCK TABLE \"Person\" IN ACCESS EXCLUSIVE MODE";
    let holder = Holder::of(&scene.database, held);
    let backup = visitor.start("/t/app/backups", &[("note", "")]).await;
    visitor.wait_for_log(&backup, "Writing ").await;
    let check = visitor.start("/t/app/check", &[]).await;
    visitor.wait(&check, &["succeeded"], SOON).await;
    scene.run(&CHECK, DONE);
    visitor.wait(&backup, &["running"], SOON).await;
    drop(holder);
    visitor.wait(&backup, &["succeeded"], SOON).await;
}
