//! The figures for a monitoring system: what they say, and whom they are told.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use crate::scene::{DONE, Scene};
use crate::support::console::Console;
use crate::support::exposition::Figures;
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor, send};

const SOON: Duration = Duration::from_secs(20);
const REQUESTS: &str = "lockkeeper_http_request_duration_seconds_count";
const TOKEN: &str = "0123456789abcdef";

fn project() -> Project {
    Project::new().migration("1_init", "CREATE TABLE word (id int);")
}

async fn figures(visitor: &Visitor) -> Figures {
    let page = visitor.read("/metrics").await;
    assert_eq!(
        page.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(page.header("cache-control"), "no-store");
    Figures::read(&page.text)
}

/// Adds lines to the settings of a console that does not run yet.
fn set(console: &Console, lines: &str) {
    let file = console.folder().join("lockkeeper.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{lines}\n{text}")).unwrap();
}

#[tokio::test]
async fn figures_follow_what_happens() {
    let mut scene = Scene::terminal(project());
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let before = figures(&visitor).await;
    for series in [
        "lockkeeper_build_info{version=\"0.1.0\"}",
        "lockkeeper_workers",
    ] {
        assert_eq!(before.value(series), Some(1.0), "{before:?}");
    }
    assert!(before.value("lockkeeper_store_bytes") > Some(1_000.0));
    for state in ["scheduled", "queued", "running", "succeeded", "interrupted"] {
        let series = format!("lockkeeper_jobs{{state=\"{state}\"}}");
        assert_eq!(before.value(&series), Some(0.0), "{before:?}");
    }
    assert_eq!(
        before.value("lockkeeper_jobs_oldest_queued_seconds"),
        Some(0.0)
    );
    // Nobody has looked, and asking for figures does not look.
    assert!(!before.types.contains_key("lockkeeper_target_up"));
    assert!(
        !before
            .types
            .contains_key("lockkeeper_target_looked_seconds")
    );

    visitor.read("/t/app").await;
    let seen = figures(&visitor).await;
    for series in ["up", "pending_migrations"] {
        let series = format!("lockkeeper_target_{series}{{target=\"app\"}}");
        assert_eq!(seen.value(&series), Some(1.0), "{seen:?}");
    }
    assert!(seen.value("lockkeeper_target_looked_seconds{target=\"app\"}") < Some(20.0));

    let job = visitor.start("/t/app/backups", &[]).await;
    visitor.wait(&job, &["succeeded"], SOON).await;
    let after = figures(&visitor).await;
    let done = "lockkeeper_jobs{state=\"succeeded\"}";
    assert_eq!(after.value(done), Some(1.0), "{after:?}");
    let took = "lockkeeper_job_duration_seconds";
    let labels = ["kind=\"backup.take\"", "outcome=\"succeeded\""];
    assert_eq!(after.sum(&format!("{took}_count"), &labels), Some(1.0));
    assert!(after.sum(&format!("{took}_sum"), &labels) > Some(0.0));
    assert_eq!(after.types[took], "histogram");
}

#[tokio::test]
async fn requests_are_counted_by_route_whatever_visitors_send() {
    let mut scene = Scene::terminal(project());
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    for path in [
        "/jobs/one",
        "/jobs/two",
        "/jobs/%22%7D%0Aevil%201",
        "/%22evil%5C",
    ] {
        assert_eq!(visitor.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let odd = Method::from_bytes(b"EVIL").unwrap();
    send(visitor.request(odd, "/jobs")).await;
    visitor.read("/jobs?evil").await;
    let page = visitor.read("/metrics").await;
    assert!(!page.text.to_lowercase().contains("evil"), "{}", page.text);
    let figures = Figures::read(&page.text);
    let count = |parts: &[&str]| figures.sum(REQUESTS, parts);
    let missing = ["method=\"GET\"", "route=\"/jobs/{id}\"", "status=\"404\""];
    assert_eq!(count(&missing), Some(3.0), "{figures:?}");
    assert_eq!(count(&["route=\"/jobs\"", "status=\"200\""]), Some(1.0));
    assert_eq!(count(&["route=\"none\"", "status=\"404\""]), Some(1.0));
    assert_eq!(count(&["method=\"other\""]), Some(1.0));
}

#[tokio::test]
async fn without_a_token_only_this_machine_reads_them() {
    let mut scene = Scene::terminal(project());
    scene.console.serve();
    let visitor = Visitor::new(&scene.console);
    assert_eq!(visitor.get("/metrics").await.status, StatusCode::OK);
    for header in [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Via",
        "CF-Connecting-IP",
        "CF-Ray",
    ] {
        let request = visitor.request(Method::GET, "/metrics");
        refused(&send(request.header(header, "127.0.0.1")).await);
    }
    // A name that leads here is not this machine.
    let request = visitor.request(Method::GET, "/metrics");
    refused(&send(request.header("host", "keeper.example")).await);
    // A token that nobody set opens nothing.
    let request = visitor
        .request(Method::GET, "/metrics")
        .header("authorization", "Bearer ")
        .header("via", "1.1 proxy");
    refused(&send(request).await);
}

fn refused(page: &Page) {
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:?}");
    assert!(page.text.contains("Authorization: Bearer"), "{page:?}");
    assert!(!page.text.contains("lockkeeper_"), "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn with_a_token_only_who_shows_it_reads_them() {
    let mut scene = Scene::terminal(project());
    set(&scene.console, &format!("[metrics]\ntoken = \"{TOKEN}\""));
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let ask = |value: String| {
        let request = visitor.request(Method::GET, "/metrics");
        send(
            request
                .header("authorization", value)
                .header("x-forwarded-for", "10.0.0.1"),
        )
    };
    for scheme in ["Bearer", "bearer"] {
        let page = ask(format!("{scheme} {TOKEN}")).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        Figures::read(&page.text);
    }
    let mut answers = vec![visitor.get("/metrics").await];
    for wrong in [
        format!("Bearer {TOKEN}x"),
        format!("Bearer {}", &TOKEN[..15]),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
        "Bearer ".to_owned(),
    ] {
        answers.push(ask(wrong).await);
    }
    for page in answers {
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:?}");
        assert!(page.header("www-authenticate").starts_with("Bearer"));
        assert!(page.text.contains("[metrics]"), "{page:?}");
        assert!(!page.text.contains("lockkeeper_"), "{page:?}");
    }
    assert!(!scene.console.log().contains(TOKEN));
}

#[tokio::test]
async fn switched_off_there_is_no_such_page() {
    let mut scene = Scene::terminal(project());
    set(&scene.console, "[metrics]\nenabled = false");
    scene.console.serve();
    let page = Visitor::new(&scene.console).get("/metrics").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[test]
fn a_request_without_a_host_is_refused() {
    let mut scene = Scene::terminal(project());
    scene.plan_and_apply(DONE);
    scene.console.serve();
    let answer = scene
        .console
        .raw("127.0.0.1", b"GET /metrics HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 403"), "{answer}");
}
