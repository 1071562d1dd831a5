//! Programs: what a token opens on each route, and what it does not.

use lockkeeper::auth::role::Role;
use lockkeeper::web::access::{Access, Rule, Verb, rules};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::scene::{DONE, Said, Scene, USAGE, cluster, database, target};
use crate::support::console::{Console, USER};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};
use crate::watching::store;

const UNKNOWN: &str = "lk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn project() -> Project {
    Project::new().migration("1_init", "CREATE TABLE word (id int);")
}

/// Makes a token on the terminal: its id and its secret.
pub fn make(console: &Console, user: &str, role: &str) -> (String, String) {
    let args = [
        "token", "make", "nightly", "--user", user, "--role", role, "--json",
    ];
    let made = Said::of(console.cli(&args), &args, DONE).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

/// A program: no cookies, and nothing that a browser would say of itself.
pub async fn ask(console: &Console, token: &str, method: Method, path: &str, form: &str) -> Page {
    let request = Visitor::new(console)
        .request(method, path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    send(request).await
}

pub fn json(page: &Page) -> Value {
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
fn expected(asked: &Rule, role: Option<Role>) -> Option<StatusCode> {
    match asked.access {
        Access::Person | Access::Own | Access::Console(_) => Some(StatusCode::FORBIDDEN),
        // Deciding what became of an interrupted job is for people.
        Access::Job(_) if asked.path.ends_with("/reconcile") && role == Some(Role::Operator) => {
            Some(StatusCode::FORBIDDEN)
        }
        Access::Target(permission) | Access::Job(permission) => match role {
            None => Some(StatusCode::NOT_FOUND),
            Some(role) if role.may(permission) => None,
            Some(_) => Some(StatusCode::FORBIDDEN),
        },
        // There is none of that id.
        Access::Notification(_) => Some(StatusCode::NOT_FOUND),
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
    let ada = Visitor::signed_in(console).await;
    for (role, on_app) in [
        ("viewer@app", Some(Role::Viewer)),
        ("operator@app", Some(Role::Operator)),
        ("operator@other", None),
    ] {
        let (_, token) = make(console, USER, role);
        for rule in rules().iter().filter(|rule| rule.access != Access::Open) {
            let path = path(rule, &job);
            // With the cookie of an admin: it does not count.
            let request = ada
                .request(method(rule), &path)
                .header("authorization", format!("Bearer {token}"));
            let page = send(request.form(&[("digest", "none")])).await;
            let told = format!("{role} {rule:?}: {} {}", page.status, page.text);
            assert_eq!(page.header("set-cookie"), "", "{told}");
            if let Some(status) = expected(rule, on_app) {
                assert_eq!(page.status, status, "{told}");
                let error = json(&page);
                assert!(error["error"]["next"].is_string(), "{told}");
                if on_app.is_none() && rule.access != Access::Person {
                    assert!(!page.text.contains("role"), "says that it is there: {told}");
                }
            } else {
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
