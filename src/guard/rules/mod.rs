//! The rules: one per file, each looks at one effect of a statement and says what that does to the data.
//!
//! Rules are pure; what has to be counted they ask for as a [`Question`], which the plan answers from the live
//! database. Each has a `bad.sql` and a `good.sql` under `tests/rules/<name>/`, which are its documentation and its
//! test at once; a test fails when one is missing.

mod drop_column;
mod drop_table;
mod unseen_loss;

use super::finding::Severity;
use crate::sql::{Effect, TableName};

/// What a rule wants to know from the live database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// How many rows a table has.
    Rows(TableName),
    /// How many rows of a table have a value in a column.
    Values(TableName, String),
}

impl Question {
    /// The table that has to be counted.
    #[must_use]
    pub fn table(&self) -> &TableName {
        match self {
            Self::Rows(table) | Self::Values(table, _) => table,
        }
    }
}

/// What a rule says about one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What the statement does to the data, in a sentence or two.
    pub sentence: String,
    /// What to do instead, where there is something.
    pub advice: Option<String>,
    /// What would be lost, and how to count it.
    pub loss: Option<(String, Question)>,
}

/// A rule: what it has to say about one effect.
pub type Rule = fn(&Effect) -> Option<Remark>;

/// Every rule, by name.
pub const RULES: [(&str, Rule); 3] = [
    (drop_column::NAME, drop_column::look),
    (drop_table::NAME, drop_table::look),
    (unseen_loss::NAME, unseen_loss::look),
];

/// What the rules say about the effects of one statement.
pub fn look(effects: &[Effect]) -> impl Iterator<Item = Remark> {
    effects
        .iter()
        .flat_map(|effect| RULES.iter().filter_map(move |(_, rule)| rule(effect)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, rule: &str) -> Vec<Remark> {
        let path = format!("{}/tests/rules/{rule}/{file}", env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is missing"));
        let statements = crate::sql::parse(&script).expect("the fixture parses");
        assert!(!statements.is_empty(), "{path} holds no statement");
        statements
            .iter()
            .flat_map(|statement| look(&statement.effects).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn every_rule_finds_its_bad_example_and_is_silent_about_its_good_one() {
        for (name, _) in RULES {
            let bad = found("bad.sql", name);
            assert!(
                bad.iter().any(|remark| remark.rule == name),
                "{name} is blind to its bad.sql"
            );
            let good = found("good.sql", name);
            assert_eq!(good, [], "something is said about the good.sql of {name}");
        }
    }

    #[test]
    fn every_statement_of_the_bad_example_is_found() {
        for (name, _) in RULES {
            let path = format!("{}/tests/rules/{name}/bad.sql", env!("CARGO_MANIFEST_DIR"));
            let script = std::fs::read_to_string(path).expect("the fixture is there");
            for statement in crate::sql::parse(&script).expect("the fixture parses") {
                assert!(
                    look(&statement.effects).any(|remark| remark.rule == name),
                    "{name} is blind to: {}",
                    statement.text(&script)
                );
            }
        }
    }
}
