//! `lockkeeper plan`: make, read and apply. Saying yes or no to one is in [`super::decision`].

use clap::{Args, Subcommand};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::decision::{self, Approve, Reject};
use super::migrate::TargetArg;
use super::terminal::{Exit, Terminal};
use super::{Failure, follow, open, pick, signal};
use crate::app::App;
use crate::clock::timestamp;
use crate::config::Config;
use crate::guard::plan::{PlannedStatement, Stored};
use crate::guard::{self, Plan, Verdict, apply, approval};
use crate::job::Operation;

#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Read what is pending and judge it; exit 4 when it needs an approval
    Make(TargetArg),
    /// Show a plan
    Show(Which),
    /// Say yes to a plan; asks for a console user's sign-in
    Approve(Approve),
    /// Say no to a plan: nothing is applied from it any more
    Reject(Reject),
    /// Apply a plan, after a backup unless there is a fresh one
    Apply(Apply),
}

#[derive(Args, Debug)]
pub(super) struct Which {
    /// The plan's id, or the name of a target for its newest plan; may be left out when there is only one target
    #[arg(value_name = "PLAN|TARGET")]
    plan: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Apply {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    backup: NoBackup,
}

#[derive(Args, Clone, Copy, Debug)]
pub(super) struct NoBackup {
    /// Take no backup first; only where nothing would be destroyed
    #[arg(long)]
    pub no_backup: bool,
}

pub(super) async fn run(
    command: PlanCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    match command {
        PlanCommand::Make(arg) => {
            let target = pick(&app.resources.targets, arg.target.as_deref())?;
            make(&app, &target.name, terminal).await
        }
        PlanCommand::Show(which) => {
            let stored = find(&app, &which).await?;
            show(&app, &stored, terminal).await
        }
        PlanCommand::Approve(args) => decision::approve(&app, args, terminal).await,
        PlanCommand::Reject(args) => decision::reject(&app, args, terminal).await,
        PlanCommand::Apply(args) => {
            let stored = find(&app, &args.which).await?;
            apply_as_job(&app, &stored, args.backup, &signal::stop(), terminal).await
        }
    }
}

async fn make(app: &App, target: &str, terminal: Terminal) -> Result<Exit, Failure> {
    let operation = Operation::MakePlan {
        target: target.to_owned(),
    };
    let job = follow::operation(app, &operation, &signal::stop(), terminal).await?;
    let made = job
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.made.clone());
    let Some(id) = made else {
        return Ok(follow::ended(&job, terminal));
    };
    match guard::plan::get(&app.store, target, &id).await? {
        Some(stored) => {
            show(app, &stored, terminal).await?;
            Ok(match stored.plan.verdict {
                Verdict::Safe | Verdict::Caution => Exit::Done,
                Verdict::Destructive => Exit::Refused,
            })
        }
        None => Ok(follow::ended(&job, terminal)),
    }
}

async fn show(app: &App, stored: &Stored, terminal: Terminal) -> Result<Exit, Failure> {
    let plan = &stored.plan;
    let made = timestamp(plan.made_at).strftime("%Y-%m-%d %H:%M UTC");
    terminal.say(format!(
        "plan {} for {}, made {made} by {}",
        plan.id, plan.target, plan.made_by
    ));
    terminal.say(format!(
        "verdict: {}   digest: {}",
        plan.verdict.word(),
        plan.digest
    ));
    let losses = plan.losses();
    if !losses.is_empty() {
        terminal.say("");
        terminal.say("would be lost, or may be:");
        for loss in losses {
            terminal.say(format!("  - {loss}"));
        }
    }
    let mut number = 0;
    for migration in &plan.migrations {
        terminal.say("");
        terminal.say(&migration.name);
        if let Some(sentence) = &migration.not_atomic {
            terminal.say(format!("  note: {sentence}"));
        }
        for statement in &migration.statements {
            number += 1;
            print_statement(number, statement, terminal);
        }
    }
    terminal.say("");
    let next = next_step(app, stored).await?;
    terminal.say(&next);
    let closed = stored.closed.as_ref().map(|closed| {
        json!({"at": closed.at, "as": closed.ending.word(), "by": closed.by, "reason": closed.reason})
    });
    terminal.json(
        &json!({"plan": plan, "appliedAt": stored.applied_at, "closed": closed, "next": next}),
    );
    Ok(Exit::Done)
}

