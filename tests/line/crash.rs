//! What a crash leaves, and who cleans up: the program where that is safe, a person where it is not.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;

use crate::scene::{DONE, Holder, NOT_SO, Scene};
use crate::support::project::Project;
use crate::support::visitor::Visitor;

pub const SOON: Duration = Duration::from_secs(20);
/// A lease lasts 15 seconds, who looks for lapsed ones does so every two, and watches one for seven.
pub const LEASE: Duration = Duration::from_secs(45);

/// A console that runs, on a database with one table.
pub fn serving() -> Scene {
    let mut scene =
        Scene::terminal(Project::new().migration("1_init", "CREATE TABLE word (id int);"));
    scene.plan_and_apply(DONE);
    scene.console.serve();
    scene
}

/// Keeps `pg_dump` waiting for as long as it is held.
pub fn hold_word(scene: &Scene) -> Holder {
    Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE word IN ACCESS EXCLUSIVE MODE",
    )
}

/// The names in the archive.
pub fn archive(scene: &Scene) -> Vec<PathBuf> {
    std::fs::read_dir(scene.console.folder().join("backups"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}

/// Starts applying the one pending migration, which is safe; the job's page.
pub async fn apply(visitor: &Visitor) -> String {
    let job = visitor.start("/t/app/plans", &[]).await;
    let page = visitor.wait(&job, &["succeeded"], SOON).await;
    let plan = page.attribute("a.btn[href*='/plans/']", "href");
    let page = visitor.read(&plan).await;
    let form = [
        ("digest", page.field("digest")),
        ("token", page.field("token")),
    ];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    visitor.start(&format!("{plan}/apply"), &form).await
}

#[tokio::test]
async fn a_crash_while_applying_waits_for_a_person() {
    let mut scene = serving();
    let script = "CREATE TABLE half (id int);\nSELECT pg_sleep(10);\nCREATE TABLE rest (id int);";
    scene.project.write("2_slow", script);
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = apply(&visitor).await;
    visitor.wait_for_log(&job, "Statement 2 of 3").await;
    scene.console.kill();
    scene.console.serve();

    // The server has not noticed yet, so the migration may still be running. Nothing else starts meanwhile.
    scene.run(&["migrate", "status"], NOT_SO).says(&[
        "2_slow has begun, and somebody holds the migration lock",
        "P1002",
    ]);
    let visitor = Visitor::signed_in(&scene.console).await;
    let waiting = visitor.start("/t/app/backups", &[]).await;
    let page = visitor.wait(&job, &["interrupted"], LEASE).await;
    assert!(
        page.words().contains("Statement 2 of 3"),
        "{}",
        page.words()
    );
    tokio::time::sleep(Duration::from_secs(4)).await;
    let state = visitor.read(&waiting).await.one("#job-state");
    assert_eq!(state, "queued", "the target was not locked");
    let target = visitor.read("/t/app").await.words();
    assert!(
        target.contains("A job was interrupted (Apply a plan)."),
        "{target}"
    );
    assert_eq!(scene.ask("SELECT to_regclass('half')"), "");
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_slow|f|f|f|0");
    scene
        .run(&["migrate", "status"], NOT_SO)
        .says(&["P3009", "2_slow", "No error was recorded"]);

    // A person looks, says what they found, and the target is free. Nothing is run again.
    let decide = format!("{job}/reconcile");
    let form = |finding: &'static str, token: String| {
        let (visitor, decide) = (&visitor, &decide);
        async move {
            visitor
                .post(
                    decide,
                    &[
                        ("token", &token),
                        ("finding", finding),
                        ("verdict", "failed"),
                    ],
                )
                .await
        }
    };
    // As long as the server still runs a statement of the job, nothing can be said of it.
    let deadline = std::time::Instant::now() + LEASE;
    while !visitor.read(&job).await.has("button[value=failed]") {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let page = form("Nothing of it is there.", "guessed".to_owned()).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = form("  ", page.field("token")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#finding-error"));
    let page = form("Nothing of it is there.", page.field("token")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let page = visitor.wait(&job, &["failed"], SOON).await;
    assert!(
        page.words().contains("Nothing of it is there."),
        "{}",
        page.words()
    );
    visitor.wait(&waiting, &["succeeded"], SOON).await;
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_slow|f|f|f|0");
    let audit = visitor.read("/audit").await.words();
    assert!(audit.contains("Apply a plan: interrupted"), "{audit}");
    assert!(
        audit.contains("Apply a plan: reconciled: failed Nothing of it is there."),
        "{audit}"
    );
}

#[tokio::test]
async fn a_crash_while_dumping_is_cleaned_up() {
    let mut scene = serving();
    let visitor = Visitor::signed_in(&scene.console).await;
    let holder = hold_word(&scene);
    let job = visitor.start("/t/app/backups", &[]).await;
    visitor.wait_for_log(&job, "Writing ").await;
    // What is written, and whose it is.
    assert_eq!(archive(&scene).len(), 2, "{:?}", archive(&scene));
    scene.console.kill();
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = visitor.wait(&job, &["failed"], LEASE).await;
    assert!(
        page.words().contains("There is no backup of this job."),
        "{}",
        page.words()
    );
    assert_eq!(archive(&scene), Vec::<PathBuf>::new());
    // The tool that outlived the console does not finish its work after all.
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'lockkeeper:%' \
                AND datname = current_database()";
    assert_eq!(scene.ask(left), "0");
    drop(holder);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(archive(&scene), Vec::<PathBuf>::new());
    let again = visitor.start("/t/app/backups", &[]).await;
    visitor.wait(&again, &["succeeded"], SOON).await;
    assert_eq!(archive(&scene).len(), 2);
}

fn ask_to_stop(scene: &mut Scene) {
    use rustix::process::{Pid, Signal, kill_process};
    let server = scene.console.server();
    kill_process(Pid::from_child(server), Signal::TERM).unwrap();
    let ended = server.wait().unwrap();
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn stopping_the_console_cancels_a_backup() {
    let mut scene = serving();
    let visitor = Visitor::signed_in(&scene.console).await;
    let holder = hold_word(&scene);
    let job = visitor.start("/t/app/backups", &[]).await;
    visitor.wait_for_log(&job, "Writing ").await;
    ask_to_stop(&mut scene);
    assert_eq!(archive(&scene), Vec::<PathBuf>::new());
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'lockkeeper:%' \
                AND datname = current_database()";
    assert_eq!(scene.ask(left), "0");
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    visitor.wait(&job, &["cancelled"], Duration::ZERO).await;
    drop(holder);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(archive(&scene), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn stopping_the_console_lets_a_migration_finish() {
    let mut scene = serving();
    let script = "CREATE TABLE half (id int);\nSELECT pg_sleep(3);\nCREATE TABLE rest (id int);";
    scene.project.write("2_slow", script);
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = apply(&visitor).await;
    visitor.wait_for_log(&job, "Statement 2 of 3").await;
    ask_to_stop(&mut scene);
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_slow|t|f|f|1");
    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    visitor.wait(&job, &["succeeded"], Duration::ZERO).await;
}

#[test]
fn an_archive_that_cannot_be_written_is_said_plainly() {
    let scene = Scene::terminal(Project::new());
    let folder = scene.console.folder().join("backups");
    std::fs::write(&folder, "not a folder").unwrap();
    scene.run(&["backup", "take"], NOT_SO).says(&[
        "The archive folder",
        "cannot be written",
        "No backup was taken. The database was not touched.",
    ]);
    assert_eq!(std::fs::read_to_string(&folder).unwrap(), "not a folder");
}

/// A small disk that is mounted where the archive is, as long as it lives.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount.
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let options = format!("size={size}");
        let disk = Self(folder);
        disk.tool("mount", &["-t", "tmpfs", "-o", &options, "small-disk"])
            .then_some(disk)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the ban keeps secrets of production out of argv; there are none here"
    )]
    fn tool(&self, name: &str, args: &[&str]) -> bool {
        let ran = std::process::Command::new(name)
            .args(args)
            .arg(&self.0)
            .output();
        ran.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.tool("umount", &[]);
    }
}

#[test]
fn a_full_disk_leaves_no_half_backup() {
    let scene = Scene::terminal(Project::new());
    let folder = scene.console.folder().join("backups");
    let Some(disk) = Disk::mount(folder.clone(), "1m") else {
        #[expect(
            clippy::print_stderr,
            reason = "whoever reads the test's output is told"
        )]
        {
            eprintln!("skipped: this user may not mount a small disk");
        }
        return;
    };
    let empty = || std::fs::read_dir(&folder).unwrap().next().is_none();
    // Too little room is seen beforehand.
    scene.run(&["backup", "take"], NOT_SO).says(&[
        "MB free, and this backup will probably take",
        "No backup was started",
    ]);
    assert!(empty());
    assert!(disk.tool("mount", &["-o", "remount,ro"]));
    scene.run(&["backup", "take"], NOT_SO);
    assert!(empty());
    // Here the estimate is too low: random bytes do not shrink, they even grow when they are dumped.
    assert!(disk.tool("mount", &["-o", "remount,rw,size=12m"]));
    scene.ask(
        "CREATE TABLE noise AS SELECT decode(string_agg(md5(random()::text), ''), 'hex') AS bytes \
         FROM generate_series(1, 1250000) n GROUP BY n % 1000",
    );
    scene.run(&["backup", "take"], NOT_SO).says(&[
        "No space left on device",
        "There is no backup of this job; what was written is removed.",
    ]);
    assert!(empty());
    assert!(disk.tool("mount", &["-o", "remount,size=64m"]));
    scene.run(&["backup", "take"], DONE);
}

#[tokio::test]
async fn a_console_that_was_asleep_goes_on() {
    use rustix::process::{Pid, Signal, kill_process};
    let mut scene = serving();
    let script = "CREATE TABLE half (id int);\nSELECT pg_sleep(25);\nCREATE TABLE rest (id int);";
    scene.project.write("2_slow", script);
    let visitor = Visitor::signed_in(&scene.console).await;
    let job = apply(&visitor).await;
    visitor.wait_for_log(&job, "Statement 2 of 3").await;
    // Longer than the lease: as when a laptop is closed, or a virtual machine is moved.
    let console = Pid::from_child(scene.console.server());
    kill_process(console, Signal::STOP).unwrap();
    tokio::time::sleep(Duration::from_secs(17)).await;
    kill_process(console, Signal::CONT).unwrap();
    visitor.wait(&job, &["succeeded"], LEASE).await;
    assert_eq!(scene.ledger(), "1_init|t|f|f|1\n2_slow|t|f|f|1");
}
