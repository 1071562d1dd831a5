//! What a thing that is dropped as a whole drags along: the tables of a schema, the columns of a type, each with its rows or
//! values. A remark for each of the largest, so that a person sees how much that is.

use super::known::Known;
use super::{Question, Remark};
use crate::sql::{Effect, TableName, quote_if_needed};
use crate::target::catalog::dependents::{Dependent, Thing};

/// How many are told one by one.
const MOST: usize = 50;

/// The thing whose dependents go with this effect, where it is one that data may depend on.
#[must_use]
pub fn dragging(effect: &Effect) -> Option<Thing> {
    match effect {
        Effect::DropSchema {
            name,
            cascade: true,
            ..
        } => Some(Thing::Schema(name.clone())),
        Effect::Drop {
            what: "type" | "domain",
            name,
            cascade: true,
            ..
        } => Some(Thing::Type(name.clone())),
        // The tables that an extension has brought go with it in any case.
        Effect::Drop {
            what: "extension",
            name,
            ..
        } => Some(Thing::Extension(name.clone())),
        _ => None,
    }
}

/// A remark for each table and column that goes with what this effect drops.
pub(super) fn look(rule: &'static str, effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let there: Vec<&Dependent> = known.dragged(effect).collect();
    let mut remarks: Vec<Remark> = there
        .iter()
        .take(MOST)
        .map(|one| remark(rule, one, known))
        .collect();
    if there.len() > MOST {
        let more = there.len() - MOST;
        remarks.push(Remark::error(
            rule,
            format!("{more} more tables or columns go with it, smaller than these."),
        ));
    }
    remarks
}

fn remark(rule: &'static str, dependent: &Dependent, known: &Known<'_>) -> Remark {
    let shown = known.shown(&dependent.table);
    let (schema, name) = (&dependent.table.schema, &dependent.table.name);
    let full = TableName::within(schema.as_str(), name.as_str());
    match &dependent.column {
        None => Remark::error(
            rule,
            format!("The table {shown} goes with it, with every row."),
        )
        .losing(format!("table {shown}"), Question::Rows(full)),
        Some(column) => {
            let own = quote_if_needed(column);
            Remark::error(
                rule,
                format!("The column {own} of {shown} goes with it, with every value."),
            )
            .losing(
                format!("column {own} of {shown}"),
                Question::Values(full, column.clone()),
            )
        }
    }
}
