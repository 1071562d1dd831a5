//! Jobs on their pages: found among many, followed while they run, stopped, and read when their log is long.

use std::time::{Duration, Instant};

use lockkeeper::store::Store;
use reqwest::StatusCode;
use serde_json::Value;

use crate::scene::{Holder, Scene};
use crate::support::console::USER;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

const SOON: Duration = Duration::from_secs(30);
/// A job that another program runs, and goes on running.
pub const LONG: &str = "01a20440-0000-7000-8000-000000000001";

fn project() -> Project {
    Project::new().migration("1_init", "CREATE TABLE word (id int);")
}

/// The console's store, as another program would open it.
pub async fn store(scene: &Scene) -> Store {
    let file = scene.console.folder().join("lockkeeper-data/store.db");
    Store::open(&format!("sqlite:{}", file.display()).into())
        .await
        .unwrap()
}

/// Jobs that ended long ago, a minute apart: every fourth failed, every tenth is of `eve`.
async fn old_jobs(store: &Store, count: i64) {
    let mut tx = store.begin().await.unwrap();
    for n in 0..count {
        let failed = n % 4 == 3;
        sqlx::query(
            "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at, trouble, outcome) \
             VALUES ($1, 'backup.take', 'app', '{\"kind\":\"backup.take\",\"target\":\"app\",\"note\":\"\"}', $2, 1, $3, $4, $4, $4, $5, $6)",
        )
        .bind(format!("018f0000-0000-7000-8000-{n:012}"))
        .bind(if failed { "failed" } else { "succeeded" })
        .bind(if n % 10 == 0 { "eve" } else { "ada" })
        .bind(1_700_000_000_000 + n * 60_000)
        .bind(failed.then_some("{\"what\":\"w\",\"data\":\"d\",\"next\":\"n\"}"))
        .bind((!failed).then_some("{\"summary\":\"s\",\"made\":null}"))
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

/// The job [`LONG`] with so many lines, every hundredth a warning.
pub async fn long_log(store: &Store, lines: i64) {
    let mut tx = store.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, worker, fence, \
         lease_until, step, done, unit) VALUES ($1, 'plan.make', 'app', '{\"kind\":\"plan.make\",\"target\":\"app\"}', \
         'running', 0, 'ada', 1700000000000, 1700000060000, 'w', 1, 4000000000000, 'Read', 48000000, 'bytes')",
    )
    .bind(LONG)
    .execute(&mut *tx)
    .await
    .unwrap();
    for seq in 1..=lines {
        let level = match seq {
            1 => "step",
            seq if seq % 100 == 0 => "warn",
            _ => "info",
        };
        sqlx::query("INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ($1, $2, $3, $4, 'Read', $5)")
            .bind(LONG)
            .bind(seq)
            .bind(1_700_000_060_000 + seq)
            .bind(level)
            .bind(format!("line {seq} of a log\u{1b}[31m\nwith more"))
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_job_is_found_among_ten_thousand() {
    let mut scene = Scene::terminal(project());
    old_jobs(&store(&scene).await, 10_000).await;
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let began = Instant::now();
    let page = visitor.read("/jobs").await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(page.text.matches("href=\"/jobs/018f").count(), 50);

    // The filter stands in the address and stays with every page of the list.
    let path = "/jobs?state=failed&kind=backup.take&target=app&actor=ada";
    let page = visitor.read(path).await;
    assert_eq!(
        page.attribute("option[value=failed][selected]", "value"),
        "failed"
    );
    assert_eq!(page.field("actor"), "ada");
    let mut seen = Vec::new();
    let mut next = Some(path.to_owned());
    for _ in 0..3 {
        let page = visitor.read(&next.unwrap()).await;
        assert_eq!(page.text.matches("#cross").count(), 50, "only failed ones");
        let of = |part: &str| part.split('"').next().unwrap().to_owned();
        let ids = page.text.split("href=\"/jobs/018f").skip(1).map(of);
        seen.extend(ids);
        next = Some(page.attribute("a[rel=next]", "href"));
        assert!(next.as_ref().unwrap().contains("state=failed"));
    }
    let mut sorted = seen.clone();
    sorted.sort_by(|one, other| other.cmp(one));
    sorted.dedup();
    assert_eq!(seen, sorted, "newest first, none twice");

    let page = visitor.read("/jobs?actor=mallory&state=").await;
    let words = page.words();
    for part in [
        "Only jobs asked for by mallory are shown.",
        "Show all jobs",
        "The filter hides every other job.",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[tokio::test]
async fn a_long_log_is_read_in_pieces_and_downloaded_whole() {
    let mut scene = Scene::terminal(project());
    long_log(&store(&scene).await, 50_000).await;
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = format!("/jobs/{LONG}");
    let began = Instant::now();
    let page = visitor.read(&job).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(page.bytes.len() < 100_000, "{} bytes", page.bytes.len());
    let words = page.words();
    for part in [
        "Lines 49,501 to 50,000",
        "48.0 MB so far",
        "line 50000 of a log[U+001B]",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(page.has("#job-live[data-events]"));
    assert!(
        !page.has("progress:not([hidden])"),
        "nobody knows how much is left"
    );

    // A link to a line works from elsewhere: it names the piece that the line is in.
    let link = page.attribute("#e49750 a", "href");
    let (around, anchor) = link.split_once('#').unwrap();
    assert!(visitor.read(around).await.has(&format!("#{anchor}")));
    let first = visitor
        .read(&page.attribute("nav[aria-label=Log] a", "href"))
        .await;
    assert!(first.has("#e1") && first.has("#e500") && !first.has("#e501"));
    assert!(
        !first.has("#job-live[data-events]"),
        "the end of it is elsewhere"
    );
    let later = visitor.read(&first.attribute("a[rel=next]", "href")).await;
    assert!(later.has("#e501") && later.has("#e1000"));
    let earlier = visitor.read(&later.attribute("a[rel=prev]", "href")).await;
    assert!(earlier.has("#e1"));

    let loud = visitor.read(&format!("{job}?level=warn")).await;
    assert!(loud.has("li.warn#e50000") && loud.has("#e100") && !loud.has("#e101"));

    let whole = visitor.read(&format!("{job}/log")).await;
    assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8");
    let name = format!("attachment; filename=\"job-{LONG}.log\"");
    assert_eq!(whole.header("content-disposition"), name);
    assert_eq!(whole.text.lines().count(), 50_000);
    assert_eq!(
        whole.text.lines().nth(99).unwrap(),
        "2023-11-14T22:14:20.1Z WARN Read line 100 of a log[U+001B][31m with more"
    );
    let lines = visitor.read(&format!("{job}/log?format=jsonl")).await;
    let last: Value = serde_json::from_str(lines.text.lines().last().unwrap()).unwrap();
    assert_eq!(last["seq"], 50_000);
    assert_eq!(last["text"], "line 50000 of a log\u{1b}[31m\nwith more");
}

#[tokio::test]
async fn whoever_cannot_stream_asks_again_and_misses_nothing() {
    let mut scene = Scene::terminal(project());
    long_log(&store(&scene).await, 1_200).await;
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let path = format!("/jobs/{LONG}/events.json?after={}", seen.len());
        let answer: Value = serde_json::from_str(&visitor.read(&path).await.text).unwrap();
        assert_eq!(answer["state"], "running");
        assert_eq!(answer["progress"]["words"], "48.0 MB so far");
        assert_eq!(answer["progress"]["total"], Value::Null);
        assert_eq!(answer["over"], false);
        let events = answer["events"].as_array().unwrap();
        seen.extend(events.iter().map(|event| event["seq"].as_i64().unwrap()));
    }
    assert_eq!(seen, (1..=1_200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_all_of_them_with_the_console() {
    let mut scene = Scene::terminal(project());
    long_log(&store(&scene).await, 3).await;
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let open = async || {
        let path = format!("/jobs/{LONG}/events");
        let mut stream = visitor
            .request(reqwest::Method::GET, &path)
            .send()
            .await
            .unwrap();
        assert_eq!(stream.status(), StatusCode::OK);
        let first = stream.chunk().await.unwrap().unwrap();
        assert!(first.starts_with(b"retry: 3000\n\n"));
        stream
    };
    let mut stream = open().await;
    scene.console.add_admin("eve");
    scene.run(&["user", "disable", USER], 0);
    let rest = async { while stream.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(15), rest)
        .await
        .expect("the stream ends");

    scene.console.cli_with_input(
        &["user", "passwd", USER, "--password-stdin"],
        crate::support::console::USER_PASSWORD,
    );
    let visitor = Visitor::signed_in(&scene.console).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let path = format!("/jobs/{LONG}/events");
        let stream = visitor.request(reqwest::Method::GET, &path).send().await;
        streams.push(stream.unwrap());
    }
    let server = scene.console.server();
    let pid = rustix::process::Pid::from_child(server);
    let began = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    server.wait().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_job_is_withdrawn_before_and_stopped_after_it_began() {
    let scene = Scene::serving(project());
    scene.plan_and_apply(0);
    let visitor = Visitor::signed_in(&scene.console).await;
    let holder = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE word IN ACCESS EXCLUSIVE MODE",
    );
    let key = visitor.read("/t/app/backups").await.field("key");
    let form = [("note", "first"), ("key", key.as_str())];
    let running = visitor.start("/t/app/backups", &form).await;
    visitor.wait(&running, &["running"], SOON).await;
    let waiting = visitor.start("/t/app/backups", &[("note", "second")]).await;
    let page = visitor.read(&waiting).await;
    assert!(
        page.words()
            .contains("It waits until app is free; there runs: Take a backup"),
        "{}",
        page.words()
    );
    assert!(page.has(&format!(".say a[href='{running}']")));
    let listed = visitor.read("/jobs").await.words();
    assert!(listed.contains("1 running 1 waiting"), "{listed}");
    let withdrawn = visitor.post(&format!("{waiting}/cancel"), &[]).await;
    assert_eq!(withdrawn.location(), waiting);
    assert_eq!(visitor.read(&waiting).await.one("#job-state"), "cancelled");

    // Before a running job is stopped the page says what that does.
    let page = visitor.read(&running).await;
    assert!(
        page.one(".ask").contains("pg_dump is ended"),
        "{}",
        page.text
    );
    visitor.post(&format!("{running}/cancel"), &[]).await;
    let page = visitor.wait(&running, &["cancelled"], SOON).await;
    assert!(
        page.one(".timeline").contains("Asked to stop"),
        "{}",
        page.text
    );
    assert!(!page.has("form[action$='/cancel']"));
    let late = visitor.post(&format!("{running}/cancel"), &[]).await;
    assert_eq!(late.status, StatusCode::SEE_OTHER);
    let page = visitor.read(&running).await;
    assert!(
        page.words().contains("It was over already"),
        "{}",
        page.words()
    );
    drop(holder);

    // The same form again, from the same page, is the same request: it leads to the job that it made.
    assert_eq!(visitor.start("/t/app/backups", &form).await, running);
    let page = visitor.read("/t/app/backups").await;
    let form = [("note", "first"), ("key", &page.field("key"))];
    assert_ne!(visitor.start("/t/app/backups", &form).await, running);
}
