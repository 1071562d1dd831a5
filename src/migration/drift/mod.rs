//! Drift: what differs between a database and what its migrations make.
//!
//! The migrations are replayed in a scratch database on the same server, and both catalogues are compared. What
//! must stay true: the target is only read; a script of which something would be in effect elsewhere is not run; no result
//! is told of a database that was migrated meanwhile; what could not be compared is said. Read [`between`] first, then
//! `scratch.rs` for how it comes and goes, `catalog/question/` for what is compared, and [`stored`] for what is kept.

mod catalog;
mod compare;
mod difference;
mod expression;
mod likeness;
mod replay;
mod report;
mod scratch;
pub mod stored;
mod trouble;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::history::words::listed;
use super::{LedgerRow, Survey};
use crate::config::Project;
use crate::operation::{Context, OperationError, Trouble};
use crate::target::{Purpose, Session, Target};

use catalog::Catalog;
pub use difference::{Difference, Side, Value};
use replay::Prepared;
pub use replay::Replay;
use scratch::Scratch;

/// Reading folder, ledger and scripts.
const READ: &str = "Read";
/// Making the scratch database.
const PREPARE: &str = "Prepare";
/// Running the scripts in it.
const REPLAY: &str = "Replay";
/// Reading both catalogues.
const COMPARE: &str = "Compare";
/// The names of the steps, in their order.
pub const STEPS: &[&str] = &[READ, PREPARE, REPLAY, COMPARE];

/// What is compared beyond what makes an app work or fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Extent {
    /// Owners, and who may do what.
    pub grants: bool,
    /// Comments on tables, columns, types and functions.
    pub comments: bool,
    /// The order of columns.
    pub column_order: bool,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The target's name.
    pub target: String,
    /// When the database was read, in milliseconds since the epoch.
    pub at: i64,
    /// Which migrations were replayed.
    pub replay: Replay,
    /// How many that were.
    pub replayed: usize,
    /// What was compared besides.
    pub extent: Extent,
    /// The schemas that were compared.
    pub schemas: Vec<String>,
    /// How many differences there are.
    pub count: usize,
    /// What differs, by kind and name.
    pub differences: Vec<Difference>,
    /// What to know about the comparison, and what is not the same but makes no difference; a sentence each.
    pub notes: Vec<String>,
}

/// Compares `target` with its history. Shared: whoever else works on the target is not held up, but a migration that is
/// applied meanwhile makes it fail.
pub async fn run(
    target: &Target,
    replay: &Replay,
    extent: Extent,
    context: &Context,
) -> Result<Drift, OperationError> {
    let progress = &context.progress;
    progress.step(
        READ,
        format!("Reading the migrations of {}.", target.url.safe()),
    );
    let survey = Survey::of(target).await?;
    // On the heap: its future is large.
    let drift = Box::pin(between(target, &survey, replay, extent, context)).await?;
    if rows(&survey) != rows(&Survey::of(target).await?) {
        return Err(trouble::moved().into());
    }
    let summary = drift.summary();
    if drift.is_none() {
        progress.info(summary);
    } else {
        progress.warn(summary);
    }
    Ok(drift)
}

