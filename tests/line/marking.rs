//! Saying of migrations what a person knows, without running them: as a job with its audit entry where there is a store,
//! all or nothing, and never when it is not so.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::process::Command;

use serde_json::json;

use crate::scene::{DONE, Holder, NOT_SO, Said, Scene, USAGE, cluster, database};
use crate::stopping::{ended, id, start, until};
use crate::support::console::binary;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

/// Everything that a mark may write: name, whether finished at the moment it began, rolled back, logs and the count.
const ROWS: &str = "SELECT migration_name, finished_at = started_at, rolled_back_at IS NOT NULL, quote_nullable(logs), \
                    applied_steps_count FROM _prisma_migrations ORDER BY started_at";

fn two() -> Project {
    Project::new()
        .migration("1_init", "CREATE TABLE word (id int);")
        .migration("2_more", "ALTER TABLE word ADD more int;")
}

/// A database on which `2_more` has failed.
fn failed() -> Scene {
    let scene = Scene::terminal(two());
    scene
        .project
        .write("2_more", "ALTER TABLE nothing ADD more int;");
    scene.plan_and_apply(NOT_SO);
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_more|f|f|t|0");
    scene
        .project
        .write("2_more", "ALTER TABLE word ADD more int;");
    scene
}

#[tokio::test]
async fn what_failed_is_marked_and_goes_on() {
    let mut scene = failed();
    scene
        .run(&["migrate", "resolve", "--rolled-back", "2_more"], DONE)
        .says(&[
            "2_more was marked as rolled back.",
            "Mark as rolled back: the row of 2_more that began",
        ]);
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_more|f|t|t|0");
    // Again: it is so already, and the moment stays what it was.
    let when = "SELECT max(rolled_back_at) FROM _prisma_migrations";
    let before = scene.ask(when);
    scene
        .run(&["migrate", "resolve", "--rolled-back", "2_more"], DONE)
        .says(&["2_more is rolled back already; nothing was changed."]);
    assert_eq!(scene.ask(when), before);
    scene.plan_and_apply(DONE);
    assert_eq!(
        scene.ledger(),
        "1_init|t|f|f|1\n2_more|f|t|t|0\n2_more|t|f|f|1"
    );

    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let jobs = visitor.read("/jobs?kind=migration.resolve").await.words();
    assert!(jobs.contains("Mark migrations"), "{jobs}");
    let audit = visitor
        .read("/audit?action=migration.resolve")
        .await
        .words();
    assert!(
        audit.contains("2_more was marked as rolled back."),
        "{audit}"
    );
}

#[test]
fn several_names_are_marked_all_or_not_at_all() {
    let scene = failed();
    let before = scene.ask(ROWS);
    for (args, says) in [
        (
            &["--applied", "2_more", "1_init"][..],
            "Recorded as applied already: 1_init. (P3008)",
        ),
        (
            &["--applied", "2_more", "3_none"],
            "has no migration 3_none. (P3017)",
        ),
        (
            &["--applied", "more"],
            "has no migration more. Did you mean 2_more? (P3017)",
        ),
        (
            &["--rolled-back", "2_more", "3_none"],
            "The ledger has no row of: 3_none. (P3011)",
        ),
        (
            &["--rolled-back", "2_more", "1_init"],
            "by every row in the ledger: 1_init. (P3012)",
        ),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            scene
                .run(&[&["migrate", "resolve"], args, dry].concat(), NOT_SO)
                .says(&[says, "Nothing was marked. The database is as it was."]);
        }
    }
    for args in [
        &["migrate", "resolve"][..],
        &["migrate", "resolve", "--applied"],
        &[
            "migrate",
            "resolve",
            "--applied",
            "2_more",
            "--rolled-back",
            "2_more",
        ],
    ] {
        scene.run(args, USAGE);
    }
    assert_eq!(scene.ask(ROWS), before);

    // A look changes nothing and waits for nobody.
    let lock = Holder::of(&scene.database, "SELECT pg_advisory_lock(72707369)");
    let dry = [
        "migrate",
        "resolve",
        "--dry-run",
        "--json",
        "--applied",
        "2_more",
        "2_more",
    ];
    let shown = scene.run(&dry, DONE).json();
    assert_eq!(shown["rolledBack"][0]["name"], "2_more");
    assert_eq!(shown["added"].as_array().unwrap().len(), 1);
    assert_eq!(scene.ask(ROWS), before);
    scene
        .run(&["migrate", "resolve", "--applied", "2_more"], NOT_SO)
        .says(&["P1002", "held by psql"]);
    assert_eq!(scene.ask(ROWS), before);
    drop(lock);
    scene.run(&["migrate", "resolve", "--applied", "2_more"], DONE);
    let rows = scene.ask(ROWS);
    let added = rows.lines().last().unwrap();
    assert_eq!(added, "2_more|t|f|''|0");
    assert!(
        rows.lines().nth(1).unwrap().starts_with("2_more||t|"),
        "{rows}"
    );
    scene.run(&["migrate", "status"], DONE);
}

