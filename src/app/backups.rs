//! Deleting a backup, for both doors: the file and its audit entry together.
//!
//! What must stay true: no backup is deleted while a job that changes its target runs or waits for a decision, for that job
//! may have to go back to it. No such job can begin meanwhile: beginning one is a write of the store, and the check, the
//! entry and the deletion are within one.

use super::App;
use crate::audit;
use crate::backup::Manifest;
use crate::backup::manifest::Worth;
use crate::job::Operation;
use crate::job::queue::{self, By, Job, State};
use crate::operation::Trouble;
use crate::store::StoreError;

/// Why a backup was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It may be needed, or its files could not be removed.
    #[error("{0}")]
    Refused(Trouble),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl App {
    /// Deletes a backup for good.
    pub async fn delete_backup(&self, by: By<'_>, backup: &Manifest) -> Result<(), DeleteError> {
        let mut tx = self.store.begin().await?;
        let open = queue::open(&self.store).await?;
        if let Some(job) = open.iter().find(|job| needs_backups(job, &backup.target)) {
            return Err(DeleteError::Refused(at_work(job)));
        }
        let detail = format!(
            "{}, {}, of {}, {} bytes, SHA-256 {}",
            backup.file.name,
            backup.worth().word(),
            backup.created_at.strftime("%Y-%m-%d %H:%M UTC"),
            backup.file.bytes,
            backup.file.sha256
        );
        let (archive, doomed) = (self.resources.archive.clone(), backup.clone());
        let removed = tokio::task::spawn_blocking(move || archive.remove(&doomed)).await;
        let removed = removed.map_err(std::io::Error::other).flatten();
        let entry = audit::Entry {
            actor: by.actor,
            action: "backup.delete",
            target: Some(&backup.target),
            outcome: if removed.is_ok() {
                "succeeded"
            } else {
                "failed"
            },
            place: by.place,
            detail: &detail,
            ..audit::Entry::default()
        };
        audit::record(&mut tx, &self.clock, &entry).await?;
        tx.commit().await.map_err(StoreError::from)?;
        removed.map_err(|error| DeleteError::Refused(self.unremovable(backup, &error)))
    }

    fn unremovable(&self, backup: &Manifest, error: &std::io::Error) -> Trouble {
        Trouble::new(
            format!(
                "{} could not be deleted from {}: {error}.",
                backup.file.name,
                self.resources.archive.folder().display()
            ),
            "The list of backups says whether it is still there.",
            "Look at the folder: it has to be writable for the user that Lockkeeper runs as, and the artifact in it whole.",
        )
    }
}

fn needs_backups(job: &Job, target: &str) -> bool {
    let takes = matches!(job.operation, Operation::TakeBackup { .. });
    job.operation.target() == target
        && job.operation.is_exclusive()
        && !takes
        && matches!(job.state, State::Running | State::Interrupted)
}

fn at_work(job: &Job) -> Trouble {
    let (words, target) = (job.operation.words(), job.operation.target());
    let (what, next) = match job.state {
        State::Interrupted => (
            format!(
                "A job on {target} is interrupted ({words}), and may have to be undone from a backup."
            ),
            "Decide about the interrupted job first, then delete the backup.",
        ),
        _ => (
            format!(
                "A job is at work on {target} ({words}), and may have to be undone from a backup."
            ),
            "Wait until the job is over, then delete the backup.",
        ),
    };
    Trouble::new(what, "Nothing was deleted.", next).refused()
}

/// What deleting this one would leave to go back to, in one sentence; `all` are the backups of the target, newest first.
#[must_use]
pub fn without(backup: &Manifest, all: &[Manifest]) -> String {
    let mut others = all.iter().filter(|other| other.id != backup.id);
    let Some(newest) = others.next() else {
        return "It is the only backup of this target: without it there is nothing to go back to."
            .to_owned();
    };
    let readable =
        newest.worth() == Worth::Readable || others.any(|other| other.worth() == Worth::Readable);
    let when = newest.created_at.strftime("%Y-%m-%d %H:%M UTC");
    if !readable && backup.worth() == Worth::Readable {
        return format!("It is the only readable one; the newest of the others is of {when}.");
    }
    if newest.created_at < backup.created_at {
        return format!("It is the newest one; the next is of {when}.");
    }
    format!("The newest backup stays; it is of {when}.")
}
