//! The manifest: the JSON beside an artifact that says what it is.
//!
//! The file holds a [`Manifest`] and, under `contents`, a [`Contents`]. Lists read the first only: the
//! second names every table.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::contents::Contents;

/// The version of the manifest's layout that this program writes. The first knew neither `contents` nor `readable_at`.
pub const VERSION: u32 = 2;
/// The oldest layout that this program reads.
pub const OLDEST: u32 = 1;

/// What is known of one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout's version, [`VERSION`] or older.
    pub v: u32,
    /// UUID v7.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// Who asked for it.
    pub actor: String,
    /// The job that took it.
    pub job: String,
    /// What the person wrote beside it; may be empty.
    pub note: String,
    /// When its snapshot was taken: the moment that it goes back to.
    pub created_at: Timestamp,
    /// When its bytes had been hashed.
    pub finished_at: Timestamp,
    /// When `pg_restore` of the server's major had read its table of contents, and that had named every table of the
    /// snapshot and no other. None: that was not so, or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readable_at: Option<Timestamp>,
    /// The artifact.
    pub file: File,
    /// The server and the database it came from.
    pub server: Server,
    /// The version of `pg_dump` that wrote it.
    pub pg_dump: String,
    /// The ledger at the time, oldest first: the state that this backup goes back to.
    pub migrations: Vec<MigrationRow>,
}

/// A manifest as it stands in its file.
#[derive(Serialize)]
pub(super) struct Whole<'a> {
    #[serde(flatten)]
    pub manifest: &'a Manifest,
    pub contents: &'a Contents,
}

/// The artifact's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The file's name in the archive and on download.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
    /// `pg_custom`: what `pg_dump -Fc` writes.
    pub format: String,
    /// The version of that format, `1.14`: an older `pg_restore` does not open a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_version: Option<String>,
    /// `gzip:1` or `zstd:3`.
    pub compression: String,
}

/// Where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// As `SHOW server_version_num` says it, for example 150018.
    pub version_num: i32,
    /// What tells the cluster from others: its system identifier, or its address where the role may not read that.
    pub cluster: String,
    /// The database's name.
    pub database: String,
    /// Its encoding.
    pub encoding: String,
    /// Its size on disk at the time.
    pub size_bytes: Option<i64>,
}

/// One row of the ledger at the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationRow {
    /// The migration's name.
    pub name: String,
    /// The checksum that was recorded when it was applied.
    pub checksum: String,
    /// `applied`, `failed` or `rolled back`.
    pub state: String,
}

/// What is claimed of a backup, and no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// The dump ended well, and its bytes are recorded.
    Taken,
    /// Also, its table of contents could be read and names every table of the snapshot. Whether its data can be read to
    /// the end and restored is not known.
    Readable,
}

impl Worth {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Readable => "readable",
        }
    }

    /// What it says and does not say, in sentences.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Taken => {
                "The dump ended well and its bytes are recorded. Its table of contents has not been found complete, and it \
                 has not been restored to prove it."
            }
            Self::Readable => {
                "The dump ended well, its bytes are recorded, and pg_restore read its table of contents, which names every \
                 table of the snapshot. It has not been restored to prove it: whether all of its data can be read is not known."
            }
        }
    }
}

impl Server {
    /// The version as people write it: 150018 is `15.18`.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}.{}", self.major(), self.version_num % 10_000)
    }

    /// The major version: 15.
    #[must_use]
    pub fn major(&self) -> i32 {
        self.version_num / 10_000
    }
}

impl Manifest {
    /// How long it took, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.finished_at.as_millisecond() - self.created_at.as_millisecond()
    }

    /// What it is worth, as far as is known.
    #[must_use]
    pub fn worth(&self) -> Worth {
        match self.readable_at {
            Some(_) => Worth::Readable,
            None => Worth::Taken,
        }
    }

    /// Its name without an ending: `2025-09-21_1200-app`.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.file.name.as_str();
        name.strip_suffix(".dump").unwrap_or(name)
    }
}
