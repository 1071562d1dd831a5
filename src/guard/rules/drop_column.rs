//! `drop-column`: the values of a column go, and with them its indexes and constraints.

use super::known::{Cell, Known};
use super::{Question, Remark};
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "drop-column";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::DropColumn {
        table,
        column,
        cascade,
        if_exists,
    } = effect
    else {
        return Vec::new();
    };
    let quoted = quote_if_needed(column);
    let more = if *cascade {
        " CASCADE also removes what depends on it, such as views."
    } else {
        ""
    };
    vec![match known.column(table, column) {
        Cell::New { written: false } => return Vec::new(),
        Cell::New { written: true } => Remark::error(
            NAME,
            format!("The column {quoted} of {table} goes with the values that this plan may have put into it.{more}"),
        ),
        Cell::Absent if *if_exists => return Vec::new(),
        Cell::Absent => Remark::warning(
            NAME,
            format!("It will fail: {table} has no column {quoted}. If it is gone already, the migration needs IF EXISTS."),
        ),
        Cell::Live(_) | Cell::Unknown => Remark::error(
            NAME,
            format!(
                "The column {quoted} of {table} goes with every value in it, and with its indexes and constraints.{more}"
            ),
        )
        .losing(
            format!("column {quoted} of {table}"),
            Question::Values(table.clone(), column.clone()),
        )
        .advise(
            "If the field was renamed, use ALTER TABLE … RENAME COLUMN …, which keeps every value. Else let a release that \
             no longer reads the column run first: a Prisma client asks for every column that its schema names.",
        ),
    }]
}
