//! Databases and folders of Prisma 8, as it has made them: shown on the terminal and on the page, and left alone.

use std::fs;
use std::path::Path;

use crate::scene::{DONE, NOT_SO, Said, Scene, bare};
use crate::support::project::Project;
use crate::support::visitor::Visitor;

const STATUS: [&str; 2] = ["migrate", "status"];

fn specimen() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract"))
}

/// Puts the packages of the specimen into a project.
fn add_packages(project: &Project) {
    for package in fs::read_dir(specimen().join("migrations/app")).unwrap() {
        let package = package.unwrap().path();
        let to = project
            .migrations()
            .join("app")
            .join(package.file_name().unwrap());
        fs::create_dir_all(&to).unwrap();
        for file in ["migration.json", "ops.json"] {
            fs::copy(package.join(file), to.join(file)).unwrap();
        }
    }
    fs::create_dir_all(project.migrations().join("snapshots/91e7")).unwrap();
}

/// Makes a database what Prisma 8 has left of one.
fn manage(scene: &Scene) {
    scene.ask(&fs::read_to_string(specimen().join("database.sql")).unwrap());
}

#[test]
fn a_project_of_prisma_8_is_shown_and_nothing_is_applied() {
    let scene = Scene::terminal(Project::new());
    add_packages(&scene.project);
    // Packages alone, before any of them is applied.
    scene.run(&STATUS, NOT_SO).says(&[
        "Prisma 8: 2 packages are pending",
        "one of Prisma 8: it holds packages",
    ]);
    manage(&scene);
    let said = scene.run(&STATUS, NOT_SO);
    said.says(&[
        "Prisma 8: 1 package is pending: 20261126T1847_phone.",
        "The database is managed by Prisma 8",
        "space app: contract 91e7f9f03580",
        "applied app/20261126T1846_init",
        "pending app/20261126T1847_phone",
    ]);
    assert!(!said.all().contains("snapshots"), "{}", said.all());
    let said = scene.run(&["migrate", "status", "--json"], NOT_SO).json();
    assert_eq!(
        said["prisma8"]["packages"][1]["name"],
        "20261126T1847_phone"
    );
    for command in [["migrate", "deploy"], ["plan", "make"]] {
        scene.run(&command, NOT_SO).says(&[
            "The database is managed by Prisma 8",
            "data: ",
            "npx prisma db migrate",
        ]);
    }
    assert_eq!(scene.ask("SELECT to_regclass('_prisma_migrations')"), "");

    // Once it is applied, there is nothing to do.
    scene.ask(
        "INSERT INTO prisma_contract.ledger (id, space, migration_name, migration_hash, destination_core_hash, operations) VALUES \
         (2, 'app', 'x', '63638af910d5a7fc7368ba72f140861ee3476ed0c803937768d804c05defba5a', 'y', '[]')",
    );
    scene
        .run(&STATUS, DONE)
        .says(&["Prisma 8: no package is pending."]);
}

#[tokio::test]
async fn a_database_with_both_systems_is_warned_of_what_prisma_8_plans() {
    let scene = Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    scene.plan_and_apply(DONE);
    let mut scene = scene;
    add_packages(&scene.project);
    manage(&scene);
    scene.project.write("2_next", "CREATE TABLE next (id int);");
    let before = scene.ledger();
    scene.run(&STATUS, NOT_SO).says(&[
        "plans to drop _prisma_migrations",
        "1 migration is pending.",
        "2_next",
    ]);
    scene
        .run(&["migrate", "deploy"], NOT_SO)
        .says(&["The database is managed by Prisma 8"]);
    for more in [&["--dry-run"][..], &[]] {
        for mark in [
            &["migrate", "resolve", "--applied", "2_next"][..],
            &["migrate", "resolve", "--rolled-back", "1_init"],
            &["migrate", "baseline", "--up-to", "2_next", "--yes"],
        ] {
            scene
                .run(&[mark, more].concat(), NOT_SO)
                .says(&["The database is managed by Prisma 8", "Nothing was marked."]);
        }
    }
    assert_eq!(scene.ledger(), before);
    scene.run(&["migrate", "diff"], NOT_SO).says(&[
        "The database is managed by Prisma 8",
        "npx prisma db verify",
    ]);

    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.read("/t/app/migrations").await;
    let words = page.words();
    for part in [
        "app is at 91e7f9f03580",
        "app/20261126T1847_phone",
        "not applied",
        "app/20261126T1846_init",
        "2026-11-26 18:46 UTC",
        "plans to drop _prisma_migrations",
        "npx prisma db migrate",
        "2_next",
    ] {
        assert!(words.contains(part), "`{part}` is not in: {words}");
    }
    // Nothing is offered that would be refused.
    assert!(!page.has("form[action$='/plans']"));
    assert!(!page.has("form[action$='/drift']"));
    assert!(!words.contains("What happened"), "{words}");
}

#[test]
fn what_cannot_be_read_is_said_and_nothing_is_applied() {
    let scene = Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    scene.ask("CREATE SCHEMA prisma_contract; CREATE TABLE prisma_contract.marker (odd int)");
    scene.run(&STATUS, NOT_SO).says(&[
        "What Prisma 8 has recorded here cannot be read",
        "managed by Prisma 8",
    ]);
    scene.run(&["migrate", "deploy"], NOT_SO);
    assert_eq!(scene.ask("SELECT to_regclass('word')"), "");
}

#[test]
fn the_folder_of_the_project_is_found_by_its_own_files() {
    let scene = Scene::terminal(Project::new());
    let folder = scene.project.folder();
    fs::write(
        folder.join("prisma.config.ts"),
        "import { defineConfig } from 'prisma/config'\nexport default defineConfig({ migrations: { path: 'db/m' } })\n",
    )
    .unwrap();
    fs::create_dir_all(folder.join("db/m/1_init")).unwrap();
    fs::write(folder.join("db/m/1_init/migration.sql"), "SELECT 1;").unwrap();
    let run = |args: &[&str], code| {
        let output = bare(&scene.database, folder, args);
        Said::of(output, args, code)
    };
    run(&STATUS, NOT_SO).says(&["1 migration is pending.", "1_init"]);
    run(
        &["migrate", "status", "--migrations", "prisma/migrations"],
        DONE,
    );
    fs::write(
        folder.join("prisma.config.ts"),
        "export default defineConfig({ migrations: { path: process.env.DIR } })\n",
    )
    .unwrap();
    run(&STATUS, DONE).says(&[
        "warning: ",
        "computes `migrations.path`",
        "Nothing is pending.",
    ]);
}
