//! `migrate status`: everything that a person should know of folder and ledger, whether a script may go on, and nothing
//! changed by asking. What Prisma itself would say is compared with the real one in `tests/interop`.

use serde_json::{Value, json};

use crate::scene::{DONE, Holder, NOT_SO, Scene};
use crate::support::project::Project;

const STATUS: [&str; 2] = ["migrate", "status"];
const JSON: [&str; 3] = ["migrate", "status", "--json"];
const LEDGER: &str = "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, \
    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, \
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);";

/// A scene whose ledger has these rows: name, finished, rolled back.
fn with_rows(project: Project, rows: &[(&str, bool, bool)]) -> Scene {
    let scene = Scene::terminal(project);
    scene.ask(LEDGER);
    for (second, (name, finished, rolled_back)) in rows.iter().enumerate() {
        let at = format!("'2026-01-01 00:00:{second:02}Z'");
        let or_null = |given: &bool| if *given { at.as_str() } else { "NULL" };
        scene.ask(&format!(
            "INSERT INTO _prisma_migrations VALUES (gen_random_uuid(), 'x', {}, '{name}', NULL, {}, {at}, 0)",
            or_null(finished),
            or_null(rolled_back)
        ));
    }
    scene
}

fn of(names: &[&str]) -> Project {
    let project = Project::new();
    for name in names {
        project.write(name, "SELECT 1;");
    }
    project
}

#[test]
fn every_state_has_its_place() {
    let project = of(&["1_a", "2_b", "3_c", "5_e"]);
    std::fs::create_dir(project.migrations().join("4_broken")).unwrap();
    let rows = [
        ("1_a", true, false),
        ("2_b", false, true),
        ("3_c", false, false),
        ("9_gone", true, false),
    ];
    let scene = with_rows(project, &rows);
    let before = scene.ledger();
    let said = scene.run(&JSON, NOT_SO).json();
    for (field, expected) in [
        ("upToDate", json!(false)),
        ("needsBaseline", json!(false)),
        ("pending", json!(["2_b", "4_broken", "5_e"])),
        ("failed", json!(["3_c"])),
        ("running", json!([])),
        ("rolledBack", json!(["2_b"])),
        ("missing", json!(["9_gone"])),
        ("broken", json!(["4_broken"])),
        ("edited", json!(["1_a"])),
        ("outOfOrder", json!(["2_b", "4_broken", "5_e"])),
        ("relation", json!("diverged")),
        ("lastCommon", json!("3_c")),
        ("lock", Value::Null),
        ("prisma", json!({"exit": 1, "code": null})),
    ] {
        assert_eq!(said[field], expected, "{field}");
    }
    assert_eq!(said["blocked"]["code"], "P3009");
    assert_eq!(said["ledger"]["schema"], "public");
    assert_eq!(said["folder"]["lockFile"], "accepted");
    let row = &said["migrations"][1]["rows"][0];
    assert_eq!(row["rolledBackAt"], "2026-01-01T00:00:01Z");
    scene.run(&STATUS, NOT_SO).says(&[
        "1 migration failed, and nothing else is applied before that is repaired: 3_c. (P3009)",
        "3 migrations are pending.",
        "Folder and ledger have diverged. The last common migration is 3_c.",
        "deploy would stop there (P3015): 4_broken.",
        "1 migration was marked as rolled back and would be applied again: 2_b.",
        "1 migration was edited after it was applied: 1_a.",
        "1 migration is applied, but its folder is gone: 9_gone.",
        "lockkeeper migrate resolve --rolled-back NAME",
    ]);
    assert_eq!(scene.ledger(), before);
}

#[test]
fn who_is_at_work_is_named() {
    let scene = with_rows(
        of(&["1_a", "2_b"]),
        &[("1_a", false, false), ("2_b", false, false)],
    );
    let lock = Holder::of(&scene.database, "SELECT pg_advisory_lock(72707369)");
    let said = scene.run(&JSON, NOT_SO).json();
    assert_eq!(
        (&said["running"], &said["failed"]),
        (&json!(["2_b"]), &json!(["1_a"]))
    );
    assert_eq!(said["lock"]["role"], "postgres");
    assert_eq!(said["lock"]["application"], "psql");
    assert!(said["lock"]["process"].is_i64() && said["lock"]["sessionBegan"].is_string());
    scene.run(&STATUS, NOT_SO).says(&[
        "held by psql (process ",
        " of role postgres, whose session began 20",
        "(P1002)",
        "1 migration has failed as well (P3009): 1_a.",
    ]);
    drop(lock);
    scene.run(&STATUS, NOT_SO).says(&["2 migrations failed"]);
}

