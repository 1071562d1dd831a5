//! This machine: the archive with the room that it has, and Postgres's client tools.

use std::path::Path;
use std::time::Duration;

use super::Check;
use crate::backup::Archive;
use crate::config::Config;
use crate::target::tool::ToolVersion;

/// Less room than this is too little, in bytes.
pub(super) const SHORT: u64 = 1_000_000_000;
/// How long a disk may take to say how much room there is. One that is gone from the network never says it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The archive and the client tools, if those are known.
pub async fn machine(config: &Config, tools: Option<&[ToolVersion]>) -> Vec<Check> {
    let folder = &config.archive.folder;
    let mut checks = vec![archive(folder, room(folder).await)];
    checks.extend(client_tools(tools));
    checks
}

/// The bytes that may still be written to the folder, if its disk says so in time.
pub(super) async fn room(folder: &Path) -> Option<u64> {
    let archive = Archive::new(folder.to_path_buf());
    let asked = tokio::task::spawn_blocking(move || archive.free_bytes());
    tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?
}

fn archive(folder: &Path, free: Option<u64>) -> Check {
    let folder = folder.display();
    match free {
        None => Check::ill(
            "archive",
            folder.to_string(),
            "The room there cannot be told. Check that the disk is mounted.",
        ),
        Some(free) if free < SHORT => Check::ill(
            "archive",
            format!("{folder}, {} MB free", free / 1_000_000),
            "Make room, or name a folder on another disk as `folder` in [archive].",
        ),
        Some(free) => Check::well(
            "archive",
            format!("{folder}, {} GB free", free / 1_000_000_000),
        ),
    }
}

fn client_tools(tools: Option<&[ToolVersion]>) -> Vec<Check> {
    let Some(tools) = tools else {
        return vec![Check::ill(
            "client tools",
            "they did not say their versions in time",
            "Look again. If it stays so, run `pg_dump --version` on this machine.",
        )];
    };
    if tools.is_empty() {
        return vec![Check::ill(
            "client tools",
            "no pg_dump was found",
            "Install the client of your server's major, for example postgresql-client-15: without it no backup can be taken.",
        )];
    }
    tools
        .iter()
        .map(|tool| {
            let found = format!(
                "pg_dump and pg_restore {} in {}",
                tool.version,
                tool.folder.display()
            );
            match tool.below_floor() {
                Some(true) => Check::ill(
                    "client tools",
                    found,
                    "This minor version lacks the fix of CVE-2026-18408 in psql. Update the Postgres client packages.",
                ),
                _ => Check::well("client tools", found),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_to_fix() {
        let told = |free| archive(Path::new("/b"), free);
        assert_eq!(told(Some(SHORT)).found, "/b, 1 GB free");
        assert_eq!(told(Some(SHORT)).fix, None);
        let full = told(Some(0));
        assert_eq!(full.found, "/b, 0 MB free");
        assert!(full.fix.is_some() && told(None).fix.is_some());
    }
}
