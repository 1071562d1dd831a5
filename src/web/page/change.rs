//! What a setting was and what it became, side by side, as the audit recorded it.

use serde_json::{Map, Value};

/// How many characters of a value are shown.
const LONGEST: usize = 160;
/// How many settings of one entry are shown.
const MOST: usize = 12;

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What it was.
    pub before: String,
    /// What it became.
    pub after: String,
}

/// The settings that differ between two JSON texts, by name. Text that is no JSON object is one setting, shown as it is.
#[must_use]
pub fn changes(before: Option<&str>, after: Option<&str>) -> Vec<Change> {
    let (before, after) = (settings(before), settings(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let differing: Vec<&String> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    let mut changes: Vec<Change> = differing
        .iter()
        .take(MOST)
        .map(|name| Change {
            name: short(name),
            before: words(before.get(*name)),
            after: words(after.get(*name)),
        })
        .collect();
    if let Some(more @ 1..) = differing.len().checked_sub(MOST) {
        changes.push(Change {
            name: format!("{more} more"),
            before: "see the export".to_owned(),
            after: "see the export".to_owned(),
        });
    }
    changes
}

fn settings(text: Option<&str>) -> Map<String, Value> {
    let Some(text) = text else {
        return Map::new();
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(settings)) => settings,
        Ok(value) => Map::from_iter([("value".to_owned(), value)]),
        Err(_) => Map::from_iter([("value".to_owned(), text.into())]),
    }
}

fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not set".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "empty".to_owned(),
        Some(Value::String(text)) => short(text),
        Some(other) => short(&other.to_string()),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(before: Option<&str>, after: Option<&str>) -> Vec<String> {
        let changes = changes(before, after);
        let line = |it: Change| format!("{}: {} > {}", it.name, it.before, it.after);
        changes.into_iter().map(line).collect()
    }

    #[test]
    fn what_differs_is_shown_and_nothing_else() {
        let before = r#"{"cron": "0 3 * * *", "zone": "UTC", "enabled": true, "note": "x"}"#;
        let after = r#"{"zone": "UTC", "cron": "0 4 * * *", "enabled": false, "keep": {"days": 7}, "note": ""}"#;
        assert_eq!(
            read(Some(before), Some(after)),
            [
                "cron: 0 3 * * * > 0 4 * * *",
                "enabled: true > false",
                "keep: not set > {\"days\":7}",
                "note: x > empty",
            ]
        );
        assert_eq!(read(None, Some(r#"{"a": 1}"#)), ["a: not set > 1"]);
        assert_eq!(
            read(Some(r#"{"a": null, "b": 2}"#), None),
            ["a: not set > not set", "b: 2 > not set"]
        );
        assert!(read(None, None).is_empty());
    }

    #[test]
    fn what_is_no_object_is_shown_as_it_is() {
        assert_eq!(read(Some("7"), Some("8")), ["value: 7 > 8"]);
        assert_eq!(read(Some("{broken"), None), ["value: {broken > not set"]);
    }

    #[test]
    fn a_page_is_not_filled_by_one_entry() {
        let many: Map<String, Value> = (10..40)
            .map(|n| (n.to_string(), "é".repeat(900).into()))
            .collect();
        let shown = changes(None, Some(&Value::Object(many).to_string()));
        assert_eq!(shown.len(), 13);
        assert_eq!(shown[12].name, "18 more");
        assert_eq!(shown[0].after.chars().count(), 161);
    }
}
