//! What the ledger shows of the migrations that an interrupted job was to mark. Its rows are written in one transaction, so
//! that either all of them are marked or none is.

use super::evidence::{Fact, held};
use crate::migration::mark::Mark;
use crate::migration::{Entry, Survey, baseline};
use crate::target::Target;

/// Whether all of `names` are marked, and whether somebody holds the lock.
pub(super) async fn look(
    target: &Target,
    mark: Mark,
    names: &[String],
    facts: &mut Vec<Fact>,
) -> (bool, bool) {
    match Survey::of(target).await {
        Ok(survey) => judged(&survey, mark, names, facts),
        // That the database does not answer has been said.
        Err(_) => (false, false),
    }
}

/// The same of all migrations up to `last` being applied.
pub(super) async fn look_up_to(target: &Target, last: &str, facts: &mut Vec<Fact>) -> (bool, bool) {
    let Ok(survey) = Survey::of(target).await else {
        return (false, false);
    };
    if let Some(names) = baseline::names(&survey.folder, last) {
        return judged(&survey, Mark::Applied, &names, facts);
    }
    facts.push(Fact::new(
        None,
        format!(
            "The folder has no migration {last} any more, so what was to be marked is not known."
        ),
    ));
    (false, held(&survey, facts))
}

fn judged(survey: &Survey, mark: Mark, names: &[String], facts: &mut Vec<Fact>) -> (bool, bool) {
    let mut complete = true;
    for name in names {
        let entry = survey.history.entry(name);
        let is_so = entry.is_some_and(|entry| match mark {
            Mark::Applied => entry.applied_row().is_some(),
            Mark::RolledBack => is_given_up(entry),
        });
        complete &= is_so;
        let not = if is_so { "" } else { "not " };
        let was = mark.words();
        facts.push(Fact::new(
            is_so,
            format!("{name} is {not}recorded as {was} in the ledger."),
        ));
    }
    (complete, held(survey, facts))
}

fn is_given_up(entry: &Entry) -> bool {
    entry.open_rows().next().is_none() && entry.rows.iter().any(|row| row.rolled_back_at.is_some())
}
