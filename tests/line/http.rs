//! From where requests are taken at the browser's door, and what every answer carries.

use lockkeeper::web::access::{self, Access, Verb};
use reqwest::{Method, StatusCode};

use crate::scene::Scene;
use crate::support::console::{USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Visitor, send};

fn scene() -> Scene {
    Scene::serving(Project::new().migration("1_init", "CREATE TABLE word (id int);"))
}

/// Every route, with its method, filled with names that exist or could, and whether it is open to everybody.
fn routes() -> Vec<(Method, String, bool)> {
    let fill = |rule: access::Rule| {
        let method = match rule.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
        };
        let path = rule
            .path
            .replace("{target}", "app")
            .replace("{name}", "1_init")
            .replace("{hash}", "0123456789ab")
            .replace("{id}", "01a20440-7d4c-7cab-b841-45b4e28e8e24");
        (method, path, rule.access == Access::Open)
    };
    access::rules().into_iter().map(fill).collect()
}

#[tokio::test]
async fn without_a_session_every_route_leads_to_signing_in() {
    let scene = scene();
    let visitor = Visitor::new(&scene.console);
    for (method, path, is_open) in routes() {
        let request = visitor
            .request(method.clone(), &path)
            .header("sec-fetch-site", "same-origin");
        // A form that holds every field that any handler asks for.
        let request = if method == Method::POST {
            request.form(&[
                ("target_name", "app"),
                ("reason", "x"),
                ("digest", "x"),
                ("token", "x"),
                ("finding", "x"),
                ("note", "x"),
            ])
        } else {
            request
        };
        let page = send(request).await;
        if path == "/login/code" {
            assert_eq!(page.location(), "/login", "no password was given");
        } else if is_open {
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
        for (method, path, _) in routes() {
            if method != Method::POST {
                continue;
            }
            let page = post(&path, headers).await;
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
        .cookie("lockkeeper");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
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
