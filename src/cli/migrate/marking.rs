//! What `resolve` and `baseline` share: the look at what would change, and the run, as a job where there is a store.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::TargetArg;
use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failure, alone, follow, has_store, open, pick, signal, targets};
use crate::clock::Clock;
use crate::config::Config;
use crate::job::Operation;
use crate::migration::Survey;
use crate::migration::mark::{self, Changes, Past};
use crate::migration::resolve::Refusal;
use crate::operation::{Context, OperationError, Outcome};
use crate::target::Target;

/// The target that was named, or the only one.
pub(super) fn target(config: &Config, arg: &TargetArg) -> Result<Arc<Target>, Failure> {
    pick(&targets(config)?, arg.target.as_deref())
}

/// What would change now.
pub(super) async fn preview(
    target: &Target,
    work_out: impl FnOnce(Past<'_>, Timestamp) -> Result<Changes, Refusal>,
) -> Result<Changes, Failure> {
    mark::preview(target, Clock::system().now(), work_out)
        .await
        .map_err(Failure::Operation)
}

/// Says what would change, and that nothing has.
pub(super) fn show(changes: &Changes, terminal: Terminal) {
    let lines = changes.lines();
    if lines.is_empty() {
        terminal.say(changes.summary());
    } else {
        terminal.say("Nothing was written. This would be done, all or nothing:");
    }
    for line in &lines {
        terminal.say(format!("  - {line}"));
    }
    let given_up: Vec<_> = changes
        .given_up
        .iter()
        .map(|row| json!({"id": row.id, "name": row.migration_name, "startedAt": row.started_at.to_string()}))
        .collect();
    let added: Vec<_> = changes
        .added
        .iter()
        .map(|row| json!({"name": row.name, "checksum": row.checksum}))
        .collect();
    terminal.json(&json!({
        "dryRun": true,
        "makesLedger": changes.makes_ledger,
        "rolledBack": given_up,
        "added": added,
    }));
}

/// Runs it: as a job where there is a store, else alone.
pub(super) async fn run(
    config: Config,
    target: &Target,
    operation: Operation,
    terminal: Terminal,
    work: impl AsyncFnOnce(Context) -> Result<Outcome, OperationError>,
) -> Result<Exit, Failure> {
    // A target that cannot be reached is its own exit code; a job would only say that it failed.
    Survey::of(target).await.map_err(Failure::Target)?;
    if has_store(&config) {
        let app = open(config).await?;
        let job = follow::operation(&app, &operation, &signal::stop(), terminal).await?;
        return Ok(follow::ended(&job, terminal));
    }
    terminal.talk("There is no store here: this is recorded in the ledger only, not as a job.");
    let (ended, _reported) = alone::run(terminal, work).await;
    match ended {
        Ok(outcome) => {
            terminal.say(&outcome.summary);
            terminal.json(&json!({"state": "succeeded", "summary": outcome.summary}));
            Ok(Exit::Done)
        }
        Err(
            OperationError::Fail(trouble)
            | OperationError::Stopped(trouble)
            | OperationError::NeedsHuman(trouble),
        ) => Err(Failure::Operation(trouble)),
        Err(OperationError::Cancelled) => Ok(Exit::Cancelled),
    }
}
