//! `lockkeeper migrate baseline`: saying of a database that Prisma did not make which migrations it has already.

use clap::Args;
use serde_json::json;

use super::{TargetArg, diff, marking};
use crate::cli::Failure;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::Config;
use crate::job::Operation;
use crate::migration::baseline;
use crate::migration::drift::{Extent, Replay};
use crate::migration::mark::Changes;
use crate::target::Target;

#[derive(Args, Debug)]
pub(in crate::cli) struct Baseline {
    #[command(flatten)]
    target: TargetArg,
    /// The last migration whose effects are in the database
    #[arg(long, value_name = "NAME")]
    up_to: String,
    /// Show which rows would change; write nothing, take no lock and do not compare
    #[arg(long)]
    dry_run: bool,
    /// Do not compare the database with what those migrations make
    #[arg(long)]
    no_diff: bool,
    /// Do not ask before writing
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(
    args: Baseline,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let target = marking::target(&config, &args.target)?;
    let last = args.up_to.as_str();
    let changes = marking::preview(&target, |past, at| baseline::changes(past, last, at)).await?;
    if !args.yes && !args.dry_run && !terminal.can_ask() {
        return Err(Failure::Usage(
            "nobody can be asked here: add --yes to say that the database has everything of these migrations"
                .to_owned(),
        ));
    }
    if args.dry_run {
        marking::show(&changes, terminal);
        return Ok(Exit::Done);
    }
    if !args.no_diff
        && let Err(exit) = Box::pin(compare(config.clone(), &target, last, terminal)).await?
    {
        return Ok(exit);
    }
    if !args.yes && !agrees(&target, &changes, terminal)? {
        terminal.talk("Nothing was marked.");
        return Ok(Exit::Cancelled);
    }
    let operation = Operation::Baseline {
        target: target.name.clone(),
        last: last.to_owned(),
    };
    marking::run(config, &target, operation, terminal, async |context| {
        baseline::run(&target, last, context).await
    })
    .await
}

/// Shows what differs between the database and what the migrations up to `last` make. Where that cannot be found out, it says why:
/// whoever knows their database may go on. Where it was stopped, nothing comes after.
async fn compare(
    config: Config,
    target: &Target,
    last: &str,
    terminal: Terminal,
) -> Result<Result<(), Exit>, Failure> {
    let replay = Replay::UpTo(last.to_owned());
    match diff::found(config, target, replay, Extent::default(), terminal).await {
        Ok(Ok(drift)) => {
            terminal.talk(drift.summary());
            for line in drift.lines() {
                terminal.talk(format!("  {line}"));
            }
            for note in &drift.notes {
                terminal.talk(format!("note: {note}"));
            }
            terminal.json(&json!({"summary": drift.summary(), "drift": drift}));
            Ok(Ok(()))
        }
        Ok(Err(exit)) => Ok(Err(exit)),
        Err(Failure::Operation(trouble)) => {
            terminal.talk(format!(
                "The database could not be compared with these migrations: {} {}",
                trouble.what, trouble.next
            ));
            Ok(Ok(()))
        }
        Err(failure) => Err(failure),
    }
}

/// Shows a person what would be written and asks. From then on deploy takes these scripts as run, whatever the database has.
fn agrees(target: &Target, changes: &Changes, terminal: Terminal) -> Result<bool, Failure> {
    for line in changes.lines() {
        terminal.talk(format!("  - {line}"));
    }
    let question = format!(
        "Type yes if {} has everything of these migrations:",
        target.url.safe()
    );
    let answer = terminal
        .ask(&question)
        .map_err(|error| Failure::Usage(format!("the answer could not be read: {error}")))?;
    Ok(answer.trim() == "yes")
}
