//! `kill -9` of a deploy at many moments: what is in effect and what the ledger says never contradict each other.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::cluster::Cluster;
use crate::support::console::{Console, TargetLines};

const ROUNDS: u32 = 60;

#[test]
fn a_killed_deploy_never_leaves_half_a_migration() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let migration = folder.path().join("20250101000000_three");
    std::fs::create_dir(&migration).unwrap();
    let script = "CREATE TABLE one (id int);\nSELECT pg_sleep(0.03);\nCREATE TABLE two (id int);\n\
                  SELECT pg_sleep(0.03);\nCREATE TABLE three (id int);\n";
    std::fs::write(migration.join("migration.sql"), script).unwrap();
    let console_on = |database: &str| {
        cluster.create_database(database);
        let target = TargetLines {
            name: "app",
            environment: "production",
            url: &cluster.url(database),
            migrations: folder.path(),
        };
        Console::prepare(&[target], None)
    };
    // One that nobody disturbs says over how long the kills are to be spread.
    let whole = console_on("whole");
    let began = Instant::now();
    assert!(whole.cli(&["migrate", "deploy"]).status.success());
    let took = began.elapsed() * 11 / 10;
    let mut seen = [0_u32; 4];
    for round in 0..ROUNDS {
        let database = format!("round{round}");
        let console = console_on(&database);
        let mut deploy = console
            .command()
            .args(["migrate", "deploy"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(took * round / ROUNDS);
        deploy.kill().unwrap();
        deploy.wait().unwrap();
        wait_until_gone(&cluster, &database);
        let tables: u32 = number(
            &cluster,
            &database,
            "SELECT count(*) FROM pg_tables WHERE tablename IN ('one', 'two', 'three')",
        );
        assert!(
            tables == 0 || tables == 3,
            "round {round}: half a migration is in effect"
        );
        let has_ledger = number(
            &cluster,
            &database,
            "SELECT count(*) FROM pg_tables WHERE tablename = '_prisma_migrations'",
        ) == 1;
        let row = if has_ledger {
            cluster
                .psql(
                    &database,
                    "SELECT (finished_at IS NOT NULL)::text FROM _prisma_migrations",
                )
                .trim()
                .to_owned()
        } else {
            String::new()
        };
        let status = console.cli(&["migrate", "status"]);
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        match (tables, row.as_str()) {
            (0, "") => {
                assert!(
                    text.contains("1 migration is pending"),
                    "round {round}: {text}"
                );
                seen[0] += 1;
            }
            (0, "false") => {
                assert!(text.contains("P3009"), "round {round}: {text}");
                seen[1] += 1;
            }
            // The script committed and the ledger did not learn of it: it reads as failed, as with Prisma.
            (3, "false") => {
                assert!(text.contains("P3009"), "round {round}: {text}");
                seen[2] += 1;
            }
            (3, "true") => {
                assert_eq!(status.status.code(), Some(0), "round {round}: {text}");
                seen[3] += 1;
            }
            other => panic!(
                "round {round}: the ledger and the database contradict each other: {other:?}\n{text}"
            ),
        }
    }
    println!(
        "{ROUNDS} kills of a deploy: {} before the row, {} in the script (undone, reads as failed), {} after the script \
         (in effect, reads as failed), {} after the end; half a migration: 0",
        seen[0], seen[1], seen[2], seen[3]
    );
    assert!(
        seen[1] > 0,
        "no kill met the script: the campaign proved nothing"
    );
}

fn number(cluster: &Cluster, database: &str, sql: &str) -> u32 {
    cluster.psql(database, sql).trim().parse().unwrap()
}

/// The server notices a vanished client when it next writes to it; until then its transaction lives.
fn wait_until_gone(cluster: &Cluster, database: &str) {
    let question = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name LIKE 'lockkeeper%'"
    );
    for _ in 0..200 {
        if number(cluster, "postgres", &question) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the session of the killed deploy is still there");
}
