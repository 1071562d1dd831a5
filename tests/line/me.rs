//! `/me`: where somebody is signed in, and their password.

use reqwest::StatusCode;

use crate::scene::{DONE, Said, Scene};
use crate::support::console::{USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::Visitor;

/// The name of a session that the page offers to end.
fn other_session(page: &crate::support::visitor::Page) -> String {
    page.attribute(
        "form[action='/me/sessions/end'] input[name=session]",
        "value",
    )
}

#[tokio::test]
async fn sessions_are_listed_and_can_be_ended() {
    let scene = Scene::serving(Project::new());
    let here = Visitor::signed_in(&scene.console).await;
    let page = here.read("/me").await;
    assert!(
        page.words().contains("admin everywhere"),
        "{}",
        page.words()
    );
    assert!(page.words().contains("this one"));
    assert!(
        !page.has("form[action='/me/sessions/end']"),
        "only this one"
    );
    let (second, third) = (
        Visitor::signed_in(&scene.console).await,
        Visitor::signed_in(&scene.console).await,
    );
    let page = here.read("/me").await;
    assert_eq!(page.text.matches("action=\"/me/sessions/end\"").count(), 2);
    assert_eq!(page.text.matches("127.0.0.1").count(), 3, "{}", page.text);

    // Nobody ends the sessions of others.
    let args = ["user", "add", "grace", "--password-stdin"];
    Said::of(
        scene.console.cli_with_input(&args, USER_PASSWORD),
        &args,
        DONE,
    );
    let grace = Visitor::new(&scene.console);
    grace.sign_in("grace", USER_PASSWORD).await;
    let name = other_session(&page);
    grace.post("/me/sessions/end", &[("session", &name)]).await;
    let alive = async |visitor: &Visitor| visitor.get("/me").await.status == StatusCode::OK;
    assert!(alive(&second).await && alive(&third).await);

    here.post("/me/sessions/end", &[("session", &name)]).await;
    let left = [alive(&second).await, alive(&third).await];
    assert_eq!(left.iter().filter(|alive| **alive).count(), 1);
    here.post("/me/sessions/end-others", &[]).await;
    assert!(!alive(&second).await && !alive(&third).await);
    assert!(alive(&here).await && alive(&grace).await);
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::signed_in(&scene.console).await;
    scene
        .console
        .tamper("UPDATE session SET seen_at = seen_at - 3540000")
        .await;
    visitor.read("/").await;
    // That was a use; without one, an hour is the limit.
    scene
        .console
        .tamper("UPDATE session SET seen_at = seen_at - 3540000")
        .await;
    visitor.read("/").await;
    scene
        .console
        .tamper("UPDATE session SET seen_at = seen_at - 3600001")
        .await;
    assert_eq!(visitor.get("/").await.location(), "/login?next=%2F");
}

#[tokio::test]
async fn a_new_password_takes_the_old_one_and_ends_other_sessions() {
    const NEW: &str = "an-even-longer-passphrase";
    let scene = Scene::serving(Project::new());
    let here = Visitor::signed_in(&scene.console).await;
    let elsewhere = Visitor::signed_in(&scene.console).await;
    let change = async |current: &str, password: &str, repeat: &str| {
        let form = [
            ("current", current),
            ("password", password),
            ("repeat", repeat),
        ];
        here.post("/me/password", &form).await
    };
    for (current, password, repeat, field) in [
        ("not-the-passphrase", NEW, NEW, "#current-error"),
        (USER_PASSWORD, "short", "short", "#password-error"),
        (USER_PASSWORD, NEW, "another", "#repeat-error"),
    ] {
        let page = change(current, password, repeat).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has(field), "{field}: {}", page.text);
    }
    elsewhere.read("/").await;
    let page = change(USER_PASSWORD, NEW, NEW).await;
    assert_eq!(page.location(), "/me", "{}", page.text);
    here.read("/").await;
    assert_eq!(elsewhere.get("/").await.location(), "/login?next=%2F");
    let old = Visitor::new(&scene.console)
        .sign_in(USER, USER_PASSWORD)
        .await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    let new = Visitor::new(&scene.console).sign_in(USER, NEW).await;
    assert_eq!(new.location(), "/");
}
