//! The manifest: the JSON beside an artifact that says what it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the manifest's layout that this program writes.
pub const VERSION: u32 = 1;

/// What is known of one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout's version, [`VERSION`].
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
    /// When the dump began.
    pub created_at: Timestamp,
    /// When its bytes had been hashed.
    pub finished_at: Timestamp,
    /// The artifact.
    pub file: File,
    /// The server and the database it came from.
    pub server: Server,
    /// The version of `pg_dump` that wrote it.
    pub pg_dump: String,
    /// The ledger at the time, oldest first: the state that this backup goes back to.
    pub migrations: Vec<MigrationRow>,
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

impl Server {
    /// The version as people write it: 150018 is `15.18`.
    #[must_use]
    pub fn version(&self) -> String {
        format!(
            "{}.{}",
            self.version_num / 10_000,
            self.version_num % 10_000
        )
    }
}

impl Manifest {
    /// How long it took, in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.finished_at.as_millisecond() - self.created_at.as_millisecond()
    }
}
