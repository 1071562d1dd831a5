//! The artifact's table of contents, read by `pg_restore --list`, held against the snapshot.
//!
//! What this proves is little, and is said so: the header and the table of contents can be read, and they name exactly the
//! tables that the snapshot has. A cut or damaged artifact may pass: the table of contents stands at its beginning.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::snapshot::{Kind, Relation};
use crate::operation::{OperationError, Trouble};
use crate::target::tool::{Child, Tools};

/// What a table of contents says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Toc {
    /// The version of the archive's format.
    pub version: Option<String>,
    /// The tables that are made, by their number in the catalogue.
    tables: BTreeSet<u32>,
    /// The tables whose rows are put back.
    filled: BTreeSet<u32>,
}

/// Reads the table of contents of an artifact, or says why it cannot be read.
pub(super) async fn read(
    tools: &Tools,
    artifact: &Path,
    cancel: &CancellationToken,
) -> Result<Result<Toc, String>, OperationError> {
    let args = [OsString::from("--list"), artifact.into()];
    let none: [(&'static str, OsString); 0] = [];
    let started = Child::start(&tools.pg_restore, args, none, |_| {});
    let ended = match started {
        Ok(child) => child.wait_or_cancel(cancel).await?,
        Err(Trouble { what, .. }) => return Ok(Err(what)),
    };
    if ended.cancelled {
        return Err(OperationError::Cancelled);
    }
    if !ended.status.success() {
        let said = ended.stderr.lines().last().unwrap_or("it said nothing");
        return Ok(Err(format!("pg_restore could not read it: {said}")));
    }
    Ok(Ok(Toc::parse(&String::from_utf8_lossy(&ended.stdout))))
}

impl Toc {
    /// Reads what `pg_restore --list` prints: comments that begin with a semicolon, and a line for each entry,
    /// `3456; 1259 16390 TABLE public User ada`. Entries are known by the numbers before their kind: what comes after it may
    /// be any text, for a schema or a table may be called anything. Rows have no catalogue of their own, so it is 0.
    fn parse(list: &str) -> Self {
        let mut toc = Self::default();
        for line in list.lines() {
            if let Some(comment) = line.strip_prefix(';') {
                if let Some(version) = comment.trim().strip_prefix("Dump Version: ") {
                    toc.version = Some(version.trim_end_matches("-0").to_owned());
                }
                continue;
            }
            let Some((_, entry)) = line.split_once("; ") else {
                continue;
            };
            let mut words = entry.splitn(3, ' ');
            let (Some(catalogue), Some(oid), Some(rest)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Ok(oid) = oid.parse() else { continue };
            if catalogue == "0" && rest.starts_with("TABLE DATA ") {
                toc.filled.insert(oid);
            } else if catalogue == "1259" && rest.starts_with("TABLE ") {
                toc.tables.insert(oid);
            }
        }
        toc
    }

    /// What differs from the snapshot, as the end of a sentence; none: the tables are the same.
    pub fn differs(&self, relations: &[Relation]) -> Option<String> {
        let made = relations
            .iter()
            .filter(|relation| relation.kind != Kind::Sequence && relation.defined)
            .map(|relation| relation.oid);
        let filled = relations
            .iter()
            .filter(|relation| relation.kind == Kind::Table)
            .map(|relation| relation.oid);
        let made = difference(&made.collect(), &self.tables);
        let filled = difference(&filled.collect(), &self.filled);
        let said: Vec<String> = [("tables", made), ("tables with rows", filled)]
            .into_iter()
            .filter_map(|(what, differs)| {
                let (missing, extra) = differs?;
                Some(format!(
                    "of the snapshot's {what} it lacks {missing}, and it has {extra} that are not of the snapshot"
                ))
            })
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// How many are missing and how many are too many, unless both are none.
fn difference(expected: &BTreeSet<u32>, found: &BTreeSet<u32>) -> Option<(usize, usize)> {
    let missing = expected.difference(found).count();
    let extra = found.difference(expected).count();
    (missing + extra > 0).then_some((missing, extra))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_known_by_their_numbers_whatever_they_are_called() {
        let list = ";\n; Archive created at 2025-09-21 12:00:00 UTC\n;     dbname: TABLE DATA\n;     Dump Version: 1.14-0\n;\n\
            215; 1259 16390 TABLE public User ada\n\
            216; 1259 16391 TABLE DATA User ada\n\
            217; 1259 16392 TABLE public TABLE DATA public x; 0 99 TABLE DATA y ada\n\
            218; 1259 16393 SEQUENCE public User_id_seq ada\n\
            219; 1259 16394 VIEW public TABLE ada\n\
            3456; 0 16390 TABLE DATA public User ada\n\
            3457; 0 0 SEQUENCE SET public User_id_seq ada\n\
            3458; 2606 16395 CONSTRAINT public User User_pkey ada\n";
        let toc = Toc::parse(list);
        assert_eq!(toc.version.as_deref(), Some("1.14"));
        assert_eq!(toc.tables, BTreeSet::from([16390, 16391, 16392]));
        assert_eq!(toc.filled, BTreeSet::from([16390]));
    }

    #[test]
    fn both_directions_of_a_difference_count() {
        let set = |numbers: &[u32]| numbers.iter().copied().collect();
        assert_eq!(difference(&set(&[1, 2]), &set(&[1, 2])), None);
        assert_eq!(difference(&set(&[1, 2]), &set(&[2, 3, 4])), Some((1, 2)));
    }
}
