//! What the next look says of a migration that ended between two writes of its protocol.

use serde_json::json;

use crate::scene::{DONE, NOT_SO, Scene};
use crate::stopping::until;
use crate::support::project::Project;
use crate::support::visitor::Visitor;
use crate::wire::{Fate, Wire};

const MAKES: &str = "CREATE TABLE made (id int);\nALTER TABLE made ADD b int;";
const STATUS: [&str; 2] = ["migrate", "status"];

#[test]
fn the_next_status_tells_what_is_true_wherever_it_ended() {
    let moments = [
        ("(id, checksum, started_at", "", "1 migration is pending."),
        (
            "ALTER TABLE made",
            "1_made|f|f|f|0",
            "Of 2 statements, nothing that the catalogue can show of 1_made is there.",
        ),
        (
            "SET applied_steps_count",
            "1_made|f|f|f|0",
            "Of 2 statements, everything that the catalogue can show of 1_made is there.",
        ),
        // It is prepared before the count is written.
        (
            "SET finished_at",
            "1_made|f|f|f|0",
            "Of 2 statements, everything that the catalogue can show of 1_made is there.",
        ),
    ];
    for (words, rows, said) in moments {
        let project = Project::new().migration("1_made", MAKES);
        let (wire, scene) = Wire::with_terminal(project);
        scene.run(&["plan", "make"], DONE);
        wire.expect(words, Fate::Lost);
        scene.run(&["plan", "apply"], NOT_SO);
        assert!(wire.has_met());
        let locked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 72707369 \
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        until("the server has noticed", || scene.ask(locked) == "0");
        assert_eq!(scene.ledger(), rows, "{words}");
        // The count goes out with the end of the row, in one breath; a server may still end between the two.
        for counted in ["", "UPDATE _prisma_migrations SET applied_steps_count = 1"] {
            scene.ask(counted);
            let status = scene.run(&STATUS, NOT_SO);
            status.says(&[said]);
            let is_failed = status.all().contains("P3009");
            assert_eq!(is_failed, !rows.is_empty(), "{words}");
        }
    }
}

#[test]
fn a_part_that_is_in_effect_is_told_by_its_lines() {
    let project = Project::new().migration(
        "1_index",
        "CREATE TABLE made (id int, b int);\nCREATE INDEX CONCURRENTLY first ON made (id);\nINSERT INTO made VALUES (1);\n\n\
         SELECT 1 / 0;\nCREATE INDEX CONCURRENTLY second ON made (b);",
    );
    let scene = Scene::terminal(project);
    scene.plan_and_apply(NOT_SO);
    scene.run(&STATUS, NOT_SO).says(&[
        "Of 3 statements, a part of 1_index is there: the statements in lines 1, 2; and a part is not: those in line 6. \
         2 more statements leave no trace there.",
    ]);
    let traces = scene.run(&["migrate", "status", "--json"], NOT_SO).json()["traces"].clone();
    let trace = json!([{"name": "1_index", "there": [1, 2], "absent": [6], "without": 2}]);
    assert_eq!(traces, trace);
    // An index that was not built to its end is not there.
    scene.ask("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'first'::regclass");
    let status = scene.run(&STATUS, NOT_SO);
    status.says(&["the statements in line 1; and a part is not: those in lines 2, 6."]);
    // A script that has changed since is not the one that was begun.
    scene.project.write("1_index", MAKES);
    let status = scene.run(&STATUS, NOT_SO);
    assert!(!status.all().contains("statements, "), "{}", status.all());
}

#[tokio::test]
async fn the_page_of_a_failed_migration_says_what_is_there() {
    let mut scene = Scene::terminal(Project::new().migration("1_made", MAKES));
    scene.plan_and_apply(DONE);
    scene.ask("UPDATE _prisma_migrations SET finished_at = NULL");
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    for page in ["/t/app/migrations", "/t/app/migrations/1_made"] {
        let words = visitor.read(page).await.words();
        assert!(
            words.contains("everything that the catalogue can show of 1_made is there."),
            "{page}: {words}"
        );
    }
}
