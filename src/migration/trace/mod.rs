//! What of a script can be seen in the catalogue: which of its statements are in effect, when its row does not tell.
//!
//! A row that began and did not finish looks the same whether nothing of the script is in effect, a part, or all of it with
//! only the last write missing. Each statement that makes, renames or drops something leaves a trace; what the script itself
//! undoes later leaves none. A trace is what is there now, whoever made it: it says where to look, and decides nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::history::words::printable;
use super::{State, Survey};
use crate::sql::{self, Effect, Statement, TableName};
use crate::target::Session;
use crate::target::catalog::trace::{Thing, are_there};

/// What can be seen of one migration that began and did not finish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The migration.
    pub name: String,
    /// The lines of the statements whose effects are there.
    pub there: Vec<usize>,
    /// The lines of the statements whose effects are not there, or not all of them.
    pub absent: Vec<usize>,
    /// How many statements leave no trace, such as those that change rows.
    pub without: usize,
}

impl Trace {
    /// The traces of the migrations that have failed and whose script is still the one that was begun, as far as they can be
    /// told.
    pub(super) async fn all(survey: &Survey, session: &Session) -> Vec<Self> {
        let mut traces = Vec::new();
        for entry in survey.history.in_state(State::Failed) {
            let began = entry.open_rows().last().map(|row| row.checksum.as_str());
            if began != entry.checksum.as_deref() {
                continue;
            }
            let Ok(script) = survey.script(&entry.name) else {
                continue;
            };
            let Ok(statements) = sql::parse(&script.text) else {
                continue;
            };
            let Some(expected) = Expected::of(&statements) else {
                continue;
            };
            let things: Vec<Thing> = expected.things.keys().cloned().collect();
            match are_there(session, &things).await {
                Ok(found) => traces.extend(expected.trace(&entry.name, &statements, &found)),
                Err(error) => tracing::debug!(%error, "a failed migration could not be traced"),
            }
        }
        traces
    }

    /// What it says, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let name = printable(&self.name);
        let seen = self.there.len() + self.absent.len();
        let rest = match self.without {
            0 => String::new(),
            1 => " One more statement leaves no trace there.".to_owned(),
            n => format!(" {n} more statements leave no trace there."),
        };
        let what = match (self.there.as_slice(), self.absent.as_slice()) {
            (_, []) => format!("everything that the catalogue can show of {name} is there"),
            ([], _) => format!("nothing that the catalogue can show of {name} is there"),
            (there, absent) => format!(
                "a part of {name} is there: the statements in {}; and a part is not: those in {}",
                lines(there),
                lines(absent)
            ),
        };
        let of = if seen == 1 {
            "1 statement"
        } else {
            &format!("{seen} statements")
        };
        format!("Of {of}, {what}.{rest}")
    }
}

/// `line 3`, `lines 3, 4, 9`.
fn lines(of: &[usize]) -> String {
    const SHOWN: usize = 6;
    let mut shown: Vec<String> = of.iter().take(SHOWN).map(ToString::to_string).collect();
    if of.len() > SHOWN {
        shown.push(format!("and {} more", of.len() - SHOWN));
    }
    let noun = if of.len() == 1 { "line" } else { "lines" };
    format!("{noun} {}", shown.join(", "))
}

/// What should be there, or not, after the last statement; each with the index of the statement that saw to it.
#[derive(Default)]
struct Expected {
    things: BTreeMap<Thing, (usize, bool)>,
}

impl Expected {
    /// Nothing where the script moves the search path, for then its names are not those that a session of ours finds.
    fn of(statements: &[Statement]) -> Option<Self> {
        let mut expected = Self::default();
        for (index, statement) in statements.iter().enumerate() {
            for effect in &statement.effects {
                if let Effect::SetSearchPath { .. } = effect {
                    return None;
                }
                expected.follow(index, effect);
            }
        }
        (!expected.things.is_empty()).then_some(expected)
    }

