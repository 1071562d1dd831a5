//! The headers of every kind of answer, all of them: one that is missing shows, and one that is new does too.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{Scene, cluster, database, target};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

const SOON: Duration = Duration::from_secs(30);

/// What every answer carries.
const EVERY: &str = "\
content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; \
trusted-types 'none'
cross-origin-opener-policy: same-origin
cross-origin-resource-policy: same-origin
permissions-policy: camera=(), geolocation=(), microphone=()
referrer-policy: same-origin
x-content-type-options: nosniff
x-frame-options: DENY
";
const HTML: &str = "cache-control: no-store\ncontent-type: text/html; charset=utf-8\n";
const TEXT: &str = "cache-control: no-store\ncontent-type: text/plain; charset=utf-8\n";

/// The headers but for those that tell of this one answer: its time, its length, its cookie, its ways of transport.
fn told(page: &Page) -> String {
    let mut lines: Vec<String> = page
        .headers
        .iter()
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "date"
                    | "content-length"
                    | "set-cookie"
                    | "vary"
                    | "connection"
                    | "transfer-encoding"
                    | "etag"
                    | "last-modified"
            )
        })
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.join("\n") + "\n"
}

fn expect(what: &str, page: &Page, status: u16, own: &str) {
    assert_eq!(page.status.as_u16(), status, "{what}: {page:?}");
    let mut lines: Vec<&str> = EVERY.lines().chain(own.lines()).collect();
    lines.sort_unstable();
    assert_eq!(told(page), lines.join("\n") + "\n", "{what}");
}

#[tokio::test]
async fn every_kind_of_answer_carries_its_headers_and_no_others() {
    let scene = Scene::serving(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = visitor.start("/t/app/backups", &[]).await;
    visitor.wait(&job, &["succeeded"], SOON).await;

    for path in ["/", "/t/app", &job, "/audit", "/system"] {
        expect(path, &visitor.get(path).await, 200, HTML);
    }
    let stranger = Visitor::new(&scene.console);
    let login = stranger.get("/login").await;
    expect("/login", &login, 200, HTML);
    let file = |kind: &str| {
        format!("cache-control: public, max-age=31536000, immutable\ncontent-type: {kind}\n")
    };
    let css = login.attribute("link[rel=stylesheet]", "href");
    let js = login.attribute("script", "src");
    expect(
        "css",
        &visitor.get(&css).await,
        200,
        &file("text/css; charset=utf-8"),
    );
    expect(
        "js",
        &visitor.get(&js).await,
        200,
        &file("text/javascript; charset=utf-8"),
    );
    let page = stranger.get("/jobs").await;
    expect(
        "redirect",
        &page,
        303,
        "cache-control: no-store\nlocation: /login?next=%2Fjobs\n",
    );

    let page = visitor.get("/nothing").await;
    expect("404", &page, 404, HTML);
    let page = send(visitor.request(Method::POST, "/logout")).await;
    expect("403", &page, 403, HTML);
    let page = visitor
        .post("/t/app/backups", &[("key", &"x".repeat(70_000))])
        .await;
    expect("413", &page, 413, HTML);
    let page = send(
        visitor
            .request(Method::GET, "/")
            .header("host", "evil.example"),
    )
    .await;
    expect("421", &page, 421, TEXT);

    let backups = visitor.read("/t/app/backups").await;
    let page = visitor
        .get(&backups.attribute("a[href$=download]", "href"))
        .await;
    let name = page.header("content-disposition");
    let download = format!(
        "accept-ranges: bytes\ncache-control: no-store\ncontent-disposition: {name}\ncontent-encoding: identity\ncontent-type: application/octet-stream\n"
    );
    expect("download", &page, 200, &download);
    assert!(name.starts_with("attachment; filename="), "{name}");
    let page = visitor.get(&format!("{job}/events")).await;
    let stream = "cache-control: no-store, no-transform\ncontent-encoding: identity\ncontent-type: text/event-stream; charset=utf-8\nx-accel-buffering: no\n";
    expect("stream", &page, 200, stream);
    let page = visitor.get("/audit.jsonl").await;
    let name = page.header("content-disposition");
    let lines = format!(
        "cache-control: no-store\ncontent-disposition: {name}\ncontent-type: application/jsonl; charset=utf-8\n"
    );
    expect("lines", &page, 200, &lines);
    for path in ["/healthz", "/readyz"] {
        expect(path, &visitor.get(path).await, 200, TEXT);
    }
}

#[tokio::test]
async fn a_failure_of_our_own_carries_them_too() {
    let project = Project::new();
    let (store, url) = (database(), cluster().url(&database()));
    let mut console = Console::prepare(
        &[target("app", &url, &project)],
        Some(&cluster().url(&store)),
    );
    console.add_user();
    console.serve();
    let visitor = Visitor::signed_in(&console).await;
    cluster().psql(&store, "ALTER TABLE audit RENAME TO misplaced");
    let page = visitor.get("/audit").await;
    expect("500", &page, 500, HTML);
    assert!(
        !page.text.contains("misplaced") && !page.text.contains("relation"),
        "{}",
        page.text
    );
}

/// A console whose public URL is https, and what it answers to a request for the sign-in page and to a sign-in.
async fn over_https(lines: &[(&str, &str)]) -> (Page, Page) {
    let mut console = Console::prepare(&[], None);
    let mut server = vec![("public_url", "\"https://keeper.example\"")];
    server.extend(lines);
    console.set_server(&server);
    console.add_user();
    console.serve();
    let visitor = Visitor::new(&console);
    let page = visitor.read("/login").await;
    (page, visitor.sign_in(USER, USER_PASSWORD).await)
}

#[tokio::test]
async fn https_is_promised_where_the_public_url_is_https() {
    let year = "strict-transport-security: max-age=31536000\n";
    let (page, signed_in) = over_https(&[]).await;
    expect("https", &page, 200, &format!("{HTML}{year}"));
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
    let cookie = signed_in.cookie("__Host-lockkeeper");
    assert!(!cookie.is_empty(), "{signed_in:?}");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let (page, _) = over_https(&[("hsts", "300")]).await;
    let mut short = String::new();
    writeln!(short, "{HTML}strict-transport-security: max-age=300").unwrap();
    expect("short", &page, 200, &short);
    let (page, _) = over_https(&[("hsts", "0")]).await;
    expect("none", &page, 200, HTML);
}
