//! `update-all`: an `UPDATE` that no condition holds back.

use super::known::{Cell, Known, Table};
use super::{Question, Remark, extent};
use crate::sql::{Effect, TableName, quote_if_needed};

pub(super) const NAME: &str = "update-all";

const ADVICE: &str =
    "Say in a WHERE which rows are meant. Copy the old values first if they may be needed again.";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::Update {
        table,
        every_row: true,
        over,
    } = effect
    else {
        return Vec::new();
    };
    if let Table::New { written: false } = known.table(table) {
        return Vec::new();
    }
    let lost = written_over(known, table, over);
    let Some(column) = lost.first() else {
        let waits =
            format!("Whoever writes the same rows of {table} waits until its transaction ends.");
        let does = format!("It fills new columns of every row of {table} at once.");
        let advice = "Fill the rows in batches, outside of the migration, and make the column required afterwards.";
        return extent::while_waiting(NAME, known, table, (&does, &waits, advice))
            .into_iter()
            .collect();
    };
    let names: Vec<String> = lost.iter().map(|column| quote_if_needed(column)).collect();
    let remark = Remark::error(
        NAME,
        format!(
            "Every row of {table} gets another value in {}; the old ones are gone. There is no condition.",
            names.join(", ")
        ),
    )
    .advise(ADVICE);
    vec![if lost.len() == 1 {
        remark.losing(
            format!("column {} of {table}", quote_if_needed(column)),
            Question::Values(table.clone(), column.clone()),
        )
    } else {
        remark.losing(format!("rows of {table}"), Question::Rows(table.clone()))
    }]
}

/// Those of the columns in which there may be values already.
pub(super) fn written_over(known: &Known<'_>, table: &TableName, over: &[String]) -> Vec<String> {
    let has_values =
        |column: &&String| !matches!(known.column(table, column), Cell::New { written: false });
    over.iter().filter(has_values).cloned().collect()
}
