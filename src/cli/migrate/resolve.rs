//! `lockkeeper migrate resolve`: saying of migrations that they are applied or rolled back.

use clap::{ArgGroup, Args};

use super::{TargetArg, marking};
use crate::cli::Failure;
use crate::cli::terminal::{Exit, Terminal};
use crate::config::Config;
use crate::job::Operation;
use crate::migration::mark::Mark;
use crate::migration::resolve;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("mark").required(true))]
pub(in crate::cli) struct Resolve {
    #[command(flatten)]
    target: TargetArg,
    /// Everything of these migrations is in effect; their scripts are not run
    #[arg(long, value_name = "NAME", num_args = 1.., group = "mark")]
    applied: Vec<String>,
    /// What had begun of these migrations is undone; they become pending again
    #[arg(long, value_name = "NAME", num_args = 1.., group = "mark")]
    rolled_back: Vec<String>,
    /// Show which rows would change; write nothing and take no lock
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(
    args: Resolve,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let (mark, names) = if args.applied.is_empty() {
        (Mark::RolledBack, args.rolled_back)
    } else {
        (Mark::Applied, args.applied)
    };
    let target = marking::target(&config, &args.target)?;
    if args.dry_run {
        let changes =
            marking::preview(&target, |past, at| resolve::changes(past, mark, &names, at));
        marking::show(&changes.await?, terminal);
        return Ok(Exit::Done);
    }
    let operation = Operation::ResolveMigrations {
        target: target.name.clone(),
        mark,
        names: names.clone(),
    };
    marking::run(config, &target, operation, terminal, async |context| {
        resolve::run(&target, mark, &names, &context).await
    })
    .await
}
