//! Why a comparison could not be made, in sentences.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::super::{Contract, Script};
use crate::migration::history::words::printable;
use crate::operation::Trouble;
use crate::sql::Unsafe;
use crate::target::describe;
use crate::target::script::ScriptError;

/// What every trouble of a comparison means for the data.
pub(super) const UNTOUCHED: &str =
    "Nothing of the target was changed: scripts run in a scratch database only, which is dropped.";

pub(super) fn no_createdb(role: &str) -> Trouble {
    let role = printable(role);
    Trouble::new(
        format!(
            "The role {role} may not create databases, and a comparison replays the migrations in one of its own."
        ),
        "Nothing was done.",
        format!(
            "Let a superuser run ALTER ROLE … CREATEDB for {role}, or name a role that may in the URL of the target."
        ),
    )
}

pub(super) fn standby() -> Trouble {
    Trouble::new(
        "The server is a standby, on which no database can be created; a comparison replays the migrations in one of its own.",
        "Nothing was done.",
        "Compare on the primary: every standby has the schema of its primary.",
    )
}

pub(super) fn not_made(name: &str, error: &tokio_postgres::Error) -> Trouble {
    let next = match error.code() {
        Some(code) if *code == SqlState::DISK_FULL => {
            "The server has no room left for another database: free some space, then compare again."
        }
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "Give the role the right to create databases (ALTER ROLE … CREATEDB), then compare again."
        }
        _ => "Look at the server's answer above, then compare again.",
    };
    Trouble::new(
        format!(
            "The scratch database {name} could not be created: {}",
            describe(error)
        ),
        "Nothing of the target was changed.",
        next,
    )
}

/// The target answers, and the scratch database that was made beside it does not.
pub(super) fn lost(trouble: &Trouble) -> Trouble {
    Trouble::new(
        format!("The scratch database cannot be used: {}", trouble.what),
        "Nothing of the target was changed.",
        "Compare again. If it stays so, look whether somebody drops databases on this server.",
    )
}

pub(super) fn too_long(limit: Duration) -> Trouble {
    Trouble::new(
        format!(
            "The migrations took longer than {} minutes on empty tables, so they were stopped.",
            limit.as_secs() / 60
        ),
        UNTOUCHED,
        "Look for a block that waits or does not end, or try again when the server has less to do.",
    )
}

pub(super) fn not_dropped(name: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!("{name} could not be dropped: {}", describe(error)),
        "Nothing of the target was changed. The scratch database takes up some room on the server.",
        "Drop it by hand, or leave it to the next comparison.",
    )
}

pub(super) fn unread(what: &str, error: &tokio_postgres::Error) -> Trouble {
    let next = match error.code() {
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => {
            "Somebody changes a table or a view right now: wait until that has ended, then compare again."
        }
        _ => "Look at the server's answer above, then compare again.",
    };
    Trouble::new(
        format!(
            "Reading the catalogue of {what} failed: {}",
            describe(error)
        ),
        UNTOUCHED,
        next,
    )
}

pub(super) fn unreadable(what: &str, why: &str) -> Trouble {
    Trouble::new(
        format!("The catalogue of {what} cannot be read: {why}."),
        UNTOUCHED,
        "Please report this with the version of your server.",
    )
}

/// A schema or the ledger that the scratch database needs could not be made.
pub(super) fn unprepared(error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "The scratch database could not be prepared: {}",
            describe(error)
        ),
        UNTOUCHED,
        "Look at the server's answer above, then compare again.",
    )
}

/// What Prisma 8 has made is described by its contracts, not by scripts.
pub(super) fn other_system(contract: &Contract) -> Trouble {
    Trouble {
        data: "Nothing was done.".to_owned(),
        next: "Prisma 8 compares with its contracts: `npx prisma db verify`.".to_owned(),
        ..contract.refusal()
    }
}

pub(super) fn no_ledger() -> Trouble {
    Trouble::new(
        "This database has no ledger, so it is not known which migrations are in effect.",
        "Nothing was done.",
        "Compare it with everything in the folder (--all), or baseline it first.",
    )
}

pub(super) fn no_such(name: &str) -> Trouble {
    Trouble::new(
        format!("The folder has no migration {}.", printable(name)),
        "Nothing was done.",
        "Give the name of one of its directories.",
    )
}

/// The ledger is not the one that the comparison began with.
pub(super) fn moved() -> Trouble {
    Trouble::new(
        "Somebody applied migrations while they were compared, so the result would be of neither the old nor the new state.",
        UNTOUCHED,
        "Compare again when that has ended.",
    )
}

/// A statement of which it is not known that it stays inside of the scratch database.
pub(super) fn not_safe(name: &str, found: &Unsafe) -> Trouble {
    Trouble::new(
        format!(
            "The migration {} cannot be replayed: line {} ({}) {}.",
            printable(name),
            found.line,
            printable(&found.summary),
            printable(&found.why)
        ),
        "Nothing was replayed: only what is known to stay in one database is run a second time on the server of your app.",
        "docs/drift.md says what can be replayed. Until then compare by hand, or in a database of your own on another server \
         (`prisma migrate diff`).",
    )
}

/// A script that does not run in an empty database.
pub(super) fn not_replayed(name: &str, script: &Script, error: &ScriptError) -> Trouble {
    // Not its number: what makes no schema was left out.
    let place = error.place();
    let next = if error.message.contains("(SQLSTATE 53100)") {
        "The server has no room left for another database: free some space, then compare again."
    } else if error.message.contains("(SQLSTATE 53200)") {
        "The server has no room for more locks in one transaction: raise max_locks_per_transaction, which takes a restart, or compare \
         on another server."
    } else if error.message.contains("(SQLSTATE 42723)") {
        "A replay replaces only functions that the scripts have made themselves: one of the server or of an extension may stand behind \
         an operator."
    } else if error.message.contains("(SQLSTATE 57014)") {
        "A statement took longer than two minutes on empty tables: look whether it waits for something or does not end."
    } else if error.message.contains("(SQLSTATE 42501)") {
        "The role that compares lacks a right that the script needs, such as that to create an extension: let a role with that \
         right compare."
    } else {
        "Look whether it needs something that no migration makes: a schema, an extension, a role, rows. Prisma's `migrate dev` \
         would stop at the same place."
    };
    let bytes = if script.is_utf8 {
        ""
    } else {
        " Its file is not UTF-8 throughout."
    };
    Trouble::new(
        format!(
            "The migration {} does not run in an empty database after those before it (P3006): {place}: {}{bytes}",
            printable(name),
            error.message
        ),
        UNTOUCHED,
        next,
    )
}
