//! `fill-column`: a new column whose default differs by row, so that the whole table is written again.

use super::known::Known;
use super::{Remark, extent};
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "fill-column";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::AddColumn { table, column, .. } = effect else {
        return Vec::new();
    };
    if !column.fills_each_row {
        return Vec::new();
    }
    let does = format!(
        "Every row gets a value of its own in {}, so the whole table and its indexes are written again.",
        quote_if_needed(&column.name)
    );
    let waits = format!("Reads and writes of {table} wait meanwhile.");
    let advice = "Add the column without a default, set the default for new rows, and fill the old ones in batches.";
    extent::while_waiting(NAME, known, table, (&does, &waits, advice))
        .into_iter()
        .collect()
}
