//! The settings of a target: schedules added, refused, changed and deleted by hand.

use crate::browser::{Browser, Screen};
use crate::stage::signed_in;

async fn choose(browser: &Browser, field: &str, value: &str) {
    let set = format!("document.querySelector('{field}').value = '{value}'");
    browser.eval(&set).await;
}

#[tokio::test]
async fn schedules_are_set_by_hand() {
    let (_console, mut browser) = signed_in("schedules").await;
    browser.go("/t/jarvis").await;
    browser.click(".tabs a[href$='/settings']").await;
    browser.wait_for("No schedule yet").await;
    browser.picture("settings-empty").await;

    browser.fill("#cron", "*/2 * * * *").await;
    browser.fill("#zone", "Europe/Berlinn").await;
    browser.click("main button.primary").await;
    browser.listen(&["status of 422"]).await;
    browser.wait_for("There is no time zone of this name").await;
    assert_eq!(browser.count("[aria-invalid=true]").await, 1);
    browser.fill("#zone", "Europe/Berlin").await;
    browser.click("main button.primary").await;
    browser.listen(&["status of 422"]).await;
    browser.wait_for("only 2 minutes apart").await;
    browser.picture("settings-refused").await;
    browser.fill("#cron", "").await;
    browser.click("main button.primary").await;
    browser
        .wait_for("Added: Take a backup, every day at 03:30 Europe/Berlin.")
        .await;

    choose(&browser, "#operation", "plan.make").await;
    browser.fill("#cron", "0 8 * * 1-5").await;
    browser.click("main button.primary").await;
    browser.wait_for("Added: Make a plan").await;
    browser
        .click(".rows li:last-child form[action$='/pause'] button")
        .await;
    browser.wait_for("Paused.").await;
    browser
        .click(".rows li:first-child form[action$='/run'] button")
        .await;
    browser.wait_for("See the backups").await;
    browser.go("/t/jarvis/settings").await;
    browser.picture("settings").await;

    browser.click(".rows li:last-child a.btn").await;
    browser.picture("schedule").await;
    browser.look(Screen::Narrow, true).await;
    browser.touch("main details summary").await;
    browser.inspect().await;
    browser.click("main details form button").await;
    browser.wait_for("Deleted: Make a plan").await;
    assert_eq!(browser.count(".rows > li").await, 1);
    browser.must_be_sound().await;
}
