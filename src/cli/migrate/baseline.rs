//! `lockkeeper migrate baseline`: saying of a database that Prisma did not make which migrations it has already.

use clap::Args;

use super::{TargetArg, marking};
use crate::cli::Failure;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::Config;
use crate::job::Operation;
use crate::migration::baseline;
use crate::migration::mark::Changes;
use crate::target::Target;

#[derive(Args, Debug)]
pub(in crate::cli) struct Baseline {
    #[command(flatten)]
    target: TargetArg,
    /// The last migration whose effects are in the database
    #[arg(long, value_name = "NAME")]
    up_to: String,
    /// Show which rows would change; write nothing and take no lock
    #[arg(long)]
    dry_run: bool,
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
    if args.dry_run {
        marking::show(&changes, terminal);
        return Ok(Exit::Done);
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
        baseline::run(&target, last, &context).await
    })
    .await
}

/// Shows a person what would be written and asks. From then on deploy takes these scripts as run, whatever the database has.
fn agrees(target: &Target, changes: &Changes, terminal: Terminal) -> Result<bool, Failure> {
    if !terminal.can_ask() {
        return Err(Failure::Usage(
            "nobody can be asked here: add --yes to say that the database has everything of these migrations"
                .to_owned(),
        ));
    }
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
