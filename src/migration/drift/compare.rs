//! Two catalogues in, what differs out. Pure: whoever made them, the answer is the same.

use std::collections::BTreeSet;

use super::catalog::{
    Catalog, Key, ORDER, PARTITION, PLACE, Part, Properties, QUIET, Thing, WATCHES,
};
use super::difference::{Difference, Side, Value};
use super::expression::is_same;
use crate::migration::history::words::{listed, printable};
use crate::sql::{TableName, quote_if_needed};

/// What came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Things that differ, by kind and name.
    pub(super) differences: Vec<Difference>,
    /// What is not the same but makes no difference, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Compares what a database is with what its history makes. With `order`, columns that stand in another order differ.
pub(super) fn compare(database: &Catalog, history: &Catalog, order: bool) -> Compared {
    let mut compared = Compared::default();
    let mut partitions = Vec::new();
    let keys: BTreeSet<&Key> = database
        .things
        .keys()
        .chain(history.things.keys())
        .collect();
    for key in keys {
        let (here, there) = (database.things.get(key), history.things.get(key));
        match (here, there) {
            (Some(here), Some(there)) => both(key, here, there, order, &mut compared),
            (Some(here), None) if is_partition_of_both(here, database, history) => {
                partitions.push(shown(key));
            }
            (Some(_), None) if key.kind == "extension" && WATCHES.contains(&key.name.as_str()) => {
                compared.notes.push(format!(
                    "The extension {} is only in the database; it is one that operators install.",
                    key.name
                ));
            }
            (Some(_), None) => compared.differences.push(alone(key, Side::OnlyInDatabase)),
            (None, _) => compared.differences.push(alone(key, Side::OnlyInHistory)),
        }
    }
    if !partitions.is_empty() {
        compared.notes.push(format!(
            "Partitions that only the database has are not counted as differences: {}.",
            listed(&partitions)
        ));
    }
    let place = |difference: &Difference| {
        ORDER
            .iter()
            .position(|kind| *kind == difference.what)
            .unwrap_or(ORDER.len())
    };
    compared.differences.sort_by_key(place);
    compared
}

/// Partitions come and go with time, without a migration; the table that they are of is in both.
fn is_partition_of_both(here: &Thing, database: &Catalog, history: &Catalog) -> bool {
    let parent = here.own.get(PARTITION);
    parent.is_some_and(|parent| {
        let known = |catalog: &Catalog| {
            let tables = catalog.things.keys().filter(|key| key.kind == "table");
            tables.map(shown).any(|name| name == *parent)
        };
        known(database) && known(history)
    })
}

fn alone(key: &Key, side: Side) -> Difference {
    Difference {
        what: key.kind.clone(),
        name: shown(key),
        side,
        values: Vec::new(),
        parts: Vec::new(),
    }
}

fn both(key: &Key, here: &Thing, there: &Thing, order: bool, compared: &mut Compared) {
    if here == there {
        return;
    }
    let mut values = Vec::new();
    for value in changed(&here.own, &there.own) {
        if QUIET.contains(&value.name.as_str()) {
            let (kind, name) = (&key.kind, printable(&shown(key)));
            compared
                .notes
                .push(format!("The {kind} {name}: {}.", value.words()));
        } else {
            values.push(value);
        }
    }
    let mut parts = Vec::new();
    let names: BTreeSet<&Part> = here.parts.keys().chain(there.parts.keys()).collect();
    for name in names {
        let difference = part(name, here.parts.get(name), there.parts.get(name));
        parts.extend(difference);
    }
    if let Some(value) = reordered(here, there) {
        if order {
            values.push(value);
        } else {
            compared.notes.push(format!(
                "The columns of {} stand in another order.",
                printable(&shown(key))
            ));
        }
    }
    if !values.is_empty() || !parts.is_empty() {
        compared.differences.push(Difference {
            values,
            parts,
            ..alone(key, Side::Both)
        });
    }
}

fn part(
    (kind, name): &Part,
    here: Option<&Properties>,
    there: Option<&Properties>,
) -> Option<Difference> {
    let none = Properties::new();
    let side = match (here, there) {
        (Some(_), None) => Side::OnlyInDatabase,
        (None, _) => Side::OnlyInHistory,
        (Some(_), Some(_)) => Side::Both,
    };
    let mut values = changed(here.unwrap_or(&none), there.unwrap_or(&none));
    values.retain(|value| !QUIET.contains(&value.name.as_str()));
    if side == Side::Both && values.is_empty() {
        return None;
    }
    Some(Difference {
        what: kind.clone(),
        // Those that say to whom or on what are phrases already.
        name: if kind == "grant" {
            name.clone()
        } else {
            quote_if_needed(name)
        },
        side,
        values,
        parts: Vec::new(),
    })
}

fn changed(here: &Properties, there: &Properties) -> Vec<Value> {
    let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    names
        .into_iter()
        .filter(|name| match (here.get(*name), there.get(*name)) {
            (Some(here), Some(there)) => !is_same(here, there),
            _ => true,
        })
        .map(|name| Value {
            name: name.clone(),
            database: here.get(name).cloned(),
            history: there.get(name).cloned(),
        })
        .collect()
}

