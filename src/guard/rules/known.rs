//! What is known at one point of a plan: the live facts, and what the statements before have made of them.
//!
//! A table that the plan itself makes has no rows that anybody could miss, so rules are silent about it; once the plan
//! has put rows into it, they are the plan's to lose. What was counted before a statement changes a table is not what is
//! there after it. Where a statement cannot be seen into, nothing that was known before it is held to be so behind it.

use std::collections::{BTreeMap, BTreeSet};

use super::Question;
use super::dragged::dragging;
use super::facts::{Database, Facts, Live};
use crate::guard::finding::Count;
use crate::migration;
use crate::sql::{DataType, Effect, TableName, quote_if_needed};
use crate::target::catalog::dependents::Dependent;
use crate::target::catalog::relation::Column;
use crate::target::catalog::table::TableName as Name;

/// The schema of the session's own tables, which is looked in before the search path.
pub(super) const TEMPORARY: &str = "pg_temp";
/// Where a table is made when the text does not tell.
pub(super) const SOMEWHERE: &str = "";

/// A table at this point of the plan.
#[derive(Clone, Copy, Debug)]
pub enum Table<'a> {
    /// The plan has made it.
    New {
        /// Whether it may have rows by now.
        written: bool,
    },
    /// It was there before the plan.
    Live(&'a Live),
    /// It is not there.
    Absent,
    /// Nobody knows.
    Unknown,
}

/// A column at this point of the plan.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// The plan has made it.
    New {
        /// Whether the plan may have put values into it.
        written: bool,
    },
    /// It was there before the plan, and is as it was.
    Live(&'a Column),
    /// Its table is there, and has no such column.
    Absent,
    /// Nobody knows.
    Unknown,
}

/// What is known at one point of a plan. Made of [`Facts`]; [`Known::after`] leads past a statement.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    pub(super) facts: &'a Facts,
    /// Where names without a schema are looked for; `None` if the text does not tell.
    pub(super) path: Option<Vec<String>>,
    /// Tables that the plan has made, and whether they may have rows.
    pub(super) fresh: BTreeMap<Name, bool>,
    /// Columns that the plan has added to tables that were there, and whether they may have values of the plan's.
    pub(super) added: BTreeMap<(Name, String), bool>,
    /// Tables that are no longer there by this name.
    pub(super) gone: BTreeSet<Name>,
    /// New names of tables that were there before, with their old ones.
    pub(super) renamed: BTreeMap<Name, Name>,
    /// Tables whose rows are no longer those that were counted.
    pub(super) changed: BTreeSet<Name>,
    /// Columns that are no longer what the catalogues said.
    pub(super) reshaped: BTreeSet<(Name, String)>,
    /// Checks that the plan has added, by table and name, with the column that they want filled, and whether every row
    /// was looked at.
    pub(super) checks: BTreeMap<(Name, String), (String, bool)>,
    /// Enums that the plan has made, by their own name, with their values.
    pub(super) enums: BTreeMap<String, Vec<String>>,
    /// Tables that have lost a constraint.
    pub(super) loosened: BTreeSet<Name>,
    /// Something ran that could not be seen into.
    pub(super) veiled: bool,
    /// The plan has made a trigger: whatever writes may write elsewhere too.
    pub(super) triggers: bool,
    /// The session's clocks may have been set.
    pub(super) clocks_set: bool,
}

impl<'a> Known<'a> {
    /// Before the first statement.
    #[must_use]
    pub fn new(facts: &'a Facts) -> Self {
        Self {
            facts,
            path: Some(Self::own_path(facts)),
            fresh: BTreeMap::new(),
            added: BTreeMap::new(),
            gone: BTreeSet::new(),
            renamed: BTreeMap::new(),
            changed: BTreeSet::new(),
            reshaped: BTreeSet::new(),
            checks: BTreeMap::new(),
            enums: BTreeMap::new(),
            loosened: BTreeSet::new(),
            veiled: false,
            triggers: false,
            clocks_set: false,
        }
    }

    pub(super) fn own_path(facts: &Facts) -> Vec<String> {
        let database = facts.database.as_ref();
        database.map_or_else(|| vec!["public".to_owned()], |found| found.path.clone())
    }

    /// The table that a name means here; `None` where the text does not tell.
    #[must_use]
    pub fn resolve(&self, table: &TableName) -> Option<Name> {
        if let Some(schema) = &table.schema {
            return Some(Name::new(schema.as_str(), table.name.as_str()));
        }
        let within = |schema: &str| Name::new(schema, table.name.as_str());
        let own = within(TEMPORARY);
        if self.fresh.contains_key(&own) {
            return Some(own);
        }
        let Some(path) = &self.path else {
            let made = within(SOMEWHERE);
            return self.fresh.contains_key(&made).then_some(made);
        };
        let is_there = |name: &Name| {
            self.fresh.contains_key(name)
                || self.renamed.contains_key(name)
                || (self.live(name).is_some() && !self.gone.contains(name))
        };
        let found = path.iter().map(|schema| within(schema)).find(is_there);
        found.or_else(|| path.first().map(|schema| within(schema)))
    }

