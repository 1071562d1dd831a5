//! `rename`: a table or a column gets another name, and the app that runs still asks for the old one.

use super::Remark;
use super::known::{Cell, Known, Table};
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "rename";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let (sentence, map) = match effect {
        Effect::RenameTable { table, to } => {
            if matches!(known.table(table), Table::New { .. } | Table::Absent) {
                return Vec::new();
            }
            let to = quote_if_needed(to);
            (
                format!(
                    "No row is lost, but an app that runs now asks for {table} and fails until one that asks for {to} has taken over."
                ),
                "@@map",
            )
        }
        Effect::RenameColumn { table, column, to } => {
            let new = matches!(known.column(table, column), Cell::New { .. } | Cell::Absent);
            if new || matches!(known.table(table), Table::Absent) {
                return Vec::new();
            }
            let (column, to) = (quote_if_needed(column), quote_if_needed(to));
            (
                format!(
                    "No value is lost, but an app that runs now asks for {column} of {table} and fails until one that asks for {to} has taken over."
                ),
                "@map",
            )
        }
        _ => return Vec::new(),
    };
    let advice = format!(
        "Rename it in schema.prisma only, with {map} to the old name; or stop the app while this runs."
    );
    vec![Remark::warning(NAME, sentence).advise(advice)]
}
