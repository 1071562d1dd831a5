//! Scripts that fail or misbehave: what is in effect then, and that ledger, terminal and status all say so.

use crate::scene::{DONE, NOT_SO, REFUSED, Scene, cluster, database, target};
use crate::support::console::Console;
use crate::support::project::Project;

/// Marks the failed rows as `prisma migrate resolve --rolled-back` does.
const ROLLED_BACK: &str =
    "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL";

fn exists(scene: &Scene, table: &str) -> bool {
    !scene
        .ask(&format!("SELECT to_regclass('public.{table}')"))
        .is_empty()
}

fn logs(scene: &Scene) -> String {
    scene.ask("SELECT logs FROM _prisma_migrations WHERE logs IS NOT NULL")
}

#[test]
fn a_failing_statement_leaves_nothing_of_its_migration() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_good", "CREATE TABLE good (id int);")
            .migration(
                "2_bad",
                "CREATE TABLE half (id int);\n\n\nINSERT INTO good VALUES ('no number');",
            )
            .migration("3_never", "CREATE TABLE never (id int);"),
    );
    scene.plan_and_apply(NOT_SO).says(&[
        "The migration 2_bad failed at statement 2 of 2, line 4, column 26 (P3018)",
        "invalid input syntax for type integer: \"no number\" (SQLSTATE 22P02)",
        "The migration before it is in effect. Nothing of this script is in effect.",
        "The ledger has it as failed, with this error.",
        "resolve --rolled-back 2_bad",
    ]);
    assert!(exists(&scene, "good") && !exists(&scene, "half") && !exists(&scene, "never"));
    assert_eq!(scene.ledger(), "1_good|t|f|f|1\n2_bad|f|f|t|0");
    let logs = logs(&scene);
    for part in ["2_bad", "Statement 2 of 2, line 4, column 26", "22P02"] {
        assert!(logs.contains(part), "{logs}");
    }

    // Nothing more is applied or even planned before somebody has repaired it.
    for command in [
        ["migrate", "status"],
        ["plan", "make"],
        ["migrate", "deploy"],
    ] {
        scene.run(&command, NOT_SO).says(&["P3009", "2_bad"]);
    }
    assert_eq!(scene.ledger(), "1_good|t|f|f|1\n2_bad|f|f|t|0");
    scene.ask(ROLLED_BACK);
    scene.project.write("2_bad", "CREATE TABLE half (id int);");
    scene.plan_and_apply(DONE);
    assert_eq!(
        scene.ledger(),
        "1_good|t|f|f|1\n2_bad|f|t|t|0\n2_bad|t|f|f|1\n3_never|t|f|f|1"
    );
}

#[test]
fn a_try_uses_the_approval_up() {
    let scene = Scene::about_to_drop();
    // Somebody's event trigger stands in the way, so the script fails after the approval was used.
    scene.ask(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$; \
         CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION no()",
    );
    scene
        .run(&["plan", "apply"], NOT_SO)
        .says(&["SQLSTATE P0001", "Nothing of this script is in effect."]);
    scene.ask(ROLLED_BACK);
    scene.ask("DROP EVENT TRIGGER stop");
    scene.run(&["plan", "apply"], REFUSED);
    scene.run(&["migrate", "deploy"], REFUSED);
    assert!(scene.has_phones());
    scene.approve(DONE);
    scene.run(&["plan", "apply"], DONE);
    assert!(!scene.has_phones());
}

#[test]
fn what_a_script_commits_itself_stays_and_is_said() {
    let script = "BEGIN;\nCREATE TABLE kept (id int);\nCOMMIT;\nBEGIN;\nCREATE TABLE undone (id int);\nSELECT 1 / 0;\nCOMMIT;";
    let scene = Scene::terminal(Project::new().migration("1_parts", script));
    scene
        .run(&["plan", "make"], DONE)
        .says(&["It has its own BEGIN and COMMIT"]);
    scene.run(&["plan", "apply"], NOT_SO).says(&[
        "statement 6 of 7, line 6",
        "SQLSTATE 22012",
        "What the script had committed before this statement is in effect; the rest is not.",
    ]);
    assert!(exists(&scene, "kept") && !exists(&scene, "undone"));
    // The error could be written although the script had left an aborted transaction.
    assert_eq!(scene.ledger(), "1_parts|f|f|t|0");
}

