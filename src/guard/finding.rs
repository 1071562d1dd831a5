//! What a rule finds in a statement, and the verdict over a plan.

use serde::{Deserialize, Serialize};

/// Whether a plan needs a person's approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No rule found anything that destroys rows or values.
    Safe,
    /// Rows or values would be destroyed, or might be where the guard cannot see.
    Destructive,
}

impl Verdict {
    /// The word of the store, the pages and the terminal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
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
    /// A sentence: what the statement does to the data.
    pub sentence: String,
    /// What would be lost, where that can be counted.
    pub loss: Option<Loss>,
}

impl Loss {
    /// For example `column "phone" of "User": 41,203 values`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { what, unit, count } = self;
        match count {
            Count::Exact(1) => format!("{what}: 1 {}", unit.trim_end_matches('s')),
            Count::Exact(n) => format!("{what}: {} {unit}", grouped(*n)),
            Count::Estimated(n) => format!("{what}: about {} {unit} (estimated)", grouped(*n)),
            Count::Unknown => format!("{what}: could not be counted"),
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
}
