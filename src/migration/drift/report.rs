//! What is said of a comparison: its sentence, what to know about it, and its tree in lines.

use super::{Drift, Replay};
use crate::migration::history::words::listed;
use crate::migration::{Entry, State, Survey};

impl Drift {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.count == 0
    }

    /// The result in one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let what = match (&self.replay, self.replayed) {
            (_, 0) => "an empty history makes".to_owned(),
            (Replay::Applied, 1) => "its 1 applied migration makes".to_owned(),
            (Replay::Applied, n) => format!("its {n} applied migrations make"),
            (Replay::All, 1) => "the 1 migration of the folder makes".to_owned(),
            (Replay::All, n) => format!("all {n} migrations of the folder make"),
            (Replay::UpTo(last), 1) => format!("the first migration makes, {last}"),
            (Replay::UpTo(last), n) => format!("the first {n} migrations make, up to {last}"),
        };
        match self.count {
            0 => format!("No drift: the database is what {what}."),
            1 => format!("1 difference between the database and what {what}."),
            n => format!("{n} differences between the database and what {what}."),
        }
    }

    /// The differences as lines of a tree, each indented by two blanks for every step down.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for thing in &self.differences {
            lines.push(joined(&thing.title(), &thing.remark()));
            lines.extend(
                thing
                    .values
                    .iter()
                    .map(|value| format!("  {}", value.words())),
            );
            for part in &thing.parts {
                lines.push(format!("  {}", joined(&part.title(), &part.remark())));
                if part.remark().is_empty() {
                    let values = part.values.iter();
                    lines.extend(values.map(|value| format!("    {}", value.words())));
                }
            }
        }
        lines
    }
}

fn joined(title: &str, remark: &str) -> String {
    if remark.is_empty() {
        title.to_owned()
    } else {
        format!("{title} {remark}")
    }
}

/// What to know before one believes a comparison of this history.
pub(super) fn remarks(survey: &Survey, replay: &Replay) -> Vec<String> {
    let names = |matches: &dyn Fn(&Entry) -> bool| -> Vec<String> {
        let entries = survey.history.entries.iter();
        let matching = entries.filter(|entry| matches(entry));
        matching.map(|entry| entry.name.clone()).collect()
    };
    let mut remarks = Vec::new();
    let mut say = |names: &[String], words: &str| {
        if !names.is_empty() {
            remarks.push(format!("{words}: {}.", listed(names)));
        }
    };
    say(
        &names(&|entry| entry.edited),
        "Edited after they were applied; the text of today is what was replayed",
    );
    say(
        &names(&|entry| entry.state == State::Missing && entry.applied_row().is_some()),
        "Applied, but without a folder, so what they made counts as drift",
    );
    say(
        &names(&|entry| matches!(entry.state, State::Failed | State::Running)),
        "Begun and not finished; what is in effect of them counts as drift",
    );
    if *replay == Replay::All {
        say(
            &names(&|entry| entry.pending),
            "Pending, and replayed all the same, so what they make counts as missing",
        );
    }
    if let Some(holder) = &survey.lock_holder {
        remarks.push(format!(
            "The lock of the migrations was held by {} when the comparison began.",
            holder.words()
        ));
    }
    remarks
}

/// A sentence about the schemas that were not compared.
pub(super) fn left_out(schemas: &[String]) -> Option<String> {
    (!schemas.is_empty()).then(|| {
        format!(
            "Not compared, because no migration makes anything there: {}.",
            listed(schemas)
        )
    })
}
