//! `required-column`: a new column must have a value, and rows that are there have none for it.

use super::Remark;
use super::known::{Known, Table};
use crate::guard::finding::Count;
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "required-column";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::AddColumn { table, column, .. } = effect else {
        return Vec::new();
    };
    if !column.needs_value || matches!(known.table(table), Table::New { .. } | Table::Absent) {
        return Vec::new();
    }
    let name = quote_if_needed(&column.name);
    let why = format!("the new column {name} must have a value, and there is no default");
    let sentence = match known.untouched(table).map(|live| live.rows) {
        Some(Count::Exact(0)) => return Vec::new(),
        Some(count @ Count::Exact(_)) => {
            format!("It will fail: {table} has {}, {why}.", count.of("rows"))
        }
        Some(count @ Count::Estimated(n)) if n > 0 => format!(
            "It will fail unless {table} is empty, and it has {}: {why}.",
            count.of("rows")
        ),
        _ => format!("It fails if {table} has a row: {why}."),
    };
    vec![Remark::warning(NAME, sentence).advise(
        "Give the column a default. Or add it without NOT NULL, fill it, and make it required in a later migration.",
    )]
}
