//! What a cluster is copied from, and what its files need: a data folder per version, certificates, the right owner.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::cluster::PASSWORD;

const CONF: &str = "\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nlisten_addresses = '127.0.0.1'\n\
                    shared_buffers = 16MB\nmax_connections = 40\nmax_wal_size = 256MB\nautovacuum = off\n";

pub fn bin() -> PathBuf {
    if let Some(bin) = std::env::var_os("LOCKKEEPER_TEST_PG_BIN") {
        return bin.into();
    }
    let majors = fs::read_dir("/usr/lib/postgresql").expect("a Postgres server is installed");
    majors
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let major: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let bin = path.join("bin");
            bin.join("initdb").exists().then_some((major, bin))
        })
        .max()
        .expect("an initdb is installed")
        .1
}

/// The data folder that clusters of this version are copied from; the first that asks makes it.
pub fn template(bin: &Path) -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _turn = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let version = run(Command::new(bin.join("postgres")).arg("--version"));
    let version: String = version
        .chars()
        .map(|each| {
            if each.is_ascii_alphanumeric() || each == '.' {
                each
            } else {
                '-'
            }
        })
        .collect();
    let template = home().join(format!("template-{}", version.trim_end_matches('-')));
    if template.exists() {
        return template;
    }
    let making = home().join(format!("making-{}", std::process::id()));
    fs::create_dir_all(&making).unwrap();
    let password = making.join("password");
    fs::write(&password, PASSWORD).unwrap();
    give_away(&making);
    let mut initdb = as_postgres(bin.join("initdb").to_str().unwrap());
    initdb
        .args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .arg(format!("--pwfile={}", password.display()))
        .arg("-D")
        .arg(making.join("data"))
        .current_dir("/");
    run(&mut initdb);
    append(&making.join("data/postgresql.conf"), CONF);
    // Two test processes may come here at once: the second rename finds a folder that is not empty, and fails.
    let _second = fs::rename(making.join("data"), &template);
    fs::remove_dir_all(&making).unwrap();
    template
}

pub fn certificates(data: &Path) {
    let openssl = |args: &[&str]| {
        run(Command::new("openssl")
            .args(args)
            .current_dir(data)
            .stderr(Stdio::piped()))
    };
    let of = |more: &[&str]| {
        let key = [
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        openssl(&[&key, more].concat())
    };
    of(&[
        "-x509",
        "-subj",
        "/CN=Test authority",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "30",
    ]);
    of(&[
        "-subj",
        "/CN=localhost",
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
    ]);
    fs::write(
        data.join("ext"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        "ext",
        "-out",
        "server.crt",
    ]);
    fs::set_permissions(data.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
}

/// Where templates and clusters lie. Socket paths must stay below 100 bytes.
pub fn home() -> PathBuf {
    let home = std::env::temp_dir().join("lockkeeper-tests");
    if !home.exists() {
        fs::create_dir_all(&home).unwrap();
        // Clusters remove themselves, as `postgres`.
        fs::set_permissions(&home, fs::Permissions::from_mode(0o1777)).unwrap();
    }
    home
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}

/// A command that runs as `postgres` when we are root, who may not start a server.
pub fn as_postgres(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        program,
    ]);
    command
}

pub fn give_away(folder: &Path) {
    if is_root() {
        run(Command::new("chown")
            .args(["-R", "postgres:postgres"])
            .arg(folder));
    }
}

pub fn append(path: &Path, text: &str) {
    let mut whole = fs::read_to_string(path).unwrap();
    whole.push_str(text);
    fs::write(path, whole).unwrap();
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}