#[test]
fn an_index_can_be_built_concurrently() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_init", "CREATE TABLE word (id int, text text);")
            .migration("2_alone", "CREATE INDEX CONCURRENTLY a ON word (id);")
            .migration(
                "3_mixed",
                "ALTER TABLE word ADD lang text;\nCREATE INDEX CONCURRENTLY b ON word (lang);",
            ),
    );
    scene.plan_and_apply(DONE);
    let valid = "SELECT count(*) FROM pg_index WHERE indrelid = 'word'::regclass AND indisvalid";
    assert_eq!(scene.ask(valid), "2");

    let script = "ALTER TABLE word ADD x int;\nCREATE INDEX CONCURRENTLY c ON word (x);\nALTER TABLE word ADD x int;\nSELECT 1;";
    scene.project.write("4_mixed", script);
    scene
        .run(&["plan", "make"], DONE)
        .says(&["cannot run in a transaction"]);
    scene.run(&["plan", "apply"], NOT_SO).says(&[
        "statement 3 of 4, line 3",
        "Statements 1 to 2 are in effect; the others are not.",
    ]);
    assert_eq!(scene.ask(valid), "3");
}

#[test]
fn a_transaction_left_open_is_a_failure() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_open", "BEGIN;\nCREATE TABLE lost (id int);")
            .migration("2_next", "CREATE TABLE next (id int);"),
    );
    scene
        .plan_and_apply(NOT_SO)
        .says(&["ended with an open transaction, which was rolled back"]);
    assert!(!exists(&scene, "lost") && !exists(&scene, "next"));
    assert_eq!(scene.ledger(), "1_open|f|f|t|0");
}

const HOSTILE_SETTINGS: &str = "CREATE SCHEMA elsewhere;\n\
    SELECT pg_catalog.set_config('search_path', '', false);\n\
    SET default_transaction_read_only = on;\n\
    SET statement_timeout = '1ms';\n\
    SET ROLE pg_read_all_stats;";

#[test]
fn settings_of_one_script_reach_nothing_else() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_settings", HOSTILE_SETTINGS)
            .migration("2_path", "SET search_path = elsewhere")
            .migration(
                "3_plain",
                "CREATE TABLE plain (id int);\nSELECT pg_sleep(0.1);",
            ),
    );
    scene.plan_and_apply(DONE);
    assert!(exists(&scene, "plain"));
    assert_eq!(
        scene.ask("SELECT tableowner FROM pg_tables WHERE tablename = 'plain'"),
        "postgres"
    );
    assert_eq!(
        scene.ledger(),
        "1_settings|t|f|f|1\n2_path|t|f|f|1\n3_plain|t|f|f|1"
    );
}

#[test]
fn what_a_script_has_discarded_is_prepared_again() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_first", "CREATE TABLE first (id int);")
            .migration("2_discard", "DEALLOCATE ALL;")
            .migration("3_last", "CREATE TABLE last (id int);"),
    );
    scene.plan_and_apply(DONE);
    assert!(exists(&scene, "last"));
    assert_eq!(
        scene.ledger(),
        "1_first|t|f|f|1\n2_discard|t|f|f|1\n3_last|t|f|f|1"
    );
}

#[test]
fn nothing_runs_behind_a_script_that_lets_go_of_the_lock() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_unlock", "SELECT pg_advisory_unlock_all();")
            .migration("2_next", "CREATE TABLE next (id int);"),
    );
    scene.approve_and_apply(NOT_SO).says(&[
        "The script of 1_unlock let go of the lock of the migrations.",
        "1 of 2 migrations are in effect and recorded",
    ]);
    assert!(!exists(&scene, "next"));
    assert_eq!(scene.ledger(), "1_unlock|t|f|f|1");
}

