//! What the terminal follows: asked to stop by a service manager or by Ctrl-C, when it runs the job itself and when another
//! program does; how much of a log it prints; and the exit code it hands to a script.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use lockkeeper::store::Store;

use crate::scene::{
    CANCELLED, DONE, Holder, REFUSED, Said, Scene, UNREACHABLE, cluster, database, target,
};
use crate::support::console::Console;
use crate::support::project::Project;

const DUMPS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name LIKE 'lockkeeper:%' AND wait_event_type = 'Lock'";
const SLEEPS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                      AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";

/// A console on the terminal, with one migration applied that made the table `word`.
fn terminal() -> Scene {
    let scene = Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    scene.plan_and_apply(DONE);
    scene
}

/// Something else that keeps a dump from going on.
fn hold_up(scene: &Scene) -> Holder {
    Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE word IN ACCESS EXCLUSIVE MODE",
    )
}

/// A command that runs while the test goes on. It is killed when the test fails.
struct Running(Option<Child>);

impl Running {
    fn start(scene: &Scene, args: &[&str]) -> Self {
        let mut command = scene.console.command();
        command.args(args).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().unwrap()))
    }

    /// From now on nobody reads what it prints.
    fn unread(mut self) -> Self {
        let child = self.0.as_mut().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        self
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    /// What it has said, after a check of how it ended, which it must within 20 seconds.
    fn ended(mut self, code: i32) -> Said {
        let mut child = self.0.take().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("it went on: {:?}", child.wait_with_output());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Said::of(child.wait_with_output().unwrap(), &["started"], code)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _gone = child.kill();
            let _ended = child.wait();
        }
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "it did not come so far: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The newest job, as `job list` tells it.
fn newest(scene: &Scene) -> Value {
    let said = scene.run(&["--json", "job", "list", "--limit", "1"], DONE);
    said.json()["jobs"][0].clone()
}

/// Waits until a started command follows a job that is there already. It says nothing of it, so this is a matter of time.
fn let_it_follow() {
    std::thread::sleep(Duration::from_secs(2));
}

#[test]
fn a_backup_that_is_terminated_leaves_nothing() {
    let scene = terminal();
    let holder = hold_up(&scene);
    let take = Running::start(&scene, &["backup", "take"]);
    until("pg_dump waits, and what measures beside it", || {
        scene.ask(DUMPS) == "2"
    });
    take.send(Signal::TERM);
    take.ended(CANCELLED).says(&["Nothing was left behind."]);
    assert_eq!(scene.ask(DUMPS), "0", "the dump ended with it");
    assert_eq!(newest(&scene)["state"], "cancelled");
    let left = std::fs::read_dir(scene.console.folder().join("backups")).unwrap();
    assert_eq!(left.count(), 0);
    drop(holder);
    scene.run(&["backup", "take"], DONE);
}

#[test]
fn an_apply_that_is_terminated_is_finished_first() {
    let scene = terminal();
    let slow = "SELECT pg_sleep(4);\nCREATE TABLE rest (id int);";
    scene.project.write("2_slow", slow);
    let deploy = Running::start(&scene, &["migrate", "deploy"]);
    until("the script sleeps", || scene.ask(SLEEPS) == "1");
    deploy.send(Signal::TERM);
    deploy.ended(DONE).says(&[
        "what was begun is finished first",
        "1 migration was applied.",
    ]);
    assert_eq!(scene.ask("SELECT to_regclass('rest')"), "rest");
    assert_eq!(newest(&scene)["state"], "succeeded");
}

#[test]
fn a_backup_of_another_program_is_stopped_from_here_too() {
    let scene = terminal();
    let _holder = hold_up(&scene);
    let take = Running::start(&scene, &["backup", "take"]);
    until("pg_dump waits, and what measures beside it", || {
        scene.ask(DUMPS) == "2"
    });
    let twin = Running::start(&scene, &["backup", "take"]);
    let_it_follow();
    twin.send(Signal::INT);
    twin.ended(CANCELLED).says(&["Another program runs it"]);
    take.ended(CANCELLED).says(&["Nothing was left behind."]);
    assert_eq!(scene.ask(DUMPS), "0");
}

#[test]
fn an_apply_of_another_program_goes_on_there() {
    let scene = terminal();
    let slow = "SELECT pg_sleep(8);\nCREATE TABLE rest (id int);";
    scene.project.write("2_slow", slow);
    scene.run(&["plan", "make"], DONE);
    let apply = Running::start(&scene, &["plan", "apply"]);
    until("the script sleeps", || scene.ask(SLEEPS) == "1");
    let twin = Running::start(&scene, &["plan", "apply"]);
    let_it_follow();
    twin.send(Signal::INT);
    twin.ended(CANCELLED)
        .says(&["goes on in another program", "job show", "--follow"]);
    assert_eq!(newest(&scene)["state"], "running");
    assert_eq!(scene.ask(SLEEPS), "1");
    apply.ended(DONE).says(&["1 migration was applied."]);
    assert_eq!(scene.ask("SELECT to_regclass('rest')"), "rest");
}

#[test]
fn an_apply_that_waits_is_withdrawn() {
    let scene = terminal();
    scene.project.write("2_more", "CREATE TABLE rest (id int);");
    scene.run(&["plan", "make"], DONE);
    let _holder = hold_up(&scene);
    let take = Running::start(&scene, &["backup", "take"]);
    until("pg_dump waits, and what measures beside it", || {
        scene.ask(DUMPS) == "2"
    });
    let apply = Running::start(&scene, &["plan", "apply"]);
    until("it waits", || newest(&scene)["state"] == "queued");
    apply.send(Signal::TERM);
    apply.ended(CANCELLED);
    assert_eq!(newest(&scene)["state"], "cancelled");
    take.send(Signal::INT);
    take.ended(CANCELLED);
    assert_eq!(scene.ask("SELECT to_regclass('rest')"), "");
}

#[tokio::test]
async fn a_long_log_is_followed_to_its_end() {
    let scene = terminal();
    let job = newest(&scene)["job"].as_str().unwrap().to_owned();
    let store = store(&scene).await;
    let mut tx = store.begin().await.unwrap();
    for seq in 1001..=3500_i64 {
        sqlx::query(
            "INSERT INTO job_event (job_id, seq, at, level, step, text) VALUES ($1, $2, 0, 'info', 'Apply', $3)",
        )
        .bind(&job)
        .bind(seq)
        .bind(format!("line {seq}"))
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let said = scene.run(&["job", "show", &job, "--follow"], DONE);
    for seq in 1001..=3500 {
        assert!(said.err.contains(&format!("line {seq}\n")), "line {seq}");
    }
}

#[test]
fn a_job_that_cannot_reach_its_target_says_so_to_a_script() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = free.local_addr().unwrap().port();
    drop(free);
    let dead = format!("postgresql://postgres:hushhush@127.0.0.1:{dead}/app");
    let project = Project::new().migration("1_init", "CREATE TABLE word (id int);");
    let name = database();
    let console = Console::prepare(&[target("app", &cluster().url(&name), &project)], None);
    let run = |args: &[&str], code| Said::of(console.cli(args), args, code);
    run(&["plan", "make"], DONE);
    std::fs::write(console.folder().join("app.url"), dead).unwrap();
    for command in [["backup", "take"], ["plan", "make"], ["plan", "apply"]] {
        run(&command, UNREACHABLE).says(&["the connection was refused"]);
    }
    // Whoever reads about it later is told the same.
    let jobs = run(&["--json", "job", "list", "--limit", "1"], DONE).json();
    let job = jobs["jobs"][0]["job"].as_str().unwrap();
    run(&["job", "show", job, "--follow"], UNREACHABLE);
}

#[test]
fn a_damaged_backup_is_a_refusal() {
    let scene = Scene::about_to_drop();
    let folder = scene.console.folder().join("backups");
    let files = std::fs::read_dir(folder).unwrap();
    let dump = files
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "dump"))
        .unwrap();
    let mut bytes = std::fs::read(&dump).unwrap();
    let last = bytes.last_mut().unwrap();
    *last = !*last;
    std::fs::remove_file(&dump).unwrap();
    std::fs::write(&dump, bytes).unwrap();
    scene
        .run(&["plan", "apply"], REFUSED)
        .says(&["is damaged", "Nothing was applied."]);
    assert!(scene.has_phones());
}

