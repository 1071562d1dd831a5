//! Folders and rows of tests.

use crate::migration::checksum::checksum;
use crate::migration::script::Script;
use crate::migration::{BrokenFolder, Folder, LedgerRow, LockFile, Migration, name};

/// What all of them run.
pub(in crate::migration) const SCRIPT: &str = "SELECT 1;";

/// A folder of these names; one that ends in `!` has no script.
pub(in crate::migration) fn folder(names: &[&str]) -> Folder {
    let mut names = names.to_vec();
    names.sort_by(|a, b| name::compare(a, b));
    Folder {
        path: "prisma/migrations".into(),
        migrations: names
            .into_iter()
            .map(|name| Migration {
                name: name.trim_end_matches('!').to_owned(),
                script: if name.ends_with('!') {
                    Err(BrokenFolder::Missing)
                } else {
                    Ok(Script::from_bytes(SCRIPT.as_bytes()))
                },
            })
            .collect(),
        lock_file: LockFile::Accepted,
        schemas: Vec::new(),
        problem: None,
        warnings: Vec::new(),
    }
}

/// A row that began at `second`: `a` applied, `f` failed, `r` rolled back, `b` both.
pub(in crate::migration) fn row(name: &str, kind: char, second: i64) -> LedgerRow {
    let at = |later| Some(crate::clock::timestamp((second + later) * 1000));
    LedgerRow {
        id: format!("{name}-{second}"),
        checksum: checksum(SCRIPT.as_bytes()),
        finished_at: at(1).filter(|_| matches!(kind, 'a' | 'b')),
        migration_name: name.to_owned(),
        logs: (kind == 'f').then(|| "ERROR".to_owned()),
        rolled_back_at: at(2).filter(|_| matches!(kind, 'r' | 'b')),
        started_at: crate::clock::timestamp(second * 1000),
        applied_steps_count: i32::from(kind == 'a'),
    }
}

/// Rows of one name, one for each letter, a second after another.
pub(in crate::migration) fn rows(name: &str, kinds: &str) -> Vec<LedgerRow> {
    kinds
        .chars()
        .zip(1..)
        .map(|(kind, second)| row(name, kind, second))
        .collect()
}
