//! What the browser's door hands out: pages, backups, live logs; and what none of them may ever hold.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, DROP, Holder, Scene, cluster, database, target};
use crate::support::cluster::PASSWORD;
use crate::support::console::{Console, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Visitor, send};

const SOON: Duration = Duration::from_secs(30);

fn people() -> Project {
    let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY, phone text);\n\
                INSERT INTO \"Person\" SELECT n, n::text FROM generate_series(1, 1234) n;";
    Project::new().migration("1_init", init)
}

/// A console that runs, whose target has its table and no plan yet.
fn serving() -> Scene {
    let mut scene = Scene::terminal(people());
    scene.plan_and_apply(DONE);
    scene.console.serve();
    scene
}

#[tokio::test]
async fn an_interrupted_download_goes_on_where_it_was() {
    let scene = serving();
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = visitor
        .start("/t/app/backups", &[("note", "<b>by hand</b>")])
        .await;
    visitor.wait(&job, &["succeeded"], SOON).await;
    let list = visitor.read("/t/app/backups").await;
    assert!(list.words().contains("<b>by hand</b>"), "{}", list.text);
    let path = list.attribute("main a[href$='/download']", "href");
    let whole = visitor.read(&path).await;
    let archive = scene.console.folder().join("backups");
    let dump = std::fs::read_dir(archive)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().unwrap() == "dump")
        .unwrap();
    let bytes = std::fs::read(&dump).unwrap();
    assert_eq!(whole.bytes, bytes);
    let name = dump.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        whole.header("content-disposition"),
        format!("attachment; filename=\"{name}\"")
    );
    assert_eq!(whole.header("cache-control"), "no-store");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    let etag = whole.header("etag");
    assert!(!etag.is_empty());

    let range = |range: String, etag: String| {
        send(
            visitor
                .request(Method::GET, &path)
                .header("range", range)
                .header("if-range", etag)
                .header("accept-encoding", "gzip"),
        )
    };
    let first = range("bytes=0-99".to_owned(), etag.clone()).await;
    assert_eq!(first.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        first.header("content-range"),
        format!("bytes 0-99/{}", bytes.len())
    );
    let rest = range("bytes=100-".to_owned(), etag).await;
    assert_eq!(rest.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!([first.bytes, rest.bytes].concat(), bytes);
    // If the file is not the one that was begun with, all of it is sent.
    let other = range("bytes=100-".to_owned(), "\"another\"".to_owned()).await;
    assert_eq!((other.status, other.bytes == bytes), (StatusCode::OK, true));
    let beyond = visitor
        .request(Method::GET, &path)
        .header("range", format!("bytes={}-", bytes.len() + 1));
    assert_eq!(send(beyond).await.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let audit = visitor.read("/audit").await.words();
    assert!(audit.contains("Download a backup"), "{audit}");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_three_sentences() {
    let (project, database) = (people(), database());
    let url = cluster().url(&database);
    let other = cluster().url("postgres");
    let mut console = Console::prepare(
        &[
            target("app", &url, &project),
            target("other", &other, &project),
        ],
        None,
    );
    console.add_user();
    for args in [["plan", "make", "app"], ["backup", "take", "app"]] {
        assert!(console.cli(&args).status.success());
    }
    console.serve();
    let visitor = Visitor::signed_in(&console).await;
    let plan = visitor
        .read("/t/app/plans")
        .await
        .attribute("td a[href*='/plans/']", "href");
    let backup = visitor
        .read("/t/app/backups")
        .await
        .attribute("main a[href$='/download']", "href");
    visitor.read(&plan).await;
    visitor.read(&backup).await;
    for path in [
        "/nothing".to_owned(),
        "/t/nobody".to_owned(),
        "/t/app/migrations/nothing".to_owned(),
        "/t/app/migrations/..%2f..%2f..%2fetc".to_owned(),
        "/t/app/plans/nothing".to_owned(),
        "/t/app/backups/nothing/download".to_owned(),
        "/t/app/backups/..%2f..%2fapp.url/download".to_owned(),
        "/jobs/nothing".to_owned(),
        "/jobs/nothing/events".to_owned(),
        "/static/0123456789ab/app.css".to_owned(),
        // What belongs to one target is not found under another.
        plan.replace("/t/app/", "/t/other/"),
        backup.replace("/t/app/", "/t/other/"),
    ] {
        let page = visitor.get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        let words = page.words();
        for part in [
            "There is no",
            "What it means for the data Nothing was changed.",
            "What to do next",
        ] {
            assert!(words.contains(part), "{path}: {words}");
        }
    }
}

/// The ids of the events in a stream.
fn ids(stream: &str) -> Vec<i64> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect()
}

#[tokio::test]
async fn the_log_of_a_job_is_streamed_and_resumed() {
    let scene = serving();
    let visitor = Visitor::signed_in(&scene.console).await;
    let holder = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE \"Person\" IN ACCESS EXCLUSIVE MODE",
    );
    let job = visitor.start("/t/app/backups", &[]).await;
    let events = format!("{job}/events");
    let mut live = visitor.request(Method::GET, &events).send().await.unwrap();
    assert_eq!(
        live.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let mut stream = String::new();
    while !stream.contains("\"step\":\"Dump\"") {
        let chunk = tokio::time::timeout(SOON, live.chunk()).await;
        stream.push_str(std::str::from_utf8(&chunk.unwrap().unwrap().unwrap()).unwrap());
    }
    assert!(!stream.contains("event: done"), "{stream}");
    drop(holder);
    while let Some(chunk) = tokio::time::timeout(SOON, live.chunk())
        .await
        .unwrap()
        .unwrap()
    {
        stream.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(stream.contains("\"state\":\"succeeded\""), "{stream}");
    assert!(stream.ends_with("event: done\ndata: {}\n\n"), "{stream}");
    let seen = ids(&stream);
    let all: Vec<i64> = (1..).take(seen.len()).collect();
    assert!(seen.len() > 4);
    assert_eq!(seen, all);

    let resumed = visitor
        .request(Method::GET, &events)
        .header("last-event-id", "3");
    let resumed = send(resumed).await.text;
    assert_eq!(ids(&resumed), all[3..]);
    assert!(resumed.ends_with("event: done\ndata: {}\n\n"), "{resumed}");
    let after = visitor.read(&format!("{events}?after=2")).await.text;
    assert_eq!(ids(&after), all[2..]);
}

#[tokio::test]
async fn an_approval_is_one_form_of_one_page() {
    let scene = serving();
    scene.project.write("2_drop", DROP);
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = visitor.start("/t/app/plans", &[]).await;
    let page = visitor.wait(&job, &["succeeded"], SOON).await;
    let plan = page.attribute("a.btn[href*='/plans/']", "href");
    let page = visitor.read(&plan).await;
    assert!(
        page.words().contains("1,234 values, counted"),
        "{}",
        page.text
    );
    // It offers a backup beforehand, and knows it afterwards.
    assert!(page.has("main form[action='/t/app/backups']"));
    let backup = visitor.start("/t/app/backups", &[]).await;
    visitor.wait(&backup, &["succeeded"], SOON).await;
    let page = visitor.read(&plan).await;
    assert!(!page.has("main form[action='/t/app/backups']"));
    let (digest, token) = (page.field("digest"), page.field("token"));
    let approve = async |name: &str, digest: &str, token: &str| {
        let form = [
            ("target_name", name),
            ("reason", "nobody reads it"),
            ("digest", digest),
            ("token", token),
        ];
        visitor.post(&format!("{plan}/approve"), &form).await
    };

    let page = approve("wrong", &digest, &token).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.one("#target_name-error")
            .contains("not the name of the target")
    );
    let page = approve("app", &digest, &token).await;
    assert!(page.one("#target_name-error").contains("sent before"));
    let page = approve("app", &"0".repeat(64), &page.field("token")).await;
    assert!(page.one("#target_name-error").contains("not this plan"));
    let page = approve("app", &digest, "").await;
    assert!(page.one("#target_name-error").contains("sent before"));
    let token = page.field("token");
    let page = approve("app", &digest, &token).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, plan.clone())
    );
    assert_eq!(
        approve("app", &digest, &token).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let audit = visitor.read("/audit?action=plan.approve").await;
    let audit = audit.one("main tbody");
    assert_eq!(audit.matches("Approve a plan").count(), 1, "{audit}");

    // The page offers to apply it now.
    let token = visitor.read(&plan).await.field("token");
    let form = [("digest", digest.as_str()), ("token", token.as_str())];
    let job = visitor.start(&format!("{plan}/apply"), &form).await;
    visitor.wait(&job, &["succeeded"], SOON).await;
    assert!(!scene.has_phones());
    let page = visitor.read(&plan).await;
    assert!(!page.has(&format!("form[action='{plan}/apply']")));
}

