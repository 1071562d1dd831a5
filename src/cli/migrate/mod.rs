//! `lockkeeper migrate`: the history, and what changes it, one command per file.
//!
//! `status` needs a database and a folder only. What changes something goes through the store when there is one, so that it
//! is the same job as from the console; without one it runs alone and says so.

mod deploy;
mod status;

use clap::{Args, Subcommand};

use super::terminal::{Exit, Terminal};
use super::{Failure, pick, targets};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// Show what is applied, pending, failed or odd; exit 0 only when there is nothing to do
    Status(TargetArg),
    /// Apply what is pending; destructive plans only when they are approved
    Deploy(deploy::Deploy),
}

#[derive(Args, Debug)]
pub(in crate::cli) struct TargetArg {
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
            status::run(&target, terminal).await
        }
        MigrateCommand::Deploy(args) => deploy::run(args, config, terminal).await,
    }
}
