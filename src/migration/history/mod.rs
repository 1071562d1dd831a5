//! The history: the folder joined with the ledger, one entry per name.
//!
//! What is pending is decided by the rule of `migrate deploy`, not by that of `migrate status`, which calls a database up
//! to date while a rolled-back migration waits. What Prisma does not look at (edited scripts, missing folders, order) is
//! shown beside, and decides nothing. The join is pure: it can be made of a folder and rows from anywhere.

mod divergence;
pub(super) mod words;

use std::collections::HashMap;

use super::folder::{Folder, Migration};
use super::ledger::{LedgerRow, RowState};
use super::lock_file::LockFile;
use super::name;
use super::script::BrokenFolder;

pub use divergence::{Divergence, Relation};

/// Where a migration stands on one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It was never tried, or its rows do not count: deploy applies it.
    Pending,
    /// It is in effect.
    Applied,
    /// It began, did not finish, and nobody is at work: deploy stops with P3009.
    Failed,
    /// It began and did not finish, and somebody holds the lock: it may run right now.
    Running,
    /// It was given up; deploy applies it again.
    RolledBack,
    /// The ledger knows it, the folder does not. Deploy does not notice.
    Missing,
    /// Deploy would apply it, but it has no readable script: deploy stops there with P3015.
    Broken,
}

impl State {
    /// The word for pages and the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::RolledBack => "rolled back",
            Self::Missing => "missing",
            Self::Broken => "broken",
        }
    }
}

/// One name of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The migration's name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Whether deploy would apply it: it has a folder and no row that counts. Failed rows are a matter of
    /// [`History::deploy_blocker`].
    pub pending: bool,
    /// The checksum of its script now; `None` without a readable script.
    pub checksum: Option<String>,
    /// Why its folder has no readable script, if it has none.
    pub broken: Option<BrokenFolder>,
    /// All its rows, by the time they began.
    pub rows: Vec<LedgerRow>,
    /// Whether its script is not the one that the latest applied row recorded.
    pub edited: bool,
    /// Whether it is pending although a migration behind it is applied.
    pub out_of_order: bool,
    /// A sentence about what is peculiar, if anything is.
    pub note: Option<String>,
}

impl Entry {
    /// Whether it has a folder, with a readable script or without.
    #[must_use]
    pub fn has_folder(&self) -> bool {
        self.checksum.is_some() || self.broken.is_some()
    }

    /// The row that put it in effect: the latest applied one.
    #[must_use]
    pub fn applied_row(&self) -> Option<&LedgerRow> {
        self.rows
            .iter()
            .rev()
            .find(|row| row.state() == RowState::Applied)
    }

    /// The rows that began and neither finished nor were given up.
    pub fn open_rows(&self) -> impl Iterator<Item = &LedgerRow> {
        self.rows
            .iter()
            .filter(|row| row.state() == RowState::FailedOrRunning)
    }
}

/// The history of one database, as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// One entry per name, in the order of the names.
    pub entries: Vec<Entry>,
    /// What the folder's lock file says.
    pub lock_file: LockFile,
}

/// How many entries there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In effect.
    pub applied: usize,
    /// What deploy would apply, rolled back and broken ones included.
    pub pending: usize,
    /// Failed.
    pub failed: usize,
    /// Perhaps running.
    pub running: usize,
    /// Given up and pending again.
    pub rolled_back: usize,
    /// Without a folder.
    pub missing: usize,
    /// Pending without a readable script.
    pub broken: usize,
    /// Edited after they were applied.
    pub edited: usize,
    /// Pending although a later one is applied.
    pub out_of_order: usize,
}

/// Why deploy would stop before it applies anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// The lock file names another provider (P3019).
    LockFile {
        /// What it names; `None` if nothing.
        found: Option<String>,
    },
    /// Somebody is at work.
    Running {
        /// The migration that may run.
        name: String,
    },
    /// Failed rows (P3009), by name, in the order of the names; one of them may have no folder.
    Failed {
        /// The migrations, each once.
        names: Vec<String>,
    },
}

