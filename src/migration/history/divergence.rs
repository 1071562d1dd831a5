//! How folder and ledger lie to each other, by names alone, as `migrate status` sees it.

use super::{Entry, History};

/// How the names of the folder lie to those of the ledger. A row counts here whatever became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same names in both.
    Same,
    /// The folder has names that the ledger has never had.
    DatabaseIsBehind,
    /// The ledger has names that the folder has not.
    FolderIsBehind,
    /// Both.
    Diverged,
}

impl Relation {
    /// The word of `--json`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::DatabaseIsBehind => "database-is-behind",
            Self::FolderIsBehind => "folder-is-behind",
            Self::Diverged => "diverged",
        }
    }
}

/// The names that only one of both has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// How they lie to each other.
    pub relation: Relation,
    /// The last migration of the folder before the first that the ledger has never had; `None` where that is the first.
    /// Only where they have diverged.
    pub last_common: Option<String>,
    /// The folder's names without a row, in its order.
    pub unapplied: Vec<String>,
    /// The names without a folder, once for each row, by the time those began.
    pub unpersisted: Vec<String>,
}

impl History {
    /// How folder and ledger lie to each other.
    #[must_use]
    pub fn divergence(&self) -> Divergence {
        let mut last = None;
        let mut last_common = None;
        let mut unapplied = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.has_folder()) {
            if entry.rows.is_empty() {
                if unapplied.is_empty() {
                    last_common = last.take();
                }
                unapplied.push(entry.name.clone());
            }
            last = Some(entry.name.clone());
        }
        let unpersisted = self
            .rows_by_time(|entry| !entry.has_folder())
            .map(|row| row.migration_name.clone())
            .collect::<Vec<_>>();
        let relation = match (unapplied.is_empty(), unpersisted.is_empty()) {
            (true, true) => Relation::Same,
            (false, true) => Relation::DatabaseIsBehind,
            (true, false) => Relation::FolderIsBehind,
            (false, false) => Relation::Diverged,
        };
        Divergence {
            relation,
            last_common: last_common.filter(|_| relation == Relation::Diverged),
            unapplied,
            unpersisted,
        }
    }

    /// The rows of some entries in the order in which they began.
    pub(in crate::migration) fn rows_by_time(
        &self,
        of: impl Fn(&Entry) -> bool,
    ) -> impl Iterator<Item = &super::LedgerRow> {
        let mut rows: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| of(entry))
            .flat_map(|entry| &entry.rows)
            .collect();
        rows.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        rows.into_iter()
    }
}
