//! `lockkeeper backup`: take one, list them.

use clap::Subcommand;
use serde_json::json;

use super::migrate::TargetArg;
use super::terminal::{Exit, Terminal};
use super::{Failure, follow, open, pick, signal};
use crate::backup::Archive;
use crate::config::Config;
use crate::guard::finding::grouped;
use crate::job::Operation;

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Take a backup with the pg_dump of the server's major version
    Take {
        #[command(flatten)]
        target: TargetArg,
        /// A note to keep beside it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List the backups of a target, newest first
    List(TargetArg),
}

pub(super) async fn run(
    command: BackupCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    match command {
        BackupCommand::Take { target, note } => {
            let app = open(config).await?;
            let target = pick(&app.resources.targets, target.target.as_deref())?;
            let operation = Operation::TakeBackup {
                target: target.name.clone(),
                note,
            };
            let job = follow::operation(&app, &operation, &signal::stop(), terminal).await?;
            Ok(follow::ended(&job, terminal))
        }
        BackupCommand::List(arg) => {
            let target = pick(&super::targets(&config)?, arg.target.as_deref())?;
            list(
                &Archive::new(config.archive.folder.clone()),
                &target.name,
                terminal,
            );
            Ok(Exit::Done)
        }
    }
}

fn list(archive: &Archive, target: &str, terminal: Terminal) {
    let listing = archive.list(target);
    for problem in &listing.problems {
        terminal.talk(format!("warning: {problem}"));
    }
    if listing.backups.is_empty() {
        terminal.say(format!(
            "No backup of {target} yet. Take one with: lockkeeper backup take {target}"
        ));
    } else {
        terminal.table(
            &["name", "taken", "bytes", "server", "state", "note"],
            listing.backups.iter().map(|backup| {
                vec![
                    backup.file.name.clone(),
                    backup.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
                    grouped(i64::try_from(backup.file.bytes).unwrap_or(i64::MAX)),
                    backup.server.version(),
                    "taken".to_owned(),
                    backup.note.clone(),
                ]
            }),
        );
        terminal.say("");
        terminal.say(format!(
            "They are in {}; stock pg_restore opens them.",
            archive.folder().display()
        ));
    }
    terminal.json(&json!({"target": target, "folder": archive.folder(), "backups": listing.backups, "problems": listing.problems}));
}
