//! The script of one migration: its text as Prisma reads it, or why there is none.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::checksum;
use crate::sql::{self, Statement, SyntaxError};

/// The longest script that is read, in bytes. A longer one is [`BrokenFolder::TooLarge`].
pub const MAX_SCRIPT_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The one file of a migration that counts.
pub(super) const SCRIPT_FILE: &str = "migration.sql";

/// The text of a migration.
#[derive(Clone, Debug)]
pub struct Script {
    /// What is run: the file decoded as UTF-8, with replacement characters for what is not.
    pub text: String,
    /// The checksum of that text, as a new row records it.
    pub checksum: String,
    /// Whether the file was UTF-8 throughout, so that `text` is the file.
    pub is_utf8: bool,
    /// The text, parsed when that was first asked for. Clones share it.
    parsed: Arc<OnceLock<Result<Vec<Statement>, SyntaxError>>>,
}

/// Whether they are of the same file; whether one was parsed already makes no difference.
impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.is_utf8) == (&other.text, other.is_utf8)
    }
}

impl Eq for Script {}

impl Script {
    /// The script of a file with this content.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self {
            checksum: checksum::checksum(bytes),
            is_utf8: matches!(text, std::borrow::Cow::Borrowed(_)),
            text: text.into_owned(),
            parsed: Arc::default(),
        }
    }

    /// Its statements, in order, or why Postgres would not take it. It is parsed once, whoever asks.
    pub fn statements(&self) -> Result<&[Statement], &SyntaxError> {
        let parsed = self.parsed.get_or_init(|| sql::parse(&self.text));
        parsed.as_deref()
    }

    /// Whether a recorded checksum is this script's, by Prisma's rules ([`checksum::matches`]).
    #[must_use]
    pub fn matches(&self, stored: &str) -> bool {
        self.checksum == stored || checksum::matches(self.text.as_bytes(), stored)
    }
}

/// Why a migration has no script; Prisma stops with P3015 where it needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokenFolder {
    /// There is no `migration.sql` in the directory.
    Missing,
    /// `migration.sql` is a directory or something else that is not a file.
    NotAFile,
    /// It is there, but the system does not let us read it.
    Unreadable {
        /// The system's reason.
        reason: String,
    },
    /// It is longer than [`MAX_SCRIPT_FILE_BYTES`]. Prisma would read it; Lockkeeper does not.
    TooLarge {
        /// Its length.
        bytes: u64,
    },
}

/// A sentence about the directory.
impl fmt::Display for BrokenFolder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(out, "There is no {SCRIPT_FILE} in its folder."),
            Self::NotAFile => write!(out, "Its {SCRIPT_FILE} is not a file."),
            Self::Unreadable { reason } => {
                write!(out, "Its {SCRIPT_FILE} cannot be read: {reason}.")
            }
            Self::TooLarge { bytes } => write!(
                out,
                "Its {SCRIPT_FILE} has {bytes} bytes; scripts of more than {MAX_SCRIPT_FILE_BYTES} bytes are not read."
            ),
        }
    }
}

/// Reads the script of the migration in `directory`.
pub(super) fn read_script(directory: &Path) -> Result<Script, BrokenFolder> {
    let path = directory.join(SCRIPT_FILE);
    // Looked at before it is opened: opening a named pipe would wait for a writer for ever.
    let found = fs::metadata(&path).map_err(|error| broken(&error))?;
    if !found.is_file() {
        return Err(BrokenFolder::NotAFile);
    }
    let too_large = |bytes| BrokenFolder::TooLarge { bytes };
    if found.len() > MAX_SCRIPT_FILE_BYTES {
        return Err(too_large(found.len()));
    }
    let bytes = read_at_most(&path, MAX_SCRIPT_FILE_BYTES + 1).map_err(|error| broken(&error))?;
    let length = bytes.len() as u64;
    if length > MAX_SCRIPT_FILE_BYTES {
        return Err(too_large(length));
    }
    Ok(Script::from_bytes(&bytes))
}

fn broken(error: &io::Error) -> BrokenFolder {
    match error.kind() {
        ErrorKind::NotFound => BrokenFolder::Missing,
        _ => BrokenFolder::Unreadable {
            reason: error.to_string(),
        },
    }
}

/// The first `limit` bytes of a file.
pub(super) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_become_replacement_characters() {
        let script = Script::from_bytes(b"SELECT '\xff';");
        assert_eq!(script.text, "SELECT '\u{fffd}';");
        assert!(!script.is_utf8);
        assert!(script.matches(&checksum::checksum(script.text.as_bytes())));
    }
}
