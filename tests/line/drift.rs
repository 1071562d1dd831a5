//! Comparing a target with its migrations through both doors: the exit codes, what is recorded, what the page shows.
use std::time::Duration;

use crate::scene::{
    CANCELLED, DONE, NOT_SO, Said, Scene, UNREACHABLE, USAGE, bare, bare_command, cluster,
    database, target,
};
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

const DIFF: [&str; 2] = ["migrate", "diff"];
const SOON: Duration = Duration::from_secs(20);
/// A lease lapses after 15 s, and the reaper watches it for 7 s more.
const AFTER_A_CRASH: Duration = Duration::from_mins(1);

/// A terminal on a database where everything is applied.
fn migrated() -> Scene {
    let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY, email text NOT NULL);";
    let scene = Scene::terminal(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    scene
}

#[test]
fn the_terminal_tells_what_differs_and_ends_accordingly() {
    let scene = migrated();
    let said = scene.run(&DIFF, DONE);
    assert_eq!(
        said.out.trim_end(),
        "No drift: the database is what its 1 applied migration makes."
    );
    scene.run(&["migrate", "diff", "--prisma-compatible"], DONE);
    scene.ask("ALTER TABLE \"Person\" ALTER email DROP NOT NULL; CREATE TABLE hotfix (a int)");
    let before = scene.ledger();
    let said = scene.run(&DIFF, NOT_SO);
    assert_eq!(
        said.out,
        "2 differences between the database and what its 1 applied migration makes.\n\
         table public.\"Person\"\n  column email\n    nullable: yes in the database, no in the history\n\
         table public.hotfix is only in the database\n"
    );
    let args = ["migrate", "diff", "app", "--json"];
    let drift = scene.run(&args, NOT_SO).json()["drift"].clone();
    assert_eq!(drift["count"], 2);
    assert_eq!(drift["differences"][0]["parts"][0]["name"], "email");
    assert_eq!(drift["differences"][1]["side"], "onlyInDatabase");
    // Prisma's own numbers.
    scene.run(&["migrate", "diff", "--prisma-compatible"], USAGE);
    assert_eq!(scene.ledger(), before);

    // What is pending counts when it is asked for.
    scene
        .project
        .write("2_next", "CREATE TABLE hotfix (a int);");
    scene
        .run(&["migrate", "diff", "--all"], NOT_SO)
        .says(&["1 difference between the database and what all 2 migrations of the folder make."]);
    scene.project.write("2_next", "CREATE EXTENSION dblink;");
    let said = scene.run(&["migrate", "diff", "--all"], NOT_SO);
    said.says(&[
        "The migration 2_next cannot be replayed",
        "data: ",
        "next: ",
    ]);
    scene.run(&["migrate", "diff", "--all", "--prisma-compatible"], NOT_SO);
    let listed = scene.run(&["job", "list", "--json"], DONE);
    assert!(listed.out.contains("drift.detect"), "{}", listed.out);
}

#[test]
fn a_url_and_a_folder_are_enough() {
    let project = Project::new().migration("1_init", "CREATE TABLE word (id int);");
    let name = database();
    let run = |args: &[&str], code| Said::of(bare(&name, project.folder(), args), args, code);
    run(&DIFF, NOT_SO).says(&["This database has no ledger", "--all"]);
    run(&["migrate", "deploy"], DONE);
    run(&DIFF, DONE).says(&["There is no store here: this comparison is not recorded."]);
    let said = run(&["migrate", "diff", "--json"], DONE);
    assert_eq!(said.json()["drift"]["count"], 0);
    assert!(!project.folder().join("lockkeeper-data").exists());
}

#[test]
fn a_target_that_does_not_answer_is_another_number() {
    let project = Project::new();
    let url = "postgresql://app:hushhush@127.0.0.1:9/app";
    let console = Console::prepare(&[target("app", url, &project)], None);
    let said = Said::of(console.cli(&DIFF), &DIFF, UNREACHABLE);
    said.says(&["127.0.0.1:9"]);
    assert!(!said.all().contains("hushhush"));
    let args = ["migrate", "diff", "--prisma-compatible"];
    Said::of(console.cli(&args), &args, NOT_SO);
}

