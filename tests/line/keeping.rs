//! Lockkeeper's own store on the terminal: to a file, back, elsewhere, and what a crash in the middle leaves.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::scene::{DONE, NOT_SO, Said, USAGE};
use crate::support::console::Console;

fn run(console: &Console, args: &[&str], code: i32) -> Said {
    Said::of(console.cli(args), args, code)
}

#[test]
fn a_store_is_backed_up_put_back_and_moved() {
    let console = Console::prepare(&[], None);
    run(&console, &["store", "backup", "s.jsonl"], USAGE).says(&["there is no store yet"]);
    console.add_user();
    console.add_admin("eve");
    run(&console, &["store", "backup", "s.jsonl"], DONE).says(&["keep it like a password"]);
    run(&console, &["store", "backup", "s.jsonl"], NOT_SO)
        .says(&["s.jsonl exists already", "--force"]);
    let told = run(
        &console,
        &["store", "backup", "s.jsonl", "--force", "--json"],
        DONE,
    )
    .json();
    assert_eq!(told["rows"]["user"], 2, "{told}");
    run(&console, &["doctor"], NOT_SO)
        .says(&["last written to a file by `lockkeeper store backup` 20"]);

    run(&console, &["user", "disable", "ada"], DONE);
    run(&console, &["store", "restore", "s.jsonl"], NOT_SO)
        .says(&["the store is not empty: 2 users", "--replace"]);
    run(
        &console,
        &["store", "restore", "s.jsonl", "--replace"],
        USAGE,
    )
    .says(&["add --yes"]);
    run(&console, &["user", "list"], DONE).says(&["disabled"]);
    let put = run(
        &console,
        &["store", "restore", "s.jsonl", "--replace", "--yes"],
        DONE,
    );
    put.says(&[
        "Everybody has to sign in again",
        "What it held before is in s.jsonl.before-restore-",
    ]);
    let back = run(&console, &["user", "list"], DONE);
    assert!(!back.all().contains("disabled"), "{}", back.out);

    let elsewhere = Console::prepare(&[], None);
    let file = console.folder().join("s.jsonl");
    let file = file.to_str().unwrap();
    run(&elsewhere, &["store", "restore", file], DONE);
    run(&elsewhere, &["user", "list"], DONE).says(&["ada", "enabled"]);

    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, &text[..text.len() / 2]).unwrap();
    run(
        &elsewhere,
        &["store", "restore", file, "--replace", "--yes"],
        NOT_SO,
    )
    .says(&["was cut", "Nothing was changed"]);
    run(&elsewhere, &["user", "list"], DONE).says(&["ada"]);
}

#[test]
fn a_console_keeps_its_store_even_when_others_run_its_jobs() {
    let mut console = Console::prepare(&[], None);
    console.add_user();
    run(&console, &["store", "backup", "s.jsonl"], DONE);
    let put = ["store", "restore", "s.jsonl", "--replace", "--yes"];
    console.serve_with(&["--no-worker"]);
    let process = format!("process {}", console.server().id());
    let deadline = Instant::now() + Duration::from_secs(10);
    // It says that it is there soon after it listens.
    loop {
        let said = console.cli(&put);
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        if said.status.code() == Some(NOT_SO) && text.contains(&process) {
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
    }
    run(&console, &["user", "list"], DONE).says(&["ada"]);
}

/// Puts a job with a long log into the store, so that putting it back takes a while.
async fn fill(store: &Path) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&format!("sqlite:{}", store.display()))
        .await
        .unwrap();
    for statement in [
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at) \
         VALUES ('j', 'k', 't', '{}', 'succeeded', 1, 'ada', 1, 1, 1)",
        "INSERT INTO job_event (job_id, seq, at, level, step, text) \
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 30000) \
         SELECT 'j', n, n, 'info', 'Dump', 'a line as long as lines of a log are: ' || hex(randomblob(30)) FROM n",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_the_old_store() {
    let console = Console::prepare(&[], None);
    console.add_user();
    console.add_admin("eve");
    let store = console.folder().join("lockkeeper-data/store.db");
    fill(&store).await;
    run(&console, &["store", "backup", "s.jsonl"], DONE);
    run(&console, &["user", "disable", "ada"], DONE);
    let log = store.with_file_name("store.db-wal");
    let mut restoring = console
        .command()
        .args(["store", "restore", "s.jsonl", "--replace", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while log.metadata().map_or(0, |log| log.len()) < 1_000_000 {
        assert!(Instant::now() < deadline, "the restore does not write");
        assert!(restoring.try_wait().unwrap().is_none(), "it was too quick");
        std::thread::sleep(Duration::from_millis(2));
    }
    restoring.kill().unwrap();
    restoring.wait().unwrap();
    run(&console, &["user", "list"], DONE).says(&["ada", "disabled"]);
    let told = run(
        &console,
        &["store", "backup", "after.jsonl", "--json"],
        DONE,
    )
    .json();
    assert_eq!(told["rows"]["job_event"], 30_000, "{told}");
    run(
        &console,
        &["store", "restore", "s.jsonl", "--replace", "--yes"],
        DONE,
    );
    let back = run(&console, &["user", "list"], DONE);
    assert!(!back.all().contains("disabled"), "{}", back.out);
}
