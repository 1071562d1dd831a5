//! Why a snapshot was not written or not put back, in words for a person: what happened, and what to do next.

use std::path::PathBuf;

use super::super::StoreError;

/// Why there is no snapshot, or why it was not put back. Nothing was changed in each of these cases.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file of that name is there.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// Another process writes it at this moment.
    #[error("{0} is being written by another process")]
    Busy(PathBuf),
    /// The disk or its rights.
    #[error("{path} cannot be {deed}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        deed: &'static str,
        /// The system's words.
        reason: std::io::Error,
    },
    /// A row is too long for a line.
    #[error("a row of {0} is longer than a snapshot can hold")]
    Long(String),
    /// The file is none of ours.
    #[error("{0} is not a snapshot of a Lockkeeper store: {1}")]
    Foreign(PathBuf, String),
    /// The file ends too early.
    #[error("{path} was cut: it ends after line {lines}, and its last line is missing")]
    Cut {
        /// The file.
        path: PathBuf,
        /// How many lines there are.
        lines: u64,
    },
    /// The file is not what was written.
    #[error("{path} was altered after it was written: {found}")]
    Altered {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        found: String,
    },
    /// A newer program wrote it.
    #[error("{path} was written by Lockkeeper {version}, which is newer than this one ({found})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Of the program that wrote it.
        version: String,
        /// What is too new.
        found: String,
    },
    /// The store's schema is not this program's.
    #[error("the store was brought to schema {0} by another Lockkeeper while this one was running")]
    Overtaken(i64),
    /// A console, a worker or a command uses the store.
    #[error("the store is in use: {0}")]
    InUse(String),
    /// The store holds something.
    #[error("the store is not empty: {0}")]
    NotEmpty(String),
    /// The rows do not fit into the schema.
    #[error("the rows of {table} do not fit: {reason}")]
    Rows {
        /// Of which table.
        table: String,
        /// The store's words.
        reason: sqlx::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for SnapshotError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl SnapshotError {
    /// What to do next, as a whole sentence.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Exists(_) => "Name another file, or add --force to replace this one.",
            Self::Busy(_) => "Wait until that has ended, or name another file.",
            Self::File { .. } => "Check the path, its rights and the room on the disk.",
            Self::Long(_) | Self::Rows { .. } => {
                "This is a defect of the program; please report it with these words."
            }
            Self::Foreign(..) => "Name a file that `lockkeeper store backup` wrote.",
            Self::Cut { .. } | Self::Altered { .. } => {
                "Use another snapshot, or copy this one again from where it was kept."
            }
            Self::Newer { .. } | Self::Overtaken(_) => {
                "Use that version of Lockkeeper or a newer one."
            }
            Self::InUse(_) => {
                "Stop every console, worker and command that uses this store, then try again. After one was killed, \
                 wait 30 seconds."
            }
            Self::NotEmpty(_) => {
                "Add --replace to put the snapshot in its place; what the store holds now is written to a file first."
            }
            Self::Store(_) => "Look at the store with `lockkeeper doctor`.",
        }
    }
}
