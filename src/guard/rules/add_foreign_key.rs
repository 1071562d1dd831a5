//! `add-foreign-key`: every row is compared with another table while both wait.

use super::known::{Cell, Known, Table};
use super::{Question, Remark, extent};
use crate::guard::finding::Count;
use crate::sql::{ConstraintKind, Effect, TableName};

pub(super) const NAME: &str = "add-foreign-key";

const ADVICE: &str = "Add it with NOT VALID, which looks at no row, and VALIDATE CONSTRAINT in a later migration, which blocks \
    neither reads nor writes.";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::AddConstraint { table, constraint } = effect else {
        return Vec::new();
    };
    let ConstraintKind::ForeignKey {
        columns,
        references,
        to,
    } = &constraint.kind
    else {
        return Vec::new();
    };
    let is_unset =
        |column: &String| matches!(known.column(table, column), Cell::New { written: false });
    let is_empty = known
        .untouched(table)
        .is_some_and(super::facts::Live::is_empty);
    if constraint.not_valid
        || is_empty
        || matches!(known.table(table), Table::New { .. } | Table::Absent)
    {
        return Vec::new();
    }
    let orphans = orphans(known, table, columns, references, to);
    let count = orphans.as_ref().map(|question| known.count(question));
    if let Some(Count::Exact(n)) = count
        && n > 0
    {
        let rows = Count::Exact(n).of("rows");
        let sentence =
            format!("It will fail: {rows} of {table} point to rows that are not in {references}.");
        let advice =
            "Find those rows and decide what becomes of them, in a migration before this one.";
        let remark = Remark::warning(NAME, sentence).advise(advice);
        return vec![remark.asking(orphans)];
    }
    let fails = match count {
        None if columns.iter().any(is_unset) => {
            "The column is new, and no row has a value in it.".to_owned()
        }
        Some(Count::Exact(_)) => "Every row points to one that is there now.".to_owned(),
        _ => format!("It fails if a row points to none of {references}; that was not counted."),
    };
    let does = format!("{fails} Postgres reads them all to prove it.");
    let waits = if matches!(known.table(references), Table::New { .. }) {
        format!("Writes of {table} wait meanwhile.")
    } else {
        format!("Writes of {table} and of {references} wait meanwhile.")
    };
    extent::while_waiting(NAME, known, table, (&does, &waits, ADVICE))
        .map(|remark| remark.asking(orphans))
        .into_iter()
        .collect()
}

/// The question for rows that point nowhere, where the columns are known on both sides and were there before the plan.
fn orphans(
    known: &Known<'_>,
    table: &TableName,
    columns: &[String],
    references: &TableName,
    to: &[String],
) -> Option<Question> {
    let is_live = |table: &TableName, columns: &[String]| {
        columns
            .iter()
            .all(|column| matches!(known.column(table, column), Cell::Live(_)))
    };
    let complete = !columns.is_empty() && columns.len() == to.len();
    (complete && is_live(table, columns) && is_live(references, to)).then(|| Question::Orphans {
        table: table.clone(),
        columns: columns.to_vec(),
        to: references.clone(),
        to_columns: to.to_vec(),
    })
}
