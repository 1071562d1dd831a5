//! The folder of migrations, read as Prisma's command line reads it.
//!
//! One level of real directories; in each exactly `migration.sql`. A folder that cannot be read has no migrations, as
//! with Prisma, but says why: silence would look like "everything is applied". Reading is synchronous; an async caller
//! puts it on a blocking thread.

use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::lock_file::LockFile;
use super::name;
use super::schema_file;
use super::script::{BrokenFolder, Script, read_at_most, read_script};

const LOCK_FILE: &str = "migration_lock.toml";

/// A folder of migrations as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Its migrations, in the order in which Prisma applies them.
    pub migrations: Vec<Migration>,
    /// What its lock file says.
    pub lock_file: LockFile,
    /// The schemas that the project names beside it (`schemas` in the datasource of its `schema.prisma`).
    pub schemas: Vec<String>,
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

impl Folder {
    /// Reads the folder at `path` with all scripts.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut folder = Self {
            path: path.to_owned(),
            migrations: Vec::new(),
            lock_file: LockFile::Absent,
            schemas: schema_file::schemas_beside(path),
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
                        script: read_script(&path.join(&name)),
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

    /// Takes the scripts of `earlier` for those that are the same, for they may be parsed already.
    pub(super) fn keep_parsed(&mut self, earlier: &Self) {
        let scripts: HashMap<&str, &Script> = earlier
            .migrations
            .iter()
            .filter_map(|one| Some((one.name.as_str(), one.script.as_ref().ok()?)))
            .collect();
        for one in &mut self.migrations {
            let kept = scripts.get(one.name.as_str());
            if let (Ok(script), Some(kept)) = (&mut one.script, kept)
                && script == *kept
            {
                script.clone_from(kept);
            }
        }
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::ffi::OsStrExt as _;

    use super::super::checksum;
    use super::super::script::{MAX_SCRIPT_FILE_BYTES, SCRIPT_FILE};
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
    fn an_ambiguous_order_is_a_warning() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "20240101000000_a_b", "");
        write(root.path(), "20240101000000_a1", "");
        let folder = Folder::read(root.path());
        assert_eq!(names(&folder), ["20240101000000_a_b", "20240101000000_a1"]);
        assert!(folder.warnings[0].contains("another order"));
    }
}
