//! `kill -9` in every step of a backup, of Lockkeeper and of `pg_dump`: no half backup is left, the next one is whole, and
//! what the job says is so.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::kill::{archive_is_whole, json, prepare, project};
use crate::support::cluster::Cluster;
use crate::support::console::Console;

/// Longer than a lease, and the time for which a reaper watches one.
const LEASE: Duration = Duration::from_secs(17);
const ROUNDS: u64 = 4;

/// When a backup is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Preflight,
    Snapshot,
    Dump,
    /// `pg_dump` has ended.
    Check,
    /// The manifest is being written.
    Publish,
    /// The artifact has its name, the manifest has not.
    Between,
}

const MOMENTS: [Moment; 6] = [
    Moment::Preflight,
    Moment::Snapshot,
    Moment::Dump,
    Moment::Check,
    Moment::Publish,
    Moment::Between,
];

impl Moment {
    /// Waits for it, and a little longer; false: it went by unseen.
    fn comes(self, console: &Console, command: &mut Child, more: Duration) -> bool {
        let file = |ending: &str| {
            let files = std::fs::read_dir(console.folder().join("backups"));
            let mut files = files.into_iter().flatten().flatten();
            files.any(|entry| entry.file_name().to_string_lossy().ends_with(ending))
        };
        let tool = || tool_in(console.folder(), "pg_dump").is_some();
        match self {
            Self::Preflight | Self::Snapshot | Self::Dump => {
                until(command, &format!("{self:?}"), more)
            }
            Self::Check => {
                let seen = spin(command, tool) && spin(command, || !tool());
                std::thread::sleep(more);
                seen
            }
            Self::Publish => spin(command, || file(".json.part")),
            Self::Between => spin(command, || file(".dump") && !file(".json")),
        }
    }
}

/// Waits without a pause; false: the command ended before.
fn spin(command: &mut Child, is_so: impl Fn() -> bool) -> bool {
    while command.try_wait().unwrap().is_none() {
        if is_so() {
            return true;
        }
    }
    false
}

/// Starts taking a backup, with its log as JSON on a pipe.
fn take(console: &Console) -> Child {
    console
        .command()
        .args(["--json", "backup", "take"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads the log until a step begins, and a little further; false: the command ended before that.
fn until(command: &mut Child, step: &str, more: Duration) -> bool {
    let log = BufReader::new(command.stdout.as_mut().unwrap());
    for line in log.lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["step"] == step {
            std::thread::sleep(more);
            return true;
        }
    }
    false
}

/// The process of a tool that works in this console's archive.
fn tool_in(folder: &Path, name: &str) -> Option<Pid> {
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut found = processes.filter_map(|entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&words).into_owned();
        let is_tool = words.split('\0').next()?.ends_with(name) && words.contains(folder);
        is_tool.then(|| Pid::from_raw(id)).flatten()
    });
    found.next()
}

fn newest_job(console: &Console) -> Value {
    json(console, &["job", "list"])["jobs"][0].take()
}

#[test]
fn a_kill_in_every_step_leaves_no_half_backup() {
    let (cluster, folder) = (Cluster::start(), project());
    let mut rounds = Vec::new();
    for (number, moment) in MOMENTS.iter().enumerate() {
        for round in 0..ROUNDS {
            let name = format!("step{number}_{round}");
            let scene = prepare(&cluster, folder.path(), &name);
            let mut command = take(&scene.console);
            let came = moment.comes(
                &scene.console,
                &mut command,
                Duration::from_millis(7 * round),
            );
            command.kill().unwrap();
            command.wait().unwrap();
            if came {
                rounds.push((*moment, scene));
            }
        }
    }
    std::thread::sleep(LEASE);
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for (moment, scene) in &rounds {
        let next = scene.console.cli(&["backup", "take", "--note", "next"]);
        assert!(next.status.success(), "{moment:?}: {next:?}");
        let jobs = json(&scene.console, &["job", "list"]);
        let state = jobs["jobs"][1]["state"].as_str().unwrap().to_owned();
        let backups = archive_is_whole(&scene.console);
        let expected = if state == "succeeded" { 2 } else { 1 };
        assert_eq!(backups, expected, "{moment:?}: {state}");
        *ends.entry(format!("{moment:?} → {state}")).or_default() += 1;
    }
    println!("{} kills of a backup, by moment: {ends:#?}", rounds.len());
    for moment in MOMENTS {
        let met = rounds.iter().any(|(met, _)| *met == moment);
        assert!(
            met,
            "no kill met {moment:?}: the campaign proved nothing of it"
        );
    }
}

