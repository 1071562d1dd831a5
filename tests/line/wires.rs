//! Connections that are lost, held or interrupted at the very statements that decide what is in effect: the console says
//! what it knows, and no more.

use std::time::Duration;

use crate::scene::{DONE, NOT_SO, REFUSED, Said, Scene};
use crate::stopping::{CANCELLED, ended, id, newest, sleepers, start, until};
use crate::support::project::Project;
use crate::wire::{Fate, Wire};

const TWO: &str = "CREATE TABLE half (id int);\nSELECT pg_sleep(2);";

/// Applies the newest plan, and asks the job to stop while the message with `words` is held; how it ended.
fn stopped_at(wire: &Wire, scene: &Scene, words: &str) -> Said {
    wire.expect(words, Fate::Held);
    let apply = start(&scene.console, &["plan", "apply"]);
    until(words, || wire.has_met());
    let job = id(&newest(scene));
    scene.run(&["job", "cancel", &job], DONE);
    // The worker reads that it is asked to stop a moment later.
    std::thread::sleep(Duration::from_secs(7));
    wire.let_go();
    ended(apply, "plan apply", CANCELLED)
}

#[test]
fn a_write_of_the_ledger_whose_answer_is_lost_waits_for_a_person() {
    let moments = [
        (
            "(id, checksum, started_at",
            "1_plain was not begun. Whether the ledger has a row of it is not known.",
        ),
        (
            "SET applied_steps_count",
            "The script of 1_plain ran to its end and is in effect. Whether the ledger says so is not known.",
        ),
        (
            "SET finished_at",
            "The script of 1_plain ran to its end and is in effect. Whether the ledger says so is not known.",
        ),
    ];
    for (words, said) in moments {
        let project = Project::new().migration("1_plain", "CREATE TABLE plain (id int);");
        let (wire, scene) = Wire::with_terminal(project);
        scene.run(&["plan", "make"], DONE);
        wire.expect(words, Fate::Cut);
        scene.run(&["plan", "apply"], NOT_SO).says(&[said]);
        assert!(wire.has_met());
        assert_eq!(newest(&scene)["state"], "interrupted", "{words}");
    }
}

#[test]
fn an_undone_migration_whose_mark_is_lost_waits_for_a_person() {
    let (wire, scene) =
        Wire::with_terminal(Project::new().migration("1_slow", &TWO.replace("(2)", "(30)")));
    scene.run(&["plan", "make"], DONE);
    wire.expect("SET rolled_back_at", Fate::Cut);
    let apply = start(&scene.console, &["plan", "apply"]);
    until("the script sleeps", || sleepers(&scene) == "1");
    let job = id(&newest(&scene));
    scene.run(&["job", "cancel", &job], DONE);
    ended(apply, "plan apply", NOT_SO).says(&[
        "Nothing of 1_slow is in effect. Whether the ledger has it as rolled back is not known.",
    ]);
    assert_eq!(newest(&scene)["state"], "interrupted");
}

#[test]
fn a_transaction_that_the_server_may_still_run_waits_for_a_person() {
    let (wire, scene) = Wire::with_terminal(Project::new().migration("1_two", TWO));
    scene.run(&["plan", "make"], DONE);
    wire.expect("pg_sleep", Fate::Cut);
    scene.run(&["plan", "apply"], NOT_SO).says(&[
        "The connection was lost in 1_two",
        "Nothing of this script will be in effect",
        "may still be running",
    ]);
    assert_eq!(newest(&scene)["state"], "interrupted");
}

#[test]
fn a_transaction_that_the_server_ended_is_known_to_be_undone() {
    let script = "CREATE TABLE half (id int);\nSELECT pg_terminate_backend(pg_backend_pid());";
    let scene = Scene::terminal(Project::new().migration("1_two", script));
    scene.approve_and_apply(NOT_SO).says(&[
        "1_two failed at statement 2 of 2",
        "SQLSTATE 57P01",
        "Nothing of this script is in effect.",
    ]);
    assert_eq!(newest(&scene)["state"], "failed");
    assert_eq!(scene.ask("SELECT to_regclass('half')"), "");
}

#[test]
fn a_job_stopped_before_the_first_migration_says_what_it_left() {
    let (wire, scene) =
        Wire::with_terminal(Project::new().migration("1_plain", "CREATE TABLE plain (id int);"));
    scene.run(&["plan", "make"], DONE);
    stopped_at(&wire, &scene, "CREATE TABLE").says(&[
        "stopped before the first migration",
        "The ledger _prisma_migrations was created.",
    ]);
    assert_eq!(scene.ledger(), "");
    assert_eq!(scene.ask("SELECT to_regclass('plain')"), "");
    scene.plan_and_apply(DONE);
}

#[test]
fn an_approval_is_used_only_when_the_job_was_not_stopped_before() {
    let drops = Project::new().migration("1_drop", "DROP TABLE _prisma_migrations;");
    let (wire, scene) = Wire::with_terminal(drops);
    scene.run(&["plan", "make"], REFUSED);
    scene.run(&["backup", "take"], DONE);
    scene.approve(DONE);
    // Before the lock is taken: the approval is still there for the next try.
    stopped_at(&wire, &scene, "pg_try_advisory_lock").says(&["Nothing was left behind."]);
    // After it was used: that is said.
    stopped_at(&wire, &scene, "CREATE TABLE").says(&[
        "The ledger _prisma_migrations was created.",
        "The approval is used",
    ]);
}

#[test]
fn a_late_request_to_cancel_does_not_keep_a_script_s_role() {
    let script = "SET SESSION AUTHORIZATION pg_read_all_stats;";
    let (wire, scene) = Wire::with_terminal(Project::new().migration("1_role", script));
    scene.run(&["plan", "make"], DONE);
    wire.expect("RESET SESSION AUTHORIZATION", Fate::Refused("57014"));
    scene.run(&["plan", "apply"], DONE);
    assert!(wire.has_met());
    assert_eq!(scene.ledger(), "1_role|t|f|f|1");
}

#[test]
fn a_session_that_cannot_be_reset_is_not_gone_on_with() {
    let project = Project::new()
        .migration("1_plain", "CREATE TABLE plain (id int);")
        .migration("2_next", "CREATE TABLE next (id int);");
    let (wire, scene) = Wire::with_terminal(project);
    scene.run(&["plan", "make"], DONE);
    wire.expect("RESET ALL", Fate::Refused("58000"));
    scene.run(&["plan", "apply"], NOT_SO).says(&[
        "the wire refused it",
        "The script of 1_plain ran to its end and is in effect, but the ledger does not say so",
        "resolve --applied 1_plain",
    ]);
    assert_eq!(newest(&scene)["state"], "failed");
    assert_eq!(scene.ledger(), "1_plain|f|f|f|0");
    assert_eq!(scene.ask("SELECT to_regclass('next')"), "");
}

#[test]
fn a_script_that_silences_the_server_is_not_taken_for_an_open_transaction() {
    let quiet = "SET client_min_messages = error;\nCREATE TABLE quiet (id int);";
    let open = "BEGIN;\nSET client_min_messages = error;\nCREATE TABLE lost (id int);";
    let project = Project::new()
        .migration("1_quiet", quiet)
        .migration("2_open", open);
    let scene = Scene::terminal(project);
    scene
        .plan_and_apply(NOT_SO)
        .says(&["2_open", "ended with an open transaction"]);
    assert_eq!(scene.ledger(), "1_quiet|t|f|f|1\n2_open|f|f|t|0");
    assert_eq!(scene.ask("SELECT to_regclass('lost')"), "");
}
