//! Setting up a second factor in a real browser, on a telephone and in the dark too.

use lockkeeper::web::page::qr::Qr;

use crate::browser::{Browser, Screen};
use crate::stage::sign_in;
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::device::Device;

#[tokio::test]
async fn a_factor_is_set_up_and_asked_for() {
    let console = Console::start(&[]);
    let mut browser = Browser::open(&console.url("")).await;
    sign_in(&browser).await;
    browser.touch(".menu summary").await;
    browser.click(".menu a[href='/me']").await;
    browser.picture("me").await;
    browser.click("a[href='/me/factor']").await;
    browser.picture("factor").await;
    browser.look(Screen::Narrow, true).await;
    browser.fill("#password", USER_PASSWORD).await;
    browser.click("main button.primary").await;
    assert_eq!(browser.path().await, "/me/factor/new");
    browser.picture("factor-new").await;

    // What a camera sees is the link, black on white in the dark too.
    let seen = browser
        .eval(
            "const qr = document.querySelector('#qr'); const fill = css => getComputedStyle(qr.querySelector(css)).fill; \
             return [qr.querySelector('path').getAttribute('d'), document.querySelector('a[href^=otpauth]').getAttribute('href'), \
             fill('rect'), fill('path'), qr.getBoundingClientRect().width]",
        )
        .await;
    let drawn = Qr::of(seen[1].as_str().unwrap()).unwrap();
    assert_eq!(seen[0], drawn.path);
    assert_eq!(
        (seen[2].as_str(), seen[3].as_str()),
        (Some("rgb(255, 255, 255)"), Some("rgb(0, 0, 0)"))
    );
    assert!(seen[4].as_f64().unwrap() > 200.0, "{}", seen[4]);

    let device = Device::of(&browser.text_of("#secret").await);
    browser.fill("#code", &device.wrong()).await;
    browser.click("main button.primary").await;
    browser.listen(&["status of 422"]).await;
    assert_eq!(browser.count("#code[aria-invalid=true]").await, 1);
    browser.inspect().await;
    browser.fill("#code", &device.now()).await;
    browser.click("main button.primary").await;
    assert_eq!(browser.count("#codes li").await, 10);
    browser.picture("factor-codes").await;
    browser.click("main button.primary").await;
    browser.picture("factor-in-force").await;

    browser.touch(".menu summary").await;
    browser.click(".menu form[action='/logout'] button").await;
    browser.listen(&["Clear-Site-Data"]).await;
    browser.fill("#name", USER).await;
    browser.fill("#password", USER_PASSWORD).await;
    browser.click("button.primary").await;
    assert_eq!(browser.path().await, "/login/code");
    browser.picture("sign-in-code").await;
    browser.fill("#code", &device.next()).await;
    browser.click("button.primary").await;
    assert_eq!(browser.path().await, "/");

    // After five minutes it is asked again.
    console
        .tamper("UPDATE session SET proven_at = proven_at - 300001")
        .await;
    browser.go("/confirm?next=/jobs").await;
    browser.picture("confirm").await;
    browser.must_be_sound().await;
}