#[test]
fn the_schema_of_the_url_holds_for_every_script() {
    let project = Project::new()
        .migration("1_path", "SET search_path = public;")
        .migration("2_plain", "CREATE TABLE plain (id int);");
    let database = database();
    cluster().psql(&database, "CREATE SCHEMA tenant");
    let url = format!("{}?schema=tenant", cluster().url(&database));
    let console = Console::prepare(&[target("app", &url, &project)], None);
    let scene = Scene {
        console,
        project,
        database,
    };
    scene.plan_and_apply(DONE);
    let where_it_is = "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY 1) FROM pg_tables \
                       WHERE schemaname IN ('public', 'tenant')";
    assert_eq!(
        scene.ask(where_it_is),
        "tenant._prisma_migrations tenant.plain"
    );
    scene.run(&["migrate", "status"], DONE);
}

#[test]
fn a_constraint_that_fails_at_the_commit_undoes_everything() {
    let script = "CREATE TABLE parent (id int PRIMARY KEY);\n\
        CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);\n\
        INSERT INTO child VALUES (7);";
    let scene = Scene::terminal(Project::new().migration("1_late", script));
    scene.plan_and_apply(NOT_SO).says(&[
        "SQLSTATE 23503",
        "Key (parent)=(7) is not present in table \"parent\"",
        "Nothing of this script is in effect.",
    ]);
    assert!(!exists(&scene, "parent"));
    assert_eq!(scene.ledger(), "1_late|f|f|t|0");
}

#[test]
fn what_the_server_remarks_is_in_the_log() {
    let script =
        "DO $$ BEGIN RAISE NOTICE 'three rows; look'; RAISE WARNING 'slow'; END $$;\nSELECT 1;";
    let scene = Scene::terminal(Project::new().migration("1_talks", script));
    scene
        .approve_and_apply(DONE)
        .says(&["NOTICE: three rows; look", "WARNING: slow"]);
    let lines = scene.run(&["plan", "make", "--json"], DONE).out;
    assert!(lines.lines().all(|line| line.starts_with('{')), "{lines}");
}

#[test]
fn a_script_that_drops_the_ledger_does_not_pass_for_applied() {
    let scene = Scene::terminal(
        Project::new()
            .migration("1_drop", "DROP TABLE _prisma_migrations;")
            .migration("2_next", "CREATE TABLE next (id int);"),
    );
    scene
        .approve_and_apply(NOT_SO)
        .says(&["is in effect, but the ledger does not say so"]);
    assert!(!exists(&scene, "next"));
}

#[test]
fn an_enum_value_can_be_added_and_used_in_one_migration() {
    let init = "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE day (mood mood DEFAULT 'good');";
    let scene = Scene::terminal(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    let script = "ALTER TYPE mood ADD VALUE 'bad';\nALTER TABLE day ALTER mood SET DEFAULT 'bad';";
    scene.project.write("2_bad", script);
    scene
        .run(&["plan", "make"], DONE)
        .says(&["It adds a value to an enum and uses it"]);
    scene.run(&["plan", "apply", "--no-backup"], DONE);
    assert_eq!(
        scene.ask("INSERT INTO day DEFAULT VALUES RETURNING mood"),
        "bad"
    );
    let script = script.replace("'bad'", "'worse'") + "\nSELECT nothing;";
    scene.project.write("3_worse", &script);
    scene.plan_and_apply(NOT_SO).says(&[
        "failed at statement 3 of 3, line 3, column 8 (P3018)",
        "Statements 1 to 2 are in effect; the others are not.",
    ]);
    assert_eq!(
        scene.ask("INSERT INTO day DEFAULT VALUES RETURNING mood"),
        "worse"
    );
}
