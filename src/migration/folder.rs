//! The folder of migrations, read as Prisma's command line reads it.
//!
//! One level of real directories; in each exactly `migration.sql`. A folder that cannot be read has no migrations, as
//! with Prisma, but says why: silence would look like "everything is applied". Reading is synchronous; an async caller
//! puts it on a blocking thread.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::checksum;
use super::lock_file::LockFile;
use super::name;

/// The longest script that is read, in bytes. A longer one is [`BrokenFolder::TooLarge`].
pub const MAX_SCRIPT_FILE_BYTES: u64 = 16 * 1024 * 1024;

const LOCK_FILE: &str = "migration_lock.toml";
const SCRIPT_FILE: &str = "migration.sql";

/// A folder of migrations as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Its migrations, in the order in which Prisma applies them.
    pub migrations: Vec<Migration>,
    /// What its lock file says.
    pub lock_file: LockFile,
    /// Why it could not be read; then there are no migrations.
    pub problem: Option<FolderProblem>,
    /// Whole sentences about what a person should know, though Prisma goes on.
    pub warnings: Vec<String>,
}

/// One directory of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The directory's name, which is the migration's name in the ledger.
    pub name: String,
    /// Its script. Prisma notices a broken one only when it needs the text.
    pub script: Result<Script, BrokenFolder>,
}

/// The text of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What is run: the file decoded as UTF-8, with replacement characters for what is not.
    pub text: String,
    /// The checksum of that text, as a new row records it.
    pub checksum: String,
    /// Whether the file was UTF-8 throughout, so that `text` is the file.
    pub is_utf8: bool,
}

impl Script {
    /// The script of a file with this content.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self {
            checksum: checksum::checksum(bytes),
            is_utf8: matches!(text, std::borrow::Cow::Borrowed(_)),
            text: text.into_owned(),
        }
    }

    /// Whether a recorded checksum is this script's, by Prisma's rules ([`checksum::matches`]).
    #[must_use]
    pub fn matches(&self, stored: &str) -> bool {
        self.checksum == stored || checksum::matches(self.text.as_bytes(), stored)
    }
}

/// Why the folder could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderProblem {
    /// Nothing is there.
    #[error("The migrations folder {} does not exist.", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("The migrations folder {} is not a folder.", path.display())]
    NotAFolder {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is there, but the system does not let us list it.
    #[error("The migrations folder {} cannot be read: {reason}.", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
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

impl Folder {
    /// Reads the folder at `path` with all scripts.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut folder = Self {
            path: path.to_owned(),
            migrations: Vec::new(),
            lock_file: LockFile::Absent,
            problem: None,
            warnings: Vec::new(),
        };
        match folder.directories() {
            Ok(names) => {
                folder.warn_about_order(&names);
                folder.lock_file = folder.read_lock_file();
                folder.migrations = names
                    .into_iter()
                    .map(|name| Migration {
                        script: read_script(&path.join(&name).join(SCRIPT_FILE)),
                        name,
                    })
                    .collect();
            }
            Err(error) => folder.problem = Some(problem(path, &error)),
        }
        folder
    }

    /// The migration of that exact name.
    #[must_use]
    pub fn migration(&self, name: &str) -> Option<&Migration> {
        self.migrations
            .iter()
            .find(|migration| migration.name == name)
    }

    /// The names of the directories that count, in order.
    fn directories(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // The type of the entry itself: a symbolic link to a directory does not count.
            if !entry.file_type()?.is_dir() {
                continue;
            }
            match entry.file_name().into_string() {
                Ok(name) => names.push(name),
                Err(name) => self.warnings.push(format!(
                    "The folder {} is left out: its name is not UTF-8.",
                    name.to_string_lossy()
                )),
            }
        }
        names.sort_by(|a, b| name::compare(a, b));
        Ok(names)
    }

    fn warn_about_order(&mut self, names: &[String]) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if name::byte_order_differs(&names) {
            self.warnings.push(
                "Prisma before 6.6 would apply these migrations in another order: it sorted names by bytes, \
                 later versions sort them as dictionaries do."
                    .to_owned(),
            );
        }
    }

    fn read_lock_file(&mut self) -> LockFile {
        /// Far more than the one line that matters.
        const LONGEST: u64 = 64 * 1024;
        let path = self.path.join(LOCK_FILE);
        // Only a file is a lock file; a directory of that name is a migration.
        if !fs::metadata(&path).is_ok_and(|found| found.is_file()) {
            return LockFile::Absent;
        }
        match read_at_most(&path, LONGEST) {
            Ok(bytes) => LockFile::read(&String::from_utf8_lossy(&bytes)),
            Err(error) => {
                self.warnings.push(format!(
                    "{LOCK_FILE} cannot be read ({error}), so the provider that it names is not checked."
                ));
                LockFile::Absent
            }
        }
    }
}

fn problem(path: &Path, error: &io::Error) -> FolderProblem {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::NotFound => FolderProblem::Missing { path },
        ErrorKind::NotADirectory => FolderProblem::NotAFolder { path },
        _ => FolderProblem::Unreadable {
            path,
            reason: error.to_string(),
        },
    }
}

