//! Locks: whom a migration waits for and who waits for it is told while it happens, without a value of theirs.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::scene::{DONE, Holder, NOT_SO, Scene};
use crate::support::project::Project;

/// A console on its terminal with one table and one pending migration, which is planned.
fn planned(script: &str) -> Scene {
    let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY, phone text);\n\
                INSERT INTO \"Person\" SELECT n, 'x' FROM generate_series(1, 2000) n;";
    let scene = Scene::terminal(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    scene.project.write("2_next", script);
    scene.run(&["plan", "make"], DONE);
    scene
}

/// Applies the plan while `meanwhile` runs; how it ended and what was said.
fn applied(scene: &Scene, meanwhile: impl FnOnce()) -> (Option<i32>, String) {
    let mut command = scene.console.command();
    command
        .args(["plan", "apply", "--no-backup"])
        .stderr(Stdio::piped());
    let apply = command.spawn().unwrap();
    meanwhile();
    let ended = apply.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended.status.code(), said)
}

/// Waits until the target's database answers a question with this.
fn until(scene: &Scene, question: &str, answer: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while scene.ask(question) != answer {
        assert!(Instant::now() < deadline, "{question} is not {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const WAITING: &str = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND application_name LIKE 'lockkeeper:%'";

#[test]
fn who_keeps_a_migration_waiting_is_told() {
    let scene = planned("ALTER TABLE \"Person\" ADD note text;");
    let holder = Holder::of(
        &scene.database,
        "BEGIN; UPDATE \"Person\" SET phone = 'a secret number' WHERE id = 7",
    );
    let (code, said) = applied(&scene, move || {
        std::thread::sleep(Duration::from_secs(5));
        drop(holder);
    });
    assert_eq!(code, Some(DONE), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("It waits for a lock that others hold: process "));
    let line = line.unwrap_or_else(|| panic!("nobody was named: {said}"));
    for part in [
        "user postgres",
        "psql",
        "idle in transaction for ",
        "UPDATE \"Person\" SET phone = … WHERE id = …",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!said.contains("a secret number"), "{said}");
}

#[test]
fn who_waits_for_a_migration_is_told() {
    let scene = planned("ALTER TABLE \"Person\" ADD note text;\nSELECT pg_sleep(5);");
    let database = scene.database.clone();
    let (code, said) = applied(&scene, || {
        until(
            &scene,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%' \
             AND pid <> pg_backend_pid()",
            "1",
        );
        let reader = std::thread::spawn(move || {
            crate::scene::cluster().psql(
                &database,
                "SELECT count(*) FROM \"Person\" WHERE phone = 'another secret'",
            )
        });
        reader.join().unwrap();
    });
    assert_eq!(code, Some(DONE), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("1 session waits for it: process "));
    let line = line.unwrap_or_else(|| panic!("nobody was named: {said}"));
    assert!(
        line.contains("SELECT count(*) FROM \"Person\" WHERE phone = …"),
        "{line}"
    );
    assert!(!said.contains("another secret"), "{said}");
}

#[test]
fn an_index_that_is_built_beside_the_app_says_how_far_it_is() {
    let scene = planned("CREATE INDEX CONCURRENTLY by_phone ON \"Person\" (phone);");
    let holder = Holder::of(
        &scene.database,
        "BEGIN; DELETE FROM \"Person\" WHERE id = 9",
    );
    let (code, said) = applied(&scene, || {
        until(&scene, WAITING, "t");
        std::thread::sleep(Duration::from_secs(4));
        drop(holder);
    });
    assert_eq!(code, Some(DONE), "{said}");
    assert!(said.contains("The index: waiting for "), "{said}");
    assert!(
        said.contains("It waits for a lock that others hold: process "),
        "{said}"
    );
}

#[test]
fn an_error_is_told_with_its_line_and_column_in_the_file() {
    let scene = planned(
        "-- ä comment\nALTER TABLE \"Person\" ADD a int; ALTER TABLE \"Person\"\n  ADD COLUMN b int,\n  ALTER COLUMN \"é\" SET NOT NULL;\n\
         SELECT 'é', nothing FROM \"Person\";",
    );
    // The server points at names in queries, not in every statement.
    let (code, said) = applied(&scene, || {});
    assert_eq!(code, Some(NOT_SO), "{said}");
    let logs = scene.ask("SELECT logs FROM _prisma_migrations WHERE migration_name = '2_next'");
    assert!(logs.contains("Statement 2 of 3, line 2\n"), "{logs}");
    assert!(
        logs.contains("column \"é\" of relation \"Person\" does not exist"),
        "{logs}"
    );

    scene.ask(
        "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '2_next'",
    );
    scene.project.write(
        "2_next",
        "-- ä comment\n\n  SELECT 'é',\n    'ü', nothing FROM \"Person\";",
    );
    scene.run(&["plan", "make"], DONE);
    let (code, said) = applied(&scene, || {});
    assert_eq!(code, Some(NOT_SO), "{said}");
    let logs = scene.ask(
        "SELECT logs FROM _prisma_migrations WHERE migration_name = '2_next' AND rolled_back_at IS NULL",
    );
    assert!(
        logs.contains("Statement 1 of 1, line 4, column 10\n"),
        "{logs}"
    );
    assert!(logs.contains("42703"), "{logs}");
    assert!(
        said.contains("failed at line 4, column 10 (P3018)"),
        "{said}"
    );
}
