//! What the tests here play on: a console and its target, a copy of the Jarvis demo.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::browser::Browser;
use crate::support::cluster::{Cluster, PASSWORD};
use crate::support::console::{Console, TargetLines, USER, USER_PASSWORD};
use crate::support::holder::Holder;

/// One cluster for all tests; its keeper ends it with the test process.
pub static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let cluster = Cluster::start();
    cluster.create_database("model");
    let loaded = Command::new(root().join("demo/load"))
        .args(["--users", "600"])
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", cluster.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", "model")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&loaded.stderr);
    assert!(loaded.status.success(), "{said}");
    cluster
});

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The migrations of the demo; the last two are pending.
pub fn migrations() -> PathBuf {
    root().join("demo/jarvis/prisma/migrations")
}

/// A copy of the demo database under another name.
pub fn copy(database: &str) {
    CLUSTER.psql(
        "postgres",
        &format!("CREATE DATABASE \"{database}\" TEMPLATE model"),
    );
}

/// A console with the production target `jarvis` on the database of that name. Nothing is started yet.
pub fn prepare(database: &str) -> Console {
    copy(database);
    let target = TargetLines {
        name: "jarvis",
        environment: "production",
        url: &CLUSTER.url(database),
        migrations: &migrations(),
    };
    Console::prepare(&[target], None)
}

/// The same with a user, running, and a browser that is signed in.
pub async fn signed_in(database: &str) -> (Console, Browser) {
    let mut console = prepare(database);
    console.add_user();
    console.serve();
    let browser = Browser::open(&console.url("")).await;
    sign_in(&browser).await;
    (console, browser)
}

/// Signs in on the page that asks for it.
pub async fn sign_in(browser: &Browser) {
    browser.go("/").await;
    browser.fill("#name", USER).await;
    browser.fill("#password", USER_PASSWORD).await;
    browser.click("button.primary").await;
    assert_eq!(browser.path().await, "/");
}

/// Keeps everybody from a table.
pub fn hold(database: &str, table: &str) -> Holder {
    lock(database, table, "ACCESS EXCLUSIVE")
}

/// Locks a table in one of the modes of `LOCK TABLE` until what comes back is dropped: a job that needs the table can be watched for
/// as long as that takes.
pub fn lock(database: &str, table: &str, mode: &str) -> Holder {
    let sql = format!("BEGIN; LOCK TABLE \"{table}\" IN {mode} MODE");
    Holder::on(&CLUSTER, database, &sql)
}

/// What must stand on the page of the plan: the values and the rows that the pending migrations destroy.
pub fn losses(database: &str) -> [String; 2] {
    let count = |sql: &str| CLUSTER.psql(database, sql);
    let phones = count("SELECT count(phone) FROM \"User\"");
    let imports = count("SELECT count(*) FROM legacy_import");
    assert!(phones != "0" && imports != "0");
    [
        format!("{} values, counted", grouped(&phones)),
        format!("{} rows, counted", grouped(&imports)),
    ]
}

/// `41203` as `41,203`.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Takes a backup, and waits for it.
pub async fn take(browser: &Browser) {
    browser.go("/t/jarvis/backups").await;
    browser.click("main button.primary").await;
    browser.wait_for("See the backups").await;
}
