//! Programs at work: what they do with a token, how long a stream lasts, and that a token stands nowhere but where it was
//! shown.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, Scene};
use crate::support::console::{USER, USER_PASSWORD};
use crate::support::visitor::Visitor;
use crate::tokens::{ask, json, make, project};
use crate::watching::{LONG, long_log, store};

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
    eve.sign_in("eve", USER_PASSWORD).await;
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
