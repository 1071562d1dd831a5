//! The real Prisma CLI, asked what it thinks of a history. It is an oracle for that, not for how a script executes.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

/// Runs the CLI on a project. The first call of a test run installs it, which needs npm and takes a while.
pub fn prisma(project: &Path, database_url: &str, args: &[&str]) -> Output {
    Command::new(install().join("run"))
        .arg(project)
        .args(args)
        .env("DATABASE_URL", database_url)
        .output()
        .unwrap()
}

/// Installs the CLI where that was not done; the folder of the scripts that run it.
pub fn install() -> PathBuf {
    static INSTALLED: Once = Once::new();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prisma");
    INSTALLED.call_once(|| {
        let setup = Command::new(scripts.join("setup")).output().unwrap();
        assert!(
            setup.status.success(),
            "{}",
            String::from_utf8_lossy(&setup.stderr)
        );
    });
    scripts
}
