//! What a rule finds in a statement, what is known of the tables, and the verdict over a plan.

use serde::{Deserialize, Serialize};

use crate::target::catalog::table;
use crate::target::size::Bytes;

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; nothing has to be done.
    Note,
    /// Nothing is lost, but people may have to wait, an app may break, or the statement may fail.
    Warning,
    /// Data is lost or may be, or the guard cannot see into it.
    #[default]
    Error,
}

impl Severity {
    /// The word of the pages and the terminal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What the worst finding makes of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No rule found more than notes.
    Safe,
    /// Nothing is lost, but some finding is a warning. It needs no approval.
    Caution,
    /// Rows or values would be destroyed, or might be where the guard cannot see. It needs an approval and a backup.
    Destructive,
}

impl Verdict {
    /// The verdict over findings.
    pub fn over<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let worst = findings.into_iter().map(|finding| finding.severity).max();
        match worst {
            Some(Severity::Error) => Self::Destructive,
            Some(Severity::Warning) => Self::Caution,
            Some(Severity::Note) | None => Self::Safe,
        }
    }

    /// The word of the store, the pages and the terminal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Caution => "caution",
            Self::Destructive => "destructive",
        }
    }
}

/// How much, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "n", rename_all = "lowercase")]
pub enum Count {
    /// Counted, at the moment the plan was made.
    Exact(i64),
    /// Postgres's own estimate, because counting took too long.
    Estimated(i64),
    /// Neither could be had.
    Unknown,
}

impl From<table::Count> for Count {
    fn from(count: table::Count) -> Self {
        match count {
            table::Count::Exact(n) => Self::Exact(n),
            table::Count::Estimated(n) => Self::Estimated(n),
            table::Count::Unknown(_) => Self::Unknown,
        }
    }
}

/// What a statement would destroy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// For example `column "phone" of "User"`.
    pub what: String,
    /// `values` or `rows`.
    pub unit: String,
    /// How many.
    pub count: Count,
}

/// One thing that a rule found in a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name, such as `drop-column`.
    pub rule: String,
    /// How bad it is. Findings of plans that were stored before there were severities are all errors.
    #[serde(default)]
    pub severity: Severity,
    /// What the statement does to the data, in a sentence or two.
    pub sentence: String,
    /// What to do instead, where there is something.
    #[serde(default)]
    pub advice: Option<String>,
    /// What would be lost, where that can be counted.
    pub loss: Option<Loss>,
}

/// A table that a statement is about, as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableNow {
    /// The table, written for people.
    pub table: String,
    /// Its rows.
    pub rows: Count,
    /// Its bytes on disk, with indexes and oversized values.
    pub bytes: Count,
}

impl TableNow {
    /// Rows and bytes: `52,118 rows, 12.4 MB` or `about 2,300,000 rows (estimated), 412 MB`.
    #[must_use]
    pub fn size(&self) -> String {
        let rows = self.rows.of("rows");
        match self.bytes {
            Count::Exact(n) => format!("{rows}, {}", Bytes(n)),
            Count::Estimated(n) => {
                format!("{rows}, about {} (when it was last analyzed)", Bytes(n))
            }
            Count::Unknown => rows,
        }
    }

    /// For example `"User" had 52,118 rows, 12.4 MB`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} had {}", self.table, self.size())
    }
}

impl Count {
    /// So many of `unit`, which is a plural: `41,203 rows`, `about 1 row (estimated)`.
    #[must_use]
    pub fn of(self, unit: &str) -> String {
        let one = unit.trim_end_matches('s');
        match self {
            Self::Exact(1) => format!("1 {one}"),
            Self::Exact(n) => format!("{} {unit}", grouped(n)),
            Self::Estimated(1) => format!("about 1 {one} (estimated)"),
            Self::Estimated(n) => format!("about {} {unit} (estimated)", grouped(n)),
            Self::Unknown => format!("an unknown number of {unit}"),
        }
    }
}

impl Loss {
    /// For example `column "phone" of "User": 41,203 values`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.what, self.amount())
    }

    /// For example `41,203 values`.
    #[must_use]
    pub fn amount(&self) -> String {
        match self.count {
            Count::Unknown => "could not be counted".to_owned(),
            known => known.of(&self.unit),
        }
    }
}

/// 41203 as `41,203`.
#[must_use]
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (-41_203, "-41,203"),
        ] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn an_estimate_is_never_shown_as_exact() {
        let loss = |count| {
            Loss {
                what: "table \"A\"".to_owned(),
                unit: "rows".to_owned(),
                count,
            }
            .sentence()
        };
        assert_eq!(loss(Count::Exact(1)), "table \"A\": 1 row");
        assert_eq!(loss(Count::Exact(2_000)), "table \"A\": 2,000 rows");
        assert_eq!(
            loss(Count::Estimated(2_000)),
            "table \"A\": about 2,000 rows (estimated)"
        );
        assert_eq!(loss(Count::Unknown), "table \"A\": could not be counted");
    }

    #[test]
    fn the_worst_finding_decides() {
        let finding = |severity| Finding {
            rule: String::new(),
            severity,
            sentence: String::new(),
            advice: None,
            loss: None,
        };
        for (severities, verdict) in [
            (vec![], Verdict::Safe),
            (vec![Severity::Note, Severity::Note], Verdict::Safe),
            (vec![Severity::Warning, Severity::Note], Verdict::Caution),
            (
                vec![Severity::Note, Severity::Error, Severity::Warning],
                Verdict::Destructive,
            ),
        ] {
            let findings: Vec<Finding> = severities.into_iter().map(finding).collect();
            assert_eq!(Verdict::over(&findings), verdict);
        }
    }

    #[test]
    fn a_finding_from_before_there_were_severities_is_an_error() {
        let stored = r#"{"rule":"drop-table","sentence":"It goes.","loss":null}"#;
        let finding: Finding = serde_json::from_str(stored).unwrap();
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(finding.advice, None);
    }
}