#[test]
fn up_to_date_is_what_deploy_would_leave_alone() {
    // Prisma calls a database up to date while a rolled-back migration waits; deploy would apply it.
    let scene = with_rows(of(&["1_a"]), &[("1_a", false, true)]);
    let prisma = [&STATUS[..], &["--prisma-compatible"]].concat();
    scene
        .run(&prisma, DONE)
        .says(&["1 migration found in prisma/migrations Database schema is up to date!"]);
    scene
        .run(&STATUS, NOT_SO)
        .says(&["would be applied again: 1_a"]);
    // The other way round: what failed is silent beside what is pending.
    let scene = with_rows(of(&["1_a", "2_b"]), &[("1_a", false, false)]);
    let said = scene.run(&prisma, NOT_SO);
    said.says(&["Following migration have not yet been applied: 2_b"]);
    assert!(!said.all().contains("failed"), "{}", said.all());
    let said = scene
        .run(&[&prisma[..], &["--json"]].concat(), NOT_SO)
        .json();
    assert_eq!((&said["exit"], &said["code"]), (&json!(1), &Value::Null));
}

#[test]
fn a_ledger_of_others_is_read_as_far_as_it_goes_and_stops_deploy() {
    let scene = with_rows(of(&["1_a", "2_b"]), &[("1_a", true, false)]);
    scene.ask(
        "ALTER TABLE _prisma_migrations ALTER applied_steps_count DROP NOT NULL, DROP logs, ADD note text, \
         ALTER started_at TYPE timestamp; UPDATE _prisma_migrations SET applied_steps_count = NULL",
    );
    let odd = [
        "_prisma_migrations has no column logs.",
        "The column started_at of _prisma_migrations is timestamp without time zone; Prisma makes it timestamp with time zone.",
        "The row of 1_a in _prisma_migrations has NULL in applied_steps_count, which Prisma never writes.",
    ];
    let said = scene.run(&JSON, NOT_SO).json();
    assert_eq!(said["ledger"]["odd"], json!(odd));
    assert_eq!(said["pending"], json!(["2_b"]));
    let started = &said["migrations"][0]["rows"][0]["startedAt"];
    assert_eq!(
        started, "2026-01-01T00:00:00Z",
        "a time without a zone is UTC, as Prisma wrote it"
    );
    scene.run(&STATUS, NOT_SO).says(&odd);
    scene.run(&["migrate", "deploy"], NOT_SO).says(&[
        odd[0],
        "Nothing was applied.",
        "by hand and after a backup",
    ]);
    scene
        .run(&["migrate", "resolve", "--applied", "2_b"], NOT_SO)
        .says(&[odd[0], "Nothing was marked."]);
}

#[test]
fn a_ledger_in_another_schema_is_named() {
    let scene = with_rows(of(&["1_a"]), &[("1_a", true, false)]);
    let url = crate::scene::cluster().url(&scene.database);
    let file = scene.console.folder().join("app.url");
    // Prisma would look in `public` whether there is one, and then fail to read it.
    std::fs::write(&file, format!("{url}?options=-c%20search_path%3Dtenant")).unwrap();
    scene.ask("CREATE SCHEMA tenant");
    scene
        .run(&STATUS, NOT_SO)
        .says(&["The ledger is in the schema public, which is not on the search path"]);
    scene
        .run(&["migrate", "deploy"], NOT_SO)
        .says(&["Add ?schema="]);
    // Of another app it may well be.
    std::fs::write(&file, format!("{url}?schema=tenant")).unwrap();
    scene.run(&STATUS, NOT_SO).says(&[
        "There is no _prisma_migrations in the schema tenant, but there is one in: public.",
    ]);
    assert_eq!(
        scene.ask("SELECT to_regclass('tenant._prisma_migrations')"),
        ""
    );
}
