//! The plan: the pending statements of a target in order, what the rules found in them, and a digest of it all.
//!
//! A plan is a picture of one moment. It is stored whole; when it is used, the digest is computed again from what is
//! then pending, and a plan whose digest has changed is void.

mod judge;
mod live;
mod stored;

pub(super) use judge::verdict;
pub use stored::{Stored, get, list, mark_applied, save};
pub(super) use stored::{applied_at, last_applied};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::guard::finding::{Finding, Severity, TableNow, Verdict};
use crate::guard::lock::LockOn;
use crate::migration::Survey;
use crate::operation::{Context, OperationError};
use crate::target::Target;

/// What is pending on a target, read and judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// UUID v7.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// Milliseconds since the epoch.
    pub made_at: i64,
    /// Who asked for it.
    pub made_by: String,
    /// Which database it was made for.
    pub identity: Identity,
    /// The pending migrations, in the order in which they would be applied.
    pub migrations: Vec<PlannedMigration>,
    /// Whether it needs an approval.
    pub verdict: Verdict,
    /// SHA-256 over scripts, order and identity, hexadecimal.
    pub digest: String,
}

/// What tells one database from another: a plan for one is void on every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's own number, where the role may read it; else the address stands for it.
    pub cluster: String,
    /// The database's name.
    pub database: String,
    /// The schema in which the ledger lives.
    pub schema: String,
}

/// One pending migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMigration {
    /// Its name.
    pub name: String,
    /// The checksum of its script, as the ledger will record it.
    pub checksum: String,
    /// Its statements, in order.
    pub statements: Vec<PlannedStatement>,
    /// A sentence, when it cannot be undone as a whole if it fails in the middle.
    pub not_atomic: Option<String>,
}

/// One pending statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStatement {
    /// Its line in the script, from 1.
    pub line: usize,
    /// Its text.
    pub sql: String,
    /// What it does, in a few words.
    pub summary: String,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What it locks of what is in use. Like the tables, no part of the digest.
    #[serde(default)]
    pub locks: Vec<LockOn>,
    /// The tables that it is about and that were there when the plan was made.
    #[serde(default)]
    pub tables: Vec<TableNow>,
}

impl Plan {
    /// Every statement with its findings, in order.
    pub fn statements(&self) -> impl Iterator<Item = &PlannedStatement> {
        self.migrations
            .iter()
            .flat_map(|migration| &migration.statements)
    }

    /// Every finding, in order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.statements().flat_map(|statement| &statement.findings)
    }

    /// What would be lost or might be, one sentence each: the findings that are errors.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        self.findings()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| match &finding.loss {
                Some(loss) => loss.sentence(),
                None => finding.sentence.clone(),
            })
            .collect()
    }

    /// The first letters of the digest: enough to tell two plans apart by eye.
    #[must_use]
    pub fn short_digest(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }
}

/// The steps of making a plan.
pub const STEPS: &[&str] = &["Read", "Parse", "Count"];

/// Reads what is pending on `target` and judges it. `None`: nothing is pending.
pub async fn make(target: &Target, context: &Context) -> Result<Option<Plan>, OperationError> {
    let progress = &context.progress;
    progress.step("Read", "Reading the migrations folder and the ledger.");
    let survey = Survey::of(target).await?;
    if let Some(trouble) = survey.blocked() {
        return Err(trouble.into());
    }
    let pending = survey.history.pending().count();
    if pending == 0 {
        progress.info("Nothing is pending.");
        return Ok(None);
    }
    progress.step(
        "Parse",
        format!("Parsing {pending} pending migrations with Postgres's grammar."),
    );
    let session = target.connect(crate::target::Purpose::Look).await?;
    let mut migrations = judge::judged(&session, &survey).await?;
    progress.step("Count", "Counting what would be lost.");
    for statement in migrations.iter_mut().flat_map(|(_, statements)| statements) {
        for (finding, question) in &mut statement.1 {
            if context.cancel.is_cancelled() {
                return Err(OperationError::Cancelled);
            }
            if let (Some(loss), Some(question)) = (&mut finding.loss, question) {
                loss.count = judge::answer(&session, question).await;
                progress.info(loss.sentence());
            }
        }
    }
    let migrations = judge::settle(&survey, migrations);
    let identity = identity(&survey, target);
    let digest = digest(&identity, &migrations);
    let findings = migrations
        .iter()
        .flat_map(|migration| &migration.statements)
        .flat_map(|statement| &statement.findings);
    let verdict = Verdict::over(findings);
    Ok(Some(Plan {
        id: context.clock.id(),
        target: target.name.clone(),
        made_at: context.clock.now_ms(),
        made_by: context.actor.clone(),
        identity,
        migrations,
        verdict,
        digest,
    }))
}

/// The identity of the database that a survey was made of.
#[must_use]
pub fn identity(survey: &Survey, target: &Target) -> Identity {
    Identity {
        cluster: survey.cluster(target),
        database: survey.facts.database.clone(),
        schema: survey.schema.clone(),
    }
}

/// The digest of what is pending now.
#[must_use]
pub fn digest_now(survey: &Survey, target: &Target) -> String {
    let scripts: Vec<(String, String)> = survey
        .history
        .pending()
        .map(|entry| {
            let checksum = survey
                .script(&entry.name)
                .map(|script| script.checksum.clone());
            (entry.name.clone(), checksum.unwrap_or_default())
        })
        .collect();
    fold(
        &identity(survey, target),
        scripts
            .iter()
            .map(|(name, sum)| (name.as_str(), sum.as_str())),
    )
}

fn digest(identity: &Identity, migrations: &[PlannedMigration]) -> String {
    fold(
        identity,
        migrations
            .iter()
            .map(|migration| (migration.name.as_str(), migration.checksum.as_str())),
    )
}

/// SHA-256 over the identity and each script's name and checksum, in order. Every field is preceded by its length.
fn fold<'a>(identity: &Identity, scripts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut hasher = Sha256::new();
    let mut add = |field: &str| {
        hasher.update(field.len().to_be_bytes());
        hasher.update(field.as_bytes());
    };
    add("lockkeeper plan 1");
    add(&identity.cluster);
    add(&identity.database);
    add(&identity.schema);
    for (name, checksum) in scripts {
        add(name);
        add(checksum);
    }
    base16ct::lower::encode_string(&hasher.finalize())
}
