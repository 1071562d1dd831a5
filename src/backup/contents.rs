//! What is inside of a backup, and what of its database a dump does not carry: the second half of a manifest.
//!
//! What must stay true: a number of rows is exact only when it was counted in the snapshot that was dumped.

use serde::{Deserialize, Serialize};

/// What is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The server's name of the snapshot that was dumped and counted in.
    pub snapshot: String,
    /// Where the server's log of changes stood, as `0/16B3748`; none where the role may not ask.
    pub lsn: Option<String>,
    /// The tables whose rows are in it, by schema and name.
    pub tables: Vec<Table>,
    /// The sequences, as they stood beside the dump. They belong to no snapshot: under writes the dump's may be further.
    pub sequences: Vec<Sequence>,
    /// How many large objects are in it.
    pub large_objects: i64,
    /// The extensions that it asks for.
    pub extensions: Vec<Extension>,
    /// The roles that own something in it or are granted something: a restore needs them.
    pub roles: Vec<String>,
    /// What a dump does not carry.
    pub database: Database,
}

/// A table whose rows are in the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// How many rows it has; none where that was neither counted nor ever estimated by the server.
    pub rows: Option<i64>,
    /// Whether they were counted in the snapshot; else they are the server's estimate.
    pub rows_exact: bool,
    /// Its bytes on the server's disk without indexes; none where that could not be measured.
    pub bytes: Option<i64>,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The last value that it gave out; none when it has given none yet, or that could not be read.
    pub last_value: Option<i64>,
}

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What belongs to a database and is not in a dump of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Who owns it.
    pub owner: String,
    /// Where its collation comes from: `libc`, `icu` or `builtin`.
    pub locale_provider: String,
    /// Its collation.
    pub collate: Option<String>,
    /// Its character classification.
    pub ctype: Option<String>,
    /// Its ICU or builtin locale.
    pub locale: Option<String>,
    /// The version of the collation that it was made with.
    pub collation_version: Option<String>,
    /// How many connections it takes; -1 is no limit.
    pub connection_limit: i32,
    /// Its grants, as Postgres writes them; none are the usual ones.
    pub grants: Option<String>,
    /// Its comment.
    pub comment: Option<String>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`. Values may be secrets.
    pub settings: Vec<Setting>,
}

/// A setting of the database, or of a role in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The role; none: everybody's.
    pub role: Option<String>,
    /// The name of the setting.
    pub name: String,
    /// Its value. It may be a secret, so pages do not show it.
    pub value: String,
}

impl Contents {
    /// How many rows were counted, and whether those are all of the rows.
    #[must_use]
    pub fn counted_rows(&self) -> (i64, bool) {
        let exact = self.tables.iter().filter(|table| table.rows_exact);
        let rows = exact.filter_map(|table| table.rows).sum();
        (rows, self.tables.iter().all(|table| table.rows_exact))
    }
}
