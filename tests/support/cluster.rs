//! A throw-away Postgres cluster, made from the machine's own `initdb`.
//!
//! A template per version is made once and copied per cluster, which takes well under a second to start. The server is
//! the child of a shell that waits on a pipe from the test process: when the test dies, however it dies, the pipe closes,
//! the shell stops the server and removes its folder. Everything lies under the system's temporary folder, because the
//! user `postgres`, as whom it runs when the tests run as root, must get there. `LOCKKEEPER_TEST_PG_BIN` names other
//! binaries than the newest ones of Debian's layout.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::template::{append, as_postgres, bin, certificates, give_away, home, run, template};

/// The password of the superuser `postgres`.
pub const PASSWORD: &str = "keeper-of-tests";

/// A running cluster; it stops when dropped.
pub struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    keeper: Child,
}

impl Cluster {
    /// Starts a cluster without TLS.
    pub fn start() -> Self {
        Self::start_with(|_data| {})
    }

    /// Starts a cluster whose certificate is for `localhost` (not for 127.0.0.1), signed by [`Cluster::authority`].
    pub fn with_tls() -> Self {
        Self::start_with(|data| {
            certificates(data);
            append(&data.join("postgresql.conf"), "ssl = on\n");
        })
    }

    /// Starts a cluster whose data folder `prepare` has changed.
    pub fn start_with(prepare: impl Fn(&Path)) -> Self {
        let bin = bin();
        let template = template(&bin);
        // Between choosing a free port and listening on it another test may take it.
        for attempt in 0.. {
            let port = free_port();
            let folder = home().join(format!("cluster-{port}-{}", std::process::id()));
            let data = folder.join("data");
            fs::create_dir_all(&folder).unwrap();
            run(Command::new("cp")
                .args(["-a", "--reflink=auto"])
                .arg(&template)
                .arg(&data));
            prepare(&data);
            give_away(&folder);
            let keeper = keep(&bin, &folder, port);
            let mut cluster = Self {
                bin: bin.clone(),
                folder,
                port,
                keeper,
            };
            if cluster.wait_until_ready() {
                return cluster;
            }
            assert!(attempt < 3, "no cluster started: {}", cluster.log());
        }
        unreachable!()
    }

    fn wait_until_ready(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            let status = fs::read_to_string(self.folder.join("data/postmaster.pid"));
            if status.is_ok_and(|text| text.lines().nth(7).is_some_and(|it| it.trim() == "ready")) {
                return true;
            }
            if self.keeper.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The superuser's URL for a database.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", PASSWORD, database)
    }

    /// A role's URL for a database.
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> String {
        let (role, password, database) = (encode(role), encode(password), encode(database));
        format!(
            "postgresql://{role}:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The superuser's URL for a database, through the Unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        let (password, database) = (encode(PASSWORD), encode(database));
        let folder = encode(&self.folder.to_string_lossy());
        format!(
            "postgresql://postgres:{password}@localhost:{}/{database}?host={folder}",
            self.port
        )
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of `postgres`, `psql` and the other binaries.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The folder of the cluster; the data are in `data`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The certificate authority of [`Cluster::with_tls`].
    pub fn authority(&self) -> PathBuf {
        self.folder.join("data/ca.pem")
    }

    /// Makes an empty database of any name.
    pub fn create_database(&self, name: &str) {
        let quoted = name.replace('"', "\"\"");
        self.psql("postgres", &format!("CREATE DATABASE \"{quoted}\""));
    }

    /// Runs SQL as superuser; the unaligned rows that came back, or a panic with what psql said.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args([
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
        ])
        .args(["-p", &self.port.to_string(), "-c", sql])
        .env("PGPASSWORD", PASSWORD)
        // As a variable, not as an argument: psql would take a name with = for a connection string.
        .env("PGDATABASE", database);
        run(&mut psql)
    }

    /// Kills the server's process that serves a session of ours on `database`, or one of its own when there is none: all
    /// sessions end, and the server recovers by itself. Returns when it takes connections again.
    pub fn crash(&self, database: &str) {
        use rustix::process::{Pid, Signal, kill_process};
        let victim = "SELECT pid FROM pg_stat_activity WHERE (datname = current_database() AND application_name LIKE 'lockkeeper:%') \
                      OR backend_type = 'background writer' ORDER BY datname IS NULL, query DESC LIMIT 1";
        let pid = self.psql(database, victim).parse().unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        // It refuses connections before it accepts them again.
        std::thread::sleep(Duration::from_millis(300));
        while !Command::new(self.bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .unwrap()
            .success()
        {
            assert!(Instant::now() < deadline, "the server did not recover");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _gone = self.keeper.wait();
    }
}

/// Starts the server under the shell that stops it when the pipe closes.
fn keep(bin: &Path, folder: &Path, port: u16) -> Child {
    let script = r#"cd /; "$1/postgres" -D "$2/data" -k "$2" -p "$3" & server=$!
        while kill -0 $server 2>/dev/null; do read -t 1 word; [ $? -gt 128 ] || break; done
        kill -QUIT $server 2>/dev/null; wait $server; code=$?; rm -rf "$2"; exit $code"#;
    let log = fs::File::create(folder.join("log")).unwrap();
    as_postgres("bash")
        .args(["-c", script, "bash"])
        .args([bin, folder])
        .arg(port.to_string())
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Percent-encodes everything that could mean something in a URL.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
