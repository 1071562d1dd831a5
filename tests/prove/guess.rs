//! Guessing on a large scale: what it costs the console, what it gets, and how a user signs in meanwhile.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::Connection;
use tokio::sync::Mutex;

use crate::speed::{percentile, resident};
use crate::support::console::{Console, USER, USER_PASSWORD};

const GUESSES: u32 = 10_000;
const AT_ONCE: u32 = 50;
/// When they are left off: where each address is slowed down, all of them would take an hour.
const LIMIT: Duration = Duration::from_mins(1);
/// What the console may hold in memory, in MB: two hashes of 64, and itself.
const MEMORY: u64 = 220;

/// A browser at one of the addresses of the loopback network.
fn browser(last: u8) -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 1, last)))
        .timeout(Duration::from_mins(2))
        .no_proxy()
        .build()
        .unwrap()
}

async fn sign_in(client: &reqwest::Client, url: &str, name: &str, password: &str) -> u16 {
    let form = [("name", name), ("password", password)];
    let request = client.post(url).header("sec-fetch-site", "same-origin");
    request.form(&form).send().await.unwrap().status().as_u16()
}

/// Guesses with many at once, each from an address of its own, until all are made or the time is over; how often each status was answered.
async fn guess(url: String, name: fn(u32) -> String) -> BTreeMap<u16, u32> {
    let (next, answers) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(Mutex::new(BTreeMap::new())),
    );
    let mut guessers = Vec::new();
    let began = Instant::now();
    for last in 1..=u8::try_from(AT_ONCE).unwrap() {
        let (url, next, answers) = (url.clone(), next.clone(), answers.clone());
        guessers.push(tokio::spawn(async move {
            let client = browser(last);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= GUESSES || began.elapsed() > LIMIT {
                    break;
                }
                let password = format!("guess number {number}");
                let status = sign_in(&client, &url, &name(number), &password).await;
                *answers.lock().await.entry(status).or_insert(0) += 1;
            }
        }));
    }
    for guesser in guessers {
        guesser.await.unwrap();
    }
    Arc::into_inner(answers).unwrap().into_inner()
}

async fn number(console: &Console, query: &'static str) -> i64 {
    let file = console.folder().join("lockkeeper-data/store.db");
    let url = format!("sqlite://{}", file.display());
    let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query_scalar(query)
        .fetch_one(&mut store)
        .await
        .unwrap()
}

const HASHED: &str = "SELECT count(*) FROM audit WHERE action = 'sign-in' AND outcome = 'refused'";

/// Guesses by the thousand while the user signs in once a second in a browser that is known.
async fn campaign(words: &str, name: fn(u32) -> String) {
    let mut console = Console::prepare(&[], None);
    console.add_user();
    console.serve();
    let url = console.url("/login");
    let hers = browser(200);
    assert_eq!(sign_in(&hers, &url, USER, USER_PASSWORD).await, 303);
    let idle = resident(&mut console);

    let began = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let meanwhile = tokio::spawn({
        let (url, over) = (url.clone(), over.clone());
        async move {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(sign_in(&hers, &url, USER, USER_PASSWORD).await, 303);
                times.push(began.elapsed());
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            times.sort();
            times
        }
    });
    let guesses = tokio::spawn(guess(url, name));
    let mut peak = idle;
    while !guesses.is_finished() {
        peak = peak.max(resident(&mut console));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (answers, took) = (guesses.await.unwrap(), began.elapsed());
    over.store(true, Ordering::Relaxed);
    let times = meanwhile.await.unwrap();
    let hashed = number(&console, HASHED).await;
    let made: u32 = answers.values().sum();
    println!(
        "{words}: {made} guesses, {AT_ONCE} at a time, in {:.1} s ({:.0}/s), answered {answers:?}",
        took.as_secs_f64(),
        f64::from(made) / took.as_secs_f64()
    );
    println!("  {hashed} were hashed; memory {idle} MB before, {peak} MB at most");
    println!(
        "  the user signed in {} times meanwhile: p50 {:.0} ms, worst {:.0} ms",
        times.len(),
        percentile(&times, 50),
        percentile(&times, 100)
    );
    assert!(
        answers
            .keys()
            .all(|status| matches!(status, 422 | 429 | 503)),
        "{answers:?}"
    );
    assert_eq!(
        u32::try_from(hashed).unwrap(),
        answers.get(&422).copied().unwrap_or(0)
    );
    assert!(
        hashed < i64::from(GUESSES) / 5,
        "{hashed} guesses were hashed"
    );
    assert!(peak < MEMORY, "{peak} MB");
    assert!(
        percentile(&times, 100) < 5_000.0,
        "the user waited too long"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_guesses_of_one_password() {
    campaign("One account", |_| USER.to_owned()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_another_each_time() {
    campaign("Another name each time", |number| format!("name {number}")).await;
}