#[test]
fn ctrl_c_leaves_no_scratch_database() {
    use rustix::process::{Pid, Signal, kill_process};
    let scene = migrated();
    scene.project.write(
        "2_slow",
        "DO $$ BEGIN PERFORM pg_sleep(60); CREATE TABLE slow (); END $$;",
    );
    for has_store in [true, false] {
        let folder = scene.console.folder();
        let mut command = if has_store {
            scene.console.command()
        } else {
            bare_command(&scene.database, scene.project.folder())
        };
        let mut asked = command
            .args(["migrate", "diff", "--all"])
            .stdout(std::process::Stdio::null())
            .stderr(std::fs::File::create(folder.join("said")).unwrap())
            .spawn()
            .unwrap();
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname LIKE 'lockkeeper_drift_%'";
        let deadline = std::time::Instant::now() + SOON;
        while cluster().psql("postgres", sleeps) == "0" {
            assert!(std::time::Instant::now() < deadline, "nothing is replayed");
            std::thread::sleep(Duration::from_millis(50));
        }
        let pid = i32::try_from(asked.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        assert_eq!(asked.wait().unwrap().code(), Some(CANCELLED));
        assert_eq!(cluster().psql("postgres", sleeps), "0");
    }
}

#[tokio::test]
async fn the_page_shows_the_newest_comparison_and_starts_the_next() {
    let mut scene = migrated();
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.read("/t/app/migrations").await;
    assert!(page.words().contains("It was never compared"));
    assert!(page.words().contains("lockkeeper migrate diff app"));

    let job = visitor.start("/t/app/drift", &[]).await;
    visitor.wait(&job, &["succeeded"], SOON).await;
    let page = visitor.read("/t/app/migrations").await;
    let words = page.words();
    assert!(
        words.contains("No drift: the database is what its 1 applied migration makes."),
        "{words}"
    );
    assert!(page.has(&format!("a[href='{job}']")));

    let evil = "a\"\n<script>alert(1)</script>";
    let quoted = evil.replace('"', "\"\"");
    scene.ask(&format!(
        "CREATE TABLE \"{quoted}\" (a int); DROP TABLE \"Person\""
    ));
    let job = visitor.start("/t/app/drift", &[]).await;
    let done = visitor.wait(&job, &["succeeded"], SOON).await;
    assert!(
        done.words().contains("2 differences between"),
        "{}",
        done.words()
    );
    let page = visitor.read("/t/app/migrations").await;
    let words = page.words();
    assert!(
        words.contains("table public.\"Person\" is not in the database"),
        "{words}"
    );
    assert!(
        words.contains("<script>alert(1)</script>\" is only in the database"),
        "{words}"
    );
    assert!(!page.has("main script"));

    // A migration that was applied after it.
    scene.project.write("2_next", "CREATE TABLE next (a int);");
    scene.plan_and_apply(DONE);
    let page = visitor.read("/t/app/migrations").await;
    assert!(
        page.words().contains("A migration was applied after that."),
        "{}",
        page.words()
    );
    let text = visitor.read("/audit").await.words();
    assert!(text.contains("Compare with the history"), "{text}");
}

#[tokio::test]
async fn a_comparison_that_lost_its_program_is_cleaned_up_by_the_next() {
    let mut scene = migrated();
    scene.project.write(
        "1_init",
        "DO $$ BEGIN PERFORM pg_sleep(120); CREATE TABLE slow (); END $$;",
    );
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = visitor.start("/t/app/drift", &[]).await;
    let id = job.trim_start_matches("/jobs/").replace('-', "");
    let mine = format!("SELECT count(*) FROM pg_database WHERE datname = 'lockkeeper_drift_{id}'");
    visitor.wait_for_log(&job, "Replaying 1 migration.").await;
    assert_eq!(cluster().psql("postgres", &mine), "1");
    scene.console.kill();
    assert_eq!(cluster().psql("postgres", &mine), "1");
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.wait(&job, &["failed"], AFTER_A_CRASH).await;
    assert!(
        page.words().contains("The target was not changed"),
        "{}",
        page.words()
    );
    assert_eq!(cluster().psql("postgres", &mine), "0");
}