#[tokio::test]
async fn no_secret_is_told_to_anybody() {
    let mut scene = Scene::terminal(people());
    let mut told = Vec::new();
    for args in [
        &["plan", "make", "--json"][..],
        &["plan", "apply", "--json"],
        &["backup", "take", "--json"],
        &["backup", "list", "--json"],
        &["migrate", "status", "--json"],
        &["doctor", "--json"],
        &["doctor"],
        &["user", "list", "--json"],
    ] {
        let said = scene.console.cli(args);
        told.push(String::from_utf8([said.stdout, said.stderr].concat()).unwrap());
    }
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = visitor.start("/t/app/backups", &[]).await;
    visitor.wait(&job, &["succeeded"], SOON).await;
    let events = format!("{job}/events");
    for path in [
        "/",
        "/t/app",
        "/t/app/migrations",
        "/t/app/migrations/1_init",
        "/t/app/plans",
        "/t/app/backups",
        "/jobs",
        &job,
        &events,
        "/audit",
    ] {
        told.push(visitor.read(path).await.text);
    }
    told.push(scene.console.log());
    for folder in ["backups", "lockkeeper-data"] {
        for entry in std::fs::read_dir(scene.console.folder().join(folder)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains(PASSWORD), "{folder} holds the password");
            assert!(!text.contains(USER_PASSWORD), "{folder} holds a password");
        }
    }
    for text in told {
        for secret in [PASSWORD, USER_PASSWORD, "$argon2"] {
            assert!(!text.contains(secret), "{secret} is in: {text}");
        }
    }
}
