//! `lockkeeper migrate`: the history, and applying what is pending.
//!
//! `status` needs a database and a folder only. `deploy` goes through the store when there is one, so that the job and
//! its approval are those of the console; without one it applies safe migrations and refuses destructive ones.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::plan::NoBackup;
use super::terminal::{Exit, Terminal};
use super::{Failure, alone, drift, follow, has_store, open, pick, plan, signal, targets};
use crate::config::Config;
use crate::guard::{self, Plan, Verdict, apply};
use crate::job::Operation;
use crate::migration::{Contract, Entry, State, Survey};
use crate::operation::OperationError;
use crate::target::Target;

#[derive(Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// Show what is applied, pending, failed or odd; exit 0 only when there is nothing to do
    Status(TargetArg),
    /// Compare the database with what its migrations make; exit 1 when they differ
    Diff(drift::Diff),
    /// Apply what is pending; destructive plans only when they are approved
    Deploy(Deploy),
}

#[derive(Args, Debug)]
pub(super) struct Deploy {
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    backup: NoBackup,
}

#[derive(Args, Debug)]
pub(super) struct TargetArg {
    /// The target's name; may be left out when there is only one
    pub target: Option<String>,
}

pub(super) async fn run(
    command: MigrateCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    match command {
        MigrateCommand::Status(arg) => {
            let target = pick(&targets(&config)?, arg.target.as_deref())?;
            status(&target, terminal).await
        }
        // On the heap: what it holds is large.
        MigrateCommand::Diff(args) => Box::pin(drift::run(args, config, terminal)).await,
        MigrateCommand::Deploy(args) => {
            let target = pick(&targets(&config)?, args.target.target.as_deref())?;
            // A target that cannot be reached is its own exit code; a job would only say that it failed.
            Survey::of(&target).await.map_err(Failure::Target)?;
            if has_store(&config) {
                deploy_as_job(config, &target, args.backup, terminal).await
            } else {
                deploy_alone(&target, terminal).await
            }
        }
    }
}

async fn status(target: &Target, terminal: Terminal) -> Result<Exit, Failure> {
    let survey = Survey::of(target).await.map_err(Failure::Target)?;
    let history = &survey.history;
    terminal.say(format!("{}: {}", target.name, target.url.safe()));
    for sentence in survey.sentences() {
        terminal.say(sentence);
    }
    let odd: Vec<&Entry> = history
        .entries
        .iter()
        .filter(|entry| !is_settled(entry))
        .collect();
    if !odd.is_empty() {
        terminal.say("");
        terminal.table(
            &["migration", "state", "note"],
            odd.iter().map(|entry| {
                vec![
                    entry.name.clone(),
                    entry.state.word().to_owned(),
                    entry.note.clone().unwrap_or_default(),
                ]
            }),
        );
    }
    let blocked = survey.blocked();
    if let Some(trouble) = &blocked {
        terminal.say("");
        terminal.say(format!("{} {}", trouble.what, trouble.next));
    }
    for line in survey.contract.iter().flat_map(Contract::lines) {
        terminal.say(line);
    }
    let clean = survey.is_up_to_date();
    let entries: Vec<_> = history
        .entries
        .iter()
        .map(|entry| json!({"name": entry.name, "state": entry.state.word(), "edited": entry.edited, "note": entry.note}))
        .collect();
    let pending: Vec<_> = history.pending().map(|entry| entry.name.clone()).collect();
    terminal.json(&json!({
        "target": target.name,
        "database": target.url.safe(),
        "upToDate": clean,
        "pending": pending,
        "blocked": blocked.map(|trouble| trouble.what),
        "migrations": entries,
        "prisma8": survey.contract,
    }));
    Ok(if clean { Exit::Done } else { Exit::NotSo })
}

async fn deploy_as_job(
    config: Config,
    target: &Target,
    backup: NoBackup,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    let operation = Operation::MakePlan {
        target: target.name.clone(),
    };
    let stop = signal::stop();
    let job = follow::operation(&app, &operation, &stop, terminal).await?;
    let Some(made) = job
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.made.clone())
    else {
        return Ok(follow::ended(&job, terminal));
    };
    let Some(stored) = guard::plan::get(&app.store, &target.name, &made).await? else {
        return Ok(follow::ended(&job, terminal));
    };
    // An approval is of a digest. An older plan with the same digest is the same plan, and may be approved already.
    let mut chosen = stored;
    if chosen.plan.verdict == Verdict::Destructive {
        let approved = plan::approved_twin(&app, &chosen.plan).await?;
        let Some(approved) = approved else {
            plan::print_refusal(&chosen.plan, terminal);
            return Ok(Exit::Refused);
        };
        chosen = approved;
    }
    plan::apply_as_job(&app, &chosen, backup, &stop, terminal).await
}

async fn deploy_alone(target: &Arc<Target>, terminal: Terminal) -> Result<Exit, Failure> {
    terminal.talk(
        "There is no store here: this run is recorded in the ledger only, not as a job, and no backup is taken.",
    );
    let work = async |context| {
        let plan = guard::plan::make(target, &context).await;
        match plan {
            Ok(None) => Ok(None),
            Ok(Some(plan)) if plan.verdict == Verdict::Destructive => Ok(Some((plan, None))),
            Ok(Some(plan)) => apply::run_alone(target, &plan, &context)
                .await
                .map(|outcome| Some((plan, Some(outcome)))),
            Err(error) => Err(error),
        }
    };
    let (ended, _reported) = alone::run(terminal, work).await;
    match ended {
        Ok(None) => {
            terminal.say("Nothing is pending.");
            terminal.json(&json!({"state": "succeeded", "summary": "Nothing is pending."}));
            Ok(Exit::Done)
        }
        Ok(Some((plan, None))) => Ok(refuse(&plan, terminal)),
        Ok(Some((_, Some(outcome)))) => {
            terminal.say(&outcome.summary);
            terminal.json(&json!({"state": "succeeded", "summary": outcome.summary}));
            Ok(Exit::Done)
        }
        Err(OperationError::Fail(trouble) | OperationError::NeedsHuman(trouble)) => {
            Err(Failure::Operation(trouble))
        }
        Err(OperationError::Stopped(trouble)) => {
            terminal.trouble(&trouble);
            Ok(Exit::Cancelled)
        }
        Err(OperationError::Cancelled) => Ok(Exit::Cancelled),
    }
}

fn refuse(plan: &Plan, terminal: Terminal) -> Exit {
    plan::print_refusal(plan, terminal);
    terminal.talk("An approval needs a store: run the console (`lockkeeper serve`) where this database can be reached.");
    Exit::Refused
}

/// Whether there is nothing to say about a migration but that it is applied.
fn is_settled(entry: &Entry) -> bool {
    entry.state == State::Applied && !entry.edited && entry.note.is_none()
}
