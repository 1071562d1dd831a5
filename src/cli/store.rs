//! `lockkeeper store`: Lockkeeper's own database, to a file and back.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::signal::asked_to_stop;
use super::terminal::{Exit, Terminal};
use super::{Failure, has_store, open, record};
use crate::app::App;
use crate::config::Config;
use crate::guard::finding::grouped;
use crate::operation::Trouble;
use crate::store::StoreError;
use crate::store::snapshot::{self, Checked, SnapshotError};

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Write users, jobs, plans, approvals, schedules, measurements and the audit to one file
    ///
    /// The console may run meanwhile: the file shows one moment. Nobody's session is in it, but password hashes are:
    /// keep it like a password. It can be put back into a store on SQLite and on Postgres.
    Backup {
        /// The file to write; it has this name only once it is whole
        file: PathBuf,
        /// Replace a file of that name
        #[arg(long)]
        force: bool,
    },
    /// Put such a file into the configured store
    ///
    /// Stop every console and worker of this store first. A file that was cut or altered is refused. Everybody has to
    /// sign in again, and what waited for its turn is cancelled.
    Restore {
        /// The file to read
        file: PathBuf,
        /// Replace what the store holds; it is written to a file beside this one first
        #[arg(long)]
        replace: bool,
        /// Do not ask before replacing
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(
    command: StoreCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let work = async {
        match command {
            StoreCommand::Backup { file, force } => backup(&file, force, config, terminal).await,
            StoreCommand::Restore { file, replace, yes } => {
                restore(&file, replace, yes, config, terminal).await
            }
        }
    };
    // What is dropped undoes itself: a file without its name is removed, a transaction is rolled back.
    tokio::select! {
        done = work => done,
        () = asked_to_stop() => {
            terminal.talk("Cancelled. Nothing was changed.");
            Ok(Exit::Cancelled)
        }
    }
}

async fn backup(
    file: &Path,
    force: bool,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    if !has_store(&config) {
        return Err(Failure::Usage(
            "there is no store yet: the console makes it when it starts".to_owned(),
        ));
    }
    let app = open(config).await?;
    let written = snapshot::write(&app.store, &app.clock, file, force)
        .await
        .map_err(|error| failed(&error))?;
    let mut tx = app.store.begin().await?;
    snapshot::record(&mut tx, &written).await?;
    let detail = format!(
        "the store to {}, SHA-256 {}",
        file.display(),
        written.sha256
    );
    record(&mut tx, &app, "store.backup", &detail).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let rows: u64 = written.rows.values().sum();
    terminal.say(format!(
        "{} holds the store {}: {} rows, {} bytes.",
        file.display(),
        app.store.place(),
        count(rows),
        count(written.bytes)
    ));
    terminal.say("It holds password hashes and the key of the cookies: keep it like a password.");
    terminal.json(&json!({"file": file, "bytes": written.bytes, "rows": written.rows, "sha256": written.sha256}));
    Ok(Exit::Done)
}

async fn restore(
    file: &Path,
    replace: bool,
    yes: bool,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let checked = snapshot::check(file).map_err(|error| failed(&error))?;
    let app = open(config).await?;
    let rows: u64 = checked.footer.rows.values().sum();
    terminal.talk(format!(
        "{} is whole: {} rows of {}, written by Lockkeeper {}.",
        file.display(),
        count(rows),
        checked.header.at.strftime("%Y-%m-%d %H:%M UTC"),
        checked.header.version
    ));
    if replace && !yes {
        agree(&app, terminal)?;
    }
    let put = put(&app, &checked, replace, terminal).await?;
    terminal.say(format!(
        "The store {} is what it was at {}. Everybody has to sign in again.",
        app.store.place(),
        checked.header.at.strftime("%Y-%m-%d %H:%M UTC")
    ));
    if put.cancelled > 0 {
        terminal.say(format!(
            "Jobs that waited for their turn and are cancelled now: {}.",
            put.cancelled
        ));
    }
    if let Some(kept) = &put.kept {
        terminal.say(format!(
            "What it held before is in {}: keep it like a password.",
            kept.display()
        ));
    }
    terminal.json(&json!({
        "file": file, "at": checked.header.at, "rows": checked.footer.rows, "cancelled_jobs": put.cancelled, "kept": put.kept,
    }));
    Ok(Exit::Done)
}

/// What a restore left, besides the store.
struct Put {
    kept: Option<PathBuf>,
    cancelled: u64,
}

async fn put(
    app: &App,
    checked: &Checked,
    replace: bool,
    terminal: Terminal,
) -> Result<Put, Failure> {
    terminal.talk("Putting it back. Until this is done the store stays what it is.");
    let mut restored = snapshot::restore(&app.store, &app.clock, checked, replace)
        .await
        .map_err(|error| failed(&error))?;
    let detail = format!(
        "the store from {}, as of {}, SHA-256 {}",
        checked.path.display(),
        checked.header.at,
        checked.footer.sha256
    );
    record(&mut restored.tx, app, "store.restore", &detail).await?;
    restored.tx.commit().await.map_err(StoreError::from)?;
    Ok(Put {
        kept: restored.kept,
        cancelled: restored.cancelled,
    })
}

fn agree(app: &App, terminal: Terminal) -> Result<(), Failure> {
    if !terminal.can_ask() {
        return Err(Failure::Usage(
            "nobody can be asked here: add --yes to say that what the store holds is to be replaced"
                .to_owned(),
        ));
    }
    let question = format!("Type yes to replace what {} holds:", app.store.place());
    let answer = terminal
        .ask(&question)
        .map_err(|error| Failure::Usage(format!("the answer could not be read: {error}")))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(Failure::Usage("nothing was changed".to_owned()))
    }
}

fn failed(error: &SnapshotError) -> Failure {
    Failure::Operation(Trouble::new(
        format!("{error}."),
        "Nothing was changed: the store is what it was, and no target was touched.",
        error.next(),
    ))
}

fn count(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}