    /// A table at this point.
    #[must_use]
    pub fn table(&self, table: &TableName) -> Table<'a> {
        self.resolve(table)
            .map_or(Table::Unknown, |name| self.named(&name))
    }

    /// A table at this point, by its full name.
    #[must_use]
    pub fn named(&self, name: &Name) -> Table<'a> {
        if let Some(written) = self.fresh.get(name) {
            return Table::New { written: *written };
        }
        if self.facts.database.is_none() {
            return Table::Unknown;
        }
        if let Some(live) = self.renamed.get(name).and_then(|old| self.live(old)) {
            return Table::Live(live);
        }
        match self.live(name) {
            Some(live) if !self.gone.contains(name) => Table::Live(live),
            _ if self.veiled => Table::Unknown,
            // The ledger is made before the first script runs.
            None if name.name == migration::TABLE => Table::Unknown,
            _ => Table::Absent,
        }
    }

    fn live(&self, name: &Name) -> Option<&'a Live> {
        self.database()?.tables.get(name)
    }

    pub(super) fn database(&self) -> Option<&'a Database> {
        self.facts.database.as_ref()
    }

    /// The tables and columns that go with what an effect drops as a whole.
    pub fn dragged(&self, effect: &Effect) -> impl Iterator<Item = &'a Dependent> {
        dragging(effect)
            .and_then(|thing| self.database()?.dependents.get(&thing))
            .into_iter()
            .flatten()
            .filter(|one| matches!(self.named(&one.table), Table::Live(_) | Table::Unknown))
    }

    /// A column at this point.
    #[must_use]
    pub fn column(&self, table: &TableName, column: &str) -> Cell<'a> {
        let Some(name) = self.resolve(table) else {
            return Cell::Unknown;
        };
        let key = (name, column.to_owned());
        if let Some(written) = self.added.get(&key) {
            return Cell::New { written: *written };
        }
        match self.named(&key.0) {
            Table::New { written } => Cell::New { written },
            Table::Live(_) if self.veiled || self.reshaped.contains(&key) => Cell::Unknown,
            Table::Live(live) => live
                .relation
                .columns
                .iter()
                .find(|found| found.name == column)
                .map_or(Cell::Absent, Cell::Live),
            Table::Absent | Table::Unknown => Cell::Unknown,
        }
    }

    /// Whether Postgres has a proof already that a column has a value in every row.
    #[must_use]
    pub fn is_filled(&self, table: &TableName, column: &str) -> bool {
        let Some(name) = self.resolve(table) else {
            return false;
        };
        let by_plan = self
            .checks
            .iter()
            .any(|((of, _), (filled, looked))| *of == name && filled == column && *looked);
        let before = match self.column(table, column) {
            Cell::Live(_) if !self.loosened.contains(&name) => match self.named(&name) {
                Table::Live(live) => live.relation.filled.iter().any(|filled| filled == column),
                _ => false,
            },
            _ => false,
        };
        by_plan || before
    }

    /// The values of an enum that the plan has made.
    #[must_use]
    pub fn enum_values(&self, kind: &DataType) -> Option<&[String]> {
        let is_plain = kind.modifiers.is_empty() && kind.dimensions == 0;
        let values = self.enums.get(&kind.name).filter(|_| is_plain);
        values.map(Vec::as_slice)
    }

    /// Whether the session's clocks are UTC.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        !self.clocks_set && !self.veiled && self.database().is_some_and(|found| found.utc)
    }

    /// The question as it can be asked now of the database: of a table that is named in full, and only if its answer is
    /// still true at this point.
    #[must_use]
    pub fn settle(&self, question: &Question) -> Option<Question> {
        let holds = |name: &Name| {
            !self.veiled
                && !self.changed.contains(name)
                && !self.renamed.contains_key(name)
                && !matches!(self.named(name), Table::New { .. } | Table::Absent)
        };
        let is_as_it_was = |column: &String| {
            let name = self.resolve(question.table());
            name.is_some_and(|name| {
                let key = (name, column.clone());
                !self.reshaped.contains(&key) && !self.added.contains_key(&key)
            })
        };
        if !question.columns().iter().all(is_as_it_was) {
            return None;
        }
        question.naming(&|table| {
            let name = self.resolve(table).filter(holds)?;
            Some(TableName::within(name.schema, name.name))
        })
    }

    /// The answer to a question, if it was asked and is still true.
    #[must_use]
    pub fn count(&self, question: &Question) -> Count {
        let settled = self.settle(question);
        settled
            .and_then(|question| self.facts.answers.get(&question).copied())
            .unwrap_or(Count::Unknown)
    }

    /// A table that was there before the plan and still has the rows that it had; no other one has a size that counts.
    #[must_use]
    pub fn untouched(&self, table: &TableName) -> Option<&'a Live> {
        let name = self.resolve(table)?;
        match self.named(&name) {
            Table::Live(live) if !self.veiled && !self.changed.contains(&name) => Some(live),
            _ => None,
        }
    }

    /// A full name as a person would write it here.
    #[must_use]
    pub fn shown(&self, name: &Name) -> String {
        let own = quote_if_needed(&name.name);
        let plain = self
            .path
            .as_ref()
            .is_some_and(|path| path.contains(&name.schema));
        if plain || [TEMPORARY, SOMEWHERE].contains(&name.schema.as_str()) {
            own
        } else {
            format!("{}.{own}", quote_if_needed(&name.schema))
        }
    }
}
