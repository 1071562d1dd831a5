//! The page of a backup, and deleting it: by an admin, by name, never under a job that may need it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::proof::grow_old;
use crate::scene::{DONE, REFUSED, Scene, USAGE};
use crate::support::console::USER_PASSWORD;
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};

const SOON: Duration = Duration::from_secs(30);

/// A console that runs, with a backup; the path of its page.
async fn scene() -> (Scene, Visitor, String) {
    let init = "CREATE TABLE \"<b>Person</b>\" (id int); INSERT INTO \"<b>Person</b>\" SELECT generate_series(1, 1234);";
    let mut scene = Scene::terminal(Project::new().migration("1_init", init));
    scene.plan_and_apply(DONE);
    scene.ask(&format!(
        "ALTER DATABASE {} SET app.secret = 'hush-hush'",
        scene.database
    ));
    scene.run(&["backup", "take", "--note", "before it all"], DONE);
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let list = visitor.read("/t/app/backups").await;
    let path = list.attribute("main td a[href*='/backups/']", "href");
    (scene, visitor, path)
}

fn files(scene: &Scene) -> usize {
    let archive = scene.console.folder().join("backups");
    std::fs::read_dir(archive).unwrap().count()
}

/// Sends the form that deletes the backup.
async fn delete(visitor: &Visitor, path: &str, name: &str) -> Page {
    let page = visitor.read(path).await;
    let token = page.field("token");
    let form = [("name", name), ("token", &token)];
    visitor.post(&format!("{path}/delete"), &form).await
}

#[tokio::test]
async fn a_backup_is_shown_and_deleted_by_its_name() {
    let (scene, visitor, path) = scene().await;
    let page = visitor.read(&path).await;
    let words = page.words();
    let name = page.one("h1");
    for said in [
        "readable",
        "before it all",
        "1 is applied.",
        "1_init",
        "1,234 rows",
        "public.<b>Person</b>",
        "app.secret",
        "sha256sum --check",
        &format!("pg_restore --exit-on-error --dbname=restored ./{name}.dump"),
        "has not been restored to prove it",
        "It is the only backup of this target",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    assert!(!page.text.contains("hush"), "a setting may be a secret");

    // Neither under another name, nor from a form that was not shown or was sent before.
    let page = delete(&visitor, &path, "app").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.words()
            .contains("That is not the name of this backup.")
    );
    assert_eq!(page.field("name"), "app");
    let form = [("name", name.as_str()), ("token", "guessed")];
    let page = visitor.post(&format!("{path}/delete"), &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(files(&scene), 2);

    // A file beside it stays, whatever it is called.
    let beside = scene.console.folder().join("backups").join("mine.dump");
    std::fs::write(&beside, "mine").unwrap();
    let page = delete(&visitor, &path, &name).await;
    assert_eq!(page.location(), "/t/app/backups", "{}", page.text);
    assert!(beside.exists());
    assert_eq!(files(&scene), 1);
    let list = visitor.read("/t/app/backups").await.words();
    assert!(list.contains(&format!("{name} was deleted.")), "{list}");
    assert_eq!(visitor.get(&path).await.status, StatusCode::NOT_FOUND);
    let audit = visitor.read("/audit").await.words();
    assert!(
        audit.contains(&format!("Delete a backup {name}.dump, readable")),
        "{audit}"
    );
}

#[tokio::test]
async fn deleting_asks_again_who_it_is_and_keeps_what_was_typed() {
    let (scene, visitor, path) = scene().await;
    grow_old(&scene.console).await;
    let name = visitor.read(&path).await.one("h1");
    let page = delete(&visitor, &path, &name).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.field("name"), name);
    assert!(page.has("details[open] #confirm-error"), "{}", page.text);
    assert_eq!(files(&scene), 2);
    let form = [
        ("name", name.as_str()),
        ("token", &page.field("token")),
        ("confirm", USER_PASSWORD),
    ];
    let page = visitor.post(&format!("{path}/delete"), &form).await;
    assert_eq!(page.location(), "/t/app/backups");
    assert_eq!(files(&scene), 0);
}