    fn follow(&mut self, by: usize, effect: &Effect) {
        let mut expect = |thing: Thing, there: bool| {
            self.things.insert(thing, (by, there));
        };
        match effect {
            Effect::CreateTable {
                table,
                temporary: false,
                ..
            } => {
                expect(Thing::Relation(table.clone()), true);
            }
            Effect::DropTable { table, .. } => {
                expect(Thing::Relation(table.clone()), false);
                self.forget_parts(table);
            }
            Effect::RenameTable { table, to } => {
                let renamed = TableName {
                    schema: table.schema.clone(),
                    name: to.clone(),
                };
                expect(Thing::Relation(table.clone()), false);
                expect(Thing::Relation(renamed.clone()), true);
                self.move_parts(table, &renamed);
            }
            Effect::AddColumn { table, column, .. } => {
                expect(Thing::Column(table.clone(), column.name.clone()), true);
            }
            Effect::DropColumn { table, column, .. } => {
                expect(Thing::Column(table.clone(), column.clone()), false);
                self.things
                    .remove(&Thing::NotNull(table.clone(), column.clone()));
            }
            Effect::RenameColumn { table, column, to } => {
                expect(Thing::Column(table.clone(), column.clone()), false);
                expect(Thing::Column(table.clone(), to.clone()), true);
                self.things
                    .remove(&Thing::NotNull(table.clone(), column.clone()));
            }
            Effect::SetNotNull { table, column } => {
                expect(Thing::NotNull(table.clone(), column.clone()), true);
            }
            Effect::AddConstraint { table, constraint } => {
                if let Some(name) = &constraint.name {
                    expect(Thing::Constraint(table.clone(), name.clone()), true);
                }
            }
            Effect::DropConstraint { table, name, .. } => {
                expect(Thing::Constraint(table.clone(), name.clone()), false);
            }
            Effect::CreateIndex {
                table,
                name: Some(name),
                ..
            } => {
                let index = TableName {
                    schema: table.schema.clone(),
                    name: name.clone(),
                };
                expect(Thing::Index(index), true);
            }
            Effect::DropIndex { index, .. } => {
                self.things.remove(&Thing::Index(index.clone()));
                self.things
                    .insert(Thing::Relation(index.clone()), (by, false));
            }
            Effect::DropView { view, .. } => expect(Thing::Relation(view.clone()), false),
            Effect::CreateEnum { name, .. } => expect(Thing::Type(name.clone()), true),
            Effect::DropSchema { name, .. } => {
                self.things.clear();
                self.things.insert(Thing::Schema(name.clone()), (by, false));
            }
            // A new name or another schema, of what is not followed by name: what was expected of such things is not any more.
            Effect::Other { kind, .. }
                if kind.starts_with("rename") || kind.starts_with("move") =>
            {
                self.forget_types_and_indexes();
            }
            Effect::Other {
                kind: "alter table: drop not null",
                table: Some(table),
            } => {
                self.things
                    .retain(|thing, _| !matches!(thing, Thing::NotNull(of, _) if of == table));
            }
            Effect::Drop { .. } | Effect::Opaque { .. } => self.forget_types_and_indexes(),
            _ => {}
        }
    }

    fn forget_parts(&mut self, table: &TableName) {
        self.things.retain(|thing, _| part_of(thing) != Some(table));
    }

    fn move_parts(&mut self, from: &TableName, to: &TableName) {
        let moved: Vec<_> = self
            .things
            .extract_if(.., |thing, _| part_of(thing) == Some(from))
            .collect();
        for (thing, expected) in moved {
            let thing = match thing {
                Thing::Column(_, part) => Thing::Column(to.clone(), part),
                Thing::NotNull(_, part) => Thing::NotNull(to.clone(), part),
                Thing::Constraint(_, part) => Thing::Constraint(to.clone(), part),
                other => other,
            };
            self.things.insert(thing, expected);
        }
    }

    fn forget_types_and_indexes(&mut self) {
        self.things
            .retain(|thing, _| !matches!(thing, Thing::Type(_) | Thing::Index(_)));
    }

    /// `found` says of each thing, in order, whether it is there.
    fn trace(self, name: &str, statements: &[Statement], found: &[bool]) -> Option<Trace> {
        let mut so = BTreeMap::new();
        for ((by, there), found) in self.things.into_values().zip(found) {
            *so.entry(by).or_insert(true) &= there == *found;
        }
        let lines = |wanted: bool| {
            let matching = so.iter().filter(|(_, is_so)| **is_so == wanted);
            matching
                .filter_map(|(by, _)| Some(statements.get(*by)?.line))
                .collect()
        };
        (!so.is_empty()).then(|| Trace {
            name: name.to_owned(),
            there: lines(true),
            absent: lines(false),
            without: statements.len() - so.len(),
        })
    }
}

/// The table that a thing is a part of.
fn part_of(thing: &Thing) -> Option<&TableName> {
    match thing {
        Thing::Column(table, _) | Thing::NotNull(table, _) | Thing::Constraint(table, _) => {
            Some(table)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
