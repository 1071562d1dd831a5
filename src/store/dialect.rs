//! The three places where SQLite and Postgres differ: how a transaction begins, how a sleeper is woken, how to tidy up.
//!
//! Everything else is one SQL text. A fourth difference is a reason to look for other SQL, not for a fourth hook.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::AnyPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;

use super::{StoreError, Tx, sqlite_file};

/// The key of the advisory lock that makes writers on Postgres wait for each other, as SQLite's write lock does.
/// The number is arbitrary; it only has to be the same in every Lockkeeper on one store.
const WRITER_LOCK: &str = "SELECT pg_advisory_xact_lock(7078331)";
/// How long is waited before listening anew, when the store went away.
const RECONNECT: Duration = Duration::from_secs(1);
/// The channel of LISTEN and NOTIFY.
const CHANNEL: &str = "lockkeeper_wake";

/// Which engine the store is on.
#[derive(Clone, Debug)]
pub struct Dialect {
    engine: Engine,
    alarm: Arc<Notify>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(PathBuf),
    Postgres,
}

impl Dialect {
    /// The dialect of a store URL, and the name of the place for people, without secrets.
    pub(super) fn of(url: &SecretString) -> Result<(Self, String), StoreError> {
        let text = url.expose_secret();
        let (engine, place) = if let Some(file) = sqlite_file(text) {
            let place = file.display().to_string();
            (Engine::Sqlite(file), place)
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let parsed = url::Url::parse(text).map_err(|_| StoreError::Scheme)?;
            let host = parsed.host_str().unwrap_or("localhost");
            (Engine::Postgres, format!("{host}{}", parsed.path()))
        } else {
            return Err(StoreError::Scheme);
        };
        let alarm = Arc::default();
        Ok((Self { engine, alarm }, place))
    }

    /// The file of a SQLite store.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.engine {
            Engine::Sqlite(file) => Some(file),
            Engine::Postgres => None,
        }
    }

    /// The URL as the driver wants it.
    pub(super) fn address(&self, url: &SecretString) -> SecretString {
        match &self.engine {
            Engine::Sqlite(file) => {
                let path = file.display().to_string();
                let path = path.replace('%', "%25").replace('?', "%3F");
                format!("sqlite:{path}").into()
            }
            Engine::Postgres => url.clone(),
        }
    }

    /// How many connections may write. SQLite has one write lock anyway: waiting in our pool is fair, waiting in its
    /// busy handler is not.
    pub(super) fn writers(&self) -> u32 {
        match self.engine {
            Engine::Sqlite(_) => 1,
            Engine::Postgres => 4,
        }
    }

    /// What every new connection is told. `synchronous = FULL`: an approval that was answered with "yes" survives a
    /// power cut; WAL: readers never wait for the writer. On Postgres a writer that hangs, or whose host is gone, stops the
    /// others for half a minute at most.
    pub(super) fn preparation(&self) -> &'static [&'static str] {
        match self.engine {
            Engine::Sqlite(_) => &[
                "PRAGMA busy_timeout = 5000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
            ],
            Engine::Postgres => &[
                "SET application_name = 'lockkeeper store'",
                "SET lock_timeout = '10s'",
                "SET idle_in_transaction_session_timeout = '30s'",
            ],
        }
    }

    /// Hook one: begins a transaction that no other writer overlaps.
    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<Tx, sqlx::Error> {
        match self.engine {
            Engine::Sqlite(_) => pool.begin_with("BEGIN IMMEDIATE").await,
            Engine::Postgres => {
                let mut tx = pool.begin().await?;
                sqlx::query(WRITER_LOCK).execute(&mut *tx).await?;
                Ok(tx)
            }
        }
    }

    /// Hook one, the other half: begins a transaction that only reads and sees one moment of the store, however long it
    /// takes and whatever is written meanwhile. On SQLite that moment is the first read, so a read has to follow.
    pub(super) async fn begin_read(&self, pool: &AnyPool) -> Result<Tx, sqlx::Error> {
        let begin = match self.engine {
            Engine::Sqlite(_) => "BEGIN DEFERRED",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        pool.begin_with(begin).await
    }

    /// Hook two, one half: wakes this process, and on Postgres the others.
    pub(super) async fn wake(&self, pool: &AnyPool) {
        self.alarm.notify_waiters();
        if matches!(self.engine, Engine::Postgres) {
            let told = sqlx::query("SELECT pg_notify('lockkeeper_wake', '')")
                .execute(pool)
                .await;
            if let Err(error) = told {
                tracing::debug!(%error, "other workers were not notified; they will find the job when they poll");
            }
        }
    }

    /// Hook two, the other half.
    pub(super) fn woken(&self) -> tokio::sync::futures::Notified<'_> {
        self.alarm.notified()
    }

    /// Starts to listen for other processes on Postgres. Failing is no reason not to start: workers poll as well.
    pub(super) async fn listen(&self, url: &SecretString) {
        if !matches!(self.engine, Engine::Postgres) {
            return;
        }
        let heard = async {
            let mut listener = PgListener::connect(url.expose_secret()).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        match heard.await {
            Ok(mut listener) => {
                let alarm = Arc::downgrade(&self.alarm);
                tokio::spawn(async move {
                    loop {
                        let heard = listener.recv().await;
                        // The store has been dropped.
                        let Some(alarm) = alarm.upgrade() else { break };
                        if let Err(error) = heard {
                            // The next call connects anew. What was rung for meanwhile is found by whoever wakes up now.
                            tracing::warn!(%error, "the store's notifications were cut off; connecting again");
                            tokio::time::sleep(RECONNECT).await;
                        }
                        alarm.notify_waiters();
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "the store cannot notify; workers poll instead"),
        }
    }

    /// Hook three: what lets the engine tidy up.
    pub(super) fn maintenance(&self) -> &'static [&'static str] {
        match self.engine {
            Engine::Sqlite(_) => &["PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"],
            Engine::Postgres => &["ANALYZE"],
        }
    }

    /// Hook three, too: the size in bytes.
    pub(super) fn size_query(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite(_) => {
                "SELECT CAST(page_count * page_size AS BIGINT) FROM pragma_page_count(), pragma_page_size()"
            }
            Engine::Postgres => "SELECT CAST(pg_database_size(current_database()) AS BIGINT)",
        }
    }

    /// Hook three, too: the name of the engine, for people.
    pub(super) fn name(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite(_) => "SQLite",
            Engine::Postgres => "Postgres",
        }
    }

    /// Hook three, too: the server's clock in milliseconds. A file has none.
    pub(super) fn clock_query(&self) -> Option<&'static str> {
        match self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres => {
                Some("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
            }
        }
    }
}
