//! How long a statement keeps people waiting, by the size of its table.

use super::known::{Known, Table};
use super::remark::Remark;
use crate::sql::TableName;
use crate::target::size::Bytes;

/// A remark about a statement that reads or writes all of `table` while others wait: what it `does`, who `waits`, and the
/// `advice`. None for a table without rows or one that the plan has made; a note without advice for a small one.
pub(super) fn while_waiting(
    rule: &'static str,
    known: &Known<'_>,
    table: &TableName,
    (does, waits, advice): (&str, &str, &str),
) -> Option<Remark> {
    match known.table(table) {
        Table::New { .. } | Table::Absent => return None,
        Table::Live(_) | Table::Unknown => {}
    }
    let Some(live) = known.untouched(table) else {
        return Some(Remark::warning(rule, format!("{does} {waits}")).advise(advice));
    };
    if live.is_empty() {
        return None;
    }
    let size = size(live);
    Some(if live.is_small() {
        Remark::note(
            rule,
            format!("{does} {waits} The table is small ({size}), so this takes a moment only."),
        )
    } else {
        Remark::warning(rule, format!("{does} {waits} The table has {size}.")).advise(advice)
    })
}

/// `about 2,341,220 rows (estimated), 412 MB`.
fn size(live: &super::facts::Live) -> String {
    let bytes = Bytes(live.relation.bytes);
    format!("{}, {bytes}", live.rows.of("rows"))
}
