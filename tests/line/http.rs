//! Who may come in through the browser's door, from where, and what every answer carries.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, Scene, cluster, database, target};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

fn scene() -> Scene {
    Scene::serving(Project::new().migration("1_init", "CREATE TABLE word (id int);"))
}

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

/// Lets every setup link lapse, as an hour would.
async fn lapse_setup_links(console: &Console) {
    use sqlx::Connection;
    let file = console.folder().join("lockkeeper-data/store.db");
    let url = format!("sqlite://{}", file.display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE setup_link SET expires_at = created_at - 1")
        .execute(&mut store)
        .await
        .unwrap();
    store.close().await.unwrap();
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
    lapse_setup_links(&console).await;
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
    let scene = scene();
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

/// Every route as the code lists it, with its method, filled with names that exist or could.
fn routes() -> Vec<(Method, String)> {
    let code = include_str!("../../src/web/mod.rs");
    let routes: Vec<_> = code
        .split(".route(")
        .skip(1)
        .map(|route| {
            let path = route.split('"').nth(1).unwrap();
            let (method, _) = route.split_once(".to(").unwrap();
            let method = if method.contains("post()") {
                Method::POST
            } else {
                Method::GET
            };
            let path = path
                .replace("{target}", "app")
                .replace("{name}", "1_init")
                .replace("{hash}", "0123456789ab")
                .replace("{id}", "01a20440-7d4c-7cab-b841-45b4e28e8e24");
            (method, path)
        })
        .collect();
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

const OPEN: [&str; 6] = [
    "/setup", "/login", "/theme", "/healthz", "/readyz", "/static/",
];

fn is_open(path: &str) -> bool {
    OPEN.iter().any(|open| path.starts_with(open))
}

#[tokio::test]
async fn without_a_session_every_route_leads_to_signing_in() {
    let scene = scene();
    let visitor = Visitor::new(&scene.console);
    for (method, path) in routes() {
        let request = visitor
            .request(method.clone(), &path)
            .header("sec-fetch-site", "same-origin");
        // A form that holds every field that any handler asks for.
        let request = if method == Method::POST {
            request.form(&[
                ("target_name", "app"),
                ("digest", "x"),
                ("token", "x"),
                ("finding", "x"),
                ("note", "x"),
            ])
        } else {
            request
        };
        let page = send(request).await;
        if is_open(&path) {
            assert!(!page.location().starts_with("/login"), "{method} {path}");
        } else {
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{method} {path}");
            let to = page.location();
            let next = if method == Method::GET && path != "/" {
                format!("/login?next={}", path.replace('/', "%2F"))
            } else {
                "/login".to_owned()
            };
            assert!(to.starts_with(&next), "{method} {path} led to {to}");
            assert_eq!(page.text, "", "{method} {path}");
        }
    }
    let head = send(visitor.request(Method::HEAD, "/jobs")).await;
    assert_eq!(head.status, StatusCode::SEE_OTHER);
    // An unknown address tells a stranger no more than that.
    let page = visitor.get("/t/app/nothing").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let visitor = Visitor::signed_in(&scene.console).await;
    let jobs = visitor.read("/jobs").await.words();
    assert!(jobs.contains("No job yet"), "{jobs}");
}

#[tokio::test]
async fn a_form_from_elsewhere_does_nothing() {
    let scene = scene();
    let visitor = Visitor::signed_in(&scene.console).await;
    let ours = scene.console.url("");
    let hostile: [&[(&str, &str)]; 6] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &ours)],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("referer", &ours)],
    ];
    let post = |path: &str, headers: &[(&str, &str)]| {
        let mut request = visitor.request(Method::POST, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.form(&[("note", "x")]))
    };
    for headers in hostile {
        for (_, path) in routes()
            .iter()
            .filter(|(method, _)| *method == Method::POST)
        {
            let page = post(path, headers).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            assert!(page.words().contains("Nothing was changed."), "{path}");
        }
    }
    // Still signed in, and nothing was started.
    let jobs = visitor.read("/jobs").await.words();
    assert!(jobs.contains("No job yet"), "{jobs}");

    let page = post("/t/app/backups", &[("origin", &ours)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(page.location().starts_with("/jobs/"), "{}", page.location());
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let scene = scene();
    let visitor = Visitor::new(&scene.console);
    let login = visitor.read("/login").await;
    let css = login.attribute("link[rel=stylesheet]", "href");
    let refused = send(visitor.request(Method::POST, "/login")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let file = visitor.read(&css).await;
    assert!(file.header("cache-control").contains("immutable"));
    let mut answers = vec![login, refused, file];
    for path in [
        "/",
        "/nothing",
        "/static/0/app.css",
        "/healthz",
        "/t/app?x=%ff",
    ] {
        let page = visitor.get(path).await;
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        answers.push(page);
    }
    for page in answers {
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}: {page:?}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("server"), "");
    }
    let cookie = visitor
        .sign_in(USER, USER_PASSWORD)
        .await
        .header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[tokio::test]
async fn disabling_a_user_ends_their_sessions_at_once() {
    let scene = scene();
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
        .header("set-cookie");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(
        visitor.post("/logout", &[]).await.status,
        StatusCode::SEE_OTHER
    );
    let kept = Visitor::new(&scene.console);
    let page = send(kept.request(Method::GET, "/").header("cookie", cookie)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn colours_are_kept_and_no_form_leads_elsewhere() {
    let scene = scene();
    let visitor = Visitor::new(&scene.console);
    let dark = [("theme", "dark"), ("return", "/login?next=%2Fjobs")];
    let page = visitor.post("/theme", &dark).await;
    assert_eq!(page.location(), "/login?next=%2Fjobs");
    let page = visitor.read("/login?next=%2Fjobs").await;
    assert_eq!(page.attribute("html", "data-theme"), "dark");
    assert_eq!(page.field("next"), "/jobs");
    for hostile in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ] {
        let form = [("theme", "light"), ("return", hostile)];
        assert_eq!(visitor.post("/theme", &form).await.location(), "/");
        let next = reqwest::Url::parse_with_params("http://x/login", [("next", hostile)]);
        let asked = format!("/login?{}", next.unwrap().query().unwrap());
        assert_eq!(visitor.read(&asked).await.field("next"), "/", "{hostile}");
        let form = [
            ("name", USER),
            ("password", USER_PASSWORD),
            ("next", hostile),
        ];
        let stranger = Visitor::new(&scene.console);
        assert_eq!(stranger.post("/login", &form).await.location(), "/");
    }
}