/// Compares `target` with what the migrations of `survey` make that `replay` chooses.
pub async fn between(
    target: &Target,
    survey: &Survey,
    replay: &Replay,
    extent: Extent,
    context: &Context,
) -> Result<Drift, OperationError> {
    let progress = &context.progress;
    if let Some(contract) = &survey.contract {
        return Err(trouble::other_system(contract).into());
    }
    let scripts = Prepared::of(replay.of(survey)?)?;
    let mut notes = report::remarks(survey, replay);
    notes.extend(scripts.remark());
    let look = target.connect(Purpose::Look).await?;
    let (here, present) = (target.url.safe(), session_schemas(&look).await?);
    look.close().await;

    progress.step(PREPARE, "Creating a scratch database on the same server.");
    let scratch = Scratch::create(target, context).await?;
    progress.step(
        REPLAY,
        match scripts.len() {
            1 => "Replaying 1 migration.".to_owned(),
            n => format!("Replaying {n} migrations."),
        },
    );
    let wanted = wanted(survey, present, &scripts);
    let named = named_schemas(target).await;
    let url = scratch.url();
    let work = async {
        let opened = scratch::open_for_replay(&url, &context.job).await;
        let session = opened.map_err(|trouble| trouble::lost(&trouble))?;
        let made = replay::prepare(&session, &wanted, scripts.makes_ledger()).await?;
        replay::run(&session, &scripts, context).await?;
        let mut schemas = compared_schemas(&session, &survey.schema, &made).await?;
        schemas.extend(named);
        let schemas: Vec<String> = schemas.into_iter().collect();
        let history = catalog::read(&session, &schemas, extent, "the scratch database").await?;
        session.close().await;
        Ok((schemas, history))
    };
    let ((schemas, history), left) = scratch.during(context, work).await?;
    notes.extend(left);

    progress.step(
        COMPARE,
        format!("Comparing the catalogues of {}.", listed(&schemas)),
    );
    let at = context.clock.now_ms();
    let reading = read_target(target, &schemas, extent, &here);
    let (database, left_out) = tokio::select! {
        read = reading => read?,
        () = context.cancel.cancelled() => return Err(OperationError::Cancelled),
    };
    let compared = compare::compare(&database, &history, extent.column_order);
    notes.extend(report::left_out(&left_out));
    notes.extend(compared.notes);
    Ok(Drift {
        target: target.name.clone(),
        at,
        replay: replay.clone(),
        replayed: scripts.len(),
        extent,
        schemas,
        count: compared.differences.iter().map(Difference::count).sum(),
        differences: compared.differences,
        notes,
    })
}

/// Removes what a run of `job` has left on the server of `target`.
pub async fn clean_up(target: &Target, job: &str) -> Result<(), Trouble> {
    scratch::clean_up(target, job).await
}

/// The rows of the ledger, as far as they say what is in effect.
fn rows(survey: &Survey) -> Vec<LedgerRow> {
    survey.ledger_rows().cloned().collect()
}

/// The schemas on the search path that exist.
async fn session_schemas(session: &Session) -> Result<Vec<String>, Trouble> {
    let row = session
        .client()
        .query_typed("SELECT current_schemas(false)::text[]", &[])
        .await
        .map_err(|error| trouble::unread("this database", &error))?;
    Ok(row.first().map(|row| row.get(0)).unwrap_or_default())
}

/// The schemas that have to be there before the first script: that of the ledger, and those of the search path that no
/// script makes, such as one that the provider keeps for extensions.
fn wanted(survey: &Survey, present: Vec<String>, scripts: &Prepared<'_>) -> Vec<String> {
    let mut wanted = vec![survey.schema.clone()];
    for schema in present {
        if !wanted.contains(&schema) && !scripts.makes_schema(&schema) {
            wanted.push(schema);
        }
    }
    // An extension's schema may be there without being on the path.
    for schema in scripts.wanted_schemas() {
        if !wanted.contains(&schema) {
            wanted.push(schema);
        }
    }
    wanted
}

/// The schemas that the migrations work in: that of the connection, those that they made, and those that hold something.
async fn compared_schemas(
    session: &Session,
    own: &str,
    made: &[String],
) -> Result<BTreeSet<String>, Trouble> {
    let mut schemas = BTreeSet::from([own.to_owned()]);
    for namespace in catalog::namespaces(session, "the scratch database").await? {
        let theirs = namespace.name != "public" && !made.contains(&namespace.name);
        if namespace.is_used || theirs {
            schemas.insert(namespace.name);
        }
    }
    Ok(schemas)
}

/// The schemas that the Prisma schema of the target names.
async fn named_schemas(target: &Target) -> Vec<String> {
    let folder = target.migrations.clone();
    tokio::task::spawn_blocking(move || Project::schemas_of(&folder))
        .await
        .unwrap_or_default()
}

/// What is in `schemas` of the target, and the names of its other schemas that hold something.
async fn read_target(
    target: &Target,
    schemas: &[String],
    extent: Extent,
    what: &str,
) -> Result<(Catalog, Vec<String>), Trouble> {
    let session = target.connect(Purpose::Look).await?;
    let catalog = catalog::read(&session, schemas, extent, what).await?;
    let others = catalog::namespaces(&session, what).await?;
    session.close().await;
    let others = others
        .into_iter()
        .filter(|other| other.is_used && !schemas.contains(&other.name))
        .map(|other| other.name)
        .collect();
    Ok((catalog, others))
}
