//! Jobs that are asked to stop, that meet a job of another console, or that end without anybody knowing what is in
//! effect: all from the terminal, on real servers.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scene::{DONE, Holder, NOT_SO, Said, Scene, cluster, target};
use crate::support::console::Console;
use crate::support::project::Project;

pub const CANCELLED: i32 = 130;
const SLOW: &str = "CREATE TABLE half (id int);\nSELECT pg_sleep(30);\nCREATE TABLE rest (id int);";

/// A console on the terminal, with one migration applied that made the table `word`.
fn terminal() -> Scene {
    let scene = Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    scene.plan_and_apply(DONE);
    scene
}

/// Starts a command and lets it run.
pub fn start(console: &Console, args: &[&str]) -> Child {
    console
        .command()
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a started command has said, after a check of how it ended.
pub fn ended(child: Child, what: &str, code: i32) -> Said {
    Said::of(child.wait_with_output().unwrap(), &[what], code)
}

/// Waits until `done` says so.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while !done() {
        assert!(Instant::now() < deadline, "it did not come so far: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The newest job, as `job list` tells it.
pub fn newest(scene: &Scene) -> Value {
    let said = scene.run(&["--json", "job", "list", "--limit", "1"], DONE);
    said.json()["jobs"][0].clone()
}

pub fn id(job: &Value) -> String {
    job["job"].as_str().unwrap().to_owned()
}

/// How many sessions run `pg_sleep` on the target.
pub fn sleepers(scene: &Scene) -> String {
    scene.ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
         AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
    )
}

/// A slow migration that is being applied.
fn applying(scene: &Scene) -> (Child, String) {
    scene.project.write("2_slow", SLOW);
    let deploy = start(&scene.console, &["migrate", "deploy"]);
    until("the script sleeps", || sleepers(scene) == "1");
    let job = newest(scene);
    assert_eq!(job["kind"], "plan.apply");
    (deploy, id(&job))
}

#[test]
fn an_apply_that_is_cancelled_is_undone_and_can_be_tried_again() {
    let scene = terminal();
    let (deploy, job) = applying(&scene);
    scene
        .run(&["job", "cancel", &job], DONE)
        .says(&["its migration is undone where Postgres can undo it"]);
    ended(deploy, "migrate deploy", CANCELLED).says(&[
        "2_slow, which was under way, is undone and recorded as rolled back.",
        "0 of 1 migrations are in effect",
    ]);
    assert_eq!(sleepers(&scene), "0", "the server was told too");
    assert_eq!(scene.ask("SELECT to_regclass('half')"), "");
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_slow|f|t|t|0");
    assert_eq!(newest(&scene)["state"], "cancelled");
    scene
        .run(&["job", "cancel", &job], NOT_SO)
        .says(&["there is nothing to stop"]);

    // It reads as pending again, not as failed, and the next try is a plan like any other.
    scene
        .run(&["migrate", "status"], NOT_SO)
        .says(&["2_slow", "pending"]);
    scene.project.write("2_slow", "CREATE TABLE half (id int);");
    scene.plan_and_apply(DONE);
    assert_eq!(scene.ask("SELECT to_regclass('half')"), "half");
}

#[test]
fn a_backup_that_is_cancelled_leaves_nothing() {
    let scene = terminal();
    let holder = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE word IN ACCESS EXCLUSIVE MODE",
    );
    let take = start(&scene.console, &["backup", "take"]);
    let dumps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name LIKE 'lockkeeper:%' AND wait_event_type = 'Lock'";
    // The tool, and the session that measures beside it.
    until("pg_dump waits", || scene.ask(dumps) == "2");
    let job = id(&newest(&scene));

    // A second job on the target waits, and can be taken back before it begins; what only asks goes on.
    let second = start(&scene.console, &["backup", "take", "--note", "second"]);
    until("it waits", || newest(&scene)["state"] == "queued");
    let waiting = id(&newest(&scene));
    scene
        .run(&["plan", "make"], DONE)
        .says(&["Nothing is pending"]);
    scene
        .run(&["job", "cancel", &waiting], DONE)
        .says(&["nothing was begun"]);
    ended(second, "backup take", CANCELLED);

    scene
        .run(&["job", "cancel", &job], DONE)
        .says(&["what it has written is removed"]);
    ended(take, "backup take", CANCELLED).says(&["Nothing was left behind."]);
    assert_eq!(scene.ask(dumps), "0", "the dump's session ended with it");
    let left = std::fs::read_dir(scene.console.folder().join("backups")).unwrap();
    assert_eq!(left.count(), 0);
    drop(holder);
    scene.run(&["backup", "take"], DONE);
}

#[test]
fn two_consoles_with_two_stores_do_not_meet_on_one_database() {
    let scene = terminal();
    let url = cluster().url(&scene.database);
    let other = Console::prepare(&[target("app", &url, &scene.project)], None);
    let (mut deploy, _job) = applying(&scene);
    let mut take = start(&other, &["backup", "take"]);
    let holders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 707833100";
    assert_eq!(scene.ask(holders), "1");
    std::thread::sleep(Duration::from_secs(3));
    assert!(take.try_wait().unwrap().is_none(), "it waits");
    assert!(deploy.try_wait().unwrap().is_none(), "and disturbs nobody");
    assert_eq!(scene.ask(holders), "1");
    scene.ask(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' \
         AND datname = current_database() AND pid <> pg_backend_pid()",
    );
    ended(deploy, "migrate deploy", NOT_SO).says(&["2_slow failed at statement 2"]);
    ended(take, "backup take", DONE).says(&["Another console works on this database"]);
    assert_eq!(scene.ask(holders), "0", "both have let go");
}

