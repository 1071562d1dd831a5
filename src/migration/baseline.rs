//! A baseline: the migrations whose effects a database has already, though Prisma Migrate did not make it (P3005).
//!
//! All migrations up to one of them, in the folder's order, are marked as applied at once, as `migrate resolve --applied`
//! would mark each of them. [`changes`] is pure; read [`super::mark`] for the writing.

use jiff::Timestamp;

use super::mark::{self, Changes, Mark, Past};
use super::resolve::{self, Refusal};
use super::{Folder, LockFile};
use crate::operation::{Context, OperationError, Outcome};
use crate::target::Target;

/// Marks the migrations of `target` up to `last` and including it.
pub async fn run(
    target: &Target,
    last: &str,
    context: &Context,
) -> Result<Outcome, OperationError> {
    mark::run(target, context, true, |past, at| changes(past, last, at)).await
}

/// What a baseline up to `last` changes, or why it may not be.
pub fn changes(past: Past<'_>, last: &str, at: Timestamp) -> Result<Changes, Refusal> {
    if let LockFile::Refused { found } = &past.folder.lock_file {
        return Err(Refusal::LockFile {
            found: found.clone(),
        });
    }
    let names = names(past.folder, last)
        .ok_or_else(|| Refusal::unknown(past.folder, vec![(last.to_owned(), None)]))?;
    resolve::changes(past, Mark::Applied, &names, at)
}

/// The migrations of the folder up to `last`; `None` where there is no such migration.
#[must_use]
pub fn names(folder: &Folder, last: &str) -> Option<Vec<String>> {
    let names = || folder.migrations.iter().map(|one| one.name.clone());
    let end = names().position(|name| name == last)?;
    Some(names().take(end + 1).collect())
}
