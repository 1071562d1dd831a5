//! What the history says in sentences.

use std::fmt;

use super::super::ledger::RowState;
use super::{Blocker, Divergence, Entry, History, Relation, State};

/// What is peculiar about an entry.
pub(super) fn note(entry: &Entry) -> Option<String> {
    let has_both = entry
        .rows
        .iter()
        .any(|row| row.state() == RowState::BothSet);
    let sentence = match (entry.state, &entry.broken) {
        (State::Failed | State::Running, _) if !entry.has_folder() => {
            "Its folder is gone, so it can only be marked as rolled back."
        }
        (State::Failed, _) if entry.open_rows().any(|row| row.logs.is_none()) => {
            "No error was recorded: the process that ran it ended before it could write one."
        }
        (State::Failed, _) if entry.applied_row().is_some() => {
            "It also succeeded once; the failed row still stops every deploy."
        }
        (State::Missing, _) if entry.applied_row().is_none() => {
            "Its folder is gone, and none of its rows counts."
        }
        (State::Missing, _) => "It is in effect, but its folder is gone. Deploy does not notice.",
        (State::Applied, Some(broken)) => {
            return Some(format!("{broken} Deploy does not need it any more."));
        }
        (_, Some(broken)) => return Some(broken.to_string()),
        (State::Pending, _) if has_both => {
            "A row says that it finished and that it was rolled back, which Prisma never writes. \
             Deploy takes it as not applied and applies it again."
        }
        (State::RolledBack, _) => "It was marked as rolled back. Deploy applies it again.",
        (State::Applied, _)
            if entry
                .applied_row()
                .is_some_and(super::LedgerRow::was_marked) =>
        {
            "It was marked as applied; its script was not run by that."
        }
        _ => return None,
    };
    Some(sentence.to_owned())
}

impl History {
    /// What a person should know, one sentence each, the most pressing first. At least one.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> = self
            .deploy_blocker()
            .iter()
            .map(Blocker::to_string)
            .collect();
        let pending = self.pending().count();
        if pending > 0 {
            let (noun, verb) = plural(pending);
            sentences.push(format!("{pending} {noun} {verb} pending."));
        }
        sentences.extend(self.oddities());
        if pending == 0 && self.deploy_blocker().is_none() {
            sentences.insert(0, "Nothing is pending.".to_owned());
        }
        sentences
    }

    /// What is peculiar though nothing stands in the way, one sentence each; often none.
    #[must_use]
    pub fn oddities(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let names = |entries: &mut dyn Iterator<Item = &Entry>| -> Vec<String> {
            entries.map(|entry| entry.name.clone()).collect()
        };
        if let Divergence {
            relation: Relation::Diverged,
            last_common,
            ..
        } = self.divergence()
        {
            sentences.push(match last_common {
                Some(name) => format!(
                    "Folder and ledger have diverged. The last common migration is {}.",
                    printable(&name)
                ),
                None => {
                    "Folder and ledger have diverged. There is no common migration before that."
                        .to_owned()
                }
            });
        }
        let mut say = |names: &[String], one: &str, many: &str| {
            if !names.is_empty() {
                let (noun, _) = plural(names.len());
                let what = if names.len() == 1 { one } else { many };
                sentences.push(format!("{} {noun} {what}: {}.", names.len(), listed(names)));
            }
        };
        if matches!(self.deploy_blocker(), Some(Blocker::Running { .. })) {
            say(
                &names(&mut self.failed()),
                "has failed as well (P3009)",
                "have failed as well (P3009)",
            );
        }
        say(
            &names(&mut self.in_state(State::Broken)),
            "has no readable script, and deploy would stop there (P3015)",
            "have no readable script, and deploy would stop there (P3015)",
        );
        say(
            &names(&mut self.in_state(State::RolledBack)),
            "was marked as rolled back and would be applied again",
            "were marked as rolled back and would be applied again",
        );
        say(
            &names(&mut self.edited()),
            "was edited after it was applied",
            "were edited after they were applied",
        );
        say(
            &names(&mut self.entries.iter().filter(|entry| entry.out_of_order)),
            "is pending although a later one is applied",
            "are pending although a later one is applied",
        );
        say(
            &names(
                &mut self
                    .in_state(State::Missing)
                    .filter(|entry| entry.applied_row().is_some()),
            ),
            "is applied, but its folder is gone",
            "are applied, but their folders are gone",
        );
        sentences
    }
}

impl Blocker {
    /// What to do about a lock file that names another provider.
    pub(in crate::migration) const LOCK_FILE_NEXT: &'static str =
        "Correct migration_lock.toml: it needs the line `provider = \"postgresql\"`.";

    /// The code that `migrate deploy` stops with.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::LockFile { .. } => "P3019",
            Self::Running { .. } => "P1002",
            Self::Failed { .. } => "P3009",
        }
    }
}

/// One sentence.
impl fmt::Display for Blocker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockFile { found: Some(found) } => write!(
                out,
                "migration_lock.toml names the provider {}, not postgresql.",
                printable(found)
            ),
            Self::LockFile { found: None } => {
                out.write_str("migration_lock.toml names no provider; it must name postgresql.")
            }
            Self::Running { name } => write!(
                out,
                "{} has begun, and somebody holds the migration lock: it may be running.",
                printable(name)
            ),
            Self::Failed { names } if names.len() == 1 => write!(
                out,
                "1 migration failed, and nothing else is applied before that is repaired: {}.",
                listed(names)
            ),
            Self::Failed { names } => write!(
                out,
                "{} migrations failed, and nothing else is applied before that is repaired: {}.",
                names.len(),
                listed(names)
            ),
        }
    }
}

fn plural(count: usize) -> (&'static str, &'static str) {
    if count == 1 {
        ("migration", "is")
    } else {
        ("migrations", "are")
    }
}

/// Up to three names.
pub(in crate::migration) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| printable(name))
        .collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A name without characters that would act on a terminal, break a line or turn its direction: directory names may
/// hold any.
pub(in crate::migration) fn printable(name: &str) -> String {
    let acts = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.chars()
        .flat_map(|character| {
            let escaped = acts(character).then(|| character.escape_default());
            let plain = escaped.is_none().then_some(character);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}