/// The order of the columns that both have, where it is not the same.
fn reordered(here: &Thing, there: &Thing) -> Option<Value> {
    let order = |of: &Thing, other: &Thing| -> Vec<String> {
        let mut columns: Vec<(i32, &String)> = of
            .parts
            .iter()
            .filter(|(part, _)| other.parts.contains_key(*part))
            .filter_map(|((_, name), said)| Some((said.get(PLACE)?.parse().ok()?, name)))
            .collect();
        columns.sort_unstable();
        columns
            .into_iter()
            .map(|(_, name)| quote_if_needed(name))
            .collect()
    };
    let (database, history) = (order(here, there), order(there, here));
    (database != history).then(|| Value {
        name: "order of the columns".to_owned(),
        database: Some(database.join(", ")),
        history: Some(history.join(", ")),
    })
}

/// The name as SQL writes it. That of a function holds its arguments and is written by the server.
fn shown(key: &Key) -> String {
    let schema = Some(key.schema.clone()).filter(|schema| !schema.is_empty());
    match key.kind.as_str() {
        "function" | "procedure" | "aggregate" => {
            format!("{}.{}", quote_if_needed(&key.schema), key.name)
        }
        _ => TableName {
            schema,
            name: key.name.clone(),
        }
        .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(things: &[(&str, &str, &str, &str)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (kind, name, part, said) in things {
            let key = Key {
                kind: (*kind).to_owned(),
                schema: "public".to_owned(),
                name: (*name).to_owned(),
            };
            let thing = catalog.things.entry(key).or_default();
            let said: Properties = said
                .split(';')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            match part.split_once(' ') {
                None => thing.own.extend(said),
                Some((kind, name)) => {
                    thing.parts.insert((kind.to_owned(), name.to_owned()), said);
                }
            }
        }
        catalog
    }

    fn told(compared: &Compared) -> Vec<String> {
        let mut lines = Vec::new();
        for thing in &compared.differences {
            lines.push(format!("{} {}", thing.title(), thing.remark()));
            lines.extend(thing.values.iter().map(Value::words));
            for part in &thing.parts {
                lines.push(format!("{} {}", part.title(), part.remark()));
                lines.extend(part.values.iter().map(Value::words));
            }
        }
        lines.extend(compared.notes.iter().cloned());
        lines
    }

    #[test]
    fn equal_catalogues_have_no_difference() {
        let one = catalog(&[("table", "User", "column id", "type=integer;place=1")]);
        assert_eq!(compare(&one, &one, true), Compared::default());
    }

    #[test]
    fn things_parts_and_properties_differ_each_in_their_place() {
        let here = catalog(&[
            ("view", "v", "", "definition=SELECT 1;"),
            ("table", "User", "column id", "type=bigint"),
            ("table", "User", "column fax", "type=text"),
            ("table", "extra", "", ""),
        ]);
        let there = catalog(&[
            ("view", "v", "", "definition=SELECT 2"),
            ("table", "User", "column id", "type=integer"),
            ("table", "User", "index i", "definition=CREATE INDEX i"),
            ("enum", "Role", "", "values='A'"),
        ]);
        assert_eq!(
            told(&compare(&here, &there, false)),
            [
                "table public.\"User\" ",
                "column fax is only in the database: text",
                "type: text in the database, not set in the history",
                "column id ",
                "type: bigint in the database, integer in the history",
                "index i is not in the database: CREATE INDEX i",
                "definition: not set in the database, CREATE INDEX i in the history",
                "table public.extra is only in the database",
                "view public.v ",
                "definition: SELECT 1 in the database, SELECT 2 in the history",
                "enum public.\"Role\" is not in the database",
            ]
        );
    }

    #[test]
    fn another_order_of_columns_is_a_note_unless_asked_for() {
        let here = catalog(&[
            ("table", "t", "column a", "place=1"),
            ("table", "t", "column b", "place=3"),
        ]);
        let there = catalog(&[
            ("table", "t", "column a", "place=4"),
            ("table", "t", "column b", "place=2"),
        ]);
        assert_eq!(
            told(&compare(&here, &there, false)),
            ["The columns of public.t stand in another order."]
        );
        let asked = told(&compare(&here, &there, true));
        assert_eq!(
            asked[1],
            "order of the columns: a, b in the database, b, a in the history"
        );
        // Places alone are no order: a column that was dropped leaves a hole.
        let holes = catalog(&[
            ("table", "t", "column a", "place=7"),
            ("table", "t", "column b", "place=9"),
        ]);
        assert_eq!(compare(&here, &holes, true), Compared::default());
    }

    #[test]
    fn what_operators_and_time_bring_is_a_note() {
        let there = catalog(&[("table", "log", "", "partition key=RANGE (at)")]);
        let mut here = there.clone();
        let more = catalog(&[
            ("table", "log_1", "", "partition of=public.log"),
            ("extension", "pg_stat_statements", "", "version=1.10"),
        ]);
        here.things.extend(more.things);
        let compared = compare(&here, &there, false);
        assert!(compared.differences.is_empty(), "{compared:?}");
        assert_eq!(compared.notes.len(), 2, "{compared:?}");
        // The other way round they are missing.
        assert_eq!(compare(&there, &here, false).differences.len(), 2);
    }
}
