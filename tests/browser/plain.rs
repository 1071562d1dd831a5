//! The main line without JavaScript: every page is complete, every action a form, a running job reloads by itself.

use crate::browser::Browser;
use crate::line::setup_link;
use crate::stage::{hold, losses, prepare};
use crate::support::console::{USER, USER_PASSWORD};

const DATABASE: &str = "plain";

#[tokio::test]
async fn the_line_needs_no_javascript() {
    let mut console = prepare(DATABASE);
    console.serve();
    let browser = Browser::open(&console.url("")).await;
    browser.without_scripts().await;

    browser.go(&setup_link(&console.log())).await;
    browser.fill("#name", USER).await;
    browser.fill("#password", USER_PASSWORD).await;
    browser.fill("#repeat", USER_PASSWORD).await;
    browser.click("button.primary").await;
    // The script would have put a title on every time.
    browser.click(".targets h2 a").await;
    browser.click("main button.primary").await;
    browser.wait_for("Read the plan").await;
    browser.click("main .btn.primary").await;
    let text = browser.text().await;
    for amount in losses(DATABASE) {
        assert!(text.contains(&amount), "{amount} is not in\n{text}");
    }
    assert_eq!(browser.count("time[title]").await, 0, "a script ran");

    browser.fill("#target_name", "Jarvis").await;
    browser.fill("#reason", "moved to Phone").await;
    browser.click("main form button.danger").await;
    assert_eq!(browser.count("#target_name[aria-invalid=true]").await, 1);
    browser.fill("#target_name", "jarvis").await;
    browser.click("main form button.danger").await;

    // A backup comes first. The page of the running job asks again by itself until the job has ended, then no more.
    let held = hold(DATABASE, "Review");
    browser.click("main form button.danger").await;
    browser.wait_for("so far").await;
    assert_eq!(browser.count("noscript meta[http-equiv=refresh]").await, 1);
    drop(held);
    browser.wait_for("See the history").await;
    assert_eq!(browser.count("noscript meta").await, 0);
    browser.click("main .btn.primary").await;
    assert!(!browser.text_of("table").await.contains("pending"));

    // The menu opens without a script as well.
    browser.touch(".menu summary").await;
    browser.click(".menu button[value=dark]").await;
    assert_eq!(browser.count("html[data-theme=dark]").await, 1);
    browser.touch(".menu summary").await;
    browser.click(".menu form[action='/logout'] button").await;
    assert!(browser.path().await.starts_with("/login"));
}
