//! An empty store on one of the two engines, and the macro that runs a test on both.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use lockkeeper::audit::{self, Recorded};
use lockkeeper::clock::Clock;
use lockkeeper::store::Store;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::support::cluster::Cluster;

/// The moment at which the fixed clocks of these tests stand: 2023-11-14T22:13:20Z.
pub const NOON: i64 = 1_700_000_000_000;

/// Makes two tests of each function, one per engine.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::ground::Ground::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(crate::ground::Ground::postgres()).await;
            }
        }
    )+};
}

/// Where one test's store is.
pub struct Ground {
    pub url: SecretString,
    pub clock: Clock,
    /// The folder of a SQLite store, which goes with it.
    folder: Option<TempDir>,
}

impl Ground {
    /// A file that does not exist yet, in a folder that does not either.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data/store.db");
        Self {
            url: format!("sqlite:{}", file.display()).into(),
            clock: Clock::fixed(NOON),
            folder: Some(folder),
        }
    }

    /// An empty database in the one cluster of this process, which stops with it.
    pub fn postgres() -> Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let cluster = CLUSTER.get_or_init(|| {
            Cluster::start_with(|data| {
                let file = data.join("postgresql.conf");
                let conf = std::fs::read_to_string(&file).unwrap();
                // Every store holds up to nine sessions, and tests run beside each other.
                std::fs::write(&file, format!("{conf}max_connections = 300\n")).unwrap();
            })
        });
        let database = format!("store{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.create_database(&database);
        Self {
            url: cluster.url(&database).into(),
            clock: Clock::fixed(NOON),
            folder: None,
        }
    }

    /// Opens the store. A second call opens it once more, as a second process would.
    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// The file of a SQLite store.
    pub fn file(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.path().join("data/store.db"))
    }
}

/// Runs one statement as nobody in the program would, and commits it.
pub async fn sql(store: &Store, statement: &'static str) -> Result<(), sqlx::Error> {
    let mut tx = store.begin().await.unwrap();
    sqlx::query(statement).execute(&mut *tx).await?;
    tx.commit().await
}

/// One number.
pub async fn number(store: &Store, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(store.read())
        .await
        .unwrap()
}

/// The whole audit, oldest first.
pub async fn audit(store: &Store) -> Vec<Recorded> {
    let mut entries = audit::page(store, &audit::Filter::default(), None, 20_000)
        .await
        .unwrap();
    entries.reverse();
    entries
}
