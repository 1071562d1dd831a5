//! What a person is told when applying does not run to its end.

use super::ScriptError;
use crate::operation::{OperationError, Trouble};
use crate::target::{Session, catalog, describe};

pub(super) async fn held(session: &Session) -> Trouble {
    let holder = catalog::ledger::lock_holder(session)
        .await
        .unwrap_or_default();
    let who = holder.map_or_else(|| "somebody".to_owned(), |holder| holder.words());
    Trouble::new(
        format!(
            "The lock of the migrations is held by {who}, and was not free within 10 seconds (P1002)."
        ),
        "Nothing was applied. The database is as it was.",
        "If somebody deploys right now, wait for them. If that session is a leftover, end it; then try again.",
    )
}

pub(super) fn unlocked(name: &str, done: usize, of: usize) -> Trouble {
    Trouble::new(
        format!(
            "The script of {name} let go of the lock of the migrations. Nothing more was run without it."
        ),
        format!("{done} of {of} migrations are in effect and recorded; the others are untouched."),
        "Take DISCARD ALL or pg_advisory_unlock_all out of that script. Make a plan of the rest to go on.",
    )
}

/// What is kept in the ledger's `logs`: as much as a person with only the table needs.
pub(super) fn logs(name: &str, error: &ScriptError) -> String {
    format!(
        "A migration failed to apply.\n\nMigration name: {name}\nStatement {} of {}, {}\n\n{}\n\n{}",
        error.statement,
        error.of,
        error.place(),
        error.message,
        error.in_effect
    )
}

pub(super) fn failed(name: &str, error: &ScriptError, logged: bool) -> Trouble {
    let place = match error.of {
        0 | 1 => error.place(),
        of => format!("statement {} of {of}, {}", error.statement, error.place()),
    };
    let recorded = if logged {
        "The ledger has it as failed, with this error."
    } else {
        "The ledger has it as failed; the error may be missing there."
    };
    Trouble::new(
        format!(
            "The migration {name} failed at {place} (P3018): {}",
            error.message
        ),
        format!("{} {recorded}", error.in_effect),
        format!(
            "Correct the cause. When nothing of it is in effect: `npx prisma migrate resolve --rolled-back {name}`, then \
             make a plan again."
        ),
    )
}

/// Says what came before a failure, which is in effect.
pub(super) fn in_context(mut trouble: Trouble, done: usize) -> Trouble {
    let before = match done {
        0 => return trouble,
        1 => "The migration before it is in effect.".to_owned(),
        n => format!("The {n} migrations before it are in effect."),
    };
    trouble.data = format!("{before} {}", trouble.data);
    trouble
}

/// How a cancelled run ends; `undone` is the migration that ran and was undone, `made` says what was made before the first.
pub(super) fn stopped(
    done: usize,
    of: usize,
    undone: Option<&str>,
    made: &[String],
) -> OperationError {
    if done == 0 && undone.is_none() {
        if made.is_empty() {
            return OperationError::Cancelled;
        }
        return OperationError::Stopped(Trouble::new(
            "Applying was stopped before the first migration.",
            format!("{} No migration was begun.", made.join(" ")),
            "Make a plan again when you want to go on.",
        ));
    }
    let undone = undone.map(|name| {
        format!("{name}, which was under way, is undone and recorded as rolled back. ")
    });
    OperationError::Stopped(Trouble::new(
        format!("Applying was stopped after {done} of {of} migrations."),
        format!(
            "{}{done} of {of} migrations are in effect and recorded; the others are not.",
            undone.unwrap_or_default()
        ),
        "Make a plan of the rest when you want to go on.",
    ))
}

pub(super) fn unknown(name: &str, error: &ScriptError) -> Trouble {
    Trouble::new(
        format!("The connection was lost in {name}: {}", error.message),
        error.in_effect.clone(),
        LOOK,
    )
}

/// The script is in effect; its row is not finished, for the step `doing` failed.
pub(super) fn unsaved(name: &str, doing: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!("{doing} failed: {}. ({name})", describe(error)),
        format!(
            "The script of {name} ran to its end and is in effect, but the ledger does not say so: it reads as failed."
        ),
        format!(
            "Mark it: `npx prisma migrate resolve --applied {name}`. Then make the plan again."
        ),
    )
}

const LOOK: &str = "Look at what the database shows below, then say how it ended.";

/// The connection was lost before the script, while its row was inserted.
pub(super) fn not_begun(name: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "The connection was lost before {name} was begun: {}.",
            describe(error)
        ),
        format!("{name} was not begun. Whether the ledger has a row of it is not known."),
        LOOK,
    )
}

/// The connection was lost after the script, before its row was known to be finished.
pub(super) fn unsaid(name: &str, doing: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "{doing} after {name} failed, for the connection was lost: {}.",
            describe(error)
        ),
        format!(
            "The script of {name} ran to its end and is in effect. Whether the ledger says so is not known."
        ),
        LOOK,
    )
}

/// The connection was lost while the row of an undone script was marked.
pub(super) fn unmarked(name: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "Applying was stopped, and the connection was lost while {name} was marked as rolled back: {}.",
            describe(error)
        ),
        format!(
            "Nothing of {name} is in effect. Whether the ledger has it as rolled back is not known."
        ),
        LOOK,
    )
}

/// The connection was lost while something was made before the first migration.
pub(super) fn unsure(doing: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "{doing} failed, for the connection was lost: {}.",
            describe(error)
        ),
        "No migration was begun. Whether this step took effect is not known.",
        LOOK,
    )
}

pub(super) fn lost(doing: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!("{doing} failed: {}.", describe(error)),
        "What the log above says is in effect is in effect; this step is not.",
        "Look at the server and at the rights of the role, then look at the history before you try again.",
    )
}
