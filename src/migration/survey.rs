//! The survey: folder, ledger and facts of a target at one moment.
//!
//! It takes no lock, creates nothing and changes nothing, so looking is always safe.

use super::folder::{Folder, LockFile, Script};
use super::history::History;
use super::ledger::{self, LedgerRow};
use crate::operation::Trouble;
use crate::target::{Purpose, Session, Target, catalog};

/// What was found.
#[derive(Debug)]
pub struct Survey {
    /// The folder as it was read.
    pub folder: Folder,
    /// Folder joined with ledger.
    pub history: History,
    /// Facts of the server and the database.
    pub facts: catalog::Facts,
    /// The schema in which the ledger is, or would be made.
    pub schema: String,
    /// Whether the ledger exists.
    pub has_ledger: bool,
    /// Whether the schema has tables though there is no ledger: the database was not made by Prisma Migrate.
    pub needs_baseline: bool,
    /// Who holds the lock of Prisma Migrate.
    pub lock_holder: Option<catalog::LockHolder>,
}