fn read_script(path: &Path) -> Result<Script, BrokenFolder> {
    // Looked at before it is opened: opening a named pipe would wait for a writer for ever.
    let found = fs::metadata(path).map_err(|error| broken(&error))?;
    if !found.is_file() {
        return Err(BrokenFolder::NotAFile);
    }
    let too_large = |bytes| BrokenFolder::TooLarge { bytes };
    if found.len() > MAX_SCRIPT_FILE_BYTES {
        return Err(too_large(found.len()));
    }
    let bytes = read_at_most(path, MAX_SCRIPT_FILE_BYTES + 1).map_err(|error| broken(&error))?;
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

fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    fn write(root: &Path, name: &str, script: &str) {
        fs::create_dir_all(root.join(name)).unwrap();
        fs::write(root.join(name).join(SCRIPT_FILE), script).unwrap();
    }

    fn names(folder: &Folder) -> Vec<&str> {
        folder
            .migrations
            .iter()
            .map(|one| one.name.as_str())
            .collect()
    }

    #[test]
    fn every_real_directory_counts_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        for name in [
            "20240102000000_b",
            "20240101000000_a",
            ".hidden",
            "with space",
            "größe\n'\"<b>",
        ] {
            write(path, name, "SELECT 1;");
        }
        fs::write(path.join("README.md"), "x").unwrap();
        fs::write(path.join("x.sql"), "x").unwrap();
        std::os::unix::fs::symlink(path.join(".hidden"), path.join("link")).unwrap();
        write(&path.join("with space"), "nested", "SELECT 2;");
        let bytes = std::ffi::OsStr::from_bytes(b"bad\xff");
        fs::create_dir(path.join(bytes)).unwrap();

        let folder = Folder::read(path);
        assert_eq!(
            names(&folder),
            [
                ".hidden",
                "20240101000000_a",
                "20240102000000_b",
                "größe\n'\"<b>",
                "with space"
            ]
        );
        assert_eq!(folder.problem, None);
        assert_eq!(folder.lock_file, LockFile::Absent);
        assert_eq!(folder.warnings.len(), 1, "{:?}", folder.warnings);
        assert!(folder.warnings[0].contains("not UTF-8"));
        let script = folder
            .migration(".hidden")
            .unwrap()
            .script
            .as_ref()
            .unwrap();
        assert_eq!(script.checksum, checksum::checksum(b"SELECT 1;"));
    }

    #[test]
    fn a_broken_directory_stays_in_the_list() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        fs::create_dir_all(path.join("a_empty")).unwrap();
        fs::create_dir_all(path.join("b_folder").join(SCRIPT_FILE)).unwrap();
        fs::create_dir_all(path.join("c_case")).unwrap();
        fs::write(path.join("c_case").join("MIGRATION.SQL"), "x").unwrap();
        write(path, "d_large", "");
        File::options()
            .write(true)
            .open(path.join("d_large").join(SCRIPT_FILE))
            .unwrap()
            .set_len(MAX_SCRIPT_FILE_BYTES + 1)
            .unwrap();
        write(path, "e_fine", "");
        let folder = Folder::read(path);
        let broken: Vec<_> = folder
            .migrations
            .iter()
            .map(|migration| migration.script.as_ref().err())
            .collect();
        assert_eq!(
            broken,
            [
                Some(&BrokenFolder::Missing),
                Some(&BrokenFolder::NotAFile),
                Some(&BrokenFolder::Missing),
                Some(&BrokenFolder::TooLarge {
                    bytes: MAX_SCRIPT_FILE_BYTES + 1
                }),
                None,
            ]
        );
    }

    #[test]
    fn a_folder_that_is_not_there_says_so() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("none");
        let folder = Folder::read(&missing);
        assert!(folder.migrations.is_empty());
        let words = folder.problem.unwrap().to_string();
        assert!(words.ends_with("none does not exist."), "{words}");

        let file = root.path().join("file");
        fs::write(&file, "x").unwrap();
        let words = Folder::read(&file).problem.unwrap().to_string();
        assert!(words.ends_with("file is not a folder."), "{words}");
    }

    #[test]
    fn the_lock_file_is_read_unless_it_is_a_directory() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(LOCK_FILE), "provider = \"mysql\"\n").unwrap();
        let found = Some("mysql".to_owned());
        assert_eq!(
            Folder::read(root.path()).lock_file,
            LockFile::Refused { found }
        );
        fs::remove_file(root.path().join(LOCK_FILE)).unwrap();
        fs::create_dir(root.path().join(LOCK_FILE)).unwrap();
        let folder = Folder::read(root.path());
        assert_eq!(folder.lock_file, LockFile::Absent);
        assert_eq!(names(&folder), [LOCK_FILE]);
    }

    #[test]
    fn invalid_bytes_become_replacement_characters() {
        let script = Script::from_bytes(b"SELECT '\xff';");
        assert_eq!(script.text, "SELECT '\u{fffd}';");
        assert!(!script.is_utf8);
        assert!(script.matches(&checksum::checksum(script.text.as_bytes())));
    }

    #[test]
    fn an_ambiguous_order_is_a_warning() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "20240101000000_a_b", "");
        write(root.path(), "20240101000000_a1", "");
        let folder = Folder::read(root.path());
        assert_eq!(names(&folder), ["20240101000000_a_b", "20240101000000_a1"]);
        assert!(folder.warnings[0].contains("another order"));
    }
}
