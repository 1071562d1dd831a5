//! Programs: what a token opens on each route, what it does not, and that it stands nowhere but where it was shown.

use std::time::Duration;

use lockkeeper::auth::role::Role;
use lockkeeper::web::access::{Access, Rule, Verb, rules};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::scene::{DONE, Said, Scene, USAGE, cluster, database, target};
use crate::support::console::{Console, USER};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};
use crate::watching::{LONG, long_log, store};

const UNKNOWN: &str = "lk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn project() -> Project {
    Project::new().migration("1_init", "CREATE TABLE word (id int);")
}

/// Makes a token on the terminal: its id and its secret.
fn make(console: &Console, user: &str, role: &str) -> (String, String) {
    let args = [
        "token", "make", "nightly", "--user", user, "--role", role, "--json",
    ];
    let made = Said::of(console.cli(&args), &args, DONE).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

/// A program: no cookies, and nothing that a browser would say of itself.
async fn ask(console: &Console, token: &str, method: Method, path: &str, form: &str) -> Page {
    let request = Visitor::new(console)
        .request(method, path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    send(request).await
}

fn json(page: &Page) -> Value {
    serde_json::from_str(&page.text).unwrap_or_else(|_| panic!("{} {}", page.status, page.text))
}

/// The path of a rule with things in it that are there, where they have to be.
fn path(rule: &Rule, job: &str) -> String {
    let id = if rule.path.starts_with("/jobs/") {
        job
    } else {
        "none"
    };
    rule.path
        .replace("{target}", "app")
        .replace("{id}", id)
        .replace("{name}", "1_init")
        .replace("{token}", "none")
}

fn method(rule: &Rule) -> Method {
    match rule.verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
    }
}

/// What whoever has `role` on the target, by token, is told about a route: let in, or not and how.
fn expected(rule: &Rule, role: Option<Role>) -> Option<StatusCode> {
    match rule.access {
        Access::Person | Access::Console(_) => Some(StatusCode::FORBIDDEN),
        // Deciding what became of an interrupted job is for people.
        Access::Job(_) if rule.path.ends_with("/reconcile") && role == Some(Role::Operator) => {
            Some(StatusCode::FORBIDDEN)
        }
        Access::Target(permission) | Access::Job(permission) => match role {
            None => Some(StatusCode::NOT_FOUND),
            Some(role) if role.may(permission) => None,
            Some(_) => Some(StatusCode::FORBIDDEN),
        },
        Access::Open | Access::Listing => None,
    }
}

/// Two targets on one console, and a job that has ended.
fn scene() -> (Scene, String) {
    let (first, second) = (database(), database());
    let project = project();
    let (app, other) = (cluster().url(&first), cluster().url(&second));
    let targets = [
        target("app", &app, &project),
        target("other", &other, &project),
    ];
    let console = Console::prepare(&targets, None);
    console.add_user();
    let mut scene = Scene {
        console,
        project,
        database: first,
    };
    scene.run(&["plan", "make", "app"], DONE);
    scene.console.serve();
    let jobs = scene.run(&["job", "list", "--json"], DONE).json();
    let id = jobs["jobs"][0]["job"].as_str().unwrap().to_owned();
    (scene, id)
}

#[tokio::test]
async fn every_route_asks_what_a_token_may() {
    let (scene, job) = scene();
    let console = &scene.console;
    for (role, on_app) in [
        ("viewer@app", Some(Role::Viewer)),
        ("operator@app", Some(Role::Operator)),
        ("operator@other", None),
    ] {
        let (_, token) = make(console, USER, role);
        for rule in rules().iter().filter(|rule| rule.access != Access::Open) {
            let path = path(rule, &job);
            let page = ask(console, &token, method(rule), &path, "digest=none").await;
            let told = format!("{role} {rule:?}: {} {}", page.status, page.text);
            assert_eq!(page.header("set-cookie"), "", "{told}");
            match expected(rule, on_app) {
                Some(status) => {
                    assert_eq!(page.status, status, "{told}");
                    let error = json(&page);
                    assert!(error["error"]["next"].is_string(), "{told}");
                    if on_app.is_none() && rule.access != Access::Person {
                        assert!(!page.text.contains("role"), "says that it is there: {told}");
                    }
                }
                None => {
                    let refused = [
                        StatusCode::UNAUTHORIZED,
                        StatusCode::FORBIDDEN,
                        StatusCode::SEE_OTHER,
                    ];
                    assert!(!refused.contains(&page.status), "{told}");
                    assert!(!page.text.contains("There is no target"), "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_opens_no_route() {
    let (scene, job) = scene();
    let console = &scene.console;
    let (id, revoked) = make(console, USER, "operator");
    scene.run(&["token", "revoke", &id, "--user", USER], DONE);
    scene.run(&["token", "revoke", &id, "--user", USER], USAGE);
    let (id, expired) = make(console, USER, "operator");
    let mut tx = store(&scene).await.begin().await.unwrap();
    sqlx::query("UPDATE api_token SET expires_at = created_at WHERE id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    console.add_as("old-hand", "operator");
    let (_, orphan) = make(console, "old-hand", "operator");
    scene.run(&["user", "disable", "old-hand"], DONE);
    let (_, good) = make(console, USER, "operator");

    let ada = Visitor::signed_in(console).await;
    let bearer = |token: &str| format!("Bearer {token}");
    let shown = [
        bearer(&revoked),
        bearer(&expired),
        bearer(&orphan),
        bearer(UNKNOWN),
        bearer("garbage"),
        bearer(&good[..66]),
        bearer(""),
        good.clone(),
        format!("Token {good}"),
    ];
    for rule in rules().iter().filter(|rule| rule.access != Access::Open) {
        let path = path(rule, &job);
        for shown in &shown {
            // With the cookie of an admin, from our own page: the token counts, and only the token.
            let request = ada
                .request(method(rule), &path)
                .header("sec-fetch-site", "same-origin")
                .header("authorization", shown);
            let page = send(request.form(&[("digest", "none")])).await;
            let told = format!("{rule:?} {shown}: {}", page.text);
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{told}");
            assert_eq!(page.header("www-authenticate"), "Bearer", "{told}");
            assert!(json(&page)["error"]["what"].is_string(), "{told}");
        }
        // Where a token does not belong it is not looked for, and nobody is signed in.
        let query = format!("{path}?token={good}&access_token={good}");
        for request in [
            Visitor::new(console).request(method(rule), &query),
            Visitor::new(console).request(method(rule), &path).header(
                "cookie",
                format!("lockkeeper={good}; __Host-lockkeeper={good}"),
            ),
        ] {
            let page = send(request.header("sec-fetch-site", "same-origin")).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{rule:?}");
            assert!(page.location().starts_with("/login"), "{rule:?}");
        }
    }
    ada.read("/tokens").await;

    // Hundreds of tries are a few lines of the audit: one for each of the four kinds, and the garbled ones are none.
    let said = scene.run(&["audit", "list", "--action", "token.use", "--json"], DONE);
    let count = said.out.matches("token.use").count();
    assert!((4..=12).contains(&count), "{count}: {}", said.out);
    said.says(&[
        "revoked",
        "expired",
        "its owner is disabled",
        "not known here",
    ]);
    assert!(!said.out.contains(&good[8..]) && !said.out.contains(&UNKNOWN[8..]));
}

#[tokio::test]
async fn a_program_plans_backs_up_downloads_and_applies() {
    let mut scene = Scene::terminal(project());
    scene.console.serve();
    let console = &scene.console;
    let (_, token) = make(console, USER, "operator@app");
    let start = async |path: &str, form: &str| {
        let page = ask(console, &token, Method::POST, path, form).await;
        assert_eq!(page.status, StatusCode::ACCEPTED, "{path}: {}", page.text);
        let started = json(&page);
        assert_eq!(
            started["url"],
            format!("/jobs/{}", started["job"].as_str().unwrap())
        );
        let events = started["events"].as_str().unwrap().to_owned();
        for _ in 0..300 {
            let page = ask(
                console,
                &token,
                Method::GET,
                &format!("{events}?after=0"),
                "",
            )
            .await;
            let now = json(&page);
            if now["over"] == true {
                assert_eq!(now["state"], "succeeded", "{now}");
                return now["made"].as_str().map(str::to_owned);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path} does not end");
    };
    start("/t/app/check", "").await;
    let plan = start("/t/app/plans", "").await.unwrap();
    let backup = start("/t/app/backups", "note=by+a+program").await.unwrap();
    let path = format!("/t/app/backups/{backup}/download");
    let artifact = ask(console, &token, Method::GET, &path, "").await;
    assert_eq!(artifact.status, StatusCode::OK);
    assert!(artifact.bytes.starts_with(b"PGDMP"));
    let long = format!("note={}", "x".repeat(201));
    let page = ask(console, &token, Method::POST, "/t/app/backups", &long).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.text.contains("at most 200 characters"),
        "{}",
        page.text
    );

    let apply = format!("/t/app/plans/{plan}/apply");
    for form in ["digest=0000", "digest="] {
        let page = ask(console, &token, Method::POST, &apply, form).await;
        assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.text);
        assert!(page.text.contains("was not this plan"), "{}", page.text);
    }
    let page = ask(console, &token, Method::POST, &apply, "").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.text);
    let digest = scene.run(&["plan", "show", "--json"], DONE).json()["plan"]["digest"].clone();
    let form = format!("digest={}", digest.as_str().unwrap());
    start(&apply, &form).await;
    assert_eq!(scene.ask("SELECT count(*) FROM word"), "0");

    let export = ask(console, &token, Method::GET, "/audit.jsonl", "").await;
    assert_eq!(export.status, StatusCode::OK);
    let actor = "token:nightly (ada)";
    for action in [
        "target.check",
        "plan.make",
        "backup.take",
        "backup.download",
        "plan.apply",
    ] {
        let line = export.text.lines().find(|line| line.contains(action));
        assert!(
            line.is_some_and(|line| line.contains(actor)),
            "{action}: {}",
            export.text
        );
    }
    let page = ask(console, &token, Method::GET, "/audit.jsonl?from=yester", "").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        json(&page)["error"]["what"]
            .as_str()
            .unwrap()
            .contains("date"),
        "{}",
        page.text
    );
    let visitor = Visitor::signed_in(console).await;
    let words = visitor.read("/tokens").await.words();
    assert!(words.contains("from 127.0.0.1"), "{words}");
}

#[tokio::test]
async fn a_token_is_shown_once_and_stands_nowhere_else() {
    let scene = Scene::serving(project());
    let console = &scene.console;
    let visitor = Visitor::signed_in(console).await;
    assert!(
        visitor
            .read("/tokens")
            .await
            .words()
            .contains("No token yet")
    );
    let refused = [
        ("name", "<b>x"),
        ("target", "app"),
        ("role", "operator"),
        ("days", "400"),
    ];
    let page = visitor.post("/tokens", &refused).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#days-error") && page.attribute("#name", "value") == "<b>x");
    for role in ["approver", "admin", "nothing"] {
        let form = [
            ("name", "x"),
            ("target", "app"),
            ("role", role),
            ("days", "90"),
        ];
        let page = visitor.post("/tokens", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{role}");
    }
    let form = [
        ("name", "<b>x"),
        ("target", "app"),
        ("role", "operator"),
        ("days", "30"),
    ];
    let made = visitor.post("/tokens", &form).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let token = made.one("section[aria-labelledby=made] pre");
    assert_eq!(token.len(), 67);
    assert_eq!(made.header("cache-control"), "no-store");
    let page = ask(console, &token, Method::GET, "/t/app", "").await;
    assert_eq!(page.status, StatusCode::OK);

    let secret = &token[8..];
    let listed = visitor.read("/tokens").await;
    assert!(listed.words().contains("<b>x"));
    let id = scene
        .run(&["token", "list", "--user", USER, "--json"], DONE)
        .json();
    let id = id["tokens"][0]["id"].as_str().unwrap().to_owned();
    let audit = visitor.read("/audit.jsonl").await;
    let said = scene.run(&["token", "list", "--user", USER], DONE).all();
    for text in [&listed.text, &audit.text, &console.log(), &said] {
        assert!(!text.contains(secret), "{text}");
    }
    for file in std::fs::read_dir(console.folder().join("lockkeeper-data")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes())
        );
    }

    // Nobody revokes another one's by its id; revoking counts at once.
    console.add_as("eve", "viewer");
    let eve = Visitor::new(console);
    eve.sign_in("eve", crate::support::console::USER_PASSWORD)
        .await;
    let path = format!("/tokens/{id}/revoke");
    eve.post(&path, &[]).await;
    assert!(
        eve.read("/tokens")
            .await
            .words()
            .contains("There is no such token")
    );
    let form = [
        ("name", "x"),
        ("target", "app"),
        ("role", "operator"),
        ("days", "30"),
    ];
    let page = eve.post("/tokens", &form).await;
    assert_eq!(
        page.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "no more than she is"
    );
    assert_eq!(
        ask(console, &token, Method::GET, "/t/app", "").await.status,
        StatusCode::OK
    );
    visitor.post(&path, &[]).await;
    let page = ask(console, &token, Method::GET, "/t/app", "").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let mut scene = Scene::terminal(project());
    long_log(&store(&scene).await, 3).await;
    scene.console.serve();
    let (id, token) = make(&scene.console, USER, "viewer");
    let request = Visitor::new(&scene.console)
        .request(Method::GET, &format!("/jobs/{LONG}/events"))
        .header("authorization", format!("Bearer {token}"));
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    stream.chunk().await.unwrap().unwrap();
    // It goes on past a check while the token is good.
    let quiet = async {
        while let Some(part) = stream.chunk().await.unwrap() {
            if part.starts_with(b": still here") {
                return true;
            }
        }
        false
    };
    let quiet = tokio::time::timeout(Duration::from_secs(15), quiet).await;
    assert!(quiet.unwrap());
    scene.run(&["token", "revoke", &id, "--user", USER], DONE);
    let rest = async { while stream.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(7), rest)
        .await
        .expect("the stream ends");
}
