//! Start, memory, and the latency of pages under a steady load.

use std::time::{Duration, Instant};

use crate::support::cluster::Cluster;
use crate::support::console::{Console, TargetLines, USER, USER_PASSWORD};

const MIGRATIONS: usize = 1_000;
/// Requests per second, sent on a clock whatever the answers do.
const RATE: u32 = 50;
const SECONDS: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_stay_fast_with_a_thousand_migrations() {
    let cluster = Cluster::start();
    cluster.create_database("app");
    let folder = tempfile::tempdir().unwrap();
    let ledger = format!(
        "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, \
         migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), \
         applied_steps_count integer NOT NULL DEFAULT 0); \
         INSERT INTO _prisma_migrations SELECT gen_random_uuid()::text, repeat('0', 64), now(), \
         '2025' || lpad(n::text, 10, '0') || '_step', NULL, NULL, now(), 1 FROM generate_series(0, {MIGRATIONS} - 1) n",
    );
    for number in 0..MIGRATIONS {
        let name = format!("2025{number:010}_step");
        let migration = folder.path().join(&name);
        std::fs::create_dir(&migration).unwrap();
        std::fs::write(
            migration.join("migration.sql"),
            format!("CREATE TABLE t{number} (id int);\n"),
        )
        .unwrap();
    }
    cluster.psql("app", &ledger);
    let url = cluster.url("app");
    let mut console = Console::prepare(
        &[TargetLines {
            name: "app",
            environment: "production",
            url: &url,
            migrations: folder.path(),
        }],
        None,
    );
    console.add_user();
    let began = Instant::now();
    console.serve();
    println!(
        "start: {} ms until the port answers",
        began.elapsed().as_millis()
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("idle: {} MB resident", resident(&mut console));
    let client = sign_in(&console).await;
    for path in ["/", "/t/app", "/t/app/migrations"] {
        let times = load(&client, &console.url(path)).await;
        println!(
            "{path}: {} requests at {RATE}/s, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
            times.len(),
            percentile(&times, 50),
            percentile(&times, 99),
            percentile(&times, 100)
        );
        assert!(percentile(&times, 99) < 50.0, "p99 of {path} is past 50 ms");
    }
    println!("after the load: {} MB resident", resident(&mut console));
}

/// A client that is signed in.
pub async fn sign_in(console: &Console) -> reqwest::Client {
    let client = reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let signed_in = client
        .post(console.url("/login"))
        .header("sec-fetch-site", "same-origin")
        .form(&[("name", USER), ("password", USER_PASSWORD), ("next", "/")])
        .send()
        .await
        .unwrap();
    assert_eq!(signed_in.status(), 303);
    client
}

/// A percentile of sorted times, in milliseconds.
pub fn percentile(times: &[Duration], percent: usize) -> f64 {
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3
}

/// Times of all requests, shortest first.
pub async fn load(client: &reqwest::Client, url: &str) -> Vec<Duration> {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut asked = Vec::new();
    for _ in 0..RATE * SECONDS {
        clock.tick().await;
        let request = client.get(url);
        asked.push(tokio::spawn(async move {
            let began = Instant::now();
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.bytes().await.unwrap();
            began.elapsed()
        }));
    }
    let mut times = Vec::new();
    for one in asked {
        times.push(one.await.unwrap());
    }
    times.sort();
    times
}

/// Resident memory of the console, in MB.
pub fn resident(console: &mut Console) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", console.server().id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024
}
