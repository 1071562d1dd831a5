//! `lockkeeper migrate diff`: the database against what its migrations make.
//!
//! With a store it is the job that the page starts; without one a database, a folder and the right to create a database are
//! enough, and nothing is recorded.

use clap::Args;
use serde_json::json;

use super::TargetArg;
use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failure, alone, follow, has_store, open, pick, signal, targets};
use crate::config::Config;
use crate::job::Operation;
use crate::job::queue::State;
use crate::migration::Survey;
use crate::migration::drift::{self, Drift, Extent, Replay};
use crate::target::Target;

#[derive(Args, Debug)]
pub(in crate::cli) struct Diff {
    #[command(flatten)]
    target: TargetArg,
    /// Replay everything in the folder, not only what the ledger has as applied
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    besides: Besides,
    /// Exit as `prisma migrate diff --exit-code` does: 0 no difference, 2 differences, 1 anything else
    #[arg(long)]
    prisma_compatible: bool,
}

#[derive(Args, Clone, Copy, Debug)]
struct Besides {
    /// Compare owners and grants too
    #[arg(long)]
    grants: bool,
    /// Compare comments too
    #[arg(long)]
    comments: bool,
    /// Take another order of columns for a difference
    #[arg(long)]
    column_order: bool,
}

impl Diff {
    fn replay(&self) -> Replay {
        if self.all {
            Replay::All
        } else {
            Replay::Applied
        }
    }

    fn extent(&self) -> Extent {
        Extent {
            grants: self.besides.grants,
            comments: self.besides.comments,
            column_order: self.besides.column_order,
        }
    }
}

pub(super) async fn run(args: Diff, config: Config, terminal: Terminal) -> Result<Exit, Failure> {
    let compared = compare(&args, config, terminal).await;
    if let Ok(Ok(drift)) = &compared {
        print(drift, terminal);
    }
    if !args.prisma_compatible {
        return Ok(match compared? {
            Ok(drift) if drift.is_none() => Exit::Done,
            Ok(_) => Exit::NotSo,
            Err(exit) => exit,
        });
    }
    Ok(match compared {
        Ok(Ok(drift)) if drift.is_none() => Exit::Done,
        // Prisma's number for a difference is ours for bad usage.
        Ok(Ok(_)) => Exit::Usage,
        Ok(Err(_)) => Exit::NotSo,
        Err(failure) => {
            failure.tell(terminal);
            Exit::NotSo
        }
    })
}

/// What was found, or how the command ends that found nothing out.
async fn compare(
    args: &Diff,
    config: Config,
    terminal: Terminal,
) -> Result<Result<Drift, Exit>, Failure> {
    let target = pick(&targets(&config)?, args.target.target.as_deref())?;
    // A target that cannot be reached is its own exit code; a job would only say that it failed.
    Survey::of(&target).await.map_err(Failure::Target)?;
    // On the heap: a comparison's future is large.
    Box::pin(found(
        config,
        &target,
        args.replay(),
        args.extent(),
        terminal,
    ))
    .await
}

/// The comparison, as a job where there is a store.
pub(super) async fn found(
    config: Config,
    target: &Target,
    replay: Replay,
    extent: Extent,
    terminal: Terminal,
) -> Result<Result<Drift, Exit>, Failure> {
    if !has_store(&config) {
        terminal.talk("There is no store here: this comparison is not recorded.");
        let work = async |context| drift::run(target, &replay, extent, &context).await;
        let (ended, _events) = alone::run(terminal, work).await;
        return match ended {
            Ok(drift) => Ok(Ok(drift)),
            Err(error) => alone::stopped(error, terminal).map(Err),
        };
    }
    let app = open(config).await?;
    let operation = Operation::DetectDrift {
        target: target.name.clone(),
        replay,
        extent,
    };
    let job = follow::operation(&app, &operation, &signal::stop(), terminal).await?;
    if let (State::Failed, Some(trouble)) = (job.state, &job.trouble) {
        return Err(Failure::Operation(trouble.clone()));
    }
    Ok(match drift::stored::of_job(&app.store, &job.id).await? {
        Some(drift) => Ok(drift),
        None => Err(follow::ended(&job, terminal)),
    })
}

fn print(drift: &Drift, terminal: Terminal) {
    terminal.say(drift.summary());
    for line in drift.lines() {
        terminal.say(line);
    }
    for note in &drift.notes {
        terminal.say(format!("note: {note}"));
    }
    terminal.json(&json!({"summary": drift.summary(), "drift": drift}));
}
