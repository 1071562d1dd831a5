//! Comparing a target with its migrations from its page.

use crate::stage::{CLUSTER, signed_in};

const DATABASE: &str = "drift";

#[tokio::test]
async fn a_person_finds_out_what_somebody_changed_by_hand() {
    let (_console, mut browser) = signed_in(DATABASE).await;
    browser.go("/t/jarvis/migrations").await;
    assert!(browser.text().await.contains("It was never compared"));
    browser.picture("drift-never").await;

    browser.click("form[action$='/drift'] button").await;
    assert!(browser.path().await.starts_with("/jobs/"));
    browser.wait_for("succeeded").await;
    browser.wait_for("took").await;
    browser.picture("job-drift-none").await;
    browser.click("main a.btn[href$='/migrations']").await;
    browser.wait_for("No drift").await;
    browser.picture("drift-none").await;

    CLUSTER.psql(
        DATABASE,
        "ALTER TABLE \"User\" ALTER email TYPE varchar(191), ALTER email DROP NOT NULL, ADD \"a hot\nfix\" text DEFAULT 'x'; \
         ALTER TABLE \"User\" ENABLE ROW LEVEL SECURITY; \
         CREATE TABLE w2345678901234567890123456789012345678901234567890123456789012 (a int); \
         CREATE VIEW \"<script>alert(1)</script>\" AS SELECT 1 AS one; CREATE SCHEMA audit; CREATE TABLE audit.entry (a int)",
    );
    browser.click("form[action$='/drift'] button").await;
    browser.wait_for("took").await;
    browser.picture("job-drift-found").await;
    browser.go("/t/jarvis/migrations").await;
    let text = browser.text().await;
    for word in [
        "6 differences",
        "column email",
        "<script>alert(1)</script>",
        "audit",
    ] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    browser.picture("drift-found").await;
    browser.must_be_sound().await;
}
