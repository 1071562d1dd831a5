//! `lockkeeper migrate deploy`: applying what is pending.
//!
//! It goes through the store when there is one, so that the job and its approval are those of the console. Without one it
//! applies safe migrations, and destructive ones only when they were approved elsewhere or somebody takes them upon them.

use clap::Args;
use serde_json::json;

use super::TargetArg;
use crate::cli::plan::{self, NoBackup};
use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failure, alone, follow, has_store, open, pick, signal, targets};
use crate::config::Config;
use crate::guard::apply::Allowance;
use crate::guard::plan::Looked;
use crate::guard::{self, Plan, Verdict, apply};
use crate::job::Operation;
use crate::migration::Survey;
use crate::target::Target;

#[derive(Args, Debug)]
pub(in crate::cli) struct Deploy {
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    backup: NoBackup,
    /// Show what would be applied and what the guard says to it; change and record nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply only what has this digest (`plan show` names it); without a store, that is the approval too
    #[arg(long, value_name = "DIGEST")]
    approved_digest: Option<String>,
    /// Without a store: apply a destructive plan that nobody has approved, for this reason
    #[arg(long, value_name = "REASON", conflicts_with = "approved_digest")]
    allow_destructive: Option<String>,
}

impl Deploy {
    fn allowance(&self) -> Allowance<'_> {
        match (&self.approved_digest, &self.allow_destructive) {
            (Some(digest), _) => Allowance::Digest(digest),
            (None, Some(reason)) => Allowance::Reason(reason),
            (None, None) => Allowance::None,
        }
    }
}

pub(super) async fn run(args: Deploy, config: Config, terminal: Terminal) -> Result<Exit, Failure> {
    let target = pick(&targets(&config)?, args.target.target.as_deref())?;
    if let Some(reason) = &args.allow_destructive {
        if has_store(&config) {
            return Err(Failure::Usage(
                "there is a store here, so approve the plan in it: `lockkeeper plan approve`. --allow-destructive is for \
                 machines without one"
                    .to_owned(),
            ));
        }
        if reason.trim().is_empty() || reason.chars().any(char::is_control) {
            return Err(Failure::Usage(
                "--allow-destructive needs a reason on one line".to_owned(),
            ));
        }
    }
    // A target that cannot be reached is its own exit code; a job would only say that it failed.
    if has_store(&config) && !args.dry_run {
        Survey::of(&target).await.map_err(Failure::Target)?;
        return deploy_as_job(args, config, &target, terminal).await;
    }
    let looked = Looked::at(&target).await.map_err(Failure::Target)?;
    if args.dry_run {
        dry_run(&args, config, (&target, looked), terminal).await
    } else {
        deploy_alone(&args, (&target, looked), terminal).await
    }
}

async fn deploy_as_job(
    args: Deploy,
    config: Config,
    target: &Target,
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
    if is_another(&args, &stored.plan, terminal) {
        return Ok(Exit::Refused);
    }
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
    plan::apply_as_job(&app, &chosen, args.backup, &stop, terminal).await
}

/// Whether what is pending is not what `--approved-digest` names; then that is said.
fn is_another(args: &Deploy, plan: &Plan, terminal: Terminal) -> bool {
    match &args.approved_digest {
        Some(digest) if *digest != plan.digest => {
            let what = format!(
                "What is pending now has the digest {}, not {digest}.",
                plan.digest
            );
            terminal.json(&json!({"error": {"what": what}, "digest": plan.digest}));
            terminal.talk(format!(
                "Refused: {what} Nothing was applied. Read the plan of what is pending, and approve that."
            ));
            true
        }
        _ => false,
    }
}

/// Makes the plan and shows it. Exit 4 when deploy would refuse it.
async fn dry_run(
    args: &Deploy,
    config: Config,
    (target, looked): (&Target, Looked),
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let plan = match planned(target, looked, terminal).await? {
        Ok((_, plan)) => plan,
        Err(exit) => return Ok(exit),
    };
    plan::print(&plan, terminal);
    let is_the_one = args
        .approved_digest
        .as_ref()
        .is_none_or(|digest| *digest == plan.digest);
    // A store that is not there yet has no approval, and a dry run does not make one.
    let is_absent = config
        .store
        .file
        .as_ref()
        .is_some_and(|file| !file.exists());
    let is_approved = if plan.verdict == Verdict::Destructive && has_store(&config) {
        !is_absent && {
            let app = open(config).await?;
            plan::approved_twin(&app, &plan).await?.is_some()
        }
    } else {
        args.allowance().covers(&plan)
    };
    let (sentence, exit) = match (is_the_one, is_approved) {
        (true, true) => ("A deploy would apply this.", Exit::Done),
        (true, false) => (
            "A deploy would refuse this, for it is not approved.",
            Exit::Refused,
        ),
        (false, _) => (
            "A deploy would refuse this, for it has another digest than the one that was approved.",
            Exit::Refused,
        ),
    };
    terminal.json(
        &json!({"dryRun": true, "plan": plan, "wouldApply": exit == Exit::Done, "next": sentence}),
    );
    terminal.say(format!(
        "This was a dry run: nothing was applied. {sentence}"
    ));
    Ok(exit)
}

async fn deploy_alone(
    args: &Deploy,
    (target, looked): (&Target, Looked),
    terminal: Terminal,
) -> Result<Exit, Failure> {
    terminal.talk(
        "There is no store here: this run is recorded in the ledger only, not as a job, and no backup is taken.",
    );
    let (survey, plan) = match planned(target, looked, terminal).await? {
        Ok(planned) => planned,
        Err(exit) => return Ok(exit),
    };
    let allowance = args.allowance();
    if is_another(args, &plan, terminal) {
        return Ok(Exit::Refused);
    }
    if !allowance.covers(&plan) {
        return Ok(refuse(&plan, terminal));
    }
    alone::change(target, terminal, async |context| {
        apply::run_alone(target, (&plan, &survey), allowance, context).await
    })
    .await
}

/// The plan of what is pending, made without a job; or how the command ends that found none.
async fn planned(
    target: &Target,
    looked: Looked,
    terminal: Terminal,
) -> Result<Result<(Survey, Plan), Exit>, Failure> {
    let work = async |context| looked.plan(target, &context).await;
    let ((survey, made), _reported) = alone::run(terminal, work).await;
    Ok(match made {
        Ok(Some(plan)) => Ok((survey, plan)),
        Ok(None) => {
            terminal.say("Nothing is pending.");
            terminal.json(&json!({"state": "succeeded", "summary": "Nothing is pending."}));
            Err(Exit::Done)
        }
        Err(error) => Err(alone::stopped(error, terminal)?),
    })
}

fn refuse(plan: &Plan, terminal: Terminal) -> Exit {
    plan::print_refusal(plan, terminal);
    terminal.talk(format!(
        "An approval needs a store: run the console (`lockkeeper serve`) where this database can be reached. Or read the plan \
         (`--dry-run`), and give --approved-digest {} or --allow-destructive REASON.",
        plan.digest
    ));
    Exit::Refused
}
