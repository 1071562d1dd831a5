//! Prisma Migrate's world: the folder of migrations, the ledger `_prisma_migrations`, and the history that joins both.
//!
//! Everything Prisma decides is decided here in the same way, so that the real `prisma migrate` and Lockkeeper can take
//! turns on one database: which directories count and in which order ([`Folder`], [`name`]), when a script was edited
//! ([`checksum`]), what a row of the ledger means ([`LedgerRow`]), what is pending and what stands in the way
//! ([`History`]). The reading parts are pure; where Prisma is silent about something a person should know (an edited
//! script, a missing folder), the history says it, but never decides differently for it.
//!
//! Read [`History`] first: it is what the pages show. [`Survey`] reads it from a live target, [`check`] reports what it saw there,
//! [`drift`] holds it against what the migrations make, [`deploy`] writes to one, [`resolve`] and [`baseline`] mark what a person
//! knows.

pub mod baseline;
pub mod check;
pub mod checksum;
mod contract;
pub mod deploy;
pub mod drift;
mod folder;
mod history;
mod ledger;
mod lock_file;
pub mod mark;
pub mod name;
mod prisma_status;
pub mod resolve;
mod schema_file;
mod script;
mod survey;
mod trace;

pub use contract::{Contract, Package, short};
pub use folder::{Folder, FolderProblem, Migration};
pub use history::{Blocker, Counts, Divergence, Entry, History, Relation, State};
pub use ledger::{
    ADVISORY_LOCK, Ledger, LedgerRow, Oddity, RowState, TABLE, UnreadableRow, count_step_sql,
    create_table_sql, insert_marked_sql, insert_sql, select_sql, set_finished_sql, set_logs_sql,
    set_rolled_back_sql, table_sql,
};
pub use lock_file::LockFile;
pub use prisma_status::PrismaStatus;
pub use script::{BrokenFolder, MAX_SCRIPT_FILE_BYTES, Script};
pub use survey::Survey;
pub use trace::Trace;
