//! What a person is told when a plan is not applied.

use crate::operation::{OperationError, Trouble};
use crate::store::StoreError;

/// A job that is stopped after its approval was used has left that behind, at least.
pub(super) fn approval_is_used(error: OperationError) -> OperationError {
    const USED: &str = "The approval is used.";
    match error {
        OperationError::Cancelled => OperationError::Stopped(Trouble::new(
            "Applying was stopped before the first migration.",
            format!("No migration was begun. {USED}"),
            "Approve the plan again when you want to go on.",
        )),
        OperationError::Stopped(mut trouble) => {
            trouble.data = format!("{} {USED}", trouble.data);
            OperationError::Stopped(trouble)
        }
        OperationError::Fail(mut trouble) => {
            trouble.data = format!("{} {USED}", trouble.data);
            OperationError::Fail(trouble)
        }
        OperationError::NeedsHuman(mut trouble) => {
            trouble.data = format!("{} {USED}", trouble.data);
            OperationError::NeedsHuman(trouble)
        }
    }
}

pub(super) fn stale() -> Trouble {
    Trouble::new(
        "What is pending now is not what this plan says: a script, the order, or the database itself has changed.",
        "Nothing was applied. The approval was not used.",
        "Make the plan again, read what has changed, and approve the new one.",
    )
    .refused()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err asks for"
)]
pub(super) fn store_failed(error: StoreError) -> OperationError {
    Trouble::new(
        format!("Lockkeeper's own store failed: {error}."),
        "What the steps above say is in effect on the target is in effect; nothing else is.",
        "Look at the free space and the health of the store with `lockkeeper doctor`, then look at the history.",
    )
    .into()
}

/// Without a store nobody can have approved anything.
pub(super) fn nobody_to_approve() -> Trouble {
    Trouble::new(
        "This plan destroys data, and without a store there is no approval.",
        "Nothing was applied. The database is as it was.",
        "Approve and apply it where the console's store can be reached.",
    )
    .refused()
}

/// What the plan rests on is not so any more.
pub(super) fn changed(changes: &str) -> Trouble {
    Trouble::new(
        format!("Something has changed since the plan was made. {changes}"),
        "Nothing was applied. The plan is void, and so is an approval of it.",
        "Make the plan again, read what would happen now, and approve that.",
    )
    .refused()
}

/// The backup that would be gone back to is not what was written.
pub(super) fn damaged(name: &str) -> Trouble {
    Trouble::new(
        format!("The backup {name} is damaged: its bytes are not those that were written."),
        "Nothing was applied. The database is as it was; that backup cannot be gone back to.",
        "Look at the disk of the archive, take a new backup, then apply the plan.",
    )
    .refused()
}

/// The backup was taken, but its table of contents is not that of the database.
pub(super) fn unreadable() -> Trouble {
    Trouble::new(
        "The backup that was taken is not readable: its table of contents could not be read, or does not name every table.",
        "Nothing was applied. The database is as it was; the approval was not used.",
        "Read the warnings of this job, correct what they name, then apply the plan.",
    )
    .refused()
}

/// The server takes no writes, for this reason.
pub(super) fn unwritable(why: &str) -> Trouble {
    Trouble::new(
        why,
        "Nothing was applied. The database is as it was.",
        "Let the target's URL lead to the primary server, with a role that may change the schema.",
    )
}
