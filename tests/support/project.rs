//! A Prisma project that a test writes: a folder with `prisma/migrations`, as large as the question needs.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A project in a folder of its own, removed when dropped.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A project without migrations.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder };
        fs::create_dir_all(project.migrations()).unwrap();
        fs::write(
            project.migrations().join("migration_lock.toml"),
            "provider = \"postgresql\"\n",
        )
        .unwrap();
        project
    }

    /// The same project with one more migration.
    pub fn migration(self, name: &str, script: &str) -> Self {
        self.write(name, script);
        self
    }

    /// Writes a migration, over the one of that name if there is one.
    pub fn write(&self, name: &str, script: &str) {
        let folder = self.migrations().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("migration.sql"), script).unwrap();
    }

    /// The migrations folder.
    pub fn migrations(&self) -> PathBuf {
        self.folder.path().join("prisma/migrations")
    }

    /// The folder of the project.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
