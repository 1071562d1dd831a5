//! Users and tokens by hand: invited, come in, changed; a token made and revoked.

use crate::browser::Browser;
use crate::stage::signed_in;

async fn choose(browser: &Browser, field: &str, value: &str) {
    let set = format!("document.querySelector('{field}').value = '{value}'");
    browser.eval(&set).await;
}

#[tokio::test]
async fn people_and_programs_are_let_in_by_hand() {
    let (console, mut browser) = signed_in("people").await;
    browser.touch(".menu summary").await;
    browser.click(".menu a[href='/users']").await;
    browser.fill("#name", "ada").await;
    browser.click("main button.primary").await;
    browser.listen(&["status of 422"]).await;
    browser
        .wait_for("There is already a user of that name")
        .await;
    browser.picture("users-refused").await;
    browser.fill("#name", "grace").await;
    choose(&browser, "#target", "jarvis").await;
    choose(&browser, "#role", "operator").await;
    browser.click("main button.primary").await;
    browser.wait_for("The link for grace").await;
    browser.picture("account-invited").await;
    let link = browser
        .eval("return document.querySelector('.copy code').textContent")
        .await;
    let link = link.as_str().unwrap().to_owned();

    let mut hers = Browser::open(&console.url("")).await;
    hers.go(&link[link.find("/setup").unwrap()..]).await;
    hers.picture("join").await;
    hers.fill("#password", "a-passphrase-of-her-own").await;
    hers.fill("#repeat", "another-one").await;
    hers.click("button.primary").await;
    hers.listen(&["status of 422"]).await;
    hers.picture("join-refused").await;
    hers.fill("#password", "a-passphrase-of-her-own").await;
    hers.fill("#repeat", "a-passphrase-of-her-own").await;
    hers.click("button.primary").await;
    assert_eq!(hers.path().await, "/");

    hers.touch(".menu summary").await;
    hers.click(".menu a[href='/tokens']").await;
    hers.wait_for("No token yet").await;
    hers.picture("tokens-empty").await;
    hers.fill("#name", "nightly copy").await;
    hers.click("main button.primary").await;
    hers.wait_for("Your new token").await;
    hers.picture("tokens-made").await;
    hers.click("form[action$='/revoke'] button").await;
    hers.wait_for("It opens nothing any more.").await;
    hers.picture("tokens").await;
    hers.must_be_sound().await;

    browser.go("/users").await;
    browser.picture("users").await;
    browser.click("tbody tr:last-child a").await;
    choose(&browser, "#role-1", "approver").await;
    browser
        .click(".rows li:first-child form:first-child button")
        .await;
    browser.wait_for("jarvis: grace is approver now.").await;
    browser.picture("account").await;
    browser.touch(".ask:last-of-type summary").await;
    browser.click("form[action$='/disable'] button").await;
    browser.wait_for("their sessions have ended").await;
    browser.picture("account-disabled").await;
    hers.go("/").await;
    assert_eq!(hers.path().await, "/login?next=%2F");
    browser.must_be_sound().await;
}
