//! `kill -9` of the program that runs a job, and of the server that it works on, from before its first step until after
//! its last: no job is run again by itself, no half backup is left, and nothing that is said contradicts the database.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cluster::Cluster;
use crate::support::console::{Console, TargetLines};

const ROUNDS: u32 = 40;
/// Longer than a lease.
const LEASE: Duration = Duration::from_secs(17);
const SCRIPT: &str = "CREATE TABLE one (id int);\nSELECT pg_sleep(0.2);\nCREATE TABLE two (id int);\n\
                      SELECT pg_sleep(0.2);\nCREATE TABLE three (id int);\n";
const TABLES: &str = "SELECT count(*) FROM pg_tables WHERE tablename IN ('one', 'two', 'three')";

/// A target with something in it, and a console of its own.
pub struct Round {
    pub console: Console,
    database: String,
    /// The step that was recorded last when the kill came.
    step: String,
}

/// A database of that name, and a console on it.
pub fn prepare(cluster: &Cluster, folder: &std::path::Path, name: &str) -> Round {
    cluster.create_database(name);
    let fill =
        "CREATE TABLE word AS SELECT n, md5(n::text) AS text FROM generate_series(1, 150000) n";
    cluster.psql(name, fill);
    cluster.psql(name, &ledger());
    let url = cluster.url(name);
    let target = TargetLines {
        name: "app",
        environment: "production",
        url: &url,
        migrations: folder,
    };
    Round {
        console: Console::prepare(&[target], None),
        database: name.to_owned(),
        step: String::new(),
    }
}

/// A database that Prisma has begun with, so that something may be in it.
fn ledger() -> String {
    "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, \
     migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), \
     applied_steps_count integer NOT NULL DEFAULT 0)"
        .to_owned()
}

/// A project whose one migration is pending.
pub fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let migration = folder.path().join("20250101000000_three");
    std::fs::create_dir(&migration).unwrap();
    std::fs::write(migration.join("migration.sql"), SCRIPT).unwrap();
    folder
}

fn start(console: &Console, args: &[&str]) -> Child {
    console
        .command()
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a command says as JSON.
pub fn json(console: &Console, args: &[&str]) -> Value {
    let said = console.cli(&[&["--json"], args].concat());
    let text = String::from_utf8(said.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap_or("null")).unwrap()
}

/// How long a command takes, and a little more: kills are spread over that.
fn undisturbed(console: &Console, args: &[&str]) -> Duration {
    let began = Instant::now();
    assert!(console.cli(args).status.success());
    began.elapsed() * 11 / 10
}

/// The newest job of a kind.
fn job(console: &Console, kind: &str) -> Option<Value> {
    let jobs = json(console, &["job", "list"])["jobs"].take();
    let jobs = jobs.as_array().unwrap().clone();
    jobs.into_iter().find(|job| job["kind"] == kind)
}

/// Kills a command after a while, and says which step of its job was recorded last.
fn killed_in(console: &Console, args: &[&str], after: Duration) -> String {
    let mut command = start(console, args);
    std::thread::sleep(after);
    command.kill().unwrap();
    command.wait().unwrap();
    let kind = if args[0] == "backup" {
        "backup.take"
    } else {
        "plan.apply"
    };
    job(console, kind).map_or_else(
        || "before it was asked for".to_owned(),
        |job| {
            let word = if job["ended"].is_null() {
                "in"
            } else {
                "after"
            };
            format!("{word} {}", job["step"].as_str().unwrap_or("no step yet"))
        },
    )
}

fn count(steps: &mut BTreeMap<String, u32>, step: &str, state: &str) {
    *steps.entry(format!("{step} → {state}")).or_default() += 1;
}

/// The files of the archive: every artifact has its manifest with the SHA-256 of its bytes, and nothing else is there.
pub fn archive_is_whole(console: &Console) -> usize {
    let list = json(console, &["backup", "list"]);
    assert_eq!(list["problems"], serde_json::json!([]));
    let backups = list["backups"].as_array().unwrap().len();
    let files = std::fs::read_dir(console.folder().join("backups")).map_or(0, Iterator::count);
    assert_eq!(files, backups * 2, "something is left over");
    backups
}

#[test]
fn a_killed_backup_is_cleaned_up_whatever_it_was_doing() {
    let (cluster, folder) = (Cluster::start(), project());
    let whole = prepare(&cluster, folder.path(), "whole");
    let took = undisturbed(&whole.console, &["backup", "take"]);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut one = prepare(&cluster, folder.path(), &format!("backup{round}"));
        one.step = killed_in(&one.console, &["backup", "take"], took * round / ROUNDS);
        rounds.push(one);
    }
    std::thread::sleep(LEASE);
    let mut steps = BTreeMap::new();
    for round in &rounds {
        // Whoever comes next notices and cleans up. It waits its turn and then is a backup like any other.
        let next = round.console.cli(&["backup", "take", "--note", "next"]);
        assert!(next.status.success(), "{}: {next:?}", round.step);
        let jobs = json(&round.console, &["job", "list"]);
        let jobs = jobs["jobs"].as_array().unwrap();
        let killed = jobs.get(1).map(|job| job["state"].as_str().unwrap());
        assert!(
            matches!(killed, None | Some("failed" | "succeeded" | "queued")),
            "{}: {killed:?}",
            round.step
        );
        let whole = archive_is_whole(&round.console);
        let expected = if killed == Some("succeeded") { 2 } else { 1 };
        assert_eq!(whole, expected, "{}: {killed:?}", round.step);
        count(&mut steps, &round.step, killed.unwrap_or("nothing"));
    }
    println!("{ROUNDS} kills of a backup, by what was recorded last: {steps:#?}");
}

