//! The pages when there is nothing yet, and when something is wrong.

use crate::browser::Browser;
use crate::line::setup_link;
use crate::stage::{CLUSTER, sign_in};
use crate::support::console::{Console, TargetLines};

#[tokio::test]
async fn empty_pages_say_how_to_begin() {
    let mut console = Console::prepare(&[], None);
    console.serve();
    let mut browser = Browser::open(&console.url("")).await;
    let link = setup_link(&console.log());
    browser.go(&link).await;
    browser.fill("#name", "ada").await;
    browser.fill("#password", "short").await;
    browser.fill("#repeat", "shorter").await;
    browser.click("button.primary").await;
    browser.listen(&["status of 422"]).await;
    browser.picture("setup-refused").await;
    console.add_user();
    browser.go(&link).await;
    browser.listen(&["status of 410"]).await;
    browser.picture("setup-over").await;
    browser.go("/").await;
    browser.fill("#name", "ada").await;
    browser.fill("#password", "not the passphrase").await;
    browser.click("button.primary").await;
    browser.listen(&["status of 422"]).await;
    browser.picture("sign-in-refused").await;
    sign_in(&browser).await;
    browser.picture("targets-none").await;
    browser.go("/jobs").await;
    browser.picture("jobs-none").await;
    browser.go("/nowhere").await;
    browser.listen(&["status of 404"]).await;
    browser.picture("error-not-found").await;
    browser.must_be_sound().await;
}

#[tokio::test]
async fn trouble_is_told_on_the_pages_of_a_target() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("migration_lock.toml");
    std::fs::write(lock, "provider = \"postgresql\"\n").unwrap();
    CLUSTER.create_database("bare");
    let target = |name, environment, url| TargetLines {
        name,
        environment,
        url,
        migrations: folder.path(),
    };
    let bare = CLUSTER.url("bare");
    let console = Console::start(&[
        target("bare", "development", &bare),
        target(
            "gone",
            "production",
            "postgresql://app:secret@127.0.0.1:9/app",
        ),
        target("missing", "staging", &CLUSTER.url("never-made")),
    ]);
    let mut browser = Browser::open(&console.url("")).await;
    sign_in(&browser).await;
    browser.picture("targets-trouble").await;
    for path in ["", "/migrations", "/plans", "/backups"] {
        browser.go(&format!("/t/bare{path}")).await;
        browser
            .picture(&format!("bare{}", path.replace('/', "-")))
            .await;
        browser.go(&format!("/t/gone{path}")).await;
        browser
            .picture(&format!("gone{}", path.replace('/', "-")))
            .await;
    }
    browser.go("/t/gone/backups").await;
    browser.click("main button.primary").await;
    browser.wait_for("What happened").await;
    browser.picture("job-failed").await;
    browser.go("/approvals").await;
    browser.picture("approvals-none").await;
    assert!(!browser.text().await.contains("secret"));
    browser.must_be_sound().await;
}
