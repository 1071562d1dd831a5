//! The inspection: what this installation is made of, whether each part is well, and what to do where it is not. The page
//! `/system` and `lockkeeper doctor` say the same, from here.
//!
//! What must stay true: it changes nothing; no sentence holds a secret; a part that does not answer is a finding and holds up
//! nobody for long; what is not known is not said to be well. Whether targets are connected to is the caller's to decide:
//! [`target()`] only judges what was seen.

mod console;
mod factor;
mod machine;
mod store;
mod target;
mod told;

use crate::config::Config;

pub use console::{clock, console};
pub use machine::machine;
pub use store::{store, unusable, work};
pub use target::{Seen, target};
pub use told::{channels, outbox};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do about it; nothing when it is well.
    pub fix: Option<String>,
    /// Whether it is a target that cannot be reached.
    pub unreachable: bool,
}

impl Check {
    /// Something that is well.
    pub fn well(what: &str, found: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            found: found.into(),
            fix: None,
            unreachable: false,
        }
    }

    /// Something to fix.
    pub fn ill(what: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..Self::well(what, found)
        }
    }
}

/// The targets of a configuration that has none.
#[must_use]
pub fn without_targets(config: &Config) -> Option<Check> {
    config.targets.is_empty().then(|| {
        Check::ill(
            "targets",
            "none",
            "Set DATABASE_URL, or write a [[target]] with name, url_file and migrations into lockkeeper.toml.",
        )
    })
}
