//! Who may come in: the first user, users with their passwords, and nobody whose session has ended.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, Scene, cluster, database, target};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

/// The token of the setup link in the log, where it stands soon after the console listens.
async fn setup_token(console: &Console) -> String {
    for _ in 0..100 {
        let log = console.log();
        if let Some((_, rest)) = log.split_once("/setup?token=")
            && let Some((token, _)) = rest.split_once('\n')
        {
            return token.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no setup link in {}", console.log());
}

async fn set_up(visitor: &Visitor, token: &str) -> Page {
    let form = [
        ("token", token),
        ("name", "grace"),
        ("password", USER_PASSWORD),
        ("repeat", USER_PASSWORD),
    ];
    visitor.post("/setup", &form).await
}

#[tokio::test]
async fn the_setup_link_makes_the_first_user_once() {
    let project = Project::new();
    let url = cluster().url(&database());
    let mut console = Console::prepare(&[target("app", &url, &project)], None);
    console.serve();
    let visitor = Visitor::new(&console);

    let lapsed = setup_token(&console).await;
    // As an hour would.
    console
        .tamper("UPDATE setup_link SET expires_at = created_at - 1")
        .await;
    let page = visitor.get(&format!("/setup?token={lapsed}")).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert_eq!(set_up(&visitor, &lapsed).await.status, StatusCode::GONE);

    // A restart prints another link; the old one stays void.
    console.kill();
    console.serve();
    let visitor = Visitor::new(&console);
    let token = setup_token(&console).await;
    assert_ne!(token, lapsed);
    assert_eq!(set_up(&visitor, &lapsed).await.status, StatusCode::GONE);
    let page = visitor.read(&format!("/setup?token={token}")).await;
    assert_eq!(page.field("token"), token);
    let short = [
        ("token", token.as_str()),
        ("name", "grace"),
        ("password", "short"),
        ("repeat", "short"),
    ];
    let page = visitor.post("/setup", &short).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#password-error"));
    let common = [
        ("token", token.as_str()),
        ("name", "grace"),
        ("password", "passwordpassword"),
        ("repeat", "passwordpassword"),
    ];
    let page = visitor.post("/setup", &common).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.one("#password-error").contains("many people use"));
    assert_eq!(page.attribute("#name", "value"), "grace");
    assert_eq!(page.field("token"), token);
    assert!(!page.text.contains("passwordpassword"));
    let page = set_up(&visitor, &token).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/".to_owned())
    );
    visitor.read("/").await;

    let other = Visitor::new(&console);
    assert_eq!(set_up(&other, &token).await.status, StatusCode::GONE);
    let page = other.get(&format!("/setup?token={token}")).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert_eq!(other.get("/").await.status, StatusCode::SEE_OTHER);
    console.kill();
    console.serve();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let log = console.log();
    assert!(
        log.contains("console started") && !log.contains("/setup?token="),
        "{log}"
    );
}

#[tokio::test]
async fn a_refused_sign_in_does_not_say_why() {
    let scene = Scene::serving(Project::new());
    let disabled = ["user", "add", "old-hand", "--password-stdin"];
    let made = scene.console.cli_with_input(&disabled, USER_PASSWORD);
    assert!(made.status.success());
    scene.run(&["user", "disable", "old-hand"], DONE);
    let visitor = Visitor::new(&scene.console);
    let mut answers = Vec::new();
    for (name, password) in [
        (USER, "not-the-passphrase"),
        (USER, ""),
        ("nobody", USER_PASSWORD),
        ("old-hand", USER_PASSWORD),
    ] {
        let page = visitor.sign_in(name, password).await;
        let text = page.text.replace(name, "NAME");
        answers.push((page.status, page.header("set-cookie"), text));
        assert_eq!(visitor.get("/").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(answers[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answers.windows(2).all(|two| two[0] == two[1]),
        "{answers:#?}"
    );
    let page = visitor.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    visitor.read("/").await;
}

#[tokio::test]
async fn disabling_a_user_ends_their_sessions_at_once() {
    let scene = Scene::serving(Project::new());
    scene.console.add_admin("eve");
    let change = ["user", "passwd", USER, "--password-stdin"];
    for command in [&["user", "disable", USER][..], &change] {
        // What setting a password does: it also lets a disabled user in again.
        let set = scene.console.cli_with_input(&change, USER_PASSWORD);
        assert!(set.status.success());
        let visitor = Visitor::signed_in(&scene.console).await;
        visitor.read("/").await;
        let done = scene
            .console
            .cli_with_input(command, "another-long-passphrase");
        assert!(done.status.success(), "{command:?}");
        for path in ["/", "/jobs", "/audit"] {
            assert_eq!(visitor.get(path).await.status, StatusCode::SEE_OTHER);
        }
        let page = visitor.sign_in(USER, USER_PASSWORD).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // And signing out, whose cookie opens nothing any more even if somebody kept it.
    let set = scene.console.cli_with_input(&change, USER_PASSWORD);
    assert!(set.status.success());
    let visitor = Visitor::new(&scene.console);
    let cookie = visitor
        .sign_in(USER, USER_PASSWORD)
        .await
        .cookie("lockkeeper");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(
        visitor.post("/logout", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    let kept = Visitor::new(&scene.console);
    let page = send(kept.request(Method::GET, "/").header("cookie", cookie)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
}
