//! When nothing may run: the lock is held, the plan is stale, the database is another, not Prisma's, or out of reach.
//! Nothing is applied then, no approval is lost, and the reason is said at once.

use std::time::{Duration, Instant};

use crate::scene::{
    DONE, DROP, Holder, NOT_SO, REFUSED, Said, Scene, UNREACHABLE, cluster, database, target,
};
use crate::support::cluster::PASSWORD;
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

fn one_table() -> Project {
    Project::new().migration("1_init", "CREATE TABLE word (id int);")
}

#[test]
fn a_lock_that_is_held_stops_everything_after_ten_seconds() {
    let scene = Scene::about_to_drop();
    let before = scene.ledger();
    let holder = Holder::of(&scene.database, "SELECT pg_advisory_lock(72707369)");
    let began = Instant::now();
    scene.run(&["plan", "apply"], NOT_SO).says(&[
        "P1002",
        "held by psql (process ",
        "Nothing was applied.",
    ]);
    let took = began.elapsed().as_secs();
    assert!((9..16).contains(&took), "{took} s");
    assert!(scene.has_phones());
    assert_eq!(scene.ledger(), before);
    scene
        .run(&["migrate", "status"], NOT_SO)
        .says(&["The lock of the migrations is held by psql"]);
    drop(holder);
    // The approval was not used by that try.
    scene.run(&["plan", "apply"], DONE);
    assert!(!scene.has_phones());
}

#[test]
fn a_script_that_was_edited_since_makes_the_plan_stale() {
    let scene = Scene::about_to_drop();
    scene.project.write("2_drop", "DROP TABLE \"Person\";");
    let stale = [
        "What is pending now is not what this plan says",
        "Nothing was applied. The approval was not used.",
    ];
    scene.run(&["plan", "apply"], REFUSED).says(&stale);
    // So does one more migration, and one that is gone.
    scene.project.write("2_drop", DROP);
    scene.project.write("3_more", "SELECT 1;");
    scene.run(&["plan", "apply"], REFUSED).says(&stale);
    std::fs::remove_dir_all(scene.project.migrations().join("3_more")).unwrap();
    assert!(scene.has_phones());
    scene.run(&["plan", "apply"], DONE);
    assert!(!scene.has_phones());
}

#[test]
fn a_plan_is_for_one_database() {
    let scene = Scene::terminal(one_table());
    scene.run(&["plan", "make"], DONE);
    let other = database();
    std::fs::write(
        scene.console.folder().join("app.url"),
        cluster().url(&other),
    )
    .unwrap();
    scene
        .run(&["plan", "apply"], REFUSED)
        .says(&["the database itself has changed", "Nothing was applied."]);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(cluster().psql(&other, tables), "0");
    assert_eq!(scene.ask(tables), "0");
}

#[test]
fn a_database_that_prisma_did_not_make_needs_a_baseline() {
    let scene = Scene::terminal(one_table());
    scene.ask("CREATE TABLE legacy (id int)");
    for command in [
        ["migrate", "status"],
        ["plan", "make"],
        ["migrate", "deploy"],
    ] {
        scene
            .run(&command, NOT_SO)
            .says(&["P3005", "resolve --applied"]);
    }
    assert_eq!(scene.ask("SELECT to_regclass('_prisma_migrations')"), "");
    assert_eq!(scene.ask("SELECT to_regclass('word')"), "");
}

fn as_role(role: &str, attributes: &str) -> Scene {
    let database = database();
    let set_up = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'a-role-of-tests'; {}",
        attributes.replace(":role", role)
    );
    cluster().psql(&database, &set_up);
    let project = one_table();
    let url = cluster().url_as(role, "a-role-of-tests", &database);
    let console = Console::prepare(&[target("app", &url, &project)], None);
    Scene {
        console,
        project,
        database,
    }
}

#[test]
fn a_role_without_rights_applies_nothing_and_is_told_why() {
    let reader = as_role(
        "reader",
        "ALTER ROLE :role SET default_transaction_read_only = on; GRANT CREATE ON SCHEMA public TO :role",
    );
    reader
        .run(&["migrate", "status"], NOT_SO)
        .says(&["Sessions of this role are read-only"]);
    reader
        .plan_and_apply(NOT_SO)
        .says(&["Sessions of this role are read-only", "Nothing was applied"]);
    let guest = as_role("guest", "REVOKE CREATE ON SCHEMA public FROM PUBLIC, :role");
    guest
        .plan_and_apply(NOT_SO)
        .says(&["permission denied for schema public", "rights of the role"]);
    for scene in [reader, guest] {
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(scene.ask(tables), "0");
    }
}

#[test]
fn a_target_out_of_reach_has_its_own_exit_code() {
    let project = one_table();
    let name = database();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = free.local_addr().unwrap().port();
    drop(free);
    for (url, why) in [
        (
            cluster().url_as("postgres", "hunter2-hunter2", &name),
            "did not accept the password of role postgres",
        ),
        (
            format!("postgresql://postgres:hunter2-hunter2@127.0.0.1:{dead}/{name}"),
            "the connection was refused",
        ),
        (
            cluster().url_as("postgres", PASSWORD, "no-such-database"),
            "There is no database no-such-database",
        ),
    ] {
        let console = Console::prepare(&[target("app", &url, &project)], None);
        for args in [
            ["migrate", "status", "app"],
            ["migrate", "status", "--json"],
            ["migrate", "deploy", "app"],
        ] {
            let said = Said::of(console.cli(&args), &args, UNREACHABLE);
            said.says(&[why]);
            assert!(!said.all().contains("hunter2"), "{}", said.all());
            assert!(!said.all().contains(PASSWORD), "{}", said.all());
        }
    }
}

#[tokio::test]
async fn a_locked_table_holds_nobody_up() {
    let mut scene = Scene::terminal(one_table());
    scene.plan_and_apply(DONE);
    scene.project.write("2_more", "ALTER TABLE word ADD x int;");
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;

    let table = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE word IN ACCESS EXCLUSIVE MODE",
    );
    within(3, || {
        scene
            .run(&["migrate", "status"], NOT_SO)
            .says(&["1 migration is pending."]);
    });
    let began = Instant::now();
    let page = visitor.read("/t/app").await.words();
    assert!(page.contains("1 migration is pending."), "{page}");
    assert!(began.elapsed() < Duration::from_secs(3));
    // Work waits a little, then says what stood in the way; nothing was begun.
    scene.plan_and_apply(NOT_SO).says(&[
        "A table cannot be read: public.word is held by process",
        "Nothing was applied. The approval was not used.",
    ]);
    assert_eq!(scene.ledger(), "1_init|t|f|f|1");
    drop(table);

    let _ledger = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE _prisma_migrations IN ACCESS EXCLUSIVE MODE",
    );
    within(3, || {
        scene
            .run(&["migrate", "status"], UNREACHABLE)
            .says(&["The ledger _prisma_migrations cannot be read"]);
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    for path in ["/", "/t/app", "/t/app/migrations"] {
        let began = Instant::now();
        let page = visitor.read(path).await.words();
        assert!(began.elapsed() < Duration::from_secs(3), "{path}");
        assert!(
            page.contains("cannot be read") || page.contains("has not answered yet"),
            "{page}"
        );
    }
}

fn within(seconds: u64, work: impl FnOnce()) {
    let began = Instant::now();
    work();
    assert!(
        began.elapsed() < Duration::from_secs(seconds),
        "it took {:?}",
        began.elapsed()
    );
}