impl History {
    /// Joins the folder with the rows of the ledger (none where the ledger does not exist).
    ///
    /// `lock_held` says whether somebody other than the caller holds Prisma's advisory lock on this database.
    #[must_use]
    pub fn new(folder: &Folder, rows: &[LedgerRow], lock_held: bool) -> Self {
        let running = rows_that_may_run(rows, lock_held);
        let mut by_name: HashMap<&str, Vec<&LedgerRow>> = HashMap::new();
        for row in rows {
            by_name.entry(&row.migration_name).or_default().push(row);
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(folder.migrations.len());
        for migration in &folder.migrations {
            let rows = by_name.remove(migration.name.as_str()).unwrap_or_default();
            entries.push(entry(&migration.name, Some(migration), rows, running));
        }
        for (name, rows) in by_name {
            entries.push(entry(name, None, rows, running));
        }
        entries.sort_by(|a, b| name::compare(&a.name, &b.name));
        if let Some(last) = entries.iter().rposition(|one| one.applied_row().is_some()) {
            for earlier in entries.iter_mut().take(last) {
                earlier.out_of_order = earlier.pending;
            }
        }
        Self {
            entries,
            lock_file: folder.lock_file.clone(),
        }
    }

    /// What deploy would apply, in its order. It stops at the first [`State::Broken`] one.
    pub fn pending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.pending)
    }

    /// What failed, with or without a folder.
    pub fn failed(&self) -> impl Iterator<Item = &Entry> {
        self.in_state(State::Failed)
    }

    /// What was edited after it was applied.
    pub fn edited(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.edited)
    }

    /// What is in one state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.state == state)
    }

    /// The entry of that exact name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = |state| self.in_state(state).count();
        Counts {
            applied: state(State::Applied),
            pending: self.pending().count(),
            failed: state(State::Failed),
            running: state(State::Running),
            rolled_back: state(State::RolledBack),
            missing: state(State::Missing),
            broken: state(State::Broken),
            edited: self.edited().count(),
            out_of_order: self
                .entries
                .iter()
                .filter(|entry| entry.out_of_order)
                .count(),
        }
    }

    /// Why deploy would stop before it applies anything, in the order in which it looks. A database with tables but
    /// without a ledger (P3005) is not visible here.
    #[must_use]
    pub fn deploy_blocker(&self) -> Option<Blocker> {
        if let LockFile::Refused { found } = &self.lock_file {
            return Some(Blocker::LockFile {
                found: found.clone(),
            });
        }
        if let Some(running) = self.in_state(State::Running).next() {
            let name = running.name.clone();
            return Some(Blocker::Running { name });
        }
        let names: Vec<String> = self.failed().map(|entry| entry.name.clone()).collect();
        (!names.is_empty()).then_some(Blocker::Failed { names })
    }
}

/// The one row that may be at work: while the lock is held, the latest that is open and has no error yet.
fn rows_that_may_run(rows: &[LedgerRow], lock_held: bool) -> Option<&LedgerRow> {
    rows.iter()
        .filter(|row| lock_held && row.state() == RowState::FailedOrRunning && row.logs.is_none())
        .max_by_key(|row| row.started_at)
}

fn entry(
    name: &str,
    migration: Option<&Migration>,
    mut rows: Vec<&LedgerRow>,
    running: Option<&LedgerRow>,
) -> Entry {
    rows.sort_by_key(|row| row.started_at);
    let has = |state| rows.iter().any(|row| row.state() == state);
    let script = migration.and_then(|migration| migration.script.as_ref().ok());
    let broken = migration.and_then(|migration| migration.script.as_ref().err());
    // Deploy's rule: a directory without a row that has the same name and was not rolled back.
    let pending = migration.is_some() && rows.iter().all(|row| row.rolled_back_at.is_some());
    let open: Vec<&LedgerRow> = rows
        .iter()
        .copied()
        .filter(|row| row.state() == RowState::FailedOrRunning)
        .collect();
    let state = if !open.is_empty() {
        // Beside an open row that may be at work, an older one of the same name has failed.
        match open.as_slice() {
            [only] if Some(*only) == running => State::Running,
            _ => State::Failed,
        }
    } else if migration.is_none() {
        State::Missing
    } else if has(RowState::Applied) {
        State::Applied
    } else if broken.is_some() {
        State::Broken
    } else if has(RowState::RolledBack) && !has(RowState::BothSet) {
        State::RolledBack
    } else {
        State::Pending
    };
    let mut entry = Entry {
        name: name.to_owned(),
        state,
        pending,
        checksum: script.map(|script| script.checksum.clone()),
        broken: broken.cloned(),
        rows: rows.into_iter().cloned().collect(),
        edited: false,
        out_of_order: false,
        note: None,
    };
    entry.edited = match (script, entry.applied_row()) {
        (Some(script), Some(row)) => !script.matches(&row.checksum),
        _ => false,
    };
    entry.note = words::note(&entry);
    entry
}

#[cfg(test)]
pub(in crate::migration) mod samples;
#[cfg(test)]
mod tests;
