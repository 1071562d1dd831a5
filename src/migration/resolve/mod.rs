//! Resolving: saying of migrations that they are applied, or that they were rolled back, as `migrate resolve` does.
//!
//! What is allowed and which rows change is Prisma's, in Prisma's order of checks. Two things are ours: several names at
//! once, all or nothing, and a look at what would change. [`changes`] is pure; read [`super::mark`] for the writing.

mod refusal;

use jiff::Timestamp;

use super::history::Entry;
use super::ledger::RowState;
use super::mark::{self, Changes, Mark, Past};
use super::{LockFile, Migration, Oddity};
use crate::operation::{Context, OperationError, Outcome};
use crate::target::Target;

pub use refusal::Refusal;

/// Marks the migrations of `target` that are named.
pub async fn run(
    target: &Target,
    mark: Mark,
    names: &[String],
    context: &Context,
) -> Result<Outcome, OperationError> {
    mark::run(target, context, mark == Mark::Applied, |past, at| {
        changes(past, mark, names, at)
    })
    .await
}

/// What marking these migrations changes, or why they may not be marked. A name that is given twice counts once.
pub fn changes(
    past: Past<'_>,
    mark: Mark,
    names: &[String],
    at: Timestamp,
) -> Result<Changes, Refusal> {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(name) {
            once.push(name.clone());
        }
    }
    match mark {
        Mark::Applied => applied(past, once, at),
        Mark::RolledBack => rolled_back(past, once, at),
    }
}

fn applied(past: Past<'_>, names: Vec<String>, at: Timestamp) -> Result<Changes, Refusal> {
    if let LockFile::Refused { found } = &past.folder.lock_file {
        return Err(Refusal::LockFile {
            found: found.clone(),
        });
    }
    let mut scripts = Vec::new();
    let mut unknown = Vec::new();
    // In the folder's order, whatever the order of the names: the rows then read as if deploy had written them.
    for Migration { name, script } in &past.folder.migrations {
        match script {
            _ if !names.contains(name) => {}
            Ok(script) => scripts.push((name.clone(), script.checksum.clone())),
            Err(broken) => unknown.push((name.clone(), Some(broken.clone()))),
        }
    }
    let missing = names
        .iter()
        .filter(|name| past.folder.migration(name).is_none());
    unknown.extend(missing.map(|name| (name.clone(), None)));
    if !unknown.is_empty() {
        return Err(Refusal::unknown(past.folder, unknown));
    }
    refuse_odd(past, Oddity::stops_deploy)?;
    let finished = |name: &&String| {
        rows(past, name).any(|entry| entry.rows.iter().any(|row| row.finished_at.is_some()))
    };
    let done: Vec<String> = names.iter().filter(finished).cloned().collect();
    if !done.is_empty() {
        return Err(Refusal::AlreadyApplied { names: done });
    }
    let given_up = names
        .iter()
        .flat_map(|name| rows(past, name))
        .flat_map(Entry::open_rows)
        .cloned()
        .collect();
    Ok(Changes {
        mark: Mark::Applied,
        names,
        makes_ledger: !past.has_ledger,
        given_up,
        added: mark::in_order(scripts, at),
        at,
    })
}

fn rolled_back(past: Past<'_>, names: Vec<String>, at: Timestamp) -> Result<Changes, Refusal> {
    if !past.has_ledger {
        return Err(Refusal::NoLedger {
            schema: past.schema.to_owned(),
        });
    }
    refuse_odd(past, |odd| odd.reading_error().is_some())?;
    let without = |test: &dyn Fn(&Entry) -> bool| -> Vec<String> {
        let fails = |name: &&String| !rows(past, name).any(test);
        names.iter().filter(fails).cloned().collect()
    };
    let never = without(&|entry| !entry.rows.is_empty());
    if !never.is_empty() {
        return Err(Refusal::NeverTried { names: never });
    }
    let finished = without(&|entry| entry.rows.iter().any(|row| row.finished_at.is_none()));
    if !finished.is_empty() {
        return Err(Refusal::NotFailed { names: finished });
    }
    let given_up = names
        .iter()
        .flat_map(|name| rows(past, name))
        .flat_map(|entry| &entry.rows)
        .filter(|row| row.state() == RowState::FailedOrRunning)
        .cloned()
        .collect();
    Ok(Changes {
        mark: Mark::RolledBack,
        names,
        makes_ledger: false,
        given_up,
        added: Vec::new(),
        at,
    })
}

/// Refuses a ledger with which Prisma could not go on either: what it says is not to be built upon.
fn refuse_odd(past: Past<'_>, stops: impl Fn(&Oddity) -> bool) -> Result<(), Refusal> {
    let odd = past.oddities.iter().find(|odd| stops(odd));
    odd.map_or(Ok(()), |odd| Err(Refusal::Odd { what: odd.clone() }))
}

/// The entry of that name: at most one.
fn rows<'a>(past: Past<'a>, name: &str) -> impl Iterator<Item = &'a Entry> {
    past.history.entry(name).into_iter()
}

#[cfg(test)]
mod tests;
