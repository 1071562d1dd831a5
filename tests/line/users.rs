//! The users in the browser: invited by a link, given roles and taken them away, disabled and let in again.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, Scene};
use crate::support::console::{Console, USER};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};
use crate::watching::{LONG, long_log, store};

pub const HERS: &str = "a-passphrase-of-her-own";

pub fn project() -> Project {
    Project::new().migration("1_init", "CREATE TABLE word (id int);")
}

/// Adds a user on the page; their path, and the path of the link.
pub async fn invite(admin: &Visitor, name: &str, role: &str, target: &str) -> (String, String) {
    let form = [("name", name), ("role", role), ("target", target)];
    let page = admin.post("/users", &form).await;
    assert_eq!(page.status, StatusCode::CREATED, "{}", page.text);
    let action = page.attribute("form[action$='/link']", "action");
    (action.trim_end_matches("/link").to_owned(), link_of(&page))
}

/// The path of the link that a page shows.
fn link_of(page: &Page) -> String {
    let link = page.one("section[aria-labelledby=link] pre");
    let at = link.find("/setup?token=").unwrap();
    link[at..].to_owned()
}

fn token_of(link: &str) -> &str {
    link.split_once("token=").unwrap().1
}

pub async fn choose(visitor: &Visitor, link: &str, password: &str, repeat: &str) -> Page {
    let form = [
        ("token", token_of(link)),
        ("password", password),
        ("repeat", repeat),
    ];
    visitor.post("/setup", &form).await
}

pub async fn set_role(admin: &Visitor, path: &str, target: &str, role: &str) -> Page {
    let form = [("target", target), ("role", role)];
    admin.post(&format!("{path}/roles"), &form).await
}

/// A user who was invited and has come in.
async fn joined(console: &Console, admin: &Visitor, name: &str, role: &str) -> (String, Visitor) {
    let (path, link) = invite(admin, name, role, "*").await;
    let visitor = Visitor::new(console);
    let page = choose(&visitor, &link, HERS, HERS).await;
    assert_eq!(page.location(), "/", "{}", page.text);
    (path, visitor)
}

#[tokio::test]
async fn somebody_is_invited_by_a_link_that_is_used_once() {
    let scene = Scene::serving(project());
    let console = &scene.console;
    let admin = Visitor::signed_in(console).await;
    let name = "grace <b>hopper</b>";
    for taken in [USER, "ADA", "", "token:x"] {
        let form = [("name", taken), ("role", "viewer"), ("target", "*")];
        let page = admin.post("/users", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{taken}");
        assert!(page.has("#name-error") && page.attribute("#name", "value") == taken);
    }
    let (path, link) = invite(&admin, name, "operator", "app").await;
    let words = admin.read("/users").await.words();
    assert!(
        words.contains("grace <b>hopper</b> operator on app invited"),
        "{words}"
    );

    let grace = Visitor::new(console);
    let page = grace.read(&link).await;
    assert_eq!(page.one("h1"), "Choose a password, grace <b>hopper</b>");
    assert!(!page.has("input[name=name]:not([type=hidden])"));
    for (password, repeat, wrong) in [
        ("short", "short", "#password-error"),
        (HERS, "other", "#repeat-error"),
    ] {
        let page = choose(&grace, &link, password, repeat).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has(wrong));
    }
    let page = choose(&grace, &link, HERS, HERS).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/".to_owned())
    );
    grace.read("/t/app").await;
    for visitor in [&grace, &Visitor::new(console)] {
        assert_eq!(visitor.get(&link).await.status, StatusCode::GONE);
        let page = choose(
            visitor,
            &link,
            "another-long-passphrase",
            "another-long-passphrase",
        )
        .await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.words().contains("Ask an admin"), "{}", page.words());
    }
    let again = Visitor::new(console);
    assert_eq!(
        again.sign_in(name, HERS).await.status,
        StatusCode::SEE_OTHER
    );

    // The link stands nowhere but where it was shown; who did what stands in the audit.
    let audit = admin.read("/audit.jsonl").await.text;
    for action in ["user.invite", "user.join", "sign-in"] {
        assert!(audit.contains(action), "{action}");
    }
    let pages = [
        admin.read("/users").await.text,
        admin.read(&path).await.text,
        audit,
    ];
    let token = token_of(&link);
    for text in pages.iter().chain([&console.log()]) {
        assert!(!text.contains(token), "{text}");
    }
    for file in std::fs::read_dir(console.folder().join("lockkeeper-data")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes
                .windows(token.len())
                .any(|part| part == token.as_bytes())
        );
    }
    let words = admin.read(&path).await.words();
    assert!(
        words.contains("active") && !words.contains("never"),
        "{words}"
    );
}

