//! What a plan found, compared with what is found now: whether somebody who said yes would have to be asked again.
//!
//! Rows come and go while a plan waits, so a count may move within a tolerance. Beyond it, or when a finding is new or has
//! become worse, what was read is not what would happen.

use super::PlannedMigration;
use crate::guard::finding::{Count, Finding, Loss};
use crate::operation::Trouble;

/// The tolerance in words, as pages and documents say it.
pub const TOLERANCE: &str = "by more than 10 % and more than 5 (half, where a number is an estimate), or from nothing to something";

/// How much more than what was counted is still the same, in percent.
const COUNTED_PERCENT: i64 = 10;
/// The same where one of the two numbers is an estimate: the next ANALYZE moves those by more.
const ESTIMATED_PERCENT: i64 = 50;
/// So many more are the same in any case.
const AT_LEAST: i64 = 5;

/// Which facts have changed for the worse from `before` to `after`, and from what to what; a sentence each. Both are of the same
/// scripts.
pub(in crate::guard) fn worse(
    before: &[PlannedMigration],
    after: &[PlannedMigration],
) -> Vec<String> {
    let mut said = Vec::new();
    for (old, new) in before.iter().zip(after) {
        for (old, new) in old.statements.iter().zip(&new.statements) {
            compare(&old.findings, &new.findings, &mut said);
        }
    }
    said
}

/// What could be counted before and cannot be now: nobody can say whether it has grown, so nothing is applied.
pub(in crate::guard) fn uncounted(
    before: &[PlannedMigration],
    after: &[PlannedMigration],
) -> Option<Trouble> {
    let lost = losses(after).find(|loss| {
        let mut twins = losses(before).filter(|old| old.what == loss.what);
        loss.count == Count::Unknown && twins.any(|old| old.count != Count::Unknown)
    })?;
    Some(Trouble::new(
        format!("What would be lost cannot be counted again: {}.", lost.what),
        "Nothing was applied. The approval was not used.",
        "Look at what keeps the server busy, or holds that table, then apply the plan.",
    ))
}

fn losses(migrations: &[PlannedMigration]) -> impl Iterator<Item = &Loss> {
    migrations
        .iter()
        .flat_map(|migration| &migration.statements)
        .flat_map(|statement| &statement.findings)
        .filter_map(|finding| finding.loss.as_ref())
}

fn compare(before: &[Finding], after: &[Finding], said: &mut Vec<String>) {
    for new in after {
        // Several findings of one rule in a statement are of different things.
        let mut twins = before.iter().filter(|old| old.rule == new.rule);
        let old = match &new.loss {
            Some(loss) => twins.find(|old| what(old) == Some(loss.what.as_str())),
            None => twins.next(),
        };
        let Some(old) = old else {
            said.push(format!("New: {}", new.sentence));
            continue;
        };
        if new.severity > old.severity {
            said.push(format!(
                "What was {} is {}: {}",
                old.severity.word(),
                new.severity.word(),
                new.sentence
            ));
        }
        if let (Some(old), Some(new)) = (&old.loss, &new.loss)
            && has_grown(&old.count, &new.count)
        {
            said.push(format!("{} (it was {}).", new.sentence(), old.amount()));
        }
    }
}

fn what(finding: &Finding) -> Option<&str> {
    finding.loss.as_ref().map(|loss| loss.what.as_str())
}

/// Whether the second count is more than somebody who saw the first has agreed to.
fn has_grown(before: &Count, after: &Count) -> bool {
    let (old, new, percent) = match (before, after) {
        (Count::Exact(old), Count::Exact(new)) => (*old, *new, COUNTED_PERCENT),
        (Count::Exact(old) | Count::Estimated(old), Count::Exact(new) | Count::Estimated(new)) => {
            (*old, *new, ESTIMATED_PERCENT)
        }
        // Whoever agreed to an unknown number agreed to any; what is unknown only now is seen to by `uncounted`.
        (Count::Unknown, _) | (_, Count::Unknown) => return false,
    };
    if old <= 0 {
        return new > 0;
    }
    new - old > AT_LEAST.max(old.saturating_mul(percent) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::finding::Severity;

    #[test]
    fn a_count_may_move_but_not_far_and_not_from_nothing() {
        use Count::{Estimated, Exact, Unknown};
        for (before, after, grown) in [
            (Exact(41_203), Exact(41_203), false),
            (Exact(41_203), Exact(45_000), false),
            (Exact(41_203), Exact(45_400), true),
            (Exact(41_203), Exact(2), false),
            (Exact(2), Exact(7), false),
            (Exact(2), Exact(8), true),
            (Exact(0), Exact(1), true),
            (Exact(0), Exact(0), false),
            (Estimated(1_000), Exact(1_400), false),
            (Estimated(1_000), Exact(1_600), true),
            (Exact(1_000), Estimated(1_600), true),
            (Unknown, Exact(1_000_000), false),
            (Exact(i64::MAX), Exact(i64::MAX), false),
        ] {
            assert_eq!(has_grown(&before, &after), grown, "{before:?} → {after:?}");
        }
    }

    fn finding(rule: &str, severity: Severity, loss: Option<(&str, Count)>) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity,
            sentence: format!("The sentence of {rule}."),
            advice: None,
            loss: loss.map(|(what, count)| Loss {
                what: what.to_owned(),
                unit: "rows".to_owned(),
                count,
            }),
        }
    }

    #[test]
    fn what_has_become_worse_is_told_from_what_to_what() {
        let table = |n| {
            finding(
                "drop-table",
                Severity::Error,
                Some(("table a", Count::Exact(n))),
            )
        };
        let other = finding(
            "drop-table",
            Severity::Error,
            Some(("table b", Count::Exact(5))),
        );
        let index = |severity| finding("create-index", severity, None);
        let told = |before: &[Finding], after: &[Finding]| {
            let mut said = Vec::new();
            compare(before, after, &mut said);
            said
        };
        assert_eq!(told(&[table(2)], &[table(3)]), Vec::<String>::new());
        assert_eq!(
            told(&[table(2), other.clone()], &[table(50), other.clone()]),
            ["table a: 50 rows (it was 2 rows)."]
        );
        assert_eq!(
            told(&[table(2)], &[table(2), other]),
            ["New: The sentence of drop-table."]
        );
        assert_eq!(
            told(&[index(Severity::Note)], &[index(Severity::Warning)]),
            ["What was note is warning: The sentence of create-index."]
        );
        assert_eq!(
            told(&[index(Severity::Warning)], &[]),
            Vec::<String>::new(),
            "what is better needs nobody"
        );
    }
}
