//! However a comparison ends, no scratch database stays.

use std::time::{Duration, Instant};

use lockkeeper::clock::Clock;
use lockkeeper::migration::drift::{self, Drift, Replay};
use lockkeeper::operation::{Context, OperationError, Report};
use tokio::task::JoinHandle;

use crate::base::{Base, PLAIN, cluster, context, scratch_databases};
use crate::support::cluster::PASSWORD;
use crate::support::holder::Holder;

/// A base whose replay takes long.
fn slow() -> Base {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.record(
        "2_slow",
        "DO $$ BEGIN PERFORM pg_sleep(60); CREATE TABLE slow (); END $$;",
    );
    base
}

/// A comparison that is under way, and the context that it has.
fn begun(base: &Base) -> (Context, JoinHandle<Result<Drift, OperationError>>) {
    let (context, _reports) = context();
    let (target, its) = (base.target(), context.clone());
    let asked =
        tokio::spawn(async move { drift::run(&target, &Replay::Applied, PLAIN, &its).await });
    (context, asked)
}

async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether a script sleeps in the scratch database of the job.
fn sleeps(job: &str) -> bool {
    let asked = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 'lockkeeper:{job}'"
    );
    cluster().psql("postgres", &asked) == "1"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_comparison_ends_at_once_and_leaves_nothing() {
    let base = slow();
    let (context, asked) = begun(&base);
    eventually("the script runs", || sleeps(&context.job)).await;
    assert_ne!(scratch_databases(&context.job), "");
    let began = Instant::now();
    context.cancel.cancel();
    let ended = asked.await.unwrap();
    assert!(matches!(ended, Err(OperationError::Cancelled)), "{ended:?}");
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(scratch_databases(&context.job), "");
    assert!(!sleeps(&context.job));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_of_connections_it_is_dropped_as_well() {
    cluster().psql(
        "postgres",
        "CREATE ROLE two LOGIN CREATEDB PASSWORD 'two' CONNECTION LIMIT 2",
    );
    let base = slow();
    base.run("GRANT ALL ON SCHEMA public TO two; GRANT ALL ON ALL TABLES IN SCHEMA public TO two");
    let url = cluster().url(&base.name).replacen("postgres:", "two:", 1);
    let base = base.at(url.replacen(PASSWORD, "two", 1));
    let (context, asked) = begun(&base);
    eventually("the script runs", || sleeps(&context.job)).await;
    context.cancel.cancel();
    let ended = asked.await.unwrap();
    assert!(matches!(ended, Err(OperationError::Cancelled)), "{ended:?}");
    assert_eq!(scratch_databases(&context.job), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_torn_off_is_cleaned_up_after() {
    let base = slow();
    let (context, asked) = begun(&base);
    eventually("the script runs", || sleeps(&context.job)).await;
    // As a panic would: what the work holds is dropped wherever it is.
    asked.abort();
    eventually("the database goes", || {
        scratch_databases(&context.job).is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_is_left_behind_is_dropped_by_the_next_when_it_is_old_and_unused() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    let name = |at: Clock| format!("lockkeeper_drift_{}", at.id().replace('-', ""));
    let now = Clock::system().now_ms();
    let [old, used, fresh, abandoned] = [
        name(Clock::fixed(now - 900_000)),
        name(Clock::fixed(now - 900_000)),
        name(Clock::fixed(now - 60_000)),
        name(Clock::fixed(now - 3_600_000)),
    ];
    let others = [
        "lockkeeper_drift_mine",
        "lockkeeper_drift_00000000000000000000000000000000",
    ];
    for name in [old.as_str(), &used, &fresh, &abandoned]
        .iter()
        .chain(&others)
    {
        cluster().create_database(name);
    }
    let _held = [&used, &abandoned].map(|name| Holder::on(cluster(), name, "SELECT 1"));
    let connected =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname IN ('{used}', '{abandoned}')");
    eventually("they are in use", || {
        cluster().psql("postgres", &connected) == "2"
    })
    .await;
    let (context, mut reports) = context();
    let ended = drift::run(&base.target(), &Replay::Applied, PLAIN, &context).await;
    assert!(ended.unwrap().is_none());
    let is_there = |name: &str| {
        let asked = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        cluster().psql("postgres", &asked) == "1"
    };
    assert!(!is_there(&old));
    // No comparison lasts that long, whoever is connected.
    assert!(!is_there(&abandoned));
    for name in [used.as_str(), &fresh].iter().chain(&others) {
        assert!(is_there(name), "{name} is gone");
    }
    // It is said by whichever comparison did it: others run beside this one.
    drop(context);
    while let Some(report) = reports.recv().await {
        if let Report::Event(event) = report
            && event.text.starts_with("lockkeeper_drift_")
        {
            assert!(
                event
                    .text
                    .ends_with(", which an earlier comparison left behind, was dropped."),
                "{}",
                event.text
            );
        }
    }
}

#[tokio::test]
async fn what_a_crashed_job_left_is_dropped_by_its_id() {
    let base = Base::with(&[]);
    let job = Clock::system().id();
    let name = format!("lockkeeper_drift_{}", job.replace('-', ""));
    cluster().create_database(&name);
    drift::clean_up(&base.target(), &job).await.unwrap();
    assert_eq!(scratch_databases(&job), "");
    // There is none any more, or the job had none: nothing to do.
    drift::clean_up(&base.target(), &job).await.unwrap();
    drift::clean_up(&base.target(), "a-job").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_do_not_meet() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.run("ALTER TABLE t ADD b int");
    let ended = futures_util::future::join_all((0..4).map(|_| base.compared(PLAIN))).await;
    for drift in &ended {
        assert_eq!(drift.count, 1, "{:?}", drift.lines());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_applied_meanwhile_makes_the_result_void() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.record(
        "2_slow",
        "DO $$ BEGIN PERFORM pg_sleep(3); CREATE TABLE slow (); END $$;",
    );
    let (context, asked) = begun(&base);
    eventually("the script runs", || sleeps(&context.job)).await;
    base.record("3_next", "CREATE TABLE u (a int);");
    match asked.await.unwrap() {
        Err(OperationError::Fail(trouble)) => {
            assert!(
                trouble.what.starts_with("Somebody applied migrations"),
                "{trouble:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}
