//! What stands between a yes and the first statement: a backup, the look again, a no, a second person.

use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::scene::{DONE, DROP, Holder, NOT_SO, REFUSED, Scene, USAGE};
use crate::support::console::USER_PASSWORD;
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};

const SOON: Duration = Duration::from_secs(30);

/// A console on its terminal with a plan that drops a column of two values, and no backup.
fn planned() -> Scene {
    let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY, phone text);\n\
                INSERT INTO \"Person\" VALUES (1, '1'), (2, '2'), (3, NULL);";
    let scene = Scene::terminal(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    scene.project.write("2_drop", DROP);
    scene.run(&["plan", "make"], REFUSED);
    scene
}

/// The notes of the backups in the archive.
fn notes(scene: &Scene) -> Vec<String> {
    let listed = scene.run(&["backup", "list", "--json"], DONE).json();
    let backups = listed["backups"].as_array().unwrap();
    let note = |backup: &serde_json::Value| backup["note"].as_str().unwrap().to_owned();
    backups.iter().map(note).collect()
}

#[test]
fn a_backup_is_taken_first_and_a_fresh_one_is_enough() {
    let scene = planned();
    scene.approve(DONE);
    assert_eq!(notes(&scene), Vec::<String>::new());
    scene
        .run(&["plan", "apply"], DONE)
        .says(&["There is no fresh one", "1 migration was applied."]);
    assert!(!scene.has_phones());
    let taken = notes(&scene);
    assert_eq!(taken.len(), 1);
    assert!(taken[0].starts_with("before plan "), "{taken:?}");

    // That one goes back to before the migration, so it is not fresh any more; this one is.
    scene.project.write("3_more", "CREATE TABLE more (id int);");
    scene.run(&["backup", "take", "--note", "mine"], DONE);
    scene.run(&["plan", "make"], DONE);
    scene
        .run(&["plan", "apply"], DONE)
        .says(&["There is a fresh one."]);
    assert_eq!(notes(&scene).len(), 2);
    scene.project.write("4_more", "CREATE TABLE rest (id int);");
    scene.run(&["migrate", "deploy", "--no-backup"], DONE);
    assert_eq!(notes(&scene).len(), 2);
    scene.project.write("5_more", "CREATE TABLE last (id int);");
    scene.run(&["migrate", "deploy"], DONE);
    assert_eq!(notes(&scene).len(), 3, "a deploy takes one too");
}

#[test]
fn without_its_backup_nothing_is_applied_and_the_yes_is_kept() {
    let scene = planned();
    scene.approve(DONE);
    let archive = scene.console.folder().join("backups");
    std::fs::write(&archive, "not a folder").unwrap();
    scene
        .run(&["plan", "apply"], NOT_SO)
        .says(&["The archive folder", "cannot be written"]);
    assert!(scene.has_phones());
    assert!(!scene.ledger().contains("2_drop"));
    scene.run(&["plan", "apply", "--no-backup"], USAGE);
    std::fs::remove_file(&archive).unwrap();
    scene.run(&["plan", "apply"], DONE);
    assert!(!scene.has_phones());
}

#[test]
fn a_loss_that_has_grown_voids_the_plan_and_says_from_what_to_what() {
    let scene = Scene::about_to_drop();
    scene.ask("INSERT INTO \"Person\" SELECT n, n::text FROM generate_series(10, 16) AS n");
    scene.run(&["plan", "apply"], REFUSED).says(&[
        "column phone of \"Person\": 9 values (it was 2 values)",
        "Nothing was applied. The plan is void",
    ]);
    assert!(scene.has_phones());
    assert!(!scene.ledger().contains("2_drop"));
    // It stays so, also when the rows go again; a new plan of the same scripts needs a new yes.
    scene.ask("DELETE FROM \"Person\" WHERE id >= 10");
    scene
        .run(&["plan", "show"], DONE)
        .says(&["It is void", "(it was 2 values)"]);
    scene.run(&["plan", "make"], REFUSED);
    scene.run(&["plan", "apply"], REFUSED);
    scene.approve(DONE);
    scene.run(&["plan", "apply"], DONE);
    assert!(!scene.has_phones());
}

