//! A telephone and a keyboard: approving works with both.

use serde_json::{Value, json};

use crate::browser::{Browser, Screen};
use crate::stage::{signed_in, take};

/// Whatever holds the focus, and whether one can see that it does.
async fn focus(browser: &Browser) -> (String, bool) {
    let focus = browser
        .eval(
            "const node = document.activeElement; const style = getComputedStyle(node); \
             return [node.id || node.className || node.textContent.trim(), \
             style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && node.checkVisibility()]",
        )
        .await;
    let name = focus[0].as_str().unwrap().to_owned();
    (name, focus[1] == Value::Bool(true))
}

#[tokio::test]
async fn approving_works_on_a_telephone_and_by_keyboard() {
    let (_console, mut browser) = signed_in("narrow").await;
    browser.look(Screen::Narrow, false).await;
    take(&browser).await;
    browser.go("/t/jarvis").await;
    browser.click("main button.primary").await;
    browser.wait_for("Read the plan").await;
    browser.inspect().await;
    browser.click("main .btn.primary").await;
    let plan = browser.path().await;
    browser.inspect().await;

    // The first tab stop leads past the bars.
    browser.press("\u{e004}").await;
    assert_eq!(focus(&browser).await, ("skip".to_owned(), true));
    browser.press("\u{e007}").await;
    let at = browser.eval("return location.hash").await;
    assert_eq!(at, json!("#main"));

    // From there by tab to the field: every stop can be seen, and Enter sends the form.
    let mut stops = 0;
    loop {
        browser.press("\u{e004}").await;
        let (name, visible) = focus(&browser).await;
        assert!(visible, "nothing shows that {name} has the focus");
        if name == "target_name" {
            break;
        }
        stops += 1;
        assert!(stops < 40, "the field cannot be reached");
    }
    browser.press("wrong\u{e004}moved\u{e00c}").await;
    browser.press("\u{e004}\u{e007}").await;
    browser.wait_for("That is not the name").await;
    browser.listen(&["status of 422"]).await;
    browser.inspect().await;
    assert_eq!(browser.count("#target_name[aria-invalid=true]").await, 1);
    browser.fill("#reason", "moved to Phone").await;
    browser.fill("#target_name", "jarvis").await;
    browser.press("\u{e007}").await;
    browser.wait_for("Approved.").await;
    assert_eq!(browser.path().await, plan);
    browser.inspect().await;
    browser.click("main form button.danger").await;
    browser.wait_for("See the history").await;
    browser.must_be_sound().await;
}
