//! How many migrations are of which kind, and the sentence that sums a check up.

use crate::migration::{Entry, State, Survey};
use crate::target::catalog::Facts;
use crate::target::size::Bytes;

/// How many migrations there are of each kind.
pub(super) struct Tally {
    /// In effect, with a folder or without.
    pub(super) applied: usize,
    /// What deploy would apply; unknown without a folder, and then none.
    pub(super) pending: usize,
    failed: usize,
    edited: usize,
    missing: usize,
    /// Those that are one of these three.
    pub(super) troubled: usize,
    /// The folder was read: without it nothing is known to be pending or missing.
    has_folder: bool,
}

impl Tally {
    pub(super) fn of(survey: &Survey) -> Self {
        let has_folder = survey.folder.problem.is_none();
        let entries = &survey.history.entries;
        let count = |matches: &dyn Fn(&Entry) -> bool| {
            entries.iter().filter(|entry| matches(entry)).count()
        };
        let missing = |entry: &Entry| {
            has_folder && entry.state == State::Missing && entry.applied_row().is_some()
        };
        let failed = |entry: &Entry| entry.state == State::Failed;
        Self {
            applied: count(&|entry| entry.applied_row().is_some()),
            pending: survey.history.pending().count(),
            failed: count(&failed),
            edited: count(&|entry| entry.edited),
            missing: count(&missing),
            troubled: count(&|entry| failed(entry) || entry.edited || missing(entry)),
            has_folder,
        }
    }

    /// The check in one sentence: `Postgres 15.18, 1.24 GB, 15 migrations applied, 2 pending.`
    pub(super) fn summary(&self, facts: &Facts) -> String {
        let mut parts = vec![format!("Postgres {}", facts.version_text)];
        parts.extend(facts.size_bytes.map(|bytes| Bytes(bytes).to_string()));
        parts.push(match self.applied {
            1 => "1 migration applied".to_owned(),
            n => format!("{n} migrations applied"),
        });
        if self.has_folder {
            parts.push(format!("{} pending", self.pending));
        }
        for (count, word) in [
            (self.failed, "failed"),
            (self.edited, "edited"),
            (self.missing, "missing"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        if !self.has_folder {
            parts.push("the migrations folder could not be read".to_owned());
        }
        format!("{}.", parts.join(", "))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::migration::check) fn facts(size_bytes: Option<i64>) -> Facts {
        Facts {
            version_num: 150_018,
            version_text: "15.18".to_owned(),
            database: "app".to_owned(),
            size_bytes,
            system_identifier: None,
            in_recovery: false,
            read_only: false,
            connections_used: 3,
            connections_max: 100,
            encoding: "UTF8".to_owned(),
        }
    }

    fn tally(applied: usize) -> Tally {
        Tally {
            applied,
            pending: 0,
            failed: 0,
            edited: 0,
            missing: 0,
            troubled: 0,
            has_folder: true,
        }
    }

    #[test]
    fn the_summary_is_one_sentence_that_leaves_out_what_there_is_not() {
        let calm = Tally {
            pending: 2,
            ..tally(15)
        };
        assert_eq!(
            calm.summary(&facts(Some(1_240_000_000))),
            "Postgres 15.18, 1.24 GB, 15 migrations applied, 2 pending."
        );
        let messy = Tally {
            failed: 1,
            edited: 2,
            missing: 3,
            ..tally(1)
        };
        assert_eq!(
            messy.summary(&facts(None)),
            "Postgres 15.18, 1 migration applied, 0 pending, 1 failed, 2 edited, 3 missing."
        );
        let blind = Tally {
            has_folder: false,
            ..tally(15)
        };
        assert_eq!(
            blind.summary(&facts(None)),
            "Postgres 15.18, 15 migrations applied, the migrations folder could not be read."
        );
    }
}
