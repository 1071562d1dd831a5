//! `pg_dump` and `pg_restore`: finding the ones of the right major, and running them without showing anyone a secret.
//!
//! A client must have the server's major exactly: an older one refuses to dump, a newer one sends settings that an older
//! server does not know and so fails every strict restore. Nothing else in the crate starts a process. Read [`child`] for
//! how a tool runs and is stopped, [`service`] for how it learns where to connect.

pub mod child;
pub mod service;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::operation::Trouble;

pub use child::{Child, Ended};
pub use service::ConnectionFiles;

/// The majors that are looked for in the packagers' folders.
const MAJORS: std::ops::RangeInclusive<i32> = 13..=20;

/// The client tools of one major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// `pg_dump`.
    pub pg_dump: PathBuf,
    /// `pg_restore`, from the same folder.
    pub pg_restore: PathBuf,
    /// Their version as they say it: `15.18`.
    pub version: String,
}

/// A set of client tools on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolVersion {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// As `pg_dump` says it: `15.18`.
    pub version: String,
    /// 15.
    pub major: i32,
    /// 18; 0 for a development version.
    pub minor: i32,
}

impl Tools {
    /// The tools for a server of that major; refused when there are none, never another major instead.
    pub async fn find(major: i32) -> Result<Self, Trouble> {
        Self::among(major, &installed().await)
    }

    fn among(major: i32, installed: &[ToolVersion]) -> Result<Self, Trouble> {
        if let Some(found) = installed.iter().find(|found| found.major == major) {
            return Ok(Self {
                pg_dump: found.folder.join("pg_dump"),
                pg_restore: found.folder.join("pg_restore"),
                version: found.version.clone(),
            });
        }
        let others: Vec<&str> = installed
            .iter()
            .map(|found| found.version.as_str())
            .collect();
        let others = match others.as_slice() {
            [] => "no client tools at all".to_owned(),
            versions => format!("only those of {}", versions.join(", ")),
        };
        Err(Trouble::new(
            format!(
                "The server is Postgres {major}, but this machine has {others}: pg_dump and pg_restore must have the \
                 server's own major version."
            ),
            "Nothing was read or changed.",
            format!(
                "Install the package postgresql-client-{major} (from apt.postgresql.org if your system does not have \
                 it), or use Lockkeeper's image, which carries every supported version."
            ),
        ))
    }
}

impl ToolVersion {
    /// Whether these tools are older than the fix of CVE-2026-18408, with which a hostile dump runs shell commands in
    /// `psql`; `None` when no fixed version of this major is known to us.
    #[must_use]
    pub fn below_floor(&self) -> Option<bool> {
        let floor = match self.major {
            15 => 20,
            17 => 11,
            18 => 6,
            // 16.14 was found open; which later one is fixed is not known.
            16 if self.minor <= 14 => return Some(true),
            _ => return None,
        };
        Some(self.minor < floor)
    }
}

/// Every set of client tools that is found: in the folders of Debian's, PGDG's and Homebrew's packages, then in `PATH`.
pub async fn installed() -> Vec<ToolVersion> {
    let packaged = MAJORS.flat_map(|major| {
        [
            format!("/usr/lib/postgresql/{major}/bin"),
            format!("/usr/pgsql-{major}/bin"),
            format!("/opt/homebrew/opt/postgresql@{major}/bin"),
        ]
    });
    let path = crate::config::search_path().unwrap_or_default();
    let folders = packaged
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path));
    installed_in(folders).await
}

async fn installed_in(folders: impl Iterator<Item = PathBuf>) -> Vec<ToolVersion> {
    let mut found: Vec<ToolVersion> = Vec::new();
    for folder in folders {
        let both = ["pg_dump", "pg_restore"].map(|tool| folder.join(tool));
        if !folder.is_absolute() || !both.iter().all(|tool| tool.is_file()) {
            continue;
        }
        let Some((version, major, minor)) = version_of(&both[0]).await else {
            continue;
        };
        if found.iter().all(|known| known.version != version) {
            found.push(ToolVersion {
                folder,
                version,
                major,
                minor,
            });
        }
    }
    found
}

async fn version_of(tool: &Path) -> Option<(String, i32, i32)> {
    let mut asking = child::command(tool);
    asking
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let answer = tokio::time::timeout(Duration::from_secs(5), asking.output()).await;
    let answer = answer.ok()?.ok()?;
    parse_version(&String::from_utf8_lossy(&answer.stdout))
}

/// `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `… 19beta1`.
fn parse_version(text: &str) -> Option<(String, i32, i32)> {
    let version = text
        .split_once("(PostgreSQL) ")?
        .1
        .split_whitespace()
        .next()?;
    let digits = version.find(|each: char| !each.is_ascii_digit());
    let (major, rest) = version.split_at(digits.unwrap_or(version.len()));
    let minor = rest.strip_prefix('.').and_then(|minor| minor.parse().ok());
    Some((
        version.to_owned(),
        major.parse().ok()?,
        minor.unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(version: &str) -> ToolVersion {
        let (version, major, minor) = parse_version(&format!("x (PostgreSQL) {version}")).unwrap();
        ToolVersion {
            folder: format!("/tools/{major}").into(),
            version,
            major,
            minor,
        }
    }

    #[test]
    fn versions_are_read() {
        let debian = "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(parse_version(debian), Some(("15.18".to_owned(), 15, 18)));
        assert_eq!(tools("19beta1").major, 19);
        assert_eq!(tools("18").minor, 0);
        assert_eq!(parse_version("busybox"), None);
    }

    #[test]
    fn only_the_servers_own_major_will_do() {
        let installed = [tools("15.18"), tools("18.6")];
        let found = Tools::among(18, &installed).unwrap();
        assert_eq!(found.pg_dump, Path::new("/tools/18/pg_dump"));
        let trouble = Tools::among(16, &installed).unwrap_err();
        assert!(trouble.what.contains("Postgres 16"), "{trouble:?}");
        assert!(trouble.what.contains("15.18, 18.6"), "{trouble:?}");
        assert!(trouble.next.contains("postgresql-client-16"));
    }

    #[test]
    fn tools_with_a_known_hole_are_told() {
        let judged = [
            "15.18", "15.20", "16.14", "16.15", "17.10", "17.11", "18.5", "18.6", "14.1",
        ]
        .map(|version| tools(version).below_floor());
        let (open, fixed) = (Some(true), Some(false));
        assert_eq!(
            judged,
            [open, fixed, open, None, open, fixed, open, fixed, None]
        );
    }

    #[tokio::test]
    async fn a_folder_without_tools_is_passed_over() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join("pg_dump"), "not a program").unwrap();
        let folders = [folder.path().to_path_buf(), PathBuf::from("relative")];
        assert!(installed_in(folders.into_iter()).await.is_empty());
    }
}
