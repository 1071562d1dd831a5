//! A database, the project whose migrations its ledger has as applied, and comparisons of the two.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use lockkeeper::clock::Clock;
use lockkeeper::config::TargetEnvironment;
use lockkeeper::migration::Script;
use lockkeeper::migration::drift::{self, Drift, Extent, Replay};
use lockkeeper::operation::{Context, OperationError, Progress, Report, Trouble};
use lockkeeper::target::{DatabaseUrl, Target};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::support::cluster::Cluster;
use crate::support::project::Project;

/// What every comparison asks for, if nothing else is said.
pub const PLAIN: Extent = Extent {
    grants: false,
    comments: false,
    column_order: false,
};

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A database with a ledger, and the project that belongs to it.
pub struct Base {
    pub name: String,
    pub project: Project,
    url: String,
}

impl Base {
    /// A database in which `migrations` are applied, each a name and a script.
    pub fn with(migrations: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("base{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self::named(name, "", migrations)
    }

    /// The same in a database of this name, made with these options.
    pub fn named(name: String, options: &str, migrations: &[(&str, &str)]) -> Self {
        let quoted = name.replace('"', "\"\"");
        let create = format!("CREATE DATABASE \"{quoted}\" {options}");
        cluster().psql("postgres", &create);
        let base = Self {
            project: Project::new(),
            url: cluster().url(&name),
            name,
        };
        base.run(&lockkeeper::migration::create_table_sql("public"));
        for (name, script) in migrations {
            base.run(script);
            base.record(name, script);
        }
        base
    }

    /// The same, reached by another URL.
    pub fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// Writes a migration into folder and ledger, without running it.
    pub fn record(&self, name: &str, script: &str) {
        self.project.write(name, script);
        let checksum = Script::from_bytes(script.as_bytes()).checksum;
        let name = name.replace('\'', "''");
        self.run(&format!(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) \
             VALUES (gen_random_uuid(), '{checksum}', '{name}', now(), 1)"
        ));
    }

    /// Runs SQL in the database as superuser.
    pub fn run(&self, sql: &str) -> String {
        cluster().psql(&self.name, sql)
    }

    pub fn target(&self) -> Target {
        Target {
            name: "app".to_owned(),
            environment: TargetEnvironment::Production,
            url: DatabaseUrl::parse(&self.url.clone().into(), Path::new("/")).unwrap(),
            migrations: self.project.migrations(),
            time_zone: jiff::tz::TimeZone::UTC,
        }
    }

    pub async fn compared(&self, extent: Extent) -> Drift {
        let (context, _reports) = context();
        let ended = drift::run(&self.target(), &Replay::Applied, extent, &context).await;
        assert_eq!(scratch_databases(&context.job), "");
        ended.unwrap()
    }

    /// Why the database cannot be compared; nothing may be left of the try.
    pub async fn refused(&self) -> Trouble {
        let (context, _reports) = context();
        let ended = drift::run(&self.target(), &Replay::Applied, PLAIN, &context).await;
        assert_eq!(scratch_databases(&context.job), "");
        match ended {
            Err(OperationError::Fail(trouble)) => trouble,
            other => panic!("{other:?}"),
        }
    }

    /// The lines of what differs.
    pub async fn lines(&self) -> Vec<String> {
        self.compared(PLAIN).await.lines()
    }
}

pub fn context() -> (Context, UnboundedReceiver<Report>) {
    let clock = Clock::system();
    let (progress, reports) = Progress::new(clock.clone());
    let context = Context {
        job: clock.id(),
        actor: "ada".to_owned(),
        clock,
        progress,
        cancel: CancellationToken::new(),
    };
    (context, reports)
}

/// The scratch databases on the shared cluster that a job of `id` has.
pub fn scratch_databases(id: &str) -> String {
    let id = id.replace('-', "");
    cluster().psql(
        "postgres",
        &format!("SELECT datname FROM pg_database WHERE datname LIKE 'lockkeeper_drift_{id}%'"),
    )
}