#[test]
fn a_person_decides_about_an_interrupted_job_from_the_terminal() {
    let scene = terminal();
    let (mut deploy, job) = applying(&scene);
    // What is reported is stored a moment later.
    until("the log says where it is", || {
        let shown = scene.run(&["job", "show", &job], DONE);
        shown.all().contains("Statement 2 of 3")
    });
    deploy.kill().unwrap();
    deploy.wait().unwrap();
    // No console runs here: whoever comes next notices, once the lease has lapsed.
    let next = start(&scene.console, &["backup", "take"]);
    until("it is interrupted", || {
        scene.run(&["--json", "job", "list"], DONE).json()["jobs"][1]["state"] == "interrupted"
    });
    scene.run(&["job", "show", &job], NOT_SO).says(&[
        "Apply a plan of app: interrupted",
        "Statement 2 of 3",
        "A session of this job is still on the server",
        "end it first, or wait",
        "--as end-sessions",
    ]);
    let decide = |decision: &str, code: i32| {
        let finding = "--finding=Nothing of it is there; \"half\" is not.";
        let args = ["job", "reconcile", &job, "--as", decision, finding, "--yes"];
        scene.run(&args, code)
    };
    decide("failed", NOT_SO).says(&["does not allow that decision"]);
    decide("end-sessions", DONE);
    scene
        .run(&["audit", "list", "--outcome", "sessions ended"], DONE)
        .says(&["plan.apply", "terminal:", "Nothing of it is there;"]);
    until("the server has ended it", || sleepers(&scene) == "0");
    scene.run(&["job", "reconcile", &job], NOT_SO).says(&[
        "No session of this job is left on the server.",
        "2_slow was begun, and the ledger has no end of it.",
        "--as failed",
    ]);
    decide("succeeded", NOT_SO).says(&["does not allow that decision"]);
    decide("failed", DONE).says(&["the target is free"]);
    decide("failed", NOT_SO);
    ended(next, "backup take", DONE);
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_slow|f|f|f|0");
    let shown = scene.run(&["--json", "job", "show", &job], DONE);
    let shown: Value = serde_json::from_str(shown.out.lines().next().unwrap()).unwrap();
    assert_eq!(shown["state"], "failed");
    assert_eq!(
        shown["trouble"]["data"],
        "Nothing of it is there; \"half\" is not."
    );
}

#[test]
fn a_connection_that_is_lost_at_the_wrong_moment_waits_for_a_person() {
    let scene = terminal();
    // A statement of its own transaction: when the connection is lost, nobody can tell whether it was committed.
    scene.project.write("2_one", "SELECT pg_sleep(30);");
    let deploy = start(&scene.console, &["migrate", "deploy"]);
    until("the script sleeps", || sleepers(&scene) == "1");
    let job = id(&newest(&scene));
    scene.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' \
         AND datname = current_database() AND pid <> pg_backend_pid()",
    );
    ended(deploy, "migrate deploy", NOT_SO).says(&[
        "The connection was lost in 2_one",
        "it is not known whether the last statement or commit took effect",
    ]);
    assert_eq!(newest(&scene)["state"], "interrupted");
    let finding = "It only slept.";
    let args = [
        "job",
        "reconcile",
        &job,
        "--as",
        "failed",
        "--finding",
        finding,
        "--yes",
    ];
    scene.run(&args, DONE);
    assert_eq!(newest(&scene)["state"], "failed");
}

#[test]
fn nothing_is_decided_about_a_job_that_runs() {
    let scene = terminal();
    let (deploy, job) = applying(&scene);
    scene
        .run(&["job", "reconcile", &job], NOT_SO)
        .says(&["not interrupted"]);
    for decision in ["end-sessions", "failed", "succeeded"] {
        let args = [
            "job",
            "reconcile",
            &job,
            "--as",
            decision,
            "--finding",
            "x",
            "--yes",
        ];
        scene.run(&args, NOT_SO).says(&["not interrupted any more"]);
    }
    assert_eq!(sleepers(&scene), "1", "its session was left alone");
    scene.run(&["job", "cancel", &job], DONE);
    ended(deploy, "migrate deploy", CANCELLED);
}

#[test]
fn a_session_under_another_name_keeps_the_target_locked() {
    let scene = terminal();
    let script = "SET application_name = 'seed';\nSELECT pg_sleep(60);";
    scene.project.write("2_renamed", script);
    let mut deploy = start(&scene.console, &["migrate", "deploy"]);
    until("the script sleeps", || sleepers(&scene) == "1");
    let job = id(&newest(&scene));
    deploy.kill().unwrap();
    deploy.wait().unwrap();
    until("it is interrupted", || {
        newest(&scene)["state"] == "interrupted"
    });
    let seen = scene.run(&["--json", "job", "reconcile", &job], NOT_SO);
    assert_eq!(
        seen.json()["choices"],
        serde_json::json!([]),
        "{}",
        seen.out
    );
    scene.run(&["job", "reconcile", &job], NOT_SO).says(&[
        "The lock of the migrations is held by seed",
        "nothing can be decided",
    ]);
    scene.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seed' \
         AND datname = current_database()",
    );
    until("the server has ended it", || sleepers(&scene) == "0");
    let args = [
        "job",
        "reconcile",
        &job,
        "--as",
        "failed",
        "--finding",
        "Gone.",
        "--yes",
    ];
    scene.run(&args, DONE);
}
