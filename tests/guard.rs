//! What the guard says of scripts on real databases.
#![expect(
    clippy::unwrap_used,
    reason = "a test panics where it is wrong, in its helpers too"
)]

mod support;

#[path = "guard/counts.rs"]
mod counts;
#[path = "guard/demo.rs"]
mod demo;
#[path = "guard/dragged.rs"]
mod dragged;
#[path = "guard/hostile.rs"]
mod hostile;
#[path = "guard/locks.rs"]
mod locks;
#[path = "guard/types.rs"]
mod types;

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use lockkeeper::clock::Clock;
use lockkeeper::config::TargetEnvironment;
use lockkeeper::guard::plan;
use lockkeeper::guard::{Finding, Plan};
use lockkeeper::operation::{Context, OperationError, Progress};
use lockkeeper::target::{DatabaseUrl, Target};
use support::cluster::Cluster;
use support::project::Project;
use tokio_util::sync::CancellationToken;

/// Prisma's own table, so that nobody asks for a baseline.
const LEDGER: &str = "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, \
    finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, \
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0)";

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A database in which `sql` has run.
struct Base {
    name: String,
}

impl Base {
    fn with(sql: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("base{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster().create_database(&name);
        let base = Self { name };
        base.run(LEDGER);
        base.run(sql);
        base
    }

    fn run(&self, sql: &str) -> String {
        cluster().psql(&self.name, sql)
    }

    fn url(&self) -> String {
        cluster().url(&self.name)
    }

    /// The plan of these scripts, each a migration, or why there is none.
    async fn try_plan(&self, url: &str, scripts: &[&str]) -> Result<Plan, OperationError> {
        let project = Project::new();
        for (number, script) in scripts.iter().enumerate() {
            project.write(&format!("{number:04}_m"), script);
        }
        let target = Target {
            name: "app".to_owned(),
            environment: TargetEnvironment::Production,
            url: DatabaseUrl::parse(&url.into(), Path::new("/")).unwrap(),
            migrations: project.migrations(),
            time_zone: jiff::tz::TimeZone::UTC,
        };
        let clock = Clock::system();
        let (progress, _reports) = Progress::new(clock.clone());
        let context = Context {
            job: "a-job".to_owned(),
            actor: "ada".to_owned(),
            clock,
            progress,
            cancel: CancellationToken::new(),
        };
        plan::make(&target, &context).await.map(Option::unwrap)
    }

    async fn plan(&self, scripts: &[&str]) -> Plan {
        self.try_plan(&self.url(), scripts).await.unwrap()
    }

    /// What is found in one script, a line for each: rule, severity and sentence, and what is lost.
    async fn found(&self, script: &str) -> Vec<String> {
        lines(&self.plan(&[script]).await)
    }
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.findings().map(line).collect()
}

fn line(finding: &Finding) -> String {
    let loss = finding
        .loss
        .as_ref()
        .map(|loss| format!(" | {}", loss.sentence()))
        .unwrap_or_default();
    let (rule, severity) = (&finding.rule, finding.severity.word());
    format!("{rule} {severity}: {}{loss}", finding.sentence)
}
