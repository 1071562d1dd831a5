//! Workers of their own: programs that run jobs beside a console that runs none.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::scene::{DONE, Holder, NOT_SO, Said, USAGE, cluster, database, target};
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

const SOON: Duration = Duration::from_secs(30);

/// A worker of a console; killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(console: &Console) -> Self {
        let mut command: Command = console.command();
        command.args(["worker", "--at-once", "2"]);
        let log = std::fs::File::create(console.folder().join("worker.log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }

    fn id(&self) -> String {
        self.0.id().to_string()
    }

    fn ask_to_stop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let ended = self.0.wait().unwrap();
        assert!(ended.success(), "{ended}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Three targets with a table each, their console, and the store that it shares with the workers.
struct Yard {
    console: Console,
    store: String,
    targets: Vec<String>,
}

impl Yard {
    fn open() -> Self {
        let project = Project::new();
        let store = database();
        let targets = [database(), database(), database()].to_vec();
        let urls: Vec<String> = targets.iter().map(|name| cluster().url(name)).collect();
        let lines: Vec<_> = ["a", "b", "c"]
            .iter()
            .zip(&urls)
            .map(|(name, url)| target(name, url, &project))
            .collect();
        let console = Console::prepare(&lines, Some(&cluster().url(&store)));
        for name in &targets {
            cluster().psql(name, "CREATE TABLE word (id int)");
        }
        console.add_user();
        Self {
            console,
            store,
            targets,
        }
    }

    /// The processes in the table of workers, as far as a person would be told of them.
    fn wait_for(&self, expected: &[&Worker]) {
        let mut expected: Vec<String> = expected.iter().map(|worker| worker.id()).collect();
        expected.sort();
        let deadline = Instant::now() + SOON;
        loop {
            let rows = cluster().psql(
                &self.store,
                "SELECT pid FROM worker WHERE at_once > 0 ORDER BY pid::text",
            );
            let rows: Vec<&str> = rows.lines().collect();
            if rows == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{rows:?}, not {expected:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn doctor(&self, code: i32) -> Said {
        Said::of(self.console.cli(&["doctor"]), &["doctor"], code)
    }
}

#[tokio::test]
async fn jobs_of_a_console_without_workers_are_run_by_others() {
    let mut yard = Yard::open();
    yard.console.serve_with(&["--no-worker"]);
    let visitor = Visitor::signed_in(&yard.console).await;
    let job = visitor.start("/t/a/backups", &[]).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(visitor.read(&job).await.one("#job-state"), "queued");
    yard.wait_for(&[]);
    yard.doctor(NOT_SO)
        .says(&["none is running, and jobs wait for one: 1"]);

    let mut first = Worker::start(&yard.console);
    visitor.wait(&job, &["succeeded"], SOON).await;
    let mut second = Worker::start(&yard.console);
    yard.wait_for(&[&first, &second]);
    let listed = format!("process {} on ", first.id());
    yard.doctor(NOT_SO).says(&[&listed, "2 jobs at a time"]);
    let mut jobs = Vec::new();
    for name in ["a", "b", "c"] {
        jobs.push(visitor.start(&format!("/t/{name}/backups"), &[]).await);
    }
    for job in jobs {
        visitor.wait(&job, &["succeeded"], SOON).await;
    }

    // One stops in good order while it works: what can be cleaned up is cancelled, and it is listed no more.
    second.ask_to_stop();
    yard.wait_for(&[&first]);
    let lock = "BEGIN; LOCK TABLE word IN ACCESS EXCLUSIVE MODE";
    let holder = Holder::of(&yard.targets[0], lock);
    let job = visitor.start("/t/a/backups", &[]).await;
    visitor.wait_for_log(&job, "Writing ").await;
    first.ask_to_stop();
    visitor.wait(&job, &["cancelled"], SOON).await;
    yard.wait_for(&[]);
    drop(holder);

    // One that is killed cannot sign off: its row stays, and counts as nobody after half a minute.
    let mut third = Worker::start(&yard.console);
    yard.wait_for(&[&third]);
    third.0.kill().unwrap();
    third.0.wait().unwrap();
    yard.wait_for(&[&third]);
    let old = "UPDATE worker SET seen_at = seen_at - 30000";
    cluster().psql(&yard.store, old);
    yard.doctor(NOT_SO)
        .says(&["workers: none is running, and no job waits"]);
}

#[test]
fn a_worker_says_what_it_does() {
    let project = Project::new();
    let url = cluster().url(&database());
    let console = Console::prepare(&[target("app", &url, &project)], None);
    let args = ["worker", "--at-once", "0"];
    let said = Said::of(console.cli(&args), &args, USAGE);
    said.says(&["`at_once` (--at-once) must be a whole number from 1 to 32"]);
    let args = ["user", "list"];
    Said::of(console.cli(&args), &args, DONE);
    let mut worker = Worker::start(&console);
    let log = console.folder().join("worker.log");
    let deadline = Instant::now() + SOON;
    while !std::fs::read_to_string(&log)
        .unwrap()
        .contains("on this machine")
    {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(100));
    }
    // It may be asked before it listens for signals; then it has nothing to end.
    std::thread::sleep(Duration::from_secs(1));
    worker.ask_to_stop();
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("up to 2 at a time, for 1 target."), "{said}");
}
