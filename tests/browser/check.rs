//! Looking at a target from its page, and seeing there how it grew.

use crate::stage::{CLUSTER, signed_in};

const DATABASE: &str = "check";

#[tokio::test]
async fn a_person_checks_a_target_and_sees_how_it_grew() {
    let (_console, mut browser) = signed_in(DATABASE).await;
    browser.go("/t/jarvis").await;
    assert!(browser.text().await.contains("No check has run yet."));
    assert_eq!(browser.count("svg.chart").await, 0);
    browser.picture("target-unchecked").await;

    browser.click("form[action$='/check'] button").await;
    assert!(browser.path().await.starts_with("/jobs/"));
    browser.wait_for("succeeded").await;
    browser.wait_for("2 migrations are pending").await;
    browser.picture("job-check-done").await;
    browser.click("main a.btn[href='/t/jarvis']").await;
    assert_eq!(browser.path().await, "/t/jarvis");
    browser.wait_for("It was measured once so far").await;
    browser.picture("target-checked-once").await;

    // Three more, between which it grows.
    for rows in [20_000, 5_000, 60_000] {
        CLUSTER.psql(
            DATABASE,
            &format!(
                "CREATE TABLE IF NOT EXISTS growth (text text); \
                 INSERT INTO growth SELECT repeat('x', 200) FROM generate_series(1, {rows})"
            ),
        );
        browser.click("form[action$='/check'] button").await;
        assert!(browser.path().await.starts_with("/jobs/"));
        browser.wait_for("took").await;
        browser.go("/t/jarvis").await;
    }
    let text = browser.text().await;
    assert!(text.contains("It grew by"), "{text}");
    let points = "return document.querySelector('svg.chart polyline').points.numberOfItems";
    assert_eq!(browser.eval(points).await, serde_json::json!(4));
    browser.picture("target-checked").await;
    browser.must_be_sound().await;
}
