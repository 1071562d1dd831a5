//! Behind a proxy: whose word counts about where a visitor comes from, and under which names the console answers.

use reqwest::{Method, StatusCode};

use crate::scene::{Said, Scene, USAGE};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

fn scene(server: &[(&str, &str)]) -> Scene {
    let mut scene = Scene::terminal(Project::new());
    scene.console.set_server(server);
    scene.console.serve();
    scene
}

/// Signs in with headers; what the audit says of it.
async fn place_of(console: &Console, headers: &[(&str, &[u8])]) -> String {
    let visitor = Visitor::new(console);
    let mut request = visitor
        .request(Method::POST, "/login")
        .header("sec-fetch-site", "same-origin");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let form = [("name", USER), ("password", USER_PASSWORD)];
    let page = send(request.form(&form)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{page:?}");
    let audit = visitor.read("/audit.jsonl?action=sign-in").await.text;
    let last: serde_json::Value = serde_json::from_str(audit.lines().last().unwrap()).unwrap();
    last["place"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_audit_names_the_visitor_whom_trusted_proxies_saw() {
    let scene = scene(&[("trusted_proxies", "\"127.0.0.1, 10.8.0.0/16\"")]);
    let console = &scene.console;
    let long = [b'7'; 10_000];
    let hostile: [(&[u8], &str); 7] = [
        // The visitor wrote the first, the outer proxy saw the second, the inner one the third.
        (b"198.51.100.66, 203.0.113.5, 10.8.0.2", "203.0.113.5"),
        (b"10.8.0.9, [2001:db8::5]:443, 10.8.0.2", "2001:db8::5"),
        (b"127.0.0.1", "127.0.0.1"),
        (b"203.0.113.5, <script>", "127.0.0.1"),
        (b"\xff\xfe, 203.0.113.5", "203.0.113.5"),
        (b"203.0.113.5, \xff\xfe", "127.0.0.1"),
        (&long, "127.0.0.1"),
    ];
    for (value, expected) in hostile {
        let place = place_of(console, &[("x-forwarded-for", value)]).await;
        assert_eq!(place, expected, "{}", String::from_utf8_lossy(value));
    }
    let lines: [(&str, &[u8]); 2] = [
        ("x-forwarded-for", b"198.51.100.66"),
        ("x-forwarded-for", b"203.0.113.6"),
    ];
    assert_eq!(place_of(console, &lines).await, "203.0.113.6");
    let others: [(&str, &[u8]); 3] = [
        ("cf-connecting-ip", b"198.51.100.66"),
        ("forwarded", b"for=198.51.100.66"),
        ("x-real-ip", b"198.51.100.66"),
    ];
    assert_eq!(place_of(console, &others).await, "127.0.0.1");
    assert!(!console.log().contains("not trusted"), "{}", console.log());
}

#[tokio::test]
async fn cloudflares_header_counts_only_where_it_was_asked_for() {
    let scene = scene(&[
        ("trusted_proxies", "\"127.0.0.1\""),
        ("client_header", "\"cf-connecting-ip\""),
    ]);
    let both: [(&str, &[u8]); 2] = [
        ("cf-connecting-ip", b"203.0.113.5"),
        ("x-forwarded-for", b"198.51.100.66"),
    ];
    assert_eq!(place_of(&scene.console, &both).await, "203.0.113.5");
    let twice: [(&str, &[u8]); 2] = [
        ("cf-connecting-ip", b"198.51.100.66"),
        ("cf-connecting-ip", b"203.0.113.5"),
    ];
    assert_eq!(place_of(&scene.console, &twice).await, "127.0.0.1");
}

#[tokio::test]
async fn nobody_else_is_believed_and_the_operator_is_told() {
    let scene = scene(&[("trusted_proxies", "\"10.8.0.0/16\"")]);
    let console = &scene.console;
    let forged: [(&str, &[u8]); 2] = [
        ("x-forwarded-for", b"10.8.0.1, 203.0.113.5"),
        ("cf-connecting-ip", b"203.0.113.5"),
    ];
    for _ in 0..3 {
        assert_eq!(place_of(console, &forged).await, "127.0.0.1");
    }
    let told = console
        .log()
        .matches("a proxy that is not trusted passes requests on")
        .count();
    assert_eq!(told, 1, "{}", console.log());
    let page = Visitor::signed_in(console).await.read("/system").await;
    let words = page.words();
    assert!(
        words.contains("everybody behind it seems to come from 127.0.0.1"),
        "{words}"
    );
    assert!(words.contains("trusted_proxies = \"127.0.0.1\""), "{words}");
}

/// The first line of the answer to a request for `/login` with these lines as its head.
fn asked(console: &Console, head: &str) -> String {
    let request = format!("GET /login HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
    let answer = console.raw("127.0.0.1", request.as_bytes());
    answer.lines().next().unwrap_or("no answer").to_owned()
}

#[tokio::test]
async fn a_foreign_name_gets_no_answer() {
    let scene = scene(&[("public_url", "\"https://keeper.example\"")]);
    let console = &scene.console;
    let port = console.port();
    for host in [
        "keeper.example".to_owned(),
        "KEEPER.example:443".to_owned(),
        format!("127.0.0.1:{port}"),
        "localhost".to_owned(),
        "[::1]".to_owned(),
    ] {
        let line = asked(console, &format!("Host: {host}\r\n"));
        assert_eq!(line, "HTTP/1.1 200 OK", "{host}");
    }
    let long = "a".repeat(10_000);
    for head in [
        "Host: evil.example\r\n",
        "Host: keeper.example.evil.example\r\n",
        "Host: 192.0.2.1\r\n",
        "Host: keeper.example@evil.example\r\n",
        "Host: \r\n",
        "",
        "Host: keeper.example\r\nHost: evil.example\r\n",
        "Host: keeper.example\r\nHost: keeper.example\r\n",
        &format!("Host: {long}\r\n"),
        "Host: <script>alert(1)</script>\r\n",
    ] {
        let line = asked(console, head);
        assert!(
            line.starts_with("HTTP/1.1 421") || line.starts_with("HTTP/1.1 400"),
            "{head}: {line}"
        );
    }
    // What a line of the head may not hold never gets that far.
    for head in [
        "Host: keeper.example\r\n evil.example\r\n",
        "Host: keeper.example\rX: y\r\n",
        "Host: keeper.example\0\r\n",
    ] {
        let line = asked(console, head);
        assert!(
            line.starts_with("HTTP/1.1 400") || line == "no answer",
            "{head:?}: {line}"
        );
    }
    let unreadable = console.raw(
        "127.0.0.1",
        b"GET /login HTTP/1.1\r\nHost: keeper.example\xff\r\nConnection: close\r\n\r\n",
    );
    assert!(unreadable.starts_with("HTTP/1.1 421"), "{unreadable}");
    let absolute = console.raw(
        "127.0.0.1",
        b"GET http://evil.example/login HTTP/1.1\r\nHost: keeper.example\r\nConnection: close\r\n\r\n",
    );
    assert!(absolute.starts_with("HTTP/1.1 421"), "{absolute}");
}

async fn under_the_name(visitor: &Visitor, method: Method, path: &str, host: &str) -> Page {
    send(visitor.request(method, path).header("host", host)).await
}

#[tokio::test]
async fn a_wrong_public_url_says_how_to_put_it_right() {
    let scene = scene(&[("trusted_proxies", "\"127.0.0.1\"")]);
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = under_the_name(&visitor, Method::GET, "/", "db.example.com:8443").await;
    assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
    for part in [
        "`db.example.com`",
        "set `public_url`",
        "https://db.example.com",
    ] {
        assert!(page.text.contains(part), "{}", page.text);
    }
    // Neither who is signed in nor where the console is.
    for secret in [USER, "127.0.0.1"] {
        assert!(!page.text.contains(secret), "{}", page.text);
    }
    let page = under_the_name(&visitor, Method::POST, "/login", "db.example.com").await;
    assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
    for path in ["/healthz", "/readyz"] {
        let page = under_the_name(&visitor, Method::GET, path, "lockkeeper:8090").await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
    }
    let https = visitor
        .request(Method::GET, "/login")
        .header("x-forwarded-proto", "https");
    assert_eq!(send(https).await.status, StatusCode::SEE_OTHER);
    let words = visitor.read("/system").await.words();
    for part in [
        "requests for db.example.com were refused",
        "browsers come by https, but public_url begins with http:",
    ] {
        assert!(words.contains(part), "{words}");
    }
    assert!(!words.contains("lockkeeper were refused"), "{words}");
    let log = scene.console.log();
    assert_eq!(
        log.matches("is not the console's was refused").count(),
        1,
        "{log}"
    );
}

#[tokio::test]
async fn ipv6_and_ipv4_in_ipv6_are_told_apart() {
    let mut scene = Scene::terminal(Project::new());
    let listen = format!("\"[::]:{}\"", scene.console.port());
    scene
        .console
        .set_server(&[("listen", &listen), ("trusted_proxies", "\"127.0.0.1\"")]);
    scene.console.serve();
    let forwarded: [(&str, &[u8]); 1] = [("x-forwarded-for", b"2001:DB8::0:5")];
    // The connection is ::ffff:127.0.0.1 here.
    assert_eq!(place_of(&scene.console, &forwarded).await, "2001:db8::5");
    // One from ::1 is not of the proxy.
    let body = format!("name={USER}&password={USER_PASSWORD}");
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: [::1]\r\nSec-Fetch-Site: same-origin\r\nX-Forwarded-For: 203.0.113.5\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = scene.console.raw("::1", request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let visitor = Visitor::signed_in(&scene.console).await;
    let audit = visitor.read("/audit.jsonl?action=sign-in").await.text;
    assert!(audit.contains("\"place\":\"::1\""), "{audit}");
    assert!(!audit.contains("203.0.113.5"), "{audit}");
}

#[test]
fn nonsense_in_the_settings_is_refused_before_anything_starts() {
    let console = Console::prepare(&[], None);
    console.set_server(&[("trusted_proxies", "\"caddy\"")]);
    let args = ["serve"];
    Said::of(console.cli(&args), &args, USAGE).says(&["`caddy` is neither", "line 2"]);
}