#[test]
fn a_mark_that_cannot_be_written_leaves_nothing() {
    let scene = Scene::terminal(two().migration("3_last", "SELECT 1;"));
    scene.ask(
        "CREATE TABLE legacy (id int); CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN IF NEW.migration_name = '3_last' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;",
    );
    scene.run(&["migrate", "baseline", "--up-to", "1_init", "--yes"], DONE);
    scene.ask(
        "CREATE TRIGGER no BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION no()",
    );
    scene
        .run(
            &["migrate", "resolve", "--applied", "2_more", "3_last"],
            NOT_SO,
        )
        .says(&["not this one", "Nothing was marked."]);
    assert_eq!(scene.ask(ROWS), "1_init|t|f|''|0");
}

#[test]
fn a_baseline_makes_the_ledger_and_marks_in_the_folders_order() {
    let scene = Scene::terminal(two().migration("3_last", "CREATE TABLE last (id int);"));
    scene.ask("CREATE TABLE word (id int, more int)");
    scene
        .run(&["migrate", "status"], NOT_SO)
        .says(&["P3005", "lockkeeper migrate baseline --up-to NAME"]);
    let baseline = |more: &[&'static str]| [&["migrate", "baseline", "--up-to"], more].concat();
    scene
        .run(&baseline(&["2_none", "--yes"]), NOT_SO)
        .says(&["has no migration 2_none.", "(P3017)"]);
    scene
        .run(&baseline(&["2_more"]), USAGE)
        .says(&["nobody can be asked here: add --yes"]);
    scene.run(&baseline(&["2_more", "--dry-run"]), DONE).says(&[
        "Nothing was written.",
        "Make the ledger",
        "1_init is applied.",
        "2_more is applied.",
    ]);
    // A dry run makes no scratch database, and no job.
    let jobs = scene.run(&["--json", "job", "list"], DONE).json()["jobs"].clone();
    assert_eq!(jobs, json!([]));
    assert_eq!(scene.ask("SELECT to_regclass('_prisma_migrations')"), "");

    // What differs from what they make is shown first, by a job of its own.
    scene.ask("ALTER TABLE word ADD hotfix int");
    scene.run(&baseline(&["2_more", "--yes"]), DONE).says(&[
        "1 difference",
        "column hotfix",
        "2 migrations were marked as applied: 1_init, 2_more.",
    ]);
    let jobs = scene.run(&["--json", "job", "list"], DONE).json()["jobs"].clone();
    assert_eq!(jobs[1]["kind"], "drift.detect", "{jobs}");
    assert_eq!(scene.ask(ROWS), "1_init|t|f|''|0\n2_more|t|f|''|0");
    scene
        .run(&baseline(&["3_last", "--yes"]), NOT_SO)
        .says(&["Recorded as applied already: 1_init, 2_more. (P3008)"]);
    scene.plan_and_apply(DONE);
    assert_eq!(
        scene.ledger(),
        "1_init|t|f|t|0\n2_more|t|f|t|0\n3_last|t|f|f|1"
    );
    assert_eq!(scene.ask("SELECT to_regclass('last')"), "last");
}

#[test]
fn without_a_store_it_is_marked_as_well() {
    let project = two();
    let (empty, name) = (tempfile::tempdir().unwrap(), database());
    let run = |args: &[&str], code| {
        let output = Command::new(binary())
            .env_clear()
            .env(
                "DATABASE_URL",
                format!("{}?schema=quiet", cluster().url(&name)),
            )
            .current_dir(empty.path())
            .args(["--migrations", project.migrations().to_str().unwrap()])
            .args(args)
            .output();
        Said::of(output.unwrap(), args, code)
    };
    run(&["migrate", "resolve", "--rolled-back", "1_init"], NOT_SO)
        .says(&["The schema quiet has no ledger _prisma_migrations"]);
    // The schema is made as well, as Prisma makes it when it connects.
    run(&["migrate", "resolve", "--applied", "2_more"], DONE)
        .says(&["There is no store here", "2_more was marked as applied."]);
    let status = run(&["migrate", "status", "--json"], NOT_SO).json();
    assert_eq!(status["pending"], json!(["1_init"]));
    let rows = ROWS.replace("_prisma", "quiet._prisma");
    assert_eq!(cluster().psql(&name, &rows), "2_more|t|f|''|0");
    std::fs::write(
        project.migrations().join("migration_lock.toml"),
        "provider = \"mysql\"",
    )
    .unwrap();
    let _lock = Holder::of(&name, "SELECT pg_advisory_lock(72707369)");
    run(&["migrate", "resolve", "--applied", "1_init"], NOT_SO).says(&["P3019"]);
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn a_mark_that_was_cut_off_waits_for_a_person() {
    let scene = failed();
    let before = scene.ask(ROWS);
    scene.ask(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$; \
         CREATE TRIGGER slow BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let mut cut_off = start(
        &scene.console,
        &["migrate", "resolve", "--applied", "2_more"],
    );
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    until("it writes", || scene.ask(sleeps) == "1");
    cut_off.kill().unwrap();
    cut_off.wait().unwrap();
    // No console runs here: whoever comes next notices, once the lease has lapsed.
    let next = start(
        &scene.console,
        &["migrate", "resolve", "--rolled-back", "2_more"],
    );
    let first = || scene.run(&["--json", "job", "list"], DONE).json()["jobs"][1].clone();
    until("it is interrupted", || first()["state"] == "interrupted");
    let job = id(&first());
    let decide = |decision: &str, code: i32| {
        let args = [
            "job",
            "reconcile",
            &job,
            "--as",
            decision,
            "--finding=looked",
            "--yes",
        ];
        scene.run(&args, code)
    };
    scene.run(&["job", "show", &job], NOT_SO).says(&[
        "Mark migrations of app: interrupted",
        "A session of this job is still on the server",
        "2_more is not recorded as applied in the ledger.",
        "either all of them are in the ledger or none",
    ]);
    decide("end-sessions", DONE);
    until("the server has ended it", || scene.ask(sleeps) == "0");
    decide("succeeded", NOT_SO).says(&["does not allow that decision"]);
    assert_eq!(scene.ask(ROWS), before, "nothing of it was written");
    decide("failed", DONE);
    ended(next, "resolve", DONE);
}

#[test]
fn no_second_ledger_is_made_beside_one_that_is_not_on_the_path() {
    let scene = Scene::terminal(two());
    std::fs::write(
        scene.project.folder().join("prisma/schema.prisma"),
        "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n  schemas = [\"app\", \"public\"]\n}\n",
    )
    .unwrap();
    scene.plan_and_apply(DONE);
    scene.ask("CREATE SCHEMA app; ALTER TABLE _prisma_migrations SET SCHEMA app");
    for flags in [&["--dry-run"][..], &[]] {
        let resolve = ["migrate", "resolve", "--applied", "1_init"];
        scene
            .run(&[&resolve, flags].concat(), NOT_SO)
            .says(&["The ledger is in the schema app, which is not on the search path"]);
        let baseline = ["migrate", "baseline", "--up-to", "2_more", "--yes"];
        scene.run(&[&baseline, flags].concat(), NOT_SO);
    }
    assert_eq!(
        scene.ask("SELECT to_regclass('public._prisma_migrations')"),
        ""
    );
}