/// What a statement does, whom it keeps waiting, how large its tables were, and what was found.
fn print_statement(number: usize, statement: &PlannedStatement, terminal: Terminal) {
    terminal.say(format!(
        "  {number}. {} (line {})",
        statement.summary, statement.line
    ));
    for lock in &statement.locks {
        terminal.say(format!("     lock: {} ({})", lock.sentence(), lock.mode));
    }
    for table in &statement.tables {
        terminal.say(format!("     table: {}", table.sentence()));
    }
    for finding in &statement.findings {
        terminal.say(format!(
            "     {}: {} ({})",
            finding.severity.word(),
            finding.sentence,
            finding.rule
        ));
        if let Some(loss) = &finding.loss {
            terminal.say(format!("       would be lost: {}", loss.sentence()));
        }
        if let Some(advice) = &finding.advice {
            terminal.say(format!("       what to do: {advice}"));
        }
    }
}

async fn next_step(app: &App, stored: &Stored) -> Result<String, Failure> {
    let plan = &stored.plan;
    if let Some(at) = stored.applied_at {
        let at = timestamp(at).strftime("%Y-%m-%d %H:%M UTC");
        return Ok(format!("Applied {at}."));
    }
    if let Some(closed) = &stored.closed {
        return Ok(format!(
            "It is {}, by {}: {}\nNext: lockkeeper plan make {}",
            closed.ending.word(),
            closed.by,
            closed.reason,
            plan.target
        ));
    }
    let ready = apply::readiness(&app.store, &app.clock, &app.resources.archive, plan).await?;
    Ok(if ready.needs_approval {
        format!("Next: lockkeeper plan approve {}", plan.id)
    } else {
        format!("Next: lockkeeper plan apply {}", plan.id)
    })
}

/// Applies a plan as a job, after saying what stands in the way.
pub(super) async fn apply_as_job(
    app: &App,
    stored: &Stored,
    NoBackup { no_backup }: NoBackup,
    stop: &CancellationToken,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let plan = &stored.plan;
    if no_backup && plan.verdict == Verdict::Destructive {
        return Err(Failure::Usage(
            "this plan destroys data: it is applied after a backup only, so leave --no-backup away"
                .to_owned(),
        ));
    }
    let ready = apply::readiness(&app.store, &app.clock, &app.resources.archive, plan).await?;
    // Of a closed one the job says why; asking for an approval of it would be a wrong lead.
    if ready.needs_approval && stored.is_open() {
        print_refusal(plan, terminal);
        return Ok(Exit::Refused);
    }
    let operation = Operation::ApplyPlan {
        target: plan.target.clone(),
        plan: plan.id.clone(),
        without_backup: no_backup,
    };
    let job = follow::operation(app, &operation, stop, terminal).await?;
    Ok(follow::ended(&job, terminal))
}

/// Says that a plan needs an approval, and what it would destroy.
pub(super) fn print_refusal(plan: &Plan, terminal: Terminal) {
    terminal.json(&json!({
        "error": {"what": "The plan destroys data and is not approved.", "losses": plan.losses()},
        "plan": plan.id,
        "digest": plan.digest,
    }));
    if !terminal.json {
        terminal.talk("Refused: this plan destroys data and is not approved. It would destroy:");
        for loss in plan.losses() {
            terminal.talk(format!("  - {loss}"));
        }
        terminal.talk(
            "Nothing was applied. Approve it in the console, or with `lockkeeper plan approve`.",
        );
    }
}

/// The newest plan of the same digest that has an open approval.
pub(super) async fn approved_twin(app: &App, plan: &Plan) -> Result<Option<Stored>, Failure> {
    for stored in guard::plan::list(&app.store, &plan.target, 50).await? {
        if stored.plan.digest != plan.digest || !stored.is_open() {
            continue;
        }
        let approval = approval::latest(&app.store, &stored.plan.id).await?;
        if approval.is_some_and(|approval| approval.is_open(app.clock.now_ms())) {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}

pub(super) async fn find(app: &App, which: &Which) -> Result<Stored, Failure> {
    let targets = &app.resources.targets;
    let named = which.plan.as_deref();
    let is_target = named.is_none_or(|name| targets.iter().any(|target| target.name == name));
    if is_target {
        let target = pick(targets, named)?;
        let newest = guard::plan::list(&app.store, &target.name, 1).await?;
        return newest.into_iter().next().ok_or_else(|| {
            let name = &target.name;
            Failure::Usage(format!(
                "there is no plan of {name}; make one with: lockkeeper plan make {name}"
            ))
        });
    }
    let id = named.unwrap_or_default();
    for target in targets {
        if let Some(found) = guard::plan::get(&app.store, &target.name, id).await? {
            return Ok(found);
        }
    }
    Err(Failure::Usage(format!(
        "there is neither a target nor a plan {id}"
    )))
}
