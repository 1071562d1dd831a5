//! `lockkeeper backup`: take one, list them, show one, delete one.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::migrate::TargetArg;
use super::terminal::{Exit, Terminal};
use super::{Failure, follow, open, operator, pick, signal, targets};
use crate::app::backups::{self, DeleteError};
use crate::backup::{Archive, Contents, Manifest, commands};
use crate::config::Config;
use crate::guard::finding::grouped;
use crate::job::Operation;
use crate::job::queue::By;
use crate::target::Target;

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
    /// Show everything that is known of a backup
    Show {
        /// The backup's id or name, or the name of a target for its newest backup; may be left out when there is only one
        /// target
        #[arg(value_name = "BACKUP|TARGET")]
        which: Option<String>,
    },
    /// Delete a backup for good
    Delete(Delete),
}

#[derive(Args, Debug)]
pub(super) struct Delete {
    /// The backup's id or name
    backup: String,
    /// Do not ask for the backup's name to be typed
    #[arg(long)]
    yes: bool,
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
            let target = pick(&targets(&config)?, arg.target.as_deref())?;
            list(&archive(&config), &target.name, terminal);
            Ok(Exit::Done)
        }
        BackupCommand::Show { which } => {
            let (archive, targets) = (archive(&config), targets(&config)?);
            let backup = which_one(&archive, &targets, which.as_deref())?;
            show(&archive, &backup, terminal);
            Ok(Exit::Done)
        }
        BackupCommand::Delete(args) => delete(args, config, terminal).await,
    }
}

fn archive(config: &Config) -> Archive {
    Archive::new(config.archive.folder.clone())
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
                    taken(backup),
                    grouped(i64::try_from(backup.file.bytes).unwrap_or(i64::MAX)),
                    backup.server.version(),
                    backup.worth().word().to_owned(),
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

fn taken(backup: &Manifest) -> String {
    backup.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The backup that is meant: by its id or name, else the newest of the named or the only target.
fn which_one(
    archive: &Archive,
    targets: &[Arc<Target>],
    which: Option<&str>,
) -> Result<Manifest, Failure> {
    let is_target = |name: &str| targets.iter().any(|target| target.name == name);
    if let Some(name) = which.filter(|name| !is_target(name)) {
        return named(archive, targets, name);
    }
    let target = pick(targets, which)?;
    let newest = archive.list(&target.name).backups.into_iter().next();
    newest.ok_or_else(|| Failure::Usage(format!("there is no backup of {} yet", target.name)))
}

fn named(archive: &Archive, targets: &[Arc<Target>], name: &str) -> Result<Manifest, Failure> {
    let all = targets
        .iter()
        .flat_map(|target| archive.list(&target.name).backups);
    let mut found =
        all.filter(|backup| [&backup.id, backup.name(), &backup.file.name].contains(&name));
    found.next().ok_or_else(|| {
        Failure::Usage(format!(
            "there is no backup {name} of a target of the configuration: `lockkeeper backup list` says which there are"
        ))
    })
}

fn show(archive: &Archive, backup: &Manifest, terminal: Terminal) {
    let contents = archive.contents(backup);
    let path = archive.folder().join(&backup.file.name);
    terminal.say(format!("backup {} of {}", backup.name(), backup.target));
    let line = |name: &str, value: &str| terminal.say(format!("{name:<12} {value}"));
    line("id", &backup.id);
    line("taken", &taken(backup));
    line("state", backup.worth().word());
    line("", backup.worth().sentence());
    if !backup.note.is_empty() {
        line("note", &backup.note);
    }
    line("by", &format!("{}, job {}", backup.actor, backup.job));
    line("file", &path.display().to_string());
    let bytes = i64::try_from(backup.file.bytes).unwrap_or(i64::MAX);
    line("bytes", &grouped(bytes));
    line("sha256", &backup.file.sha256);
    let server = &backup.server;
    let from = format!("{} on Postgres {}", server.database, server.version());
    line("database", &from);
    line("pg_dump", &backup.pg_dump);
    if let Some(contents) = &contents {
        line("owner", &contents.database.owner);
        line("roles", &contents.roles.join(", "));
        let extensions = contents.extensions.iter().map(|it| it.name.as_str());
        line("extensions", &extensions.collect::<Vec<_>>().join(", "));
    }
    terminal.say("");
    terminal.table(
        &["migration", "state"],
        backup
            .migrations
            .iter()
            .map(|row| vec![row.name.clone(), row.state.clone()]),
    );
    terminal.say("");
    show_tables(contents.as_ref(), terminal);
    terminal.say("");
    terminal.say(format!("To check it: {}", commands::check(backup)));
    terminal.say(format!(
        "To restore it into a new database, with the tools of Postgres {}:",
        server.major()
    ));
    terminal.say(commands::restore(backup, contents.as_ref()));
    terminal.json(&json!({"backup": backup, "contents": contents, "state": backup.worth().word(), "path": path}));
}

fn show_tables(contents: Option<&Contents>, terminal: Terminal) {
    let Some(contents) = contents else {
        terminal.say("It was taken by an older version, which did not count.");
        return;
    };
    terminal.table(
        &["table", "rows", "bytes on the server"],
        contents.tables.iter().map(|table| {
            let rows = match (table.rows, table.rows_exact) {
                (None, _) => "not known".to_owned(),
                (Some(rows), true) => grouped(rows),
                (Some(rows), false) => format!("≈ {}, estimated", grouped(rows)),
            };
            vec![
                format!("{}.{}", table.schema, table.name),
                rows,
                table.bytes.map(grouped).unwrap_or_default(),
            ]
        }),
    );
}

async fn delete(args: Delete, config: Config, terminal: Terminal) -> Result<Exit, Failure> {
    let app = open(config).await?;
    let archive = &app.resources.archive;
    let backup = named(archive, &app.resources.targets, &args.backup)?;
    if !args.yes {
        if !terminal.can_ask() {
            return Err(Failure::Usage(
                "nobody can be asked here: add --yes to say that this backup is to be deleted"
                    .to_owned(),
            ));
        }
        let all = archive.list(&backup.target).backups;
        terminal.talk(backups::without(&backup, &all));
        let typed = terminal
            .ask(&format!(
                "Type the backup's name ({}) to delete it for good:",
                backup.name()
            ))
            .map_err(|error| Failure::Usage(format!("the terminal could not be read: {error}")))?;
        if typed.trim() != backup.name() {
            return Err(Failure::Usage(
                "that is not its name; nothing was deleted".to_owned(),
            ));
        }
    }
    let actor = operator();
    let by = By {
        actor: &actor,
        place: "terminal",
    };
    match app.delete_backup(by, &backup).await {
        Ok(()) => {
            terminal.say(format!("{} was deleted.", backup.name()));
            terminal.json(&json!({"deleted": backup.id, "name": backup.name()}));
            Ok(Exit::Done)
        }
        Err(DeleteError::Refused(trouble)) => Err(Failure::Operation(trouble)),
        Err(DeleteError::Store(error)) => Err(error.into()),
    }
}
