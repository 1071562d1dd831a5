//! `drop-table`: a table goes with every row.

use super::known::{Known, Table};
use super::{Question, Remark};
use crate::sql::Effect;

pub(super) const NAME: &str = "drop-table";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::DropTable {
        table,
        cascade,
        if_exists,
    } = effect
    else {
        return Vec::new();
    };
    let more = if *cascade {
        " CASCADE also removes what depends on it, such as foreign keys and views."
    } else {
        ""
    };
    vec![match known.table(table) {
        Table::New { written: false } => return Vec::new(),
        Table::New { written: true } => Remark::error(
            NAME,
            format!("The table {table} goes with the rows that this plan may have put into it.{more}"),
        ),
        Table::Absent if *if_exists => return Vec::new(),
        Table::Absent => Remark::warning(
            NAME,
            format!("It will fail: there is no table {table}. If it is gone already, the migration needs IF EXISTS."),
        ),
        Table::Live(_) | Table::Unknown => Remark::error(
            NAME,
            format!("The table {table} goes with every row in it.{more}"),
        )
        .losing(format!("table {table}"), Question::Rows(table.clone()))
        .advise(
            "If the model was renamed, use ALTER TABLE … RENAME TO …, which keeps every row. Else let a release that no \
             longer uses the table run first, and keep a copy of what may be missed.",
        ),
    }]
}
