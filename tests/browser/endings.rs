//! Plans that are not applied: one that was rejected, one that is void; and the settings that ask for a second person.

use crate::browser::Browser;
use crate::stage::{CLUSTER, signed_in};

const DATABASE: &str = "endings";

/// Makes a plan from the target's page and goes to it.
async fn plan(browser: &Browser) {
    browser.go("/t/jarvis/plans").await;
    browser.click("main button.primary").await;
    browser.wait_for("Read the plan").await;
    browser.click("main .btn.primary").await;
}

#[tokio::test]
async fn a_plan_that_is_closed_says_by_whom_and_why_and_offers_a_new_one() {
    let (_console, mut browser) = signed_in(DATABASE).await;
    plan(&browser).await;
    browser.touch("details.ask summary").await;
    browser
        .fill(
            "#why",
            "Not before the release that no longer reads phone, and <b>not</b> on a Friday",
        )
        .await;
    browser.picture("plan-to-reject").await;
    browser.click("details.ask button").await;
    browser.wait_for("said no").await;
    browser.picture("plan-rejected").await;
    assert_eq!(browser.count("main input[name=token]").await, 0);

    // A new one is approved, and then the table becomes another one.
    plan(&browser).await;
    browser.click("form[action$='/backups'] button").await;
    browser.wait_for("Back to the plan").await;
    browser.go("/t/jarvis/plans").await;
    browser.picture("plans-rejected").await;
    browser.click("main table a[href*='/plans/']").await;
    let page = browser.path().await;
    browser.fill("#target_name", "jarvis").await;
    browser.fill("#reason", "moved to Phone").await;
    browser.click("main form button.danger").await;
    CLUSTER.psql(
        DATABASE,
        "ALTER TABLE \"User\" ADD nickname text; ALTER TABLE \"User\" ALTER phone TYPE varchar(40); \
         UPDATE \"User\" SET phone = id::text",
    );
    browser.click("main form button.danger").await;
    browser.wait_for("is void").await;
    browser.picture("job-void").await;
    browser.go(&page).await;
    browser.picture("plan-void").await;
    let text = browser.text().await;
    assert!(
        text.contains("was text and is character varying(40)"),
        "{text}"
    );

    browser.go("/t/jarvis/settings").await;
    browser
        .click("form[action$='/settings/second-person'] button")
        .await;
    browser.wait_for("second person required").await;
    browser.picture("settings-second-person").await;
    plan(&browser).await;
    browser.picture("plan-second-person").await;
    browser.go("/approvals").await;
    browser.picture("approvals-others").await;
    browser.must_be_sound().await;
}
