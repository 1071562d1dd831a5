//! Lockkeeper's own database: users, sessions, jobs, plans, approvals, audit.
//!
//! What must stay true:
//! - It is never a target's database: the console has to work when the patient is dead.
//! - One SQL text serves SQLite (one host, the default) and Postgres (several hosts). What differs is in
//!   [`dialect`], and nowhere else. The tests in `tests/store/` run on both.
//! - All writes go through [`Store::begin`]; writers never overlap, so what a transaction has read stays true until it
//!   commits. That is what the audit chain and the queue rest on.
//!
//! The tables, column by column, are in `migrations/`. How the whole of it is written to a file and put back is in
//! [`snapshot`].

pub mod dialect;
pub mod snapshot;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;
use secrecy::{ExposeSecret, SecretString};
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, Transaction};

use dialect::Dialect;

/// A write transaction on the store.
pub type Tx = Transaction<'static, Any>;

#[derive(RustEmbed)]
#[folder = "migrations/"]
struct Schema;

/// Why the store cannot be used. The sentences are for a person and free of secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be opened.
    #[error("the store {place} cannot be opened: {reason}")]
    Open {
        /// A file, or `host/database`.
        place: String,
        /// The driver's words.
        reason: String,
    },
    /// Its schema is newer than this program.
    #[error(
        "the store {place} was written by a newer Lockkeeper (schema {version} is unknown to this one); \
         start that version again, this one leaves the store untouched"
    )]
    Newer {
        /// A file, or `host/database`.
        place: String,
        /// The first unknown version.
        version: i64,
    },
    /// The URL is neither SQLite nor Postgres.
    #[error("a store URL starts with sqlite: or postgresql:, this one does not")]
    Scheme,
    /// A statement failed.
    #[error("the store answered: {0}")]
    Sql(#[from] sqlx::Error),
    /// A stored value cannot be read back.
    #[error("the store holds a {what} that this version cannot read: {reason}")]
    Value {
        /// Which value.
        what: &'static str,
        /// The parser's words.
        reason: String,
    },
}

/// The store, opened and migrated. Clones share the pools.
#[derive(Clone, Debug)]
pub struct Store {
    read: AnyPool,
    write: AnyPool,
    dialect: Dialect,
    place: String,
}