#[tokio::test]
async fn a_job_is_not_lost_while_its_log_is_still_written() {
    let scene = terminal();
    scene.ask(
        "CREATE FUNCTION shout() RETURNS void LANGUAGE plpgsql AS \
         $$ BEGIN FOR n IN 1..1000 LOOP RAISE NOTICE 'word %', n; END LOOP; END $$",
    );
    let shouts = "SELECT shout();".repeat(49);
    scene.project.write("2_shouts", &shouts);
    scene.planned_and_approved();
    let apply = Running::start(&scene, &["plan", "apply"]).unread();
    until("the migration is in effect", || {
        scene.ledger().contains("2_shouts|t|f")
    });
    let store = store(&scene).await;
    let first = lease(&store).await;
    // The next heartbeat is at most five seconds away.
    while lease(&store).await == first {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    apply.ended(DONE);
}

async fn store(scene: &Scene) -> Store {
    let file = scene.console.folder().join("lockkeeper-data/store.db");
    let store = Store::open(&format!("sqlite:{}", file.display()).into()).await;
    store.unwrap()
}

/// Until when the running job is its worker's.
async fn lease(store: &Store) -> i64 {
    sqlx::query_scalar("SELECT lease_until FROM job WHERE state = 'running'")
        .fetch_one(store.read())
        .await
        .expect("the job runs on while its log is written")
}

#[test]
fn an_apply_goes_on_when_nobody_reads_what_it_prints() {
    let scene = terminal();
    scene.project.write(
        "2_more",
        "CREATE TABLE more (id int); SELECT pg_sleep(2); CREATE TABLE rest (id int);",
    );
    scene.run(&["plan", "make"], DONE);
    let apply = Running::start(&scene, &["plan", "apply"]).unread();
    apply.ended(DONE);
    assert_eq!(scene.ask("SELECT to_regclass('rest')"), "rest");
}
