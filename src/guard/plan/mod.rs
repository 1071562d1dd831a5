//! The plan: the pending statements of a target in order, what the rules found in them, and a digest of it all.
//!
//! A plan is a picture of one moment. It is stored whole; when it is used, the digest is computed again from what is
//! then pending, and a plan whose digest has changed is void.

mod digest;
mod growth;
mod judge;
mod live;
mod stored;
mod subject;
mod touched;

pub use digest::Identity;
pub use growth::TOLERANCE;
pub use stored::{Closed, Ending, Stored, get, list, mark_applied, save, waiting};
pub(super) use stored::{close, last_applied};
pub use touched::Touched;

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::guard::finding::{Finding, Severity, TableNow, Verdict};
use crate::guard::lock::LockOn;
use crate::migration::Survey;
use crate::operation::{Context, OperationError, Trouble};
use crate::target::{Purpose, Session, Target};
use subject::Subject;

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
    /// The tables that are touched, as they were defined then; empty in plans of an earlier version, whose digest fits nothing.
    #[serde(default)]
    pub touched: Vec<Touched>,
    /// Whether it needs an approval.
    pub verdict: Verdict,
    /// SHA-256 over scripts, order, identity and touched tables, hexadecimal.
    pub digest: String,
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
    read(context);
    let session = target.connect(Purpose::Look).await?;
    let made = async {
        let survey = Survey::with(target, &session).await?;
        judged(target, &session, &survey, context).await
    };
    // On the heap: what is asked together is large.
    let made = looking(&session, context, Box::pin(made)).await;
    session.close().await;
    made
}

/// A look at a target of which a plan can be made right away.
#[derive(Debug)]
pub struct Looked {
    session: Session,
    /// What was seen.
    pub survey: Survey,
}

impl Looked {
    /// Looks at `target`.
    pub async fn at(target: &Target) -> Result<Self, Trouble> {
        let session = target.connect(Purpose::Look).await?;
        match Survey::with(target, &session).await {
            Ok(survey) => Ok(Self { session, survey }),
            Err(trouble) => {
                session.close().await;
                Err(trouble)
            }
        }
    }

    /// Judges what is pending, over the same session, and ends that. `None`: nothing is pending.
    pub async fn plan(
        self,
        target: &Target,
        context: &Context,
    ) -> (Survey, Result<Option<Plan>, OperationError>) {
        let Self { session, survey } = self;
        read(context);
        let made = judged(target, &session, &survey, context);
        let made = looking(&session, context, Box::pin(made)).await;
        session.close().await;
        (survey, made)
    }
}

fn read(context: &Context) {
    let doing = "Reading the migrations folder and the ledger.";
    context.progress.step("Read", doing);
}

async fn judged(
    target: &Target,
    session: &Session,
    survey: &Survey,
    context: &Context,
) -> Result<Option<Plan>, OperationError> {
    let progress = &context.progress;
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
    let subject = Subject::read(session, survey).await?;
    let judged = judge::judged(session, &subject).await?;
    progress.step("Count", "Counting what would be lost.");
    let migrations = count(&subject, judged, session, context).await;
    let touched = touched::read(session, &subject).await?;
    let identity = Identity::of(survey, target);
    let digest = digest::digest(&identity, &migrations, &touched);
    Ok(Some(Plan {
        id: context.clock.id(),
        target: target.name.clone(),
        made_at: context.clock.now_ms(),
        made_by: context.actor.clone(),
        identity,
        verdict: verdict(&migrations),
        migrations,
        touched,
        digest,
    }))
}

/// Looks at the database of `session` until that is done or cancelled.
async fn looking<T>(
    session: &Session,
    context: &Context,
    look: impl Future<Output = Result<T, OperationError>>,
) -> Result<T, OperationError> {
    tokio::select! {
        found = look => found,
        () = context.cancel.cancelled() => {
            // What is being counted need not be counted to its end.
            if let Err(error) = session.cancel_token().cancel().await {
                tracing::debug!(%error, "the server could not be asked to cancel");
            }
            Err(OperationError::Cancelled)
        }
    }
}

/// Counts what the rules want to know of what was judged, but for what was counted already.
async fn count(
    subject: &Subject<'_>,
    mut judged: judge::Judgement,
    session: &Session,
    context: &Context,
) -> Vec<PlannedMigration> {
    let began = Instant::now();
    let statements = judged.migrations.iter_mut();
    for statement in statements.flatten() {
        for (finding, question) in &mut statement.1 {
            if let (Some(loss), Some(question)) = (&mut finding.loss, question) {
                loss.count = match judged.answers.get(question) {
                    Some(count) => *count,
                    None => live::answer(session, question, began).await,
                };
                context.progress.info(loss.sentence());
            }
        }
    }
    judge::settle(subject, judged.migrations)
}

fn verdict(migrations: &[PlannedMigration]) -> Verdict {
    let findings = migrations
        .iter()
        .flat_map(|migration| &migration.statements)
        .flat_map(|statement| &statement.findings);
    Verdict::over(findings)
}

/// Looks over `session` at everything that `plan` rests on again, and says what has changed for the worse since it was made: a
/// sentence each, from what to what. Nothing: it may be applied. `survey` is of the scripts that the plan is of ([`Plan::is_of`]).
pub(super) async fn changes(
    plan: &Plan,
    survey: &Survey,
    session: &Session,
    context: &Context,
) -> Result<Vec<String>, OperationError> {
    let looked = async {
        let mut subject = Subject::read(session, survey).await?;
        if touched::wait_for(session, &subject, context).await? {
            // Whoever held a table may have changed what is reached.
            subject = Subject::read(session, survey).await?;
        }
        let touched = touched::read(session, &subject).await?;
        let mut changes = touched::changes(&plan.touched, &touched);
        let judged = judge::judged(session, &subject).await?;
        let now = count(&subject, judged, session, context).await;
        if let Some(uncounted) = growth::uncounted(&plan.migrations, &now) {
            return Err(uncounted.into());
        }
        changes.extend(growth::worse(&plan.migrations, &now));
        Ok(changes)
    };
    looking(session, context, Box::pin(looked)).await
}
