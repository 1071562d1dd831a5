//! What differs between a database and what its migrations make: a tree of things, their parts and their properties.

use serde::{Deserialize, Serialize};

use crate::migration::history::words::printable;

/// On which side something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The migrations make it, the database lacks it.
    OnlyInHistory,
    /// The database has it, no migration makes it.
    OnlyInDatabase,
    /// Both have it, and it is not the same.
    Both,
}

impl Side {
    /// Words that follow a name.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OnlyInHistory => "is not in the database",
            Self::OnlyInDatabase => "is only in the database",
            Self::Both => "differs",
        }
    }
}

/// A thing or a part of one that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What it is, as SQL calls it: `table`, `column`, `function` …
    pub what: String,
    /// Its name, written as SQL writes it: `public."User"`.
    pub name: String,
    /// On which side it is.
    pub side: Side,
    /// Which of its properties differ; of a part that is on one side only, all that is known of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Which of its parts differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Difference>,
}

/// A property on both sides; none where it is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Value {
    /// The property: `type`, `default`, `definition` …
    pub name: String,
    /// What it is in the database.
    pub database: Option<String>,
    /// What the migrations make it.
    pub history: Option<String>,
}

impl Difference {
    /// How many differences there are in it: what is on one side only is one.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.side {
            Side::OnlyInHistory | Side::OnlyInDatabase => 1,
            Side::Both => self.values.len() + self.parts.iter().map(Self::count).sum::<usize>(),
        }
    }

    /// Kind and name, with what could break a line made visible.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.what, printable(&self.name))
    }

    /// What there is to say beside the name; of a part that is on one side only, what it is there.
    #[must_use]
    pub fn remark(&self) -> String {
        let said: Vec<String> = self
            .values
            .iter()
            .filter_map(|value| {
                let text = value.database.as_ref().or(value.history.as_ref())?;
                Some(match value.name.as_str() {
                    "definition" | "type" => short(text),
                    name => format!("{name} {}", short(text)),
                })
            })
            .collect();
        match self.side {
            Side::Both => String::new(),
            side if said.is_empty() => side.words().to_owned(),
            side => format!("{}: {}", side.words(), said.join(", ")),
        }
    }
}

impl Value {
    /// A sentence without its full stop: what it is here and what it is there. Of long texts the first line that differs.
    #[must_use]
    pub fn words(&self) -> String {
        let (database, history) = (self.database.as_deref(), self.history.as_deref());
        if let (Some(database), Some(history)) = (database, history)
            && (database.contains('\n') || history.contains('\n'))
        {
            let (number, here, there) = first_change(database, history);
            return format!(
                "{}: line {number} is {} in the database, {} in the history",
                self.name,
                quoted(Some(here)),
                quoted(Some(there))
            );
        }
        format!(
            "{}: {} in the database, {} in the history",
            self.name,
            quoted(database),
            quoted(history)
        )
    }
}

/// The first line that is not the same on both sides, and its number.
fn first_change<'a>(database: &'a str, history: &'a str) -> (usize, &'a str, &'a str) {
    let mut lines = (database.split('\n'), history.split('\n'));
    for number in 1.. {
        match (lines.0.next(), lines.1.next()) {
            (None, None) => break,
            (here, there) if here == there => {}
            (here, there) => {
                return (number, here.unwrap_or_default(), there.unwrap_or_default());
            }
        }
    }
    (1, database, history)
}

fn quoted(value: Option<&str>) -> String {
    match value {
        None => "not set".to_owned(),
        Some("") => "empty".to_owned(),
        Some(value) => short(value),
    }
}

/// A value on one line and not too long.
fn short(text: &str) -> String {
    const LONGEST: usize = 300;
    let lines: Vec<&str> = text.split('\n').map(str::trim).collect();
    let printed = printable(lines.join(" ").trim());
    match printed.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &printed[..end]),
        None => printed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, database: Option<&str>, history: Option<&str>) -> Value {
        Value {
            name: name.to_owned(),
            database: database.map(str::to_owned),
            history: history.map(str::to_owned),
        }
    }

    #[test]
    fn a_value_is_told_from_both_sides() {
        assert_eq!(
            value("default", Some("now()"), None).words(),
            "default: now() in the database, not set in the history"
        );
        let (here, there) = ("a\n  return 1;\nz", "a\n  return 2;\nz");
        assert_eq!(
            value("definition", Some(here), Some(there)).words(),
            "definition: line 2 is return 1; in the database, return 2; in the history"
        );
        assert_eq!(
            value("definition", Some("a"), Some("a\nb")).words(),
            "definition: line 2 is empty in the database, b in the history"
        );
        let long = "x".repeat(1000);
        let words = value("type", Some(&long), None).words();
        assert!(words.chars().count() < 400, "{words}");
    }

    #[test]
    fn what_is_on_one_side_says_what_it_is() {
        let part = Difference {
            what: "column".to_owned(),
            name: "two\nlines".to_owned(),
            side: Side::OnlyInDatabase,
            values: vec![
                value("nullable", Some("yes"), None),
                value("type", Some("text"), None),
            ],
            parts: Vec::new(),
        };
        assert_eq!(part.title(), "column two\\nlines");
        assert_eq!(part.remark(), "is only in the database: nullable yes, text");
        assert_eq!(part.count(), 1);
    }
}
