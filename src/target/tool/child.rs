//! A running tool: its own process group, a clean environment, its words passed on as they come.
//!
//! Stopping always means the whole group. A parallel dump whose leader alone is killed leaves workers that keep reading, and
//! a restore whose leader alone is killed keeps writing.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::operation::Trouble;

/// How long a tool may take to leave after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How much of the end of stderr is kept, in bytes.
const TAIL: usize = 64 * 1024;
/// How much of stdout is kept, in bytes: a list of contents fits, a dump is never written there.
const OUTPUT: u64 = 64 * 1024 * 1024;
/// A longer line of stderr is passed on in pieces.
const LINE: u64 = 8 * 1024;

/// A tool that runs. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct Child {
    leader: tokio::process::Child,
    group: Group,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<()>,
    tail: Arc<Mutex<Vec<u8>>>,
}

/// How a tool ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// We asked it to stop; the status then says nothing about its work.
    pub cancelled: bool,
    /// What it wrote to stdout, 64 MiB at most.
    pub stdout: Vec<u8>,
    /// The last 64 KiB of what it wrote to stderr.
    pub stderr: String,
}

/// A process group that is killed when dropped, until it is known to be gone.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // A group that has left in the meantime is what we want.
            let _gone = kill_process_group(group, signal);
        }
    }

    fn is_alive(&self) -> bool {
        self.0
            .is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// A command with nothing in its environment but `PATH` and an English tongue.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts child processes"
)]
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    if let Some(path) = crate::config::search_path() {
        command.env("PATH", path);
    }
    command
}

impl Child {
    /// Starts a tool. `env` is all that it gets besides `PATH` and `LC_ALL`; `line` is called with each line of stderr, from
    /// a task of its own. Its working folder is `/`: arguments that are paths must be absolute.
    pub fn start(
        program: &Path,
        args: impl IntoIterator<Item = impl Into<OsString>>,
        env: impl IntoIterator<Item = (&'static str, OsString)>,
        line: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self, Trouble> {
        let mut command = command(program);
        command
            .args(args.into_iter().map(Into::into))
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let failed = |why: String| {
            Trouble::new(
                format!("{} could not be started: {why}.", program.display()),
                "Nothing was read or changed.",
                "Check that the file is there and may be run by this user.",
            )
        };
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let group = Group(pid);
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("its output could not be taken".to_owned()));
        };
        let tail = Arc::default();
        Ok(Self {
            leader: child,
            group,
            stdout: tokio::spawn(collect(stdout)),
            stderr: tokio::spawn(pass_on(stderr, Arc::clone(&tail), line)),
            tail,
        })
    }

    /// Waits until the tool has ended. When `cancel` is cancelled, the whole group is asked to leave (SIGTERM), and after
    /// ten seconds made to (SIGKILL).
    pub async fn wait_or_cancel(self, cancel: &CancellationToken) -> Result<Ended, Trouble> {
        self.wait_or_cancel_within(cancel, GRACE).await
    }

    async fn wait_or_cancel_within(
        mut self,
        cancel: &CancellationToken,
        grace: Duration,
    ) -> Result<Ended, Trouble> {
        let ended = tokio::select! {
            biased;
            status = self.leader.wait() => Some(status),
            () = cancel.cancelled() => None,
        };
        let cancelled = ended.is_none();
        let status = match ended {
            Some(status) => status,
            None => self.stop(grace).await,
        };
        let status = status.map_err(|error| {
            Trouble::new(
                format!("The end of the tool could not be awaited: {error}."),
                "What it did is not known.",
                "Look at the target before you start it again.",
            )
        })?;
        if !self.group.is_alive() {
            self.group.0 = None;
        }
        // Both end with the last process that holds the pipe, which may have left the group.
        let patience = Duration::from_secs(2);
        let _late = tokio::time::timeout(patience, &mut self.stderr).await;
        let stdout = tokio::time::timeout(patience, &mut self.stdout).await;
        let tail = self.tail.lock().map(|tail| tail.clone());
        Ok(Ended {
            status,
            cancelled,
            stdout: stdout.ok().and_then(Result::ok).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&tail.unwrap_or_default()).into_owned(),
        })
    }

    async fn stop(&mut self, grace: Duration) -> std::io::Result<ExitStatus> {
        let deadline = Instant::now() + grace;
        self.group.signal(Signal::TERM);
        let left = tokio::time::timeout_at(deadline, self.leader.wait()).await;
        // The leader may have left before its workers. Its number is not given away while the group lives.
        while self.group.is_alive() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if self.group.is_alive() {
            self.group.signal(Signal::KILL);
        }
        match left {
            Ok(status) => status,
            Err(_elapsed) => self.leader.wait().await,
        }
    }
}