#[test]
fn a_killed_apply_waits_for_a_person_and_says_what_is_so() {
    let (cluster, folder) = (Cluster::start(), project());
    let whole = prepare(&cluster, folder.path(), "whole");
    assert!(whole.console.cli(&["plan", "make"]).status.success());
    let took = undisturbed(&whole.console, &["plan", "apply"]);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut one = prepare(&cluster, folder.path(), &format!("apply{round}"));
        assert!(one.console.cli(&["plan", "make"]).status.success());
        one.step = killed_in(&one.console, &["plan", "apply"], took * round / ROUNDS);
        rounds.push(one);
    }
    std::thread::sleep(LEASE);
    let mut steps = BTreeMap::new();
    for round in &rounds {
        // A plan only looks, so it goes on beside; making one is what notices here.
        round.console.cli(&["plan", "make"]);
        round.console.cli(&["job", "list"]);
        let before = cluster.psql(&round.database, TABLES);
        let Some(job) = job(&round.console, "plan.apply") else {
            assert_eq!(before, "0");
            count(&mut steps, &round.step, "nothing");
            continue;
        };
        let id = job["job"].as_str().unwrap();
        let mut state = job["state"].as_str().unwrap().to_owned();
        if state == "interrupted" {
            let seen = json(&round.console, &["job", "reconcile", id]);
            let choices = seen["choices"].as_array().unwrap().clone();
            let may_succeed = choices.iter().any(|choice| choice == "succeeded");
            assert_eq!(
                may_succeed,
                before == "3" && ledger_says_applied(&cluster, &round.database),
                "{}: {seen}",
                round.step
            );
            let decision = if may_succeed { "succeeded" } else { "failed" };
            let args = [
                "job",
                "reconcile",
                id,
                "--as",
                decision,
                "--finding",
                "Seen.",
                "--yes",
            ];
            let done = round.console.cli(&args);
            assert!(done.status.success(), "{}: {done:?}", round.step);
            state = format!("interrupted, then {decision}");
        }
        let after = cluster.psql(&round.database, TABLES);
        assert_eq!(before, after, "{}: nothing runs by itself", round.step);
        assert!(
            before == "0" || before == "3",
            "{}: half a migration",
            round.step
        );
        if state == "succeeded" {
            assert_eq!(before, "3", "{}", round.step);
        }
        // The backup that it began with is whole, or nothing of it is left.
        archive_is_whole(&round.console);
        count(&mut steps, &round.step, &state);
    }
    println!("{ROUNDS} kills of an apply, by what was recorded last: {steps:#?}");
}

fn ledger_says_applied(cluster: &Cluster, database: &str) -> bool {
    let question = "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL";
    cluster.psql(database, question) == "1"
}

#[test]
fn a_killed_server_is_told_as_what_it_was() {
    let (cluster, folder) = (Cluster::start(), project());
    let whole = prepare(&cluster, folder.path(), "whole");
    assert!(whole.console.cli(&["plan", "make"]).status.success());
    let took = undisturbed(&whole.console, &["plan", "apply"]);
    let mut ends = BTreeMap::new();
    for round in 0..10 {
        let round_ = prepare(&cluster, folder.path(), &format!("server{round}"));
        assert!(round_.console.cli(&["plan", "make"]).status.success());
        let apply = start(&round_.console, &["plan", "apply"]);
        std::thread::sleep(took * round / 10);
        // All sessions end at once and the server recovers, as after a crash of one of its processes.
        cluster.crash(&round_.database);
        let code = apply.wait_with_output().unwrap().status.code();
        let tables = cluster.psql(&round_.database, TABLES);
        let job = job(&round_.console, "plan.apply").unwrap();
        let state = job["state"].as_str().unwrap();
        match state {
            "succeeded" => assert_eq!((tables.as_str(), code), ("3", Some(0))),
            // It says that nothing is in effect, or that it is not known; never that something is which is not.
            "failed" => assert_eq!(tables, "0", "{job}"),
            "interrupted" => assert!(tables == "0" || tables == "3"),
            other => panic!("{other}"),
        }
        count(
            &mut ends,
            job["step"].as_str().unwrap_or("no step yet"),
            state,
        );
    }
    println!("10 crashes of the server under an apply, by step: {ends:#?}");
}
