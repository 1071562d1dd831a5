//! The real CLI, ended as soon as it has said everything.
//!
//! Its engine here stays for some ten seconds after a deploy, with Prisma's lock in hand; what it was asked for is done by
//! then. Its process is ended by its own id.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::sides::Answer;
use super::support::prisma::install;

/// What ends a good answer.
const DONE: [&str; 5] = [
    "All migrations have been successfully applied.",
    "No pending migrations to apply.",
    "marked as applied.",
    "marked as rolled back.",
    "Database schema is up to date!",
];

/// Asks the CLI for `migrate` with these arguments.
pub fn ask(project: &Path, url: &str, args: &[&str]) -> Answer {
    let scripts = install();
    let mut child = Command::new(scripts.join("run"))
        .arg(project)
        .arg("migrate")
        .args(args)
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = listen(&mut child);
    let (mut out, mut err) = (String::new(), String::new());
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match said.recv_timeout(Duration::from_millis(100)) {
            Ok((true, text)) => out.push_str(&text),
            Ok((false, text)) => err.push_str(&text),
            Err(_) if DONE.iter().any(|words| out.contains(words)) => {
                // It may have ended by itself meanwhile, which is as good.
                let _gone = child.kill();
                child.wait().unwrap();
                return Answer { out, err, exit: 0 };
            }
            Err(_) => {
                if let Some(status) = child.try_wait().unwrap() {
                    for (on_stdout, text) in &said {
                        if on_stdout { &mut out } else { &mut err }.push_str(&text);
                    }
                    let exit = status.code().unwrap();
                    return Answer { out, err, exit };
                }
            }
        }
        assert!(Instant::now() < deadline, "{args:?} said\n{out}\n{err}");
    }
}

/// What it says, piece by piece, and whether on stdout.
fn listen(child: &mut Child) -> Receiver<(bool, String)> {
    let (tell, said) = channel();
    let out: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
    let err: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
    for (mut from, on_stdout) in [(out, true), (err, false)] {
        let tell = tell.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if tell.send((on_stdout, text)).is_err() {
                    return;
                }
            }
        });
    }
    said
}

/// What the engine finds out for `migrate status`, which the CLI prints when it is debugged.
pub fn diagnosis(project: &Path, url: &str) -> serde_json::Value {
    let output = Command::new(install().join("run"))
        .arg(project)
        .args(["migrate", "status"])
        .env("DATABASE_URL", url)
        .env("DEBUG", "prisma:migrate:status")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // An object whose value is the diagnosis as a string.
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"diagnoseResult\": "))
        .unwrap_or_else(|| panic!("{text}"));
    let diagnosis: String = serde_json::from_str(line).unwrap();
    serde_json::from_str(&diagnosis).unwrap()
}
