//! `lockkeeper migrate deploy`: applying what is pending.
//!
//! It goes through the store when there is one, so that the job and its approval are those of the console; without one it
//! applies safe migrations and refuses destructive ones.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::TargetArg;
use crate::cli::plan::{self, NoBackup};
use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failure, alone, follow, has_store, open, pick, signal, targets};
use crate::config::Config;
use crate::guard::{self, Plan, Verdict, apply};
use crate::job::Operation;
use crate::migration::Survey;
use crate::operation::OperationError;
use crate::target::Target;

#[derive(Args, Debug)]
pub(in crate::cli) struct Deploy {
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    backup: NoBackup,
}

pub(super) async fn run(args: Deploy, config: Config, terminal: Terminal) -> Result<Exit, Failure> {
    let target = pick(&targets(&config)?, args.target.target.as_deref())?;
    // A target that cannot be reached is its own exit code; a job would only say that it failed.
    Survey::of(&target).await.map_err(Failure::Target)?;
    if has_store(&config) {
        deploy_as_job(config, &target, args.backup, terminal).await
    } else {
        deploy_alone(&target, terminal).await
    }
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
