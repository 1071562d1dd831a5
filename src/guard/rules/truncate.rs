//! `truncate`: every row of a table goes, and with `CASCADE` every row of the tables that point to it.

use std::collections::BTreeSet;

use super::known::{Known, Table};
use super::{Question, Remark};
use crate::sql::{Effect, TableName};
use crate::target::catalog::table::TableName as Name;

pub(super) const NAME: &str = "truncate";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::Truncate { table, cascade } = effect else {
        return Vec::new();
    };
    let is_new = matches!(known.table(table), Table::New { written: false });
    if is_new && !*cascade {
        return Vec::new();
    }
    let reached = if *cascade {
        reached(known, table)
    } else {
        BTreeSet::new()
    };
    let more = if *cascade {
        " CASCADE also empties every table that points to it."
    } else {
        ""
    };
    let own = Remark::error(NAME, format!("Every row of {table} goes.{more}"))
        .losing(format!("table {table}"), Question::Rows(table.clone()))
        .advise(
            "Delete the rows that have to go, in batches, with a condition that says which; copy them first.",
        );
    let others = reached.into_iter().map(|name| {
        let shown = known.shown(&name);
        let full = TableName::within(name.schema, name.name);
        Remark::error(
            NAME,
            format!(
                "CASCADE reaches {shown}: its rows point to {table}, or to what is emptied with it."
            ),
        )
        .losing(format!("table {shown}"), Question::Rows(full))
    });
    std::iter::once(own).chain(others).collect()
}

/// The tables that point to a table, and those that point to them.
pub(in crate::guard) fn reached(known: &Known<'_>, table: &TableName) -> BTreeSet<Name> {
    let Some(first) = known.resolve(table) else {
        return BTreeSet::new();
    };
    let mut reached = BTreeSet::new();
    let mut next = vec![first.clone()];
    while let Some(name) = next.pop() {
        if let Table::Live(live) = known.named(&name) {
            for link in live.incoming(&name) {
                if link.from != first && reached.insert(link.from.clone()) {
                    next.push(link.from.clone());
                }
            }
        }
    }
    reached
}