#[test]
fn a_few_rows_more_are_still_what_was_approved() {
    let scene = Scene::about_to_drop();
    scene.ask("INSERT INTO \"Person\" VALUES (10, 'x'), (11, 'y')");
    scene.run(&["plan", "apply"], DONE);
    assert!(!scene.has_phones());
}

#[test]
fn a_table_that_has_become_another_one_voids_the_plan() {
    let scene = Scene::about_to_drop();
    scene.ask("ALTER TABLE \"Person\" ALTER phone TYPE varchar(20); CREATE INDEX by_phone ON \"Person\" (phone)");
    scene.run(&["plan", "apply"], REFUSED).says(&[
        "The column phone of public.\"Person\" was `text` and is `character varying(20)`.",
        "The index by_phone of public.\"Person\" is new",
        "Nothing was applied. The plan is void",
    ]);
    assert!(scene.has_phones());
    scene.run(&["plan", "approve", "--yes", "--reason", "x"], USAGE);
    assert_eq!(
        scene.ask("SELECT count(*) FROM pg_class WHERE relname = 'by_phone'"),
        "1"
    );
}

#[test]
fn a_lock_that_comes_in_between_is_waited_for_and_the_script_tried_again() {
    let scene = planned();
    let script =
        "CREATE TABLE more (id int);\nSELECT pg_sleep(2);\nALTER TABLE \"Person\" ADD note text;";
    scene.project.write("2_drop", script);
    scene.run(&["plan", "make"], DONE);
    let until = Instant::now() + SOON;
    let mut command = scene.console.command();
    command
        .args(["plan", "apply", "--no-backup"])
        .stderr(Stdio::piped());
    let apply = command.spawn().unwrap();
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%' \
                  AND state = 'active' AND pid <> pg_backend_pid()";
    while scene.ask(asleep) == "0" {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(50));
    }
    let holder = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE \"Person\" IN ACCESS EXCLUSIVE MODE",
    );
    std::thread::sleep(Duration::from_secs(6));
    drop(holder);
    let ended = apply.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        said.contains("A lock was not free within 3 seconds"),
        "{said}"
    );
    assert_eq!(ended.status.code(), Some(DONE), "{said}");
    let notes = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'note'";
    assert_eq!(scene.ask(notes), "1");
    assert!(
        scene.ledger().ends_with("2_drop|t|f|f|1"),
        "{}",
        scene.ledger()
    );
}

#[test]
fn a_no_on_the_terminal_closes_the_plan_whatever_had_been_approved() {
    let scene = Scene::about_to_drop();
    scene.run(&["plan", "reject", "--reason", " "], USAGE);
    scene
        .run(
            &["plan", "reject", "--reason", "not before <b>May</b>"],
            DONE,
        )
        .says(&["Rejected."]);
    scene
        .run(&["plan", "apply"], REFUSED)
        .says(&["closed (rejected)", "Nothing was applied."]);
    scene
        .run(&["plan", "show"], DONE)
        .says(&["It is rejected", "not before <b>May</b>"]);
    scene
        .run(&["migrate", "deploy"], REFUSED)
        .says(&["not approved"]);
    assert!(scene.has_phones());
}

/// A console that runs, the path of its plan, and people who are signed in.
async fn people() -> (Scene, String, Visitor, Visitor) {
    let mut scene = planned();
    scene.console.add_as("grace", "approver");
    scene.console.serve();
    let ada = Visitor::signed_in(&scene.console).await;
    let grace = Visitor::new(&scene.console);
    grace.sign_in("grace", USER_PASSWORD).await;
    let plans = ada.read("/t/app/plans").await;
    let plan = plans.attribute("main table a[href*='/plans/']", "href");
    (scene, plan, ada, grace)
}

