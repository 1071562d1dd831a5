//! Why migrations may not be marked, with Prisma's codes.

use std::fmt;

use super::super::history::words::{listed, printable};
use super::super::{Blocker, BrokenFolder, Folder, Oddity};
use crate::operation::Trouble;

/// Why nothing is marked. Each is said of all names that it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The lock file names another provider (P3019).
    LockFile {
        /// What it names; `None` if nothing.
        found: Option<String>,
    },
    /// Names that are no folder, or whose folder has no readable script (P3017).
    Unknown {
        /// One sentence each.
        sentences: Vec<String>,
    },
    /// Names with a row that finished (P3008).
    AlreadyApplied {
        /// The names.
        names: Vec<String>,
    },
    /// Names without a row (P3011).
    NeverTried {
        /// The names.
        names: Vec<String>,
    },
    /// Names whose rows have all finished (P3012).
    NotFailed {
        /// The names.
        names: Vec<String>,
    },
    /// Somebody changed the ledger so that Prisma could not read it. Prisma has no code for it.
    Odd {
        /// What is odd about it.
        what: Oddity,
    },
    /// There is no ledger, so nothing can be rolled back in it. Prisma has no code for it.
    NoLedger {
        /// Where it was looked for.
        schema: String,
    },
}

impl Refusal {
    /// Names that cannot be marked as applied, each with what is wrong with its folder; `None` is that there is none.
    pub(in crate::migration) fn unknown(
        folder: &Folder,
        names: Vec<(String, Option<BrokenFolder>)>,
    ) -> Self {
        let sentence = |(name, broken): (String, Option<BrokenFolder>)| match broken {
            Some(broken) => format!("{} cannot be marked. {broken}", printable(&name)),
            None => format!(
                "The folder {} has no migration {}.{}",
                folder.path.display(),
                printable(&name),
                near(folder, &name)
            ),
        };
        Self::Unknown {
            sentences: names.into_iter().map(sentence).collect(),
        }
    }

    /// The code that `migrate resolve` stops with; one error has none.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::LockFile { .. } => Some("P3019"),
            Self::Unknown { .. } => Some("P3017"),
            Self::AlreadyApplied { .. } => Some("P3008"),
            Self::NeverTried { .. } => Some("P3011"),
            Self::NotFailed { .. } => Some("P3012"),
            Self::Odd { .. } | Self::NoLedger { .. } => None,
        }
    }

    fn next(&self) -> &'static str {
        match self {
            Self::LockFile { .. } => Blocker::LOCK_FILE_NEXT,
            Self::Unknown { .. } => {
                "Give the exact name of the migration's folder, without a path. Restore its migration.sql from version \
                 control if that is what is missing."
            }
            Self::AlreadyApplied { .. } => {
                "Nothing has to be done for these; leave them away if you want to mark others."
            }
            Self::NeverTried { .. } => {
                "Give the exact name as `lockkeeper migrate status` lists it. What was never tried needs no mark: it is \
                 pending."
            }
            Self::NotFailed { .. } => {
                "A mark does not undo what is applied. Write a new migration that takes it back."
            }
            Self::Odd { .. } => Oddity::NEXT,
            Self::NoLedger { .. } => {
                "Check that the URL leads to the right database and schema. A database that Prisma Migrate has not \
                 touched has nothing to roll back."
            }
        }
    }
}

/// One sentence or more, with the code.
impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockFile { found } => {
                let found = found.clone();
                write!(out, "{}", Blocker::LockFile { found })?;
            }
            Self::Unknown { sentences } => write!(out, "{}", sentences.join(" "))?,
            Self::AlreadyApplied { names } => {
                write!(out, "Recorded as applied already: {}.", listed(names))?;
            }
            Self::NeverTried { names } => {
                write!(out, "The ledger has no row of: {}.", listed(names))?;
            }
            Self::NotFailed { names } => write!(
                out,
                "Not failed, but finished, by every row in the ledger: {}.",
                listed(names)
            )?,
            Self::Odd { what } => write!(out, "{what}")?,
            Self::NoLedger { schema } => write!(
                out,
                "The schema {} has no ledger _prisma_migrations, so nothing can be marked as rolled back in it.",
                printable(schema)
            )?,
        }
        match self.code() {
            Some(code) => write!(out, " ({code})"),
            None => Ok(()),
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::new(
            refusal.to_string(),
            "Nothing was marked. The database is as it was.",
            refusal.next(),
        )
    }
}

/// A question about the name that may have been meant.
fn near(folder: &Folder, name: &str) -> String {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let nearest = folder
        .migrations
        .iter()
        .map(|migration| migration.name.as_str())
        .filter(|other| likeness(other) > 0.8 || (!name.is_empty() && other.ends_with(name)))
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.map_or_else(String::new, |nearest| {
        format!(" Did you mean {}?", printable(nearest))
    })
}
