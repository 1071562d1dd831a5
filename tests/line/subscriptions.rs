//! Subscriptions at the browser's door: what is refused, with what was typed; changed and removed.

use reqwest::StatusCode;

use crate::receiver::{Answer, Receiver};
use crate::support::visitor::Visitor;
use crate::telling::{ADD, SETTINGS, local, scene, subscribe};

#[tokio::test]
async fn what_cannot_be_subscribed_is_said_beside_what_was_typed() {
    let receiver = Receiver::start(Answer::ok());
    let lines = local("ops", receiver.port)
        + "[smtp]\nurl = \"smtp://127.0.0.1:9\"\nfrom = \"keeper@example.com\"\n";
    let scene = scene(&lines);
    let visitor = Visitor::signed_in(&scene.console).await;
    let long = "a".repeat(10_000);
    for (channel, address, kind, said) in [
        (
            "mail",
            "ada@example.com\r\nBcc: eve@example.com",
            "job-failed",
            "not a mail address",
        ),
        (
            "mail",
            "\"><script>alert(1)</script>@x.example",
            "job-failed",
            "not a mail address",
        ),
        ("mail", &long, "job-failed", "not a mail address"),
        ("mail", "", "job-failed", "not a mail address"),
        (
            "mail",
            "ada@example.com",
            "test",
            "Choose at least one thing",
        ),
        ("webhook:ops", "", "<script>", "Choose at least one thing"),
        (
            "webhook:none",
            "",
            "job-failed",
            "Choose how people are to be told",
        ),
        (
            "mail:eve@example.com",
            "",
            "job-failed",
            "Choose how people are to be told",
        ),
        (&long, "", "job-failed", "Choose how people are to be told"),
    ] {
        let form = [("channel", channel), ("address", address), ("kind", kind)];
        let page = visitor.post(ADD, &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(page.words().contains(said), "{said}: {}", page.words());
        assert!(!page.text.contains("<script>alert"), "{address}");
        assert!(page.text.len() < 30_000, "{}", page.text.len());
        if address.len() < 100 && !address.contains('\n') {
            assert_eq!(page.field("address"), address);
        }
        let kept = page.has("input[value=job-failed][checked]");
        assert_eq!(kept, kind == "job-failed");
    }
    for hours in ["0", "-1", "8761", "1.5", "<b>", &long] {
        let page = visitor
            .post("/t/app/settings/backup-age", &[("hours", hours)])
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{hours}");
        assert!(
            page.words()
                .contains("whole number of hours from 1 to 8760")
        );
    }
    let settings = visitor.read(SETTINGS).await.words();
    assert!(settings.contains("Nobody is told yet"), "{settings}");
    for hours in ["26", ""] {
        let page = visitor
            .post("/t/app/settings/backup-age", &[("hours", hours)])
            .await;
        assert_eq!(visitor.read(&page.location()).await.field("hours"), hours);
    }

    let page = subscribe(&visitor, "webhook:ops", "").await;
    let path = page.attribute("section[aria-labelledby=notifications] li a.btn", "href");
    let refused = visitor.post(&path, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let changed = visitor.post(&path, &[("kind", "target-down")]).await;
    let page = visitor.read(&changed.location()).await.words();
    assert!(page.contains("The target is down"), "{page}");
    let elsewhere = path.replace("/t/app/", "/t/other/");
    assert_eq!(visitor.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
    let removed = visitor.post(&format!("{path}/remove"), &[]).await;
    assert_eq!(removed.location(), SETTINGS);
    for gone in ["", "/test", "/remove"] {
        let page = visitor.post(&format!("{path}{gone}"), &[]).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{gone}");
    }
    let page = visitor.post("/notifications/none/again", &[]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let page = visitor
        .read("/notifications?state=%3Cb%3E&kind=x&target=%00&before=%27")
        .await;
    assert!(!page.text.contains("<b>"));
}
