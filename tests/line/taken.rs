//! What was taken away stays taken away: while somebody is in the middle of something, too.

use reqwest::StatusCode;

use crate::factor::{enrol, half_way};
use crate::scene::{DONE, Said, Scene};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::device::Device;
use crate::support::project::Project;
use crate::support::visitor::Visitor;
use crate::tokens::make;

const NEW: &str = "quite-another-passphrase-of-mine";

fn run(console: &Console, args: &[&str], input: &str) -> Said {
    Said::of(console.cli_with_input(args, input), args, DONE)
}

/// A console with another admin, so that the first can be disabled.
fn scene() -> Scene {
    let scene = Scene::serving(Project::new());
    let other = [
        "user",
        "add",
        "grace",
        "--role",
        "admin",
        "--password-stdin",
    ];
    run(&scene.console, &other, USER_PASSWORD);
    scene
}

#[tokio::test]
async fn nobody_enables_themselves_with_a_new_password() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let form = [
        ("current", USER_PASSWORD),
        ("password", NEW),
        ("repeat", NEW),
    ];
    // Hashing takes its time: the user is disabled between the check of the old password and the writing of the new one.
    for pause in [40, 80, 120, 160, 240, 320] {
        let disable = async {
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            run(&scene.console, &["user", "disable", USER], "");
        };
        tokio::join!(visitor.post("/me/password", &form), disable);
        run(&scene.console, &["user", "list"], "").says(&["disabled"]);
        assert_ne!(visitor.get("/me").await.status, StatusCode::OK);
        run(
            &scene.console,
            &["user", "passwd", USER, "--password-stdin"],
            USER_PASSWORD,
        );
        assert_ne!(
            visitor.get("/me").await.status,
            StatusCode::OK,
            "the old session came back"
        );
        visitor.sign_in(USER, USER_PASSWORD).await;
    }
}

#[tokio::test]
async fn a_password_that_was_replaced_is_not_half_of_a_sign_in() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let (_, codes) = enrol(&visitor).await;
    let pending = half_way(&scene.console).await;
    run(
        &scene.console,
        &["user", "passwd", USER, "--password-stdin"],
        NEW,
    );
    let page = pending
        .post("/login/code", &[("recovery", codes[0].as_str())])
        .await;
    assert_eq!(page.location(), "/login", "{}", page.text);
    assert_ne!(pending.get("/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_factor_that_an_admin_takes_away_ends_the_sessions_and_is_never_ones_own() {
    let scene = scene();
    let ada = Visitor::signed_in(&scene.console).await;
    enrol(&ada).await;
    let grace = Visitor::new(&scene.console);
    grace.sign_in("grace", USER_PASSWORD).await;
    let users = grace.read("/users").await;
    let path = |name: &str| {
        let at = users.text.find(&format!(">{name}</bdi></a>")).unwrap();
        let start = users.text[..at].rfind("href=\"").unwrap() + 6;
        users.text[start..at].split('"').next().unwrap().to_owned()
    };
    for own in ["link", "reset-factor"] {
        let page = grace.post(&format!("{}/{own}", path("grace")), &[]).await;
        assert_eq!(page.location(), "/me", "{}", page.text);
    }
    grace
        .post(&format!("{}/reset-factor", path("ada")), &[])
        .await;
    assert_ne!(ada.get("/me").await.status, StatusCode::OK);
    let again = Visitor::new(&scene.console);
    assert_eq!(again.sign_in(USER, USER_PASSWORD).await.location(), "/");
}

#[tokio::test]
async fn no_list_names_a_target_to_whoever_may_not_see_it() {
    let scene = scene();
    let args = ["user", "add", "nobody", "--password-stdin"];
    run(&scene.console, &args, USER_PASSWORD);
    let taken =
        "DELETE FROM user_role WHERE user_id IN (SELECT id FROM \"user\" WHERE name = 'nobody')";
    scene.console.tamper(taken).await;
    let visitor = Visitor::new(&scene.console);
    visitor.sign_in("nobody", USER_PASSWORD).await;
    for path in [
        "/",
        "/jobs",
        "/jobs?actor=x",
        "/audit",
        "/audit?actor=x",
        "/audit?from=nonsense",
        "/notifications",
        "/notifications?state=sent",
        "/tokens",
        "/me",
    ] {
        let page = visitor.get(path).await;
        assert!(
            !page.text.contains("\"app\"") && !page.text.contains(">app<"),
            "{path}: {}",
            page.text
        );
    }
}

#[tokio::test]
async fn whoever_needs_a_factor_makes_no_token_before() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    visitor
        .post("/users/second-factor", &[("admin", "yes")])
        .await;
    let form = [
        ("name", "x"),
        ("target", "*"),
        ("role", "operator"),
        ("days", "9"),
    ];
    assert_eq!(
        visitor.post("/tokens", &form).await.location(),
        "/me/factor"
    );
    assert_eq!(visitor.get("/tokens").await.location(), "/me/factor");
    assert_eq!(visitor.get("/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn tokens_from_before_a_new_password_or_factor_are_marked() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let older = "older than the password or second factor";
    let me = async || visitor.read("/me").await.words();
    assert!(!visitor.read("/me").await.has("#tokens"), "there is none");
    make(&scene.console, USER, "viewer");
    let (id, secret) = make(&scene.console, USER, "viewer");
    assert!(me().await.contains("2 good."));
    let page = visitor.read("/tokens").await.words();
    assert!(!page.contains(older), "{page}");
    // Told from another by its first characters, and by no more of it.
    assert!(page.contains(&format!("{}…", &secret[..8])), "{page}");
    assert!(!page.contains(&secret[..9]), "{page}");

    let form = [
        ("current", USER_PASSWORD),
        ("password", NEW),
        ("repeat", NEW),
    ];
    let page = visitor.post("/me/password", &form).await;
    assert_eq!(page.location(), "/me", "{}", page.text);
    let said = me().await;
    assert!(
        said.contains("2 API tokens that were made before still work"),
        "{said}"
    );
    assert!(said.contains("that you have now: 2."), "{said}");
    let page = visitor.read("/tokens").await.words();
    assert_eq!(page.matches(older).count(), 2, "{page}");
    visitor.post(&format!("/tokens/{id}/revoke"), &[]).await;
    let page = visitor.read("/tokens").await.words();
    assert_eq!(page.matches(older).count(), 1, "{page}");

    // One of after the new password is of before the second factor.
    make(&scene.console, USER, "viewer");
    assert!(me().await.contains("that you have now: 1."));
    visitor.post("/me/factor/begin", &[("password", NEW)]).await;
    let page = visitor.read("/me/factor/new").await;
    let code = Device::of(&page.one("#secret")).now();
    visitor.post("/me/factor/new", &[("code", &code)]).await;
    let kept = visitor.post("/me/factor/codes/kept", &[]).await;
    assert_eq!(kept.location(), "/me");
    let said = me().await;
    assert!(
        said.contains("2 API tokens that were made before still work"),
        "{said}"
    );
}
