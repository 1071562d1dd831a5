//! A real console for tests: the built binary, its own folder, store, archive and port, stopped when dropped.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The name and the password that [`Console`] signs in with.
pub const USER: &str = "ada";
/// Long enough for the rule, known to the tests only.
pub const USER_PASSWORD: &str = "a-rather-long-passphrase";

/// The binary under test.
pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_lockkeeper")
}

/// A folder with a `lockkeeper.toml`, with or without a console that runs on it.
pub struct Console {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

/// A target for the configuration of a [`Console`].
pub struct TargetLines<'a> {
    pub name: &'a str,
    pub environment: &'a str,
    pub url: &'a str,
    pub migrations: &'a Path,
}

impl Console {
    /// Writes the configuration; nothing is started yet. `store` is a URL, or none for a file in the folder.
    pub fn prepare(targets: &[TargetLines<'_>], store: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n"
        );
        if let Some(store) = store {
            writeln!(text, "[store]\nurl = {store:?}").unwrap();
        }
        text.push_str("[archive]\nfolder = \"backups\"\n");
        for target in targets {
            let url_file = folder.path().join(format!("{}.url", target.name));
            std::fs::write(&url_file, target.url).unwrap();
            std::fs::set_permissions(
                &url_file,
                std::os::unix::fs::PermissionsExt::from_mode(0o600),
            )
            .unwrap();
            let (name, environment) = (target.name, target.environment);
            let url_file = url_file.to_str().unwrap();
            let migrations = target.migrations.to_str().unwrap();
            writeln!(
                text,
                "[[target]]\nname = {name:?}\nenvironment = {environment:?}\nurl_file = {url_file:?}\nmigrations = {migrations:?}"
            )
            .unwrap();
        }
        std::fs::write(folder.path().join("lockkeeper.toml"), text).unwrap();
        Self {
            folder,
            port,
            server: None,
        }
    }

    /// Prepares, makes the user and starts the console.
    pub fn start(targets: &[TargetLines<'_>]) -> Self {
        let mut console = Self::prepare(targets, None);
        console.add_user();
        console.serve();
        console
    }

    /// Makes the user [`USER`].
    pub fn add_user(&self) {
        let made = self.cli_with_input(&["user", "add", USER, "--password-stdin"], USER_PASSWORD);
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Makes another user, who is admin everywhere and has the password of [`USER`]: the last one cannot be disabled.
    pub fn add_admin(&self, name: &str) {
        self.add_as(name, "admin");
    }

    /// Makes another user with a role and the password of [`USER`].
    pub fn add_as(&self, name: &str, role: &str) {
        let args = ["user", "add", name, "--role", role, "--password-stdin"];
        let made = self.cli_with_input(&args, USER_PASSWORD);
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Starts the console and waits until it is ready.
    pub fn serve(&mut self) {
        self.serve_with(&[]);
    }

    /// The same, with flags.
    pub fn serve_with(&mut self, flags: &[&str]) {
        let log = std::fs::File::create(self.log_path()).unwrap();
        let server = self
            .command()
            .arg("serve")
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "the console did not start:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The console's process, to be killed or stopped by a test.
    pub fn server(&mut self) -> &mut Child {
        self.server.as_mut().unwrap()
    }

    /// Kills the console with SIGKILL, as a crash would.
    pub fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Asks the console to stop, as its service manager would, and waits until it has.
    pub fn stop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let mut server = self.server.take().unwrap();
        kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
        let ended = server.wait().unwrap();
        assert!(ended.success(), "{ended}");
    }

    /// Runs a command of the binary with this console's configuration.
    pub fn cli(&self, args: &[&str]) -> Output {
        self.cli_with_input(args, "")
    }

    /// The same, with something on standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut child = self
            .command()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// The command, with an environment of its own: a developer's `DATABASE_URL` must not reach a test.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.folder.path())
            .arg("--config")
            .arg(self.folder.path().join("lockkeeper.toml"));
        command
    }

    /// Adds lines to the `[server]` of a console that does not run yet; a key that is there already is replaced.
    pub fn set_server(&self, lines: &[(&str, &str)]) {
        let file = self.folder().join("lockkeeper.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        for (key, value) in lines {
            let kept = text
                .lines()
                .filter(|line| !line.starts_with(&format!("{key} = ")));
            text = kept.fold(String::new(), |text, line| text + line + "\n");
            text = text.replacen("[server]\n", &format!("[server]\n{key} = {value}\n"), 1);
        }
        std::fs::write(&file, text).unwrap();
    }

    /// Sends a request as it is written, without a client that would correct it, to the console's port at `address`; the
    /// whole answer. The request has to end the connection.
    pub fn raw(&self, address: &str, request: &[u8]) -> String {
        let mut stream = std::net::TcpStream::connect((address, self.port)).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A console that hangs up on the rest of a request says so by a reset.
        let _reset = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes its SQLite store behind its back, as time or somebody with the file would.
    pub async fn tamper(&self, statement: &'static str) {
        use sqlx::Connection;
        let file = self.folder().join("lockkeeper-data/store.db");
        let url = format!("sqlite://{}", file.display());
        let mut store = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&mut store).await.unwrap();
        store.close().await.unwrap();
    }

    /// A URL of the console.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its folder, with `backups/` and the store in `lockkeeper-data/`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its log is.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("console.log")
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _gone = server.kill();
            let _gone = server.wait();
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
