//! The text format of Prometheus, version 0.0.4, read strictly: whatever a scraper might refuse fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// What a page of figures says: each series as it is written, with its value.
#[derive(Debug)]
pub struct Figures {
    pub series: BTreeMap<String, f64>,
    /// The type of each metric.
    pub types: BTreeMap<String, String>,
}

impl Figures {
    /// Reads a page, and fails where it is not well formed: every metric has its HELP and its TYPE before its series,
    /// once and in one block; names are names, values are numbers, and no series is there twice.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut series = BTreeMap::new();
        let mut types = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name), "no help: {line}");
                let before = types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "twice: {line}");
                name.clone_into(&mut current);
            } else {
                let (name, labels, value) = sample(line);
                let parts = if types[&current] == "histogram" {
                    &["_bucket", "_sum", "_count"][..]
                } else {
                    &[""]
                };
                let known = parts.iter().any(|part| name == format!("{current}{part}"));
                assert!(known, "{line} is not of {current}");
                let labelled: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
                assert_eq!(labelled.len(), labels.len(), "a label twice: {line}");
                let key = line.rsplit_once(' ').unwrap().0.to_owned();
                assert_eq!(series.insert(key, value), None, "twice: {line}");
            }
        }
        Self { series, types }
    }

    /// The value of a series; the name alone, or the name with its labels as they are written.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// The sum of the series of this name whose labels hold all of `parts`, if there is one.
    pub fn sum(&self, name: &str, parts: &[&str]) -> Option<f64> {
        let named = self.series.iter().filter(|(key, _)| {
            let (metric, labels) = key.split_once('{').unwrap_or((key, ""));
            metric == name && parts.iter().all(|part| labels.contains(part))
        });
        named
            .map(|(_, value)| *value)
            .reduce(|one, other| one + other)
    }
}

/// A line of a series: name, labels with their values unescaped, value.
fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let mut value = String::new();
            let mut letters = after.char_indices();
            let closed = loop {
                match letters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match letters.next().unwrap().1 {
                        'n' => '\n',
                        escaped @ ('"' | '\\') => escaped,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, letter) => value.push(letter),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &after[closed + 1..];
            if let Some(last) = rest.strip_prefix('}') {
                rest = last;
                break;
            }
            rest = rest.strip_prefix(',').unwrap();
        }
    }
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
    (name.to_owned(), labels, value)
}

fn is_name(name: &str) -> bool {
    let good = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    !name.is_empty()
        && name.chars().all(good)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}
