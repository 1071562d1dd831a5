//! The terminal's door: one family of commands per file.
//!
//! The command line is a contract: results on stdout, talk on stderr, `--json` everywhere, and the exit codes of
//! [`terminal::Exit`]. Commands build the same operations as the pages and enqueue them in the same store.

mod account;
mod alone;
mod audit;
mod backup;
mod code;
mod decision;
mod doctor;
mod follow;
mod job;
mod migrate;
mod plan;
mod serve;
mod sign_in;
mod signal;
mod store;
mod target;
pub mod terminal;
mod token;
mod user;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::app::{self, App, OpenError};
use crate::clock::Clock;
use crate::config::{Config, Environment, Flags};
use crate::operation::Trouble;
use crate::store::{StoreError, Tx};
use crate::target::Target;
use crate::telemetry;
use terminal::{Exit, Terminal};

/// The admin console for the production Postgres behind a Prisma app.
///
/// Settings come from lockkeeper.toml, over it from LOCKKEEPER_SECTION_KEY, over it from flags. With no file,
/// DATABASE_URL and ./prisma/migrations make one target.
///
/// Exit codes: 0 done or up to date, 1 not so, 2 bad usage or configuration, 3 the target cannot be reached, 4 refused
/// by the guard, 130 cancelled.
#[derive(Debug, Parser)]
#[command(name = "lockkeeper", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct Global {
    /// Read this file instead of ./lockkeeper.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object (or one a line, for events) instead of text
    #[arg(long, global = true)]
    json: bool,
    /// The migrations folder of the only target [default: prisma/migrations]
    #[arg(long, global = true, value_name = "DIR")]
    migrations: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the console: the pages and the worker that runs jobs
    Serve(serve::ServeArgs),
    /// Run jobs, and serve no pages
    Worker(worker::WorkerArgs),
    /// Say what was found (settings, store, archive, targets, client tools) and what to fix
    Doctor,
    /// Show and apply migrations
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Make, read, approve or reject, and apply a plan of what is pending
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Take, list, look at and delete backups
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Read what was recorded, and check that nobody changed it
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// List, show and stop jobs, and decide about interrupted ones
    #[command(subcommand)]
    Job(job::JobCommand),
    /// List the targets, and look at one without changing it
    #[command(subcommand)]
    Target(target::TargetCommand),
    /// Manage who may sign in
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manage what programs show instead of a password
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Write Lockkeeper's own database to a file, and put it back
    #[command(subcommand)]
    Store(store::StoreCommand),
}

/// Runs the command line and returns the process's exit code.
pub async fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _printed = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let terminal = Terminal {
        json: cli.global.json,
    };
    let flags = Flags {
        config: cli.global.config.clone(),
        migrations: cli.global.migrations.clone(),
        listen: match &cli.command {
            Command::Serve(args) => args.listen.clone(),
            _ => None,
        },
        at_once: match &cli.command {
            Command::Worker(args) => args.at_once,
            _ => None,
        },
        ..Flags::default()
    };
    let config = match Config::load(&flags, &Environment::capture()) {
        Ok(config) => config,
        Err(error) => {
            return Failure::Usage(error.to_string()).tell(terminal) as u8;
        }
    };
    telemetry::start(config.log.as_deref().or(match &cli.command {
        Command::Serve(_) | Command::Worker(_) => None,
        // A command's own words are on stderr already; the log would only say them again.
        _ => Some("error"),
    }));
    for warning in &config.warnings {
        terminal.talk(format!("warning: {warning}"));
    }
    let done = match cli.command {
        Command::Serve(args) => serve::run(args, config, terminal).await,
        Command::Worker(_) => worker::run(config, terminal).await,
        Command::Doctor => doctor::run(&config, terminal).await,
        Command::Migrate(command) => Box::pin(migrate::run(command, config, terminal)).await,
        Command::Plan(command) => plan::run(command, config, terminal).await,
        Command::Backup(command) => backup::run(command, config, terminal).await,
        Command::Audit(command) => audit::run(command, config, terminal).await,
        Command::Job(command) => job::run(command, config, terminal).await,
        Command::Target(command) => target::run(command, config, terminal).await,
        Command::User(command) => user::run(command, config, terminal).await,
        Command::Token(command) => token::run(command, config, terminal).await,
        Command::Store(command) => store::run(command, config, terminal).await,
    };
    done.unwrap_or_else(|failure| failure.tell(terminal)) as u8
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
enum Failure {
    /// Bad usage or configuration.
    Usage(String),
    /// The target, and what is wrong with it.
    Target(Trouble),
    /// An operation failed.
    Operation(Trouble),
    /// A person stopped following a job that goes on elsewhere.
    Left(Trouble),
    /// The store failed.
    Store(StoreError),
}

impl Failure {
    fn tell(&self, terminal: Terminal) -> Exit {
        let (trouble, exit) = match self {
            Self::Usage(sentence) => {
                if terminal.json {
                    terminal.json(&serde_json::json!({"error": {"what": sentence}}));
                } else {
                    terminal.talk(format!("error: {sentence}"));
                }
                return Exit::Usage;
            }
            Self::Target(trouble) => (trouble.clone(), Exit::Unreachable),
            Self::Operation(trouble) => (trouble.clone(), Exit::of(trouble)),
            Self::Left(trouble) => (trouble.clone(), Exit::Cancelled),
            Self::Store(error) => (
                Trouble::new(
                    format!("{error}."),
                    "No target was touched.",
                    "Look at the store with `lockkeeper doctor`.",
                ),
                Exit::NotSo,
            ),
        };
        terminal.trouble(&trouble);
        exit
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => Self::Store(error),
            other => Self::Usage(other.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Opens the program for a command.
async fn open(config: Config) -> Result<App, Failure> {
    Ok(App::open(config, Clock::system()).await?)
}

/// Whether commands that can do without a store have one: it is configured, or the default one exists.
fn has_store(config: &Config) -> bool {
    config.store.given || config.store.file.as_ref().is_some_and(|file| file.exists())
}

/// The named target, or the only one.
fn pick(targets: &[Arc<Target>], name: Option<&str>) -> Result<Arc<Target>, Failure> {
    let names = || {
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        names.join(", ")
    };
    match (name, targets) {
        (_, []) => Err(Failure::Usage(
            "no target is configured: set DATABASE_URL, or write a [[target]] into lockkeeper.toml"
                .to_owned(),
        )),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Failure::Usage(format!(
            "name one of the targets: {}",
            names()
        ))),
        (Some(name), _) => targets
            .iter()
            .find(|target| target.name == name)
            .cloned()
            .ok_or_else(|| {
                Failure::Usage(format!("there is no target {name}; there are: {}", names()))
            }),
    }
}

/// The targets of a configuration, for commands that need no store.
fn targets(config: &Config) -> Result<Vec<Arc<Target>>, Failure> {
    Ok(app::targets(config)?)
}

/// Records what a command did that is no job.
async fn record(tx: &mut Tx, app: &App, action: &str, detail: &str) -> Result<(), Failure> {
    let actor = operator();
    let entry = crate::audit::Entry {
        actor: &actor,
        action,
        outcome: "succeeded",
        place: "terminal",
        detail,
        ..crate::audit::Entry::default()
    };
    Ok(crate::audit::record(tx, &app.clock, &entry).await?)
}

/// Who a command acts for, as the audit names them: the operating system's user, by name where the system tells it.
fn operator() -> String {
    let id = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.split('\n').find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id.to_string()).then_some(name)
    });
    match name {
        Some(name) => format!("terminal:{name}"),
        None => format!("terminal:uid {id}"),
    }
}
