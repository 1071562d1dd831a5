//! `delete-all`: a `DELETE` that no condition holds back.

use super::known::{Known, Table};
use super::{Question, Remark};
use crate::sql::{Effect, TableName};

pub(super) const NAME: &str = "delete-all";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::Delete {
        table,
        every_row: true,
    } = effect
    else {
        return Vec::new();
    };
    if let Table::New { written: false } = known.table(table) {
        return Vec::new();
    }
    let more = dragged(known, table);
    vec![
        Remark::error(
            NAME,
            format!("Every row of {table} goes: there is no condition.{more}"),
        )
        .losing(format!("table {table}"), Question::Rows(table.clone()))
        .advise("Say in a WHERE which rows have to go. If it is all of them, copy them first."),
    ]
}

/// A sentence about the tables whose rows go with those of `table` (`ON DELETE CASCADE`).
pub(super) fn dragged(known: &Known<'_>, table: &TableName) -> String {
    let (Some(name), Table::Live(live)) = (known.resolve(table), known.table(table)) else {
        return String::new();
    };
    let others: Vec<String> = live
        .incoming(&name)
        .filter(|link| link.cascades)
        .map(|link| known.shown(&link.from))
        .collect();
    if others.is_empty() {
        return String::new();
    }
    format!(
        " With them go the rows of {} that point to them (ON DELETE CASCADE); those are not counted.",
        others.join(", ")
    )
}