impl Store {
    /// Opens the store at `url` (`sqlite:FILE` or `postgresql://…`), creating the file and its folder if they do not
    /// exist yet, and brings its schema up to date.
    pub async fn open(url: &SecretString) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (dialect, place) = Dialect::of(url)?;
        let failed = |error: sqlx::Error| StoreError::Open {
            place: place.clone(),
            reason: error.to_string(),
        };
        if let Some(file) = dialect.file() {
            create_private(file).map_err(|error| StoreError::Open {
                place: place.clone(),
                reason: error.to_string(),
            })?;
        }
        let address = dialect.address(url);
        let pool = |connections: u32| {
            let preparation = dialect.preparation();
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(std::time::Duration::from_secs(10))
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        for statement in preparation {
                            sqlx::query(*statement).execute(&mut *connection).await?;
                        }
                        Ok(())
                    })
                })
        };
        let write = pool(dialect.writers())
            .connect(address.expose_secret())
            .await
            .map_err(failed)?;
        let read = pool(4)
            .connect_lazy(address.expose_secret())
            .map_err(failed)?;
        // In one write transaction: of two processes that start at once the second waits and finds the work done, and a
        // step that fails leaves the schema as it was. The library's own lock would do nothing on SQLite.
        let mut tx = dialect.begin(&write).await.map_err(failed)?;
        let brought = migrator().run_direct(None, &mut *tx, false).await;
        brought.map_err(|error| match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::Newer {
                place: place.clone(),
                version,
            },
            other => StoreError::Open {
                place: place.clone(),
                reason: other.to_string(),
            },
        })?;
        tx.commit().await.map_err(failed)?;
        let store = Self {
            read,
            write,
            dialect,
            place,
        };
        store.dialect.listen(url).await;
        Ok(store)
    }

    /// Where it is, for people: a file, or `host/database`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The pool for statements that only read.
    #[must_use]
    pub fn read(&self) -> &AnyPool {
        &self.read
    }

    /// Begins a write transaction. No other writer runs until it ends.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.dialect.begin(&self.write).await.map_err(Into::into)
    }

    /// Begins a transaction that sees the store as it was at its first read and writes nothing.
    async fn begin_read(&self) -> Result<Tx, sqlx::Error> {
        self.dialect.begin_read(&self.read).await
    }

    /// The second dialect hook: says that there is something to do, once the transaction has committed.
    pub async fn wake(&self) {
        self.dialect.wake(&self.write).await;
    }

    /// Waits until somebody called [`Store::wake`], in this process or (on Postgres) in another. Workers poll as well.
    /// The alarm is armed from the call on, not from the first poll: arm it, look for work, then wait.
    pub fn woken(&self) -> impl Future<Output = ()> + '_ {
        self.dialect.woken()
    }

    /// The third dialect hook: lets the engine tidy up. Call it at start and once a day.
    pub async fn maintain(&self) -> Result<(), StoreError> {
        for statement in self.dialect.maintenance() {
            sqlx::query(*statement).execute(&self.write).await?;
        }
        Ok(())
    }

    /// The size of the store in bytes, as its engine counts it.
    pub async fn size(&self) -> Result<i64, StoreError> {
        let bytes = sqlx::query_scalar(self.dialect.size_query())
            .fetch_one(&self.read)
            .await?;
        Ok(bytes)
    }

    /// The name of its engine.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        self.dialect.name()
    }

    /// The step of the schema that it is at.
    pub async fn step(&self) -> Result<i64, StoreError> {
        let step = sqlx::query_scalar("SELECT CAST(max(version) AS BIGINT) FROM _sqlx_migrations")
            .fetch_one(&self.read)
            .await?;
        Ok(step)
    }

    /// The clock of its server, in milliseconds since the epoch; none where it is a file.
    pub async fn server_now_ms(&self) -> Result<Option<i64>, StoreError> {
        let Some(query) = self.dialect.clock_query() else {
            return Ok(None);
        };
        let now = sqlx::query_scalar(query).fetch_one(&self.read).await?;
        Ok(Some(now))
    }

    /// Whether the store answers at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _one: i64 = sqlx::query_scalar("SELECT CAST(1 AS BIGINT)")
            .fetch_one(&self.read)
            .await?;
        Ok(())
    }
}

/// The schema's steps, from the files embedded in the binary (`0001_first.sql` is version 1, "first").
fn migrator() -> Migrator {
    let mut steps = Vec::new();
    for file in Schema::iter() {
        let Some((version, description)) = file.trim_end_matches(".sql").split_once('_') else {
            continue;
        };
        let (Ok(version), Some(text)) = (version.parse(), Schema::get(&file)) else {
            continue;
        };
        let sql = String::from_utf8_lossy(&text.data).into_owned();
        steps.push(Migration::new(
            version,
            Cow::Owned(description.replace('_', " ")),
            MigrationType::Simple,
            sqlx::SqlSafeStr::into_sql_str(sqlx::AssertSqlSafe(sql)),
            false,
        ));
    }
    let mut migrator = Migrator::with_migrations(steps);
    migrator.set_locking(false);
    migrator
}

/// The newest step of the schema that this program knows.
fn newest() -> i64 {
    let versions = migrator().iter().map(|step| step.version).max();
    versions.unwrap_or_default()
}

/// Makes the folder (0700) and an empty file (0600) unless they exist: the store holds password hashes.
fn create_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
    {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The file of a SQLite URL, in each of the spellings that are in use: `sqlite:FILE`, `sqlite://FILE`. What the
/// configuration has escaped in it (`%` and `?`) is itself again.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let file = rest.split('?').next().unwrap_or_default();
    let file = file.replace("%3F", "?").replace("%25", "%");
    (!file.is_empty()).then(|| PathBuf::from(file))
}