#[tokio::test]
async fn a_link_for_a_forgotten_password_changes_nothing_until_it_is_used() {
    let scene = Scene::serving(project());
    let console = &scene.console;
    let admin = Visitor::signed_in(console).await;
    let (path, grace) = joined(console, &admin, "grace", "viewer").await;
    let old = link_of(&admin.post(&format!("{path}/link"), &[]).await);
    let new = link_of(&admin.post(&format!("{path}/link"), &[]).await);
    assert_eq!(grace.get(&old).await.status, StatusCode::GONE);
    grace.read("/").await;
    let other = Visitor::new(console);
    assert_eq!(
        other.sign_in("grace", HERS).await.status,
        StatusCode::SEE_OTHER
    );
    let page = choose(
        &Visitor::new(console),
        &new,
        "another-long-passphrase",
        "another-long-passphrase",
    )
    .await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    for visitor in [&grace, &other] {
        assert!(visitor.get("/").await.location().starts_with("/login"));
    }
    let page = other.sign_in("grace", HERS).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);

    // One that has expired, and one of the terminal.
    let late = link_of(&admin.post(&format!("{path}/link"), &[]).await);
    let mut tx = store(&scene).await.begin().await.unwrap();
    sqlx::query("UPDATE setup_link SET expires_at = created_at WHERE used_at IS NULL")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(other.get(&late).await.status, StatusCode::GONE);
    assert_eq!(
        choose(&other, &late, HERS, HERS).await.status,
        StatusCode::GONE
    );
    let said = scene.run(&["user", "link", "grace", "--json"], DONE).json();
    let link = said["link"].as_str().unwrap();
    let link = &link[link.find("/setup").unwrap()..];
    assert_eq!(choose(&other, link, HERS, HERS).await.location(), "/");
    // With a second factor the link is not enough to come in.
    let link = link_of(&admin.post(&format!("{path}/link"), &[]).await);
    let mut tx = store(&scene).await.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO second_factor (user_id, secret, key_name, last_step, created_at, confirmed_at) \
         SELECT id, 's', 'k', 0, 1, 1 FROM \"user\" WHERE name = 'grace'",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(choose(&other, &link, HERS, HERS).await.location(), "/login");
    assert!(other.get("/").await.location().starts_with("/login"));
    assert!(admin.read(&path).await.words().contains("is asked for"));
    admin.post(&format!("{path}/reset-factor"), &[]).await;
    let words = admin.read(&path).await.words();
    assert!(
        words.contains("The second factor is gone") && words.contains("Second factor none"),
        "{words}"
    );
    scene
        .run(&["audit", "list", "--action", "user.reset-factor"], DONE)
        .says(&["user grace"]);
}

#[tokio::test]
async fn what_is_given_or_taken_counts_from_the_next_request_on() {
    let mut scene = Scene::terminal(project());
    long_log(&store(&scene).await, 3).await;
    scene.console.serve();
    let console = &scene.console;
    let admin = Visitor::signed_in(console).await;
    let (path, grace) = joined(console, &admin, "grace", "viewer").await;
    for page in ["/users", path.as_str()] {
        assert_eq!(
            grace.get(page).await.status,
            StatusCode::FORBIDDEN,
            "{page}"
        );
    }
    let page = set_role(&grace, &path, "*", "admin").await;
    assert_eq!(
        page.status,
        StatusCode::FORBIDDEN,
        "nobody raises themselves"
    );
    assert_eq!(
        grace.post("/t/app/check", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    set_role(&admin, &path, "app", "operator").await;
    assert_eq!(
        grace.post("/t/app/check", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    set_role(&admin, &path, "app", "viewer").await;
    assert_eq!(
        grace.post("/t/app/check", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    for (target, role) in [("app", "god"), ("nowhere", "viewer"), ("nowhere", "")] {
        let page = set_role(&admin, &path, target, role).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{target} {role}");
    }
    let changes = admin.read("/audit?action=user.role").await.words();
    assert!(changes.contains("app operator → viewer app"), "{changes}");

    let open = async |visitor: &Visitor| {
        let events = format!("/jobs/{LONG}/events");
        let mut stream = visitor.request(Method::GET, &events).send().await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK);
        stream.chunk().await.unwrap().unwrap();
        stream
    };
    let mut stream = open(&grace).await;
    set_role(&admin, &path, "app", "").await;
    set_role(&admin, &path, "*", "").await;
    assert_eq!(grace.get("/t/app").await.status, StatusCode::NOT_FOUND);
    let rest = async { while stream.chunk().await.unwrap().is_some() {} };
    let ended = tokio::time::timeout(Duration::from_secs(7), rest).await;
    ended.expect("a stream ends with the role");

    set_role(&admin, &path, "*", "viewer").await;
    let mut stream = open(&grace).await;
    admin.post(&format!("{path}/disable"), &[]).await;
    assert!(grace.get("/").await.location().starts_with("/login"));
    let rest = async { while stream.chunk().await.unwrap().is_some() {} };
    let ended = tokio::time::timeout(Duration::from_secs(7), rest).await;
    ended.expect("a stream ends with the user");
    let page = grace.sign_in("grace", HERS).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = admin.post(&format!("{path}/link"), &[]).await;
    assert_eq!(
        page.status,
        StatusCode::SEE_OTHER,
        "no link for whoever is disabled"
    );
    admin.post(&format!("{path}/enable"), &[]).await;
    assert_eq!(
        grace.sign_in("grace", HERS).await.status,
        StatusCode::SEE_OTHER
    );
}