#[test]
fn a_killed_pg_dump_is_a_failure_that_leaves_nothing() {
    let (cluster, folder) = (Cluster::start(), project());
    let scene = prepare(&cluster, folder.path(), "tool");
    cluster.psql(
        "tool",
        "CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 200000) n",
    );
    let mut killed = 0;
    for round in 0..10_u64 {
        let mut command = take(&scene.console);
        assert!(until(&mut command, "Dump", Duration::ZERO));
        let deadline = Instant::now() + Duration::from_secs(10);
        let tool = loop {
            if let Some(tool) = tool_in(scene.console.folder(), "pg_dump") {
                break tool;
            }
            assert!(Instant::now() < deadline, "pg_dump did not start");
        };
        std::thread::sleep(Duration::from_millis(60 * round));
        let was_there = kill_process(tool, Signal::KILL).is_ok();
        let ended = command.wait_with_output().unwrap();
        if !was_there {
            continue;
        }
        killed += 1;
        assert_eq!(ended.status.code(), Some(1));
        let job = newest_job(&scene.console);
        assert_eq!(job["state"], "failed", "{job}");
        assert_eq!(archive_is_whole(&scene.console), 0);
    }
    println!("{killed} kills of pg_dump: each failed at once and left nothing");
    assert!(killed >= 5, "too few kills met the tool");
}

/// Runs a backup whose archive is a file system of its own, mounted with `options`, in a namespace that ends with it.
fn take_on(console: &Console, options: &str) -> std::process::Output {
    let archive = console.folder().join("backups");
    std::fs::create_dir_all(&archive).unwrap();
    let command = console.command();
    let script = r#"mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; shift 2; "$@"; code=$?
        ls "$ARCHIVE" >&2; exit $code"#;
    let mut shell = Command::new("unshare");
    shell
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(options)
        .arg(&archive)
        .arg(command.get_program())
        .args(command.get_args())
        .args(["backup", "take"])
        .env("ARCHIVE", &archive)
        .current_dir(console.folder());
    shell.output().unwrap()
}

#[test]
fn a_disk_that_fills_up_or_takes_no_writes_leaves_nothing() {
    let (cluster, folder) = (Cluster::start(), project());
    let scene = prepare(&cluster, folder.path(), "room");
    // Random bytes cannot be compressed: more comes than the size of the database lets expect.
    cluster.psql(
        "room",
        "CREATE TABLE noise AS SELECT string_agg(gen_random_uuid()::text, '') AS text FROM generate_series(1, 900000) n GROUP BY n % 3000",
    );
    let size: u64 = cluster
        .psql("room", "SELECT pg_database_size('room')")
        .parse()
        .unwrap();
    let expected = [
        ("size=1m".to_owned(), "will probably take"),
        (
            format!("size={}", size * 36 / 100),
            "almost full|No space left",
        ),
        ("ro,size=64m".to_owned(), "cannot be written"),
    ];
    for (options, sentence) in expected {
        let said = take_on(&scene.console, &options);
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(1), "{options}: {text}");
        assert!(
            sentence.split('|').any(|part| text.contains(part)),
            "{options}: {text}"
        );
        assert!(
            !text.contains(".part") && !text.contains(".draft"),
            "{options}: {text}"
        );
        println!(
            "{options}: {}",
            text.lines().find(|line| line.starts_with("error")).unwrap()
        );
    }
}