async fn send(who: &Visitor, plan: &str, deed: &str, typed: &[(&str, &str)]) -> Page {
    let page = who.read(plan).await;
    let (digest, token) = (page.one("aside .copy code"), field(&page));
    let mut form = vec![("digest", digest.as_str()), ("token", &token)];
    form.extend(typed);
    who.post(&format!("{plan}/{deed}"), &form).await
}

/// The token of whichever form the page has; none where it offers nothing.
fn field(page: &Page) -> String {
    if page.has("input[name=token]") {
        page.field("token")
    } else {
        String::new()
    }
}

#[tokio::test]
async fn two_people_are_needed_where_the_policy_says_so() {
    let (scene, plan, ada, grace) = people().await;
    let page = ada
        .post("/t/app/settings/second-person", &[("required", "true")])
        .await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    // Whoever made it: a plan that ada asked for.
    let job = ada.start("/t/app/plans", &[]).await;
    ada.wait(&job, &["succeeded"], SOON).await;
    scene.ask("INSERT INTO \"Person\" SELECT n, n::text FROM generate_series(10, 19) AS n");
    let job = ada.start("/t/app/plans", &[]).await;
    let page = ada.wait(&job, &["succeeded"], SOON).await;
    let made = page.attribute("a.btn[href*='/plans/']", "href");
    assert_ne!(made, plan, "the database has changed, so it is another one");

    let yes = [("target_name", "app"), ("reason", "it is dead")];
    let page = ada.read(&made).await;
    assert!(
        page.words().contains("somebody else approves"),
        "{}",
        page.words()
    );
    assert!(!page.has("#target_name"));
    let waiting = ada.read("/approvals").await;
    assert!(
        waiting
            .one("section[aria-labelledby=others]")
            .contains("app")
    );
    // The form is not there, and what is sent all the same is refused by the store.
    let page = ada.read("/t/app/settings").await;
    assert!(page.words().contains("second person required"));
    let page = send(&ada, &made, "approve", &yes).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);

    let waiting = grace.read("/approvals").await;
    assert_eq!(waiting.one(".sub"), "1 plan waits for you.");
    assert!(waiting.has(&format!("a.primary[href='{made}']")));
    let page = send(&grace, &made, "approve", &yes).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let page = grace.read(&made).await;
    assert!(
        page.words().contains("somebody else applies it"),
        "{}",
        page.words()
    );
    assert!(page.words().contains("it is dead"));
    let page = send(&grace, &made, "apply", &[]).await;
    assert_eq!(page.location(), made, "it has no form for her");
    assert!(scene.has_phones());
    let page = send(&ada, &made, "apply", &[]).await;
    let job = page.location();
    ada.wait(&job, &["succeeded"], SOON).await;
    assert!(!scene.has_phones());
    let none = grace.read("/approvals").await;
    assert_eq!(none.one(".sub"), "No plan waits for you.");
}

#[tokio::test]
async fn a_no_needs_a_reason_and_keeps_what_was_typed() {
    let (scene, plan, ada, grace) = people().await;
    let long = "x".repeat(501);
    for reason in ["", "  ", long.as_str(), "two\nlines"] {
        let page = send(&grace, &plan, "reject", &[("reason", reason)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
        assert!(page.one("#why-error").contains("Say why"));
    }
    let page = send(&grace, &plan, "reject", &[("reason", "two\tlines")]).await;
    assert_eq!(page.attribute("#why", "value"), "two\tlines");
    let reason = "not <script>alert(1)</script> now";
    let page = send(&grace, &plan, "reject", &[("reason", reason)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let page = ada.read(&plan).await;
    assert!(
        page.words()
            .contains(&format!("grace said no: “{reason}”.")),
        "{}",
        page.words()
    );
    assert!(
        !page.has("input[name=token]"),
        "nothing can be sent any more"
    );
    assert_eq!(
        ada.read("/approvals").await.one(".sub"),
        "No plan waits for you."
    );
    let again = send(&grace, &plan, "reject", &[("reason", "again")]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let audit = ada.read("/audit").await.words();
    assert!(audit.contains("Reject a plan"), "{audit}");
    assert!(scene.has_phones());
}