async fn collect(stdout: ChildStdout) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut stdout = stdout.take(OUTPUT);
    let _cut = stdout.read_to_end(&mut kept).await;
    // What is more is read too, so that the tool does not stall, but not kept.
    let _rest = tokio::io::copy(&mut stdout.into_inner(), &mut tokio::io::sink()).await;
    kept
}

async fn pass_on(
    stderr: ChildStderr,
    tail: Arc<Mutex<Vec<u8>>>,
    mut line: impl FnMut(&str) + Send,
) {
    let mut reader = BufReader::new(stderr);
    let mut bytes = Vec::new();
    while let Ok(1..) = (&mut reader).take(LINE).read_until(b'\n', &mut bytes).await {
        if let Ok(mut tail) = tail.lock() {
            tail.extend_from_slice(&bytes);
            let surplus = tail.len().saturating_sub(TAIL);
            tail.drain(..surplus);
        }
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
        bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        let env = [("GIVEN", OsString::from("yes"))];
        Child::start(Path::new("/bin/sh"), ["-c", script], env, |_| {}).unwrap()
    }

    #[tokio::test]
    async fn the_environment_is_clean_and_words_are_passed_on() {
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let script = "echo one >&2; echo $GIVEN $HOME $USER; printf two >&2; exit 3";
        let env = [("GIVEN", OsString::from("yes"))];
        let line = move |line: &str| said.send(line.to_owned()).unwrap();
        let child = Child::start(Path::new("/bin/sh"), ["-c", script], env, line).unwrap();
        let ended = child
            .wait_or_cancel(&CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(!ended.cancelled);
        assert_eq!(ended.stdout, b"yes\n");
        assert_eq!(ended.stderr, "one\ntwo");
        assert_eq!(heard.recv().await.unwrap(), "one");
        assert_eq!(heard.recv().await.unwrap(), "two");
    }

    #[tokio::test]
    async fn only_the_end_of_much_stderr_is_kept() {
        let child = shell("head -c 200000 /dev/zero >&2; echo end >&2");
        let ended = child
            .wait_or_cancel(&CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(ended.stderr.len(), TAIL);
        assert!(ended.stderr.ends_with("end\n"));
    }

    #[tokio::test]
    async fn cancelling_stops_the_whole_group() {
        let child = shell("sleep 300 & sleep 300");
        let group = Group(child.group.0);
        let cancel = CancellationToken::new();
        cancel.cancel();
        let began = Instant::now();
        let ended = child.wait_or_cancel(&cancel).await.unwrap();
        assert!(ended.cancelled);
        assert!(!group.is_alive());
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_deaf_worker_is_killed_after_the_grace() {
        // The leader leaves when asked, its worker does not.
        let child =
            shell("(trap '' TERM; sleep 300; sleep 300) & trap 'exit 1' TERM; echo up; wait");
        let group = Group(child.group.0);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let cancel = CancellationToken::new();
        cancel.cancel();
        let began = Instant::now();
        let ended = child
            .wait_or_cancel_within(&cancel, Duration::from_millis(500))
            .await
            .unwrap();
        assert!(ended.cancelled);
        assert!(began.elapsed() >= Duration::from_millis(450));
        while group.is_alive() {
            assert!(began.elapsed() < Duration::from_secs(3));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn dropping_kills_the_group() {
        let child = shell("sleep 300 & sleep 300");
        let group = Group(child.group.0);
        drop(child);
        let began = Instant::now();
        while group.is_alive() {
            assert!(began.elapsed() < Duration::from_secs(3));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_missing_program_is_told() {
        let args: [&str; 0] = [];
        let env: [(&'static str, OsString); 0] = [];
        let trouble = Child::start(Path::new("/nowhere/pg_dump"), args, env, |_| {}).unwrap_err();
        assert!(
            trouble
                .what
                .contains("/nowhere/pg_dump could not be started")
        );
    }
}
