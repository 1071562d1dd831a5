//! One backup: its page, with hostile names in it, and deleting it by hand.

use crate::browser::Browser;
use crate::stage::{CLUSTER, signed_in, take};

async fn open(browser: &Browser) -> String {
    browser.go("/t/jarvis/backups").await;
    browser.click("main td a[href*='/backups/']").await;
    browser.path().await
}

#[tokio::test]
async fn a_backup_is_read_and_deleted() {
    let (_console, mut browser) = signed_in("kept").await;
    let hostile = format!("<b>bold</b> \u{202e}{}", "w".repeat(40));
    let long = "l".repeat(63);
    CLUSTER.psql(
        "kept",
        &format!(
            "CREATE SCHEMA \"{hostile}\"; CREATE TABLE \"{hostile}\".\"{long}\" AS SELECT generate_series(1, 900000) n; \
             ALTER DATABASE kept SET app.secret = 'hush'"
        ),
    );
    take(&browser).await;
    browser.go("/t/jarvis/backups").await;
    browser.picture("backups-readable").await;
    let page = open(&browser).await;
    browser.picture("backup").await;
    let said = browser.text().await;
    for part in [
        "readable",
        "Goes back to",
        "900,000 rows",
        "app.secret",
        "sha256sum --check",
        "<b>bold</b> [U+202E]",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(!said.contains("hush"));

    browser.touch("section[aria-label=Delete] summary").await;
    browser.fill("#name", "jarvis").await;
    browser.click("section[aria-label=Delete] button").await;
    browser
        .wait_for("That is not the name of this backup.")
        .await;
    browser.listen(&["status of 422"]).await;
    browser.picture("backup-delete-refused").await;
    assert_eq!(browser.path().await, format!("{page}/delete"));
    let name = browser.text_of("h1").await;
    browser.fill("#name", &name).await;
    browser.click("section[aria-label=Delete] button").await;
    browser.wait_for(&format!("{name} was deleted.")).await;
    assert_eq!(browser.path().await, "/t/jarvis/backups");
    browser.must_be_sound().await;
}