#[tokio::test]
async fn an_operator_looks_and_does_not_delete() {
    let (scene, _, path) = scene().await;
    scene.console.add_as("olga", "operator");
    let visitor = Visitor::new(&scene.console);
    visitor.sign_in("olga", USER_PASSWORD).await;
    let page = visitor.read(&path).await;
    assert!(page.has("a[href$='/download']") && !page.has("form[action$='/delete']"));
    let form = [("name", page.one("h1")), ("token", String::new())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = visitor.post(&format!("{path}/delete"), &form).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(files(&scene), 2);
}

#[tokio::test]
async fn no_backup_is_deleted_under_a_job_that_may_need_it() {
    let (scene, visitor, path) = scene().await;
    scene.project.write("2_slow", "SELECT pg_sleep(6);");
    let job = visitor.start("/t/app/plans", &[]).await;
    let page = visitor.wait(&job, &["succeeded"], SOON).await;
    let plan = page.attribute("a.btn[href*='/plans/']", "href");
    let page = visitor.read(&plan).await;
    let form = [
        ("digest", page.field("digest")),
        ("token", page.field("token")),
    ];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let job = visitor.start(&format!("{plan}/apply"), &form).await;
    visitor.wait(&job, &["running"], SOON).await;
    let name = visitor.read(&path).await.one("h1");
    let page = delete(&visitor, &path, &name).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let words = page.words();
    assert!(
        words.contains("A job is at work on app (Apply a plan)"),
        "{words}"
    );
    scene
        .run(&["backup", "delete", &name, "--yes"], REFUSED)
        .says(&["Nothing was deleted.", "Wait until the job is over"]);
    assert_eq!(files(&scene), 2);
    visitor.wait(&job, &["succeeded"], SOON).await;
    delete(&visitor, &path, &name).await;
    assert_eq!(files(&scene), 0);
}

#[test]
fn the_terminal_shows_and_deletes_too() {
    let scene = Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (n int);"));
    scene.plan_and_apply(DONE);
    scene
        .run(&["backup", "show"], USAGE)
        .says(&["no backup of app yet"]);
    scene.run(&["backup", "take", "--note", "one"], DONE);
    scene.run(&["backup", "take", "--note", "two"], DONE);
    let list = scene.run(&["backup", "list", "--json"], DONE).json();
    let [newest, oldest] = [&list["backups"][0], &list["backups"][1]];
    let shown = scene.run(&["backup", "show", "--json"], DONE).json();
    assert_eq!(shown["backup"], *newest);
    assert_eq!(shown["state"], "readable");
    assert_eq!(shown["contents"]["tables"][1]["name"], json!("word"));
    let name = oldest["file"]["name"].as_str().unwrap();
    scene.run(&["backup", "show", name], DONE).says(&[
        "note one",
        "state readable",
        "1_init applied",
        "public.word 0",
        "| sha256sum --check",
        "pg_restore --exit-on-error",
    ]);
    scene.run(&["backup", "show", "nothing"], USAGE);
    scene
        .run(&["backup", "delete", name], USAGE)
        .says(&["--yes"]);
    assert_eq!(files(&scene), 4);
    scene
        .run(&["backup", "delete", name, "--yes"], DONE)
        .says(&["was deleted."]);
    assert_eq!(files(&scene), 2);
    scene.run(&["backup", "delete", name, "--yes"], USAGE);
    // The store knows nothing of backups: without it the list is whole, and the folder is all that counts.
    std::fs::remove_dir_all(scene.console.folder().join("lockkeeper-data")).unwrap();
    let list = scene.run(&["backup", "list", "--json"], DONE).json();
    assert_eq!(list["backups"], json!([newest]));
    std::fs::write(scene.console.folder().join("backups/x.json"), "{").unwrap();
    scene
        .run(&["backup", "list"], DONE)
        .says(&["warning: The manifest", "x.json cannot be read"]);
    scene.run(&["migrate", "status"], DONE);
}
