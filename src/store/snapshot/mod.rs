//! The whole store as one file: written beside a running console, put back on either engine.
//!
//! The file is JSON Lines. The first line is the [`Header`]; then comes one line for each row,
//! `{"t": table, "r": {column: value}}`, the tables in an order in which every reference finds what it names; the last
//! line is the [`Footer`] with the number of rows of each table and the SHA-256 of every byte before it.
//!
//! What must stay true:
//! - A file is either whole or not there: it gets its name after it was synced.
//! - Nobody is signed in by a restore and nobody is told anything twice: sessions, known browsers, setup links and
//!   notifications are left out, as are workers and what slows down guesses.
//! - Nothing runs a second time by a restore: what waited is cancelled, an open approval lapses, what ran reads as
//!   interrupted.
//! - A restore is one transaction, so a store is the old one or the new one.
//! - Rows are never held in memory together.
//!
//! Read [`write()`], then [`check`] and [`restore()`].

mod error;
mod part;
mod read;
mod restore;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

pub use error::SnapshotError;
pub use read::{Checked, check};
pub use restore::{Restored, restore};
pub use write::{Written, record, write};

/// The form of the file that this program writes, and the newest that it reads.
const FORM: i64 = 1;
/// The longest line that is written or read, in bytes: a foreign file without line ends must not fill the memory.
const LONGEST: usize = 64 * 1024 * 1024;
/// The row of `setting` that remembers the last snapshot: its SHA-256, and when it was written.
const LAST: &str = "store_backup_at";

/// A table of the store, and how all of its rows are read.
struct Table {
    name: &'static str,
    rows: &'static str,
}

/// What a snapshot holds, in the order in which it is put back.
const TABLES: [Table; 17] = [
    Table {
        name: "setting",
        rows: "SELECT * FROM setting ORDER BY name",
    },
    Table {
        name: "user",
        rows: "SELECT * FROM \"user\" ORDER BY id",
    },
    Table {
        name: "user_role",
        rows: "SELECT * FROM user_role ORDER BY user_id, target",
    },
    Table {
        name: "second_factor",
        rows: "SELECT * FROM second_factor ORDER BY user_id",
    },
    Table {
        name: "recovery_code",
        rows: "SELECT * FROM recovery_code ORDER BY user_id, code_hash",
    },
    Table {
        name: "api_token",
        rows: "SELECT * FROM api_token ORDER BY id",
    },
    Table {
        name: "policy",
        rows: "SELECT * FROM policy ORDER BY target, name",
    },
    Table {
        name: "subscription",
        rows: "SELECT * FROM subscription ORDER BY id",
    },
    Table {
        name: "job",
        rows: "SELECT * FROM job ORDER BY id",
    },
    Table {
        name: "job_event",
        rows: "SELECT * FROM job_event ORDER BY job_id, seq",
    },
    Table {
        name: "plan",
        rows: "SELECT * FROM plan ORDER BY id",
    },
    Table {
        name: "approval",
        rows: "SELECT * FROM approval ORDER BY id",
    },
    Table {
        name: "schedule",
        rows: "SELECT * FROM schedule ORDER BY id",
    },
    Table {
        name: "measurement",
        rows: "SELECT * FROM measurement ORDER BY target, at, job_id",
    },
    Table {
        name: "drift",
        rows: "SELECT * FROM drift ORDER BY target, at, job_id",
    },
    Table {
        name: "audit",
        rows: "SELECT * FROM audit ORDER BY seq",
    },
    Table {
        name: "audit_head",
        rows: "SELECT * FROM audit_head ORDER BY one",
    },
];

/// The first line: what the file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file; 1 is this one.
    pub lockkeeper_store: i64,
    /// The newest step of the schema that the rows are of.
    pub schema: i64,
    /// The moment that the rows show.
    pub at: Timestamp,
    /// The version of the program that wrote it.
    pub version: String,
}

/// The last line: what the file must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// How many rows of each table.
    pub rows: Counts,
    /// SHA-256 of every byte before this line, hexadecimal.
    pub sha256: String,
}

/// How many rows of each table.
pub type Counts = BTreeMap<String, u64>;

/// When the store was last written to a snapshot, in milliseconds since the epoch.
pub async fn last_written(store: &Store) -> Result<Option<i64>, StoreError> {
    let at = sqlx::query_scalar("SELECT updated_at FROM setting WHERE name = $1")
        .bind(LAST)
        .fetch_optional(store.read())
        .await?;
    Ok(at)
}
