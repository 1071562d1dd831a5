//! `lockkeeper migrate`: the history, and what changes it, one command per file.
//!
//! `status` needs a database and a folder only. What changes something goes through the store when there is one, so that it
//! is the same job as from the console; without one it runs alone and says so.

mod baseline;
mod deploy;
mod diff;
mod marking;
mod resolve;
mod status;

use clap::{Args, Subcommand};

use super::Failure;
use super::terminal::{Exit, Terminal};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// Show what is applied, pending, failed or odd; exit 0 only when there is nothing to do
    Status(status::Status),
    /// Compare the database with what its migrations make; exit 1 when they differ
    Diff(diff::Diff),
    /// Apply what is pending; destructive plans only when they are approved
    Deploy(deploy::Deploy),
    /// Say of migrations that they are applied or rolled back, without running anything
    ///
    /// The rows are those that `prisma migrate resolve` writes. Several names are marked all or not at all. A target stands
    /// before the names: `resolve app --applied NAME NAME`.
    Resolve(resolve::Resolve),
    /// Say of a database that Prisma did not make which migrations it has already (P3005)
    ///
    /// All migrations of the folder up to NAME are marked as applied, as `resolve --applied` would mark each of them. No
    /// script is run.
    Baseline(baseline::Baseline),
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
        MigrateCommand::Status(args) => status::run(args, &config, terminal).await,
        // On the heap: what it holds is large.
        MigrateCommand::Diff(args) => Box::pin(diff::run(args, config, terminal)).await,
        MigrateCommand::Deploy(args) => Box::pin(deploy::run(args, config, terminal)).await,
        MigrateCommand::Resolve(args) => resolve::run(args, config, terminal).await,
        MigrateCommand::Baseline(args) => baseline::run(args, config, terminal).await,
    }
}
