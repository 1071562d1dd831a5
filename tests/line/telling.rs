//! What tests of notifications begin with: a console that knows channels, subscriptions to them, a backup that fails, and a
//! look for secrets that were given away.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::scene::Scene;
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};

pub const SETTINGS: &str = "/t/app/settings";
pub const ADD: &str = "/t/app/settings/notifications";
/// Neither may be seen anywhere.
pub const SECRET: &str = "the-key-that-nobody-sees-0123456789";
pub const HIDDEN: &str = "T0HIDDENTOKEN";

/// A console with these lines in its configuration.
pub fn scene(lines: &str) -> Scene {
    let mut scene =
        Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    let file = scene.console.folder().join("lockkeeper.toml");
    let mut file = std::fs::OpenOptions::new().append(true).open(file).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    scene.console.serve();
    scene
}

/// A webhook on this machine.
pub fn webhook(name: &str, url: &str, more: &str) -> String {
    format!(
        "[[webhook]]\nname = \"{name}\"\nurl = \"{url}/{HIDDEN}\"\nsecret = \"{SECRET}\"\n{more}\n"
    )
}

pub fn local(name: &str, port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}");
    webhook(name, &url, "allow_private = true")
}

/// Subscribes a channel to everything that a backup can do; the settings.
pub async fn subscribe(visitor: &Visitor, channel: &str, address: &str) -> Page {
    let form = [
        ("channel", channel),
        ("address", address),
        ("scope", "target"),
        ("kind", "backup-failed"),
        ("kind", "job-failed"),
    ];
    let page = visitor.post(ADD, &form).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.words());
    visitor.read(&page.location()).await
}

/// Subscribes a channel and sends a test there.
pub async fn test(visitor: &Visitor, channel: &str) {
    let page = subscribe(visitor, channel, "").await;
    let path = page.attribute(
        "section[aria-labelledby=notifications] li:last-child a.btn",
        "href",
    );
    let sent = visitor.post(&format!("{path}/test"), &[]).await;
    assert_eq!(sent.location(), "/notifications", "{}", sent.words());
}

/// Waits until the page of notifications says it.
pub async fn told(visitor: &Visitor, text: &str) -> Page {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let page = visitor.read("/notifications").await;
        if page.words().contains(text) {
            return page;
        }
        assert!(Instant::now() < deadline, "no {text}: {}", page.words());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A backup that fails, for a file is where its folder is to be; its job.
pub async fn fail(scene: &Scene, visitor: &Visitor) -> String {
    std::fs::write(scene.console.folder().join("backups"), "").unwrap();
    let job = visitor.start("/t/app/backups", &[]).await;
    visitor
        .wait(&job, &["failed"], Duration::from_mins(1))
        .await;
    job
}

/// Runs a statement on the store of a console that does not run.
pub async fn on_store(scene: &Scene, statement: &'static str) {
    use sqlx::Connection;
    let file = scene.console.folder().join("lockkeeper-data/store.db");
    let url = format!("sqlite://{}", file.display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let done = sqlx::query(statement).execute(&mut store).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{statement}");
}

/// Checks that neither the key nor the token of a URL is on a page, in the log or in the store.
pub async fn nothing_is_given_away(scene: &Scene, visitor: &Visitor) {
    let mut seen = scene.console.log();
    for path in [SETTINGS, "/notifications", "/audit"] {
        seen.push_str(&visitor.read(path).await.text);
    }
    for file in ["store.db", "store.db-wal"] {
        let file = scene.console.folder().join("lockkeeper-data").join(file);
        let bytes = std::fs::read(file).unwrap_or_default();
        seen.push_str(&String::from_utf8_lossy(&bytes));
    }
    let doctor = scene.console.cli(&["doctor"]);
    seen.push_str(&String::from_utf8_lossy(&doctor.stderr));
    seen.push_str(&String::from_utf8_lossy(&doctor.stdout));
    for secret in [SECRET, HIDDEN] {
        assert!(!seen.contains(secret), "{secret} was given away");
    }
}
