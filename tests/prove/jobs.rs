//! The pages of jobs with ten thousand jobs, a million events and a hundred open streams, while one job logs two hundred
//! lines a second; on both engines.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lockkeeper::clock::Clock;
use lockkeeper::job::queue;
use lockkeeper::operation::{Event, Level};
use lockkeeper::store::Store;
use secrecy::SecretString;

use crate::speed::{load, percentile, resident, sign_in};
use crate::support::cluster::Cluster;
use crate::support::console::{Console, TargetLines};

const STREAMS: usize = 100;

/// Ten thousand ended jobs with a hundred events each, one that is interrupted and keeps its target, and a hundred that
/// wait for it: none of them will ever begin, so their streams stay open.
const JOBS: &str = "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at, fence, worker, outcome) \
    SELECT '0190' || i, 'backup.take', 'app', '{\"kind\":\"backup.take\",\"target\":\"app\",\"note\":\"\"}', \
    CASE WHEN i % 7 = 0 THEN 'failed' ELSE 'succeeded' END, 1, CASE WHEN i % 3 = 0 THEN 'ada' ELSE 'bob' END, \
    1700000000000 + i, 1700000000000 + i, 1700000001000 + i, 1, 'w', '{\"summary\":\"done\",\"made\":null}' FROM numbers";
const EVENTS: &str = "INSERT INTO job_event (job_id, seq, at, level, step, text) \
    SELECT '0190' || j.i, e.i - 99999, 1700000000000 + j.i, CASE WHEN e.i = 100000 THEN 'step' ELSE 'info' END, 'Dump', \
    'dumping contents of table \"public\".\"Card\" ' || e.i \
    FROM numbers j CROSS JOIN (SELECT i FROM numbers WHERE i < 100100) e";
const INTERRUPTED: &str = "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, fence, worker) \
    VALUES ('0191-interrupted', 'plan.apply', 'app', '{\"kind\":\"plan.apply\",\"target\":\"app\",\"plan\":\"p\"}', 'interrupted', 1, 'ada', \
    1700000000000, 1700000000000, 1, 'w')";
const WAITING: &str = "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at) \
    SELECT '0192' || i, 'backup.take', 'app', '{\"kind\":\"backup.take\",\"target\":\"app\",\"note\":\"' || i || '\"}', 'queued', 1, 'ada', \
    1700000000000 + i FROM numbers WHERE i < 100100";
const RUNNING: &str = "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at) \
    VALUES ('0193-chatty', 'plan.make', 'app', '{\"kind\":\"plan.make\",\"target\":\"app\"}', 'queued', 0, 'ada', 1700000000000)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_pages_stay_fast_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    campaign("SQLite", &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_pages_stay_fast_on_postgres() {
    let cluster = Cluster::for_stores();
    cluster.create_database("store");
    campaign("Postgres", &cluster.url("store")).await;
}

async fn campaign(engine: &str, store_url: &str) {
    let cluster = Cluster::start();
    cluster.create_database("app");
    let (url, folder) = (cluster.url("app"), tempfile::tempdir().unwrap());
    let target = TargetLines {
        name: "app",
        environment: "production",
        url: &url,
        migrations: folder.path(),
    };
    let mut console = Console::prepare(&[target], Some(store_url));
    console.add_user();
    let secret: SecretString = store_url.to_owned().into();
    let store = Store::open(&secret).await.unwrap();
    fill(&store).await;
    let clock = Clock::system();
    let chatty = queue::claim(&store, &clock, "chatty", Some("0193-chatty"))
        .await
        .unwrap()
        .unwrap();
    console.serve();
    let client = sign_in(&console).await;
    let talking = tokio::spawn({
        let (store, clock) = (store.clone(), clock.clone());
        async move {
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            for round in 0_u32.. {
                tick.tick().await;
                let lines: Vec<Event> = (0..20).map(|n| line(&clock, round * 20 + n)).collect();
                queue::append(&store, &chatty, &lines, None).await.unwrap();
                store.wake().await;
                if round % 50 == 0 {
                    queue::heartbeat(&store, &clock, &chatty).await.unwrap();
                }
            }
        }
    });
    let mut streams = Vec::new();
    for n in 0..STREAMS {
        let path = if n < 10 {
            "/jobs/0193-chatty/events".to_owned()
        } else {
            format!("/jobs/0192{}/events", 100_000 + n)
        };
        let answer = client.get(console.url(&path)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        streams.push(tokio::spawn(async move {
            let (mut body, mut bytes) = (answer.bytes_stream(), 0);
            while let Some(Ok(chunk)) = body.next().await {
                bytes += chunk.len();
            }
            bytes
        }));
    }
    println!(
        "{engine}: {STREAMS} streams open, {} MB resident",
        resident(&mut console)
    );
    for path in [
        "/jobs",
        "/jobs?state=failed&actor=ada",
        "/jobs?before=0190105000",
        "/jobs/0190105000",
    ] {
        let times = load(&client, &console.url(path)).await;
        println!(
            "{engine}, 10,000 jobs, 1,000,000 events, {STREAMS} streams: {path} p50 {:.1} ms, p99 {:.1} ms",
            percentile(&times, 50),
            percentile(&times, 99)
        );
        assert!(percentile(&times, 99) < 50.0, "p99 of {path} is past 50 ms");
    }
    talking.abort();
    let open = streams
        .iter()
        .filter(|stream| !stream.is_finished())
        .count();
    assert_eq!(open, STREAMS, "a stream ended early");
    println!("{engine}: {} MB resident after it", resident(&mut console));
    let began = Instant::now();
    console.stop();
    println!(
        "{engine}: stopped with {STREAMS} open streams in {} ms",
        began.elapsed().as_millis()
    );
    let mut least = usize::MAX;
    for stream in streams.into_iter().take(10) {
        least = least.min(stream.await.unwrap());
    }
    assert!(
        least > 100_000,
        "a stream of the chatty job got {least} bytes only"
    );
}

fn line(clock: &Clock, n: u32) -> Event {
    Event {
        at: clock.now_ms(),
        level: Level::Info,
        step: "Count".to_owned(),
        text: format!("line {n}"),
    }
}

/// Fills the store in one go. The numbers are six digits long, so that ids sort as they do.
async fn fill(store: &Store) {
    let began = Instant::now();
    let mut tx = store.begin().await.unwrap();
    let numbers = "CREATE TEMPORARY TABLE numbers AS WITH RECURSIVE n (i) AS \
                   (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < 109999) SELECT i FROM n";
    // Of today: what is older than it is kept for would be removed meanwhile.
    let today = Clock::system().now_ms() - 3_600_000;
    for statement in [numbers, JOBS, EVENTS, INTERRUPTED, WAITING, RUNNING] {
        let statement = statement
            .replace("1700000000000", &today.to_string())
            .replace("1700000001000", &(today + 1_000).to_string());
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    store.maintain().await.unwrap();
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());
}
