//! `lockkeeper target`: which targets there are, and what one looks like.
//!
//! `check` goes through the store when there is one, so that its measurement is kept; without one it only says what it
//! saw.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::migrate::TargetArg;
use super::terminal::{Exit, Terminal};
use super::{Failure, alone, follow, has_store, open, pick, signal, targets};
use crate::config::Config;
use crate::job::Operation;
use crate::job::queue::{self, State};
use crate::migration::check;
use crate::operation::{Event, OperationError};
use crate::target::Target;

/// More than a check can say.
const EVENTS: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum TargetCommand {
    /// List the targets of the configuration; none of them is connected to
    List,
    /// Look at a target without changing it: server, sizes, migrations
    ///
    /// Exit 0: reachable, and nothing to do. 1: reachable, but it warned of something, or migrations are pending. 3: not
    /// reachable. What it says of this machine's client tools does not change the code.
    Check(TargetArg),
}

pub(super) async fn run(
    command: TargetCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let known = targets(&config)?;
    match command {
        TargetCommand::List => {
            list(&known, terminal);
            Ok(Exit::Done)
        }
        TargetCommand::Check(arg) => {
            let target = pick(&known, arg.target.as_deref())?;
            if has_store(&config) {
                check_as_job(config, &target, terminal).await
            } else {
                check_alone(&target, terminal).await
            }
        }
    }
}

fn list(known: &[Arc<Target>], terminal: Terminal) {
    if known.is_empty() {
        terminal.say(
            "No target is configured: set DATABASE_URL, or write a [[target]] into lockkeeper.toml.",
        );
    } else {
        terminal.table(
            &["name", "environment", "database", "migrations"],
            known.iter().map(|target| {
                vec![
                    target.name.clone(),
                    target.environment.word().to_owned(),
                    target.url.safe(),
                    target.migrations.display().to_string(),
                ]
            }),
        );
    }
    let list: Vec<_> = known
        .iter()
        .map(|target| {
            json!({
                "name": target.name,
                "environment": target.environment.word(),
                "database": target.url.safe(),
                "migrations": target.migrations.to_string_lossy(),
            })
        })
        .collect();
    terminal.json(&json!({ "targets": list }));
}

async fn check_as_job(
    config: Config,
    target: &Target,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    let operation = Operation::CheckTarget {
        target: target.name.clone(),
    };
    let job = follow::operation(&app, &operation, &signal::stop(), terminal).await?;
    let lines = queue::lines(&app.store, &job.id, 0, EVENTS).await?;
    let events: Vec<Event> = lines.into_iter().map(|line| line.event).collect();
    let exit = follow::ended(&job, terminal);
    Ok(match job.state {
        State::Succeeded => judged(&events),
        State::Failed if was_connecting(&events) => Exit::Unreachable,
        _ => exit,
    })
}

async fn check_alone(target: &Target, terminal: Terminal) -> Result<Exit, Failure> {
    terminal.talk(
        "There is no store here: this check is not recorded, and its measurement is not kept.",
    );
    let (ended, events) =
        alone::run(terminal, async |context| check::run(target, &context).await).await;
    match ended {
        Ok(seen) => {
            terminal.say(&seen.summary);
            terminal.json(&json!({"state": "succeeded", "summary": seen.summary}));
            Ok(judged(&events))
        }
        Err(OperationError::Fail(trouble)) if was_connecting(&events) => {
            Err(Failure::Target(trouble))
        }
        Err(
            OperationError::Fail(trouble)
            | OperationError::Stopped(trouble)
            | OperationError::NeedsHuman(trouble),
        ) => Err(Failure::Operation(trouble)),
        Err(OperationError::Cancelled) => Ok(Exit::Cancelled),
    }
}

/// Whether what was seen leaves anything to do.
fn judged(events: &[Event]) -> Exit {
    if events.iter().any(check::is_concern) {
        Exit::NotSo
    } else {
        Exit::Done
    }
}

/// Whether a check that failed came no further than the connection.
fn was_connecting(events: &[Event]) -> bool {
    events
        .last()
        .is_none_or(|event| event.step == check::CONNECT)
}
