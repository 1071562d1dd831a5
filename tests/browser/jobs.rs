//! A job while it runs: followed, paused, stopped; with a keyboard, on a telephone, and without a script.

use std::time::Duration;

use lockkeeper::store::Store;
use serde_json::json;

use crate::browser::{Browser, Screen};
use crate::stage::{hold, signed_in};
use crate::support::console::Console;

/// A job that another program runs: its log is written by the test.
const JOB: &str = "01a20440-0000-7000-8000-000000000001";

async fn store(console: &Console) -> Store {
    let file = console.folder().join("lockkeeper-data/store.db");
    Store::open(&format!("sqlite:{}", file.display()).into())
        .await
        .unwrap()
}

async fn run(store: &Store, sql: &'static str, number: i64) {
    let mut tx = store.begin().await.unwrap();
    sqlx::query(sql)
        .bind(JOB)
        .bind(number)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn begin(store: &Store) {
    let job = "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, worker, fence, \
               lease_until, step) VALUES ($1, 'plan.make', 'jarvis', '{\"kind\":\"plan.make\",\"target\":\"jarvis\"}', \
               'running', 0, 'ada', 1700000000000, $2, 'w', 1, 4000000000000, 'Read')";
    run(store, job, 1_700_000_060_000).await;
    let step = "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ($1, $2, 1700000060000, 'step', 'Read', 'Reading')";
    run(store, step, 1).await;
}

async fn write(store: &Store, seqs: std::ops::Range<i64>) {
    let line = "INSERT INTO job_event (job_id, seq, at, level, step, text) \
                VALUES ($1, $2, 1700000060000, 'info', 'Read', 'line ' || $2)";
    for seq in seqs {
        run(store, line, seq).await;
    }
}

/// Whether the end of the page is in sight.
const AT_END: &str = "return innerHeight + scrollY >= document.body.scrollHeight - 2";

async fn until(browser: &Browser, condition: &str) {
    for _ in 0..200 {
        if browser.eval(condition).await == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {condition}\n{}", browser.text().await);
}

#[tokio::test]
async fn a_running_job_is_followed_until_somebody_reads() {
    let (console, mut browser) = signed_in("follow").await;
    let store = store(&console).await;
    begin(&store).await;
    browser.go(&format!("/jobs/{JOB}")).await;
    assert!(
        browser
            .eval("return document.title")
            .await
            .as_str()
            .unwrap()
            .starts_with("running")
    );

    // The newest line stays in sight.
    write(&store, 2..80).await;
    until(&browser, "return document.getElementById('e79') !== null").await;
    until(&browser, AT_END).await;
    browser.picture("job-followed").await;

    // Whoever scrolls back is left alone: new lines come, the page stands still.
    browser.eval("scrollTo(0, 1e9)").await;
    until(&browser, AT_END).await;
    browser.eval("scrollTo(0, 100)").await;
    until(
        &browser,
        "return document.getElementById('job-pause').textContent === 'Resume'",
    )
    .await;
    write(&store, 80..90).await;
    until(&browser, "return document.getElementById('e89') !== null").await;
    assert_eq!(browser.eval("return scrollY").await, json!(100));
    browser.touch("#job-pause").await;
    until(&browser, AT_END).await;

    // What is counted: a bar where the total is known, words only where it is not.
    run(
        &store,
        "UPDATE job SET done = $2, unit = 'bytes' WHERE id = $1",
        48_000_000,
    )
    .await;
    browser.wait_for("48.0 MB so far").await;
    assert_eq!(browser.count("progress:not([hidden])").await, 0);
    run(
        &store,
        "UPDATE job SET done = 18, total = $2, unit = 'migrations' WHERE id = $1",
        23,
    )
    .await;
    browser.wait_for("18 of 23 migrations").await;
    assert_eq!(
        browser
            .eval("return document.querySelector('progress').position > .7")
            .await,
        true
    );
    assert_eq!(
        browser
            .eval("return document.querySelectorAll('[id=e50]').length")
            .await,
        1
    );
    browser.eval("scrollTo(0, 0)").await;
    browser.picture("job-counted").await;

    // The link to a line leads there and opens its step.
    browser.go(&format!("/jobs/{JOB}#e40")).await;
    browser.eval("location.reload()").await;
    until(
        &browser,
        "return document.querySelector('#e40:target')?.checkVisibility()",
    )
    .await;

    // It ends: the state comes at once, the page is not taken away from whoever reads it.
    let end = "UPDATE job SET state = 'succeeded', ended_at = $2, lease_until = NULL, \
               outcome = '{\"summary\":\"Nothing is pending.\",\"made\":null}' WHERE id = $1";
    run(&store, end, 1_700_000_160_000).await;
    until(&browser, "return document.title.startsWith('succeeded')").await;
    assert_eq!(browser.count("#job-pause:not([hidden])").await, 1);
    browser.click("#job-pause").await;
    assert!(browser.text().await.contains("after 1 min 40 s"));
    browser.picture("job-ended").await;
    browser.must_be_sound().await;
}

#[tokio::test]
async fn a_backup_that_waits_for_a_lock_is_stopped_on_a_telephone() {
    let (_console, mut browser) = signed_in("stopped").await;
    browser.look(Screen::Narrow, false).await;
    let held = hold("stopped", "User");
    browser.go("/t/jarvis/backups").await;
    browser.click("main button.primary").await;
    browser.wait_for("Stop the job").await;
    browser.picture("job-to-stop").await;
    // By keyboard: the summary opens with Enter, the button behind it is the next stop.
    browser
        .eval("document.querySelector('.ask summary').focus()")
        .await;
    browser.press("\u{e007}").await;
    assert!(browser.text().await.contains("pg_dump is ended"));
    browser.picture("job-asks").await;
    browser.press("\u{e004}").await;
    let focus = browser
        .eval("return document.activeElement.textContent")
        .await;
    assert_eq!(focus, json!("Stop the job"));
    browser.press("\u{e007}").await;
    browser.wait_for("cancelled").await;
    browser.wait_for("Asked to stop").await;
    browser.picture("job-cancelled").await;
    browser.go("/jobs?state=cancelled").await;
    browser.picture("jobs-filtered").await;
    browser.go("/jobs?actor=nobody").await;
    browser.picture("jobs-hidden").await;
    browser.must_be_sound().await;
    drop(held);
}

#[tokio::test]
async fn a_log_is_read_without_a_script() {
    let (console, browser) = signed_in("unscripted").await;
    let store = store(&console).await;
    begin(&store).await;
    write(&store, 2..700).await;
    browser.without_scripts().await;
    browser.go(&format!("/jobs/{JOB}")).await;
    assert!(browser.text().await.contains("Lines 200 to 699"));
    assert_eq!(browser.count("#job-pause:not([hidden])").await, 0);
    browser.click("nav[aria-label=Log] a[rel=prev]").await;
    assert!(browser.text().await.contains("Lines 1 to 199"));
    browser.click("#e100 a").await;
    assert!(browser.path().await.ends_with("?from=1#e100"));
    browser.click(".card header a[href*=level]").await;
    assert!(
        browser
            .text()
            .await
            .contains("No warning and no error so far.")
    );
}

#[tokio::test]
async fn where_streams_do_not_pass_the_page_asks_again() {
    let (console, browser) = signed_in("buffered").await;
    let store = store(&console).await;
    begin(&store).await;
    browser.without_streams().await;
    browser.go(&format!("/jobs/{JOB}")).await;
    browser
        .eval("document.documentElement.dataset.same = 'yes'")
        .await;
    write(&store, 2..10).await;
    until(&browser, "return document.getElementById('e9') !== null").await;
    write(&store, 10..20).await;
    until(&browser, "return document.getElementById('e19') !== null").await;
    let lines = browser
        .eval("return [...document.querySelectorAll('.log li')].map((line) => line.id)")
        .await;
    let all: Vec<String> = (2..20).map(|seq| format!("e{seq}")).collect();
    assert_eq!(lines, json!(all), "each line once, in order");
    let same = "return document.documentElement.dataset.same";
    assert_eq!(browser.eval(same).await, json!("yes"), "it was read anew");
    run(
        &store,
        "UPDATE job SET cancel_asked_at = $2, cancel_asked_by = 'bob' WHERE id = $1",
        1_700_000_090_000,
    )
    .await;
    browser.wait_for("asked to stop by bob at 22:14:50").await;
    assert_eq!(browser.count(".ask").await, 0);
}
