//! A situation: a folder, a database, and what is asked of both programs in turn.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::support::project::Project;

/// `prisma migrate status`.
pub const STATUS: &[&str] = &["status"];
/// `prisma migrate deploy`.
pub const DEPLOY: &[&str] = &["deploy"];

/// The ledger as Prisma makes it.
pub const LEDGER: &str = "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, \
    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, \
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);";

/// Something that is written into the migrations folder.
type Writing = Box<dyn Fn(&Path) + Send + Sync>;

/// What a row says.
#[derive(Clone, Copy)]
pub enum Said {
    Applied,
    Failed,
    /// Failed without an error: a crash.
    Crashed,
    RolledBack,
    /// Finished and rolled back, which nobody but a person writes.
    Both,
    /// `resolve --applied` of Prisma.
    Marked,
}

/// A folder, a database, and what is asked.
pub struct Situation {
    pub name: &'static str,
    /// Added to both URLs.
    pub query: &'static str,
    pub asks: Vec<&'static [&'static str]>,
    /// Somebody else holds the lock meanwhile.
    pub locked: bool,
    files: Vec<(PathBuf, Vec<u8>)>,
    more: Vec<Writing>,
    rows: String,
    has_ledger: bool,
    sql: String,
    next: u32,
}

/// A situation without anything, that is asked for its status and then deployed.
pub fn situation(name: &'static str) -> Situation {
    Situation {
        name,
        query: "",
        asks: vec![STATUS, DEPLOY],
        locked: false,
        files: vec![(
            "migration_lock.toml".into(),
            b"provider = \"postgresql\"\n".to_vec(),
        )],
        more: Vec::new(),
        rows: String::new(),
        has_ledger: false,
        sql: String::new(),
        next: 0,
    }
}

/// A script that makes a table of the migration's name, which loses nothing and so needs nobody's approval.
pub fn script(name: &str) -> String {
    format!(
        "CREATE TABLE \"t_{}\" (id int);\n",
        name.replace('"', "\"\"")
    )
}

pub fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

impl Situation {
    /// Migrations with scripts of their own.
    pub fn has(mut self, names: &[&str]) -> Self {
        for name in names {
            self = self.script(name, script(name).as_bytes());
        }
        self
    }

    /// A migration with this script.
    pub fn script(self, name: &str, script: &[u8]) -> Self {
        self.file(&format!("{name}/migration.sql"), script)
    }

    /// A file in the migrations folder, or over the one that is there.
    pub fn file(mut self, path: &str, content: &[u8]) -> Self {
        self.files.retain(|(at, _)| at != Path::new(path));
        self.files.push((path.into(), content.to_vec()));
        self
    }

    /// Takes the lock file away.
    pub fn without_lock_file(mut self) -> Self {
        self.files.clear();
        self
    }

    /// Does something else to the folder, after its files are written.
    pub fn with(mut self, writing: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        self.more.push(Box::new(writing));
        self
    }

    /// A ledger, with rows or without.
    pub fn ledger(mut self) -> Self {
        self.has_ledger = true;
        self
    }

    /// Rows with the checksums of the scripts.
    pub fn rows(mut self, said: Said, names: &[&str]) -> Self {
        for name in names {
            let path = PathBuf::from(format!("{name}/migration.sql"));
            let file = self.files.iter().find(|(at, _)| *at == path);
            let checksum = sha256(file.map_or(&[][..], |(_, content)| content));
            self = self.row(said, name, &checksum);
        }
        self
    }

    /// A row with any checksum. The rows of a situation begin a second after another.
    pub fn row(mut self, said: Said, name: &str, checksum: &str) -> Self {
        self.has_ledger = true;
        self.next += 1;
        let second = self.next;
        let at = |more: u32| {
            format!(
                "'2026-01-01 00:{:02}:{:02}Z'",
                second / 60,
                second % 60 + more
            )
        };
        let (null, error) = ("NULL".to_owned(), "'ERROR: it failed'");
        let (finished, rolled_back, logs, steps) = match said {
            Said::Applied => (at(0).replace("Z'", ".5Z'"), null, "NULL", 1),
            Said::Failed => (null.clone(), null, error, 0),
            Said::Crashed => (null.clone(), null, "NULL", 0),
            Said::RolledBack => (null, at(1), error, 0),
            Said::Both => (at(0), at(1), "NULL", 1),
            Said::Marked => (at(0), null, "''", 0),
        };
        let name = name.replace('\'', "''");
        writeln!(
            self.rows,
            "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, \
             applied_steps_count) VALUES (gen_random_uuid(), '{checksum}', {finished}, '{name}', {logs}, {rolled_back}, {}, {steps});",
            at(0)
        )
        .unwrap();
        self
    }

    /// SQL that runs before anything is asked, after the ledger is made.
    pub fn sql(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self.sql.push('\n');
        self
    }

    /// What is asked, instead of status and deploy.
    pub fn asks(mut self, asks: &[&'static [&'static str]]) -> Self {
        self.asks = asks.to_vec();
        self
    }

    /// Added to both URLs.
    pub fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// Somebody else holds Prisma's lock all the while.
    pub fn locked(mut self) -> Self {
        self.locked = true;
        self
    }

    /// How a step is called in `docs/prisma.md`: its number and its command.
    pub fn step(&self, number: usize) -> String {
        format!("{number}-{}", self.asks[number - 1][0])
    }

    /// The SQL that makes the database.
    pub fn set_up(&self) -> String {
        let ledger = if self.has_ledger { LEDGER } else { "" };
        format!("{ledger}\n{}\n{}", self.rows, self.sql)
    }

    /// The project on disk.
    pub fn project(&self) -> Project {
        let project = Project::new();
        let schema =
            "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n";
        fs::write(project.folder().join("prisma/schema.prisma"), schema).unwrap();
        let folder = project.migrations();
        fs::remove_file(folder.join("migration_lock.toml")).unwrap();
        for (path, content) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        for writing in &self.more {
            writing(&folder);
        }
        project
    }
}
