//! `set-not-null`: a column must have values, and every row is looked at while others wait.

use super::known::{Cell, Known, Table};
use super::{Question, Remark, extent};
use crate::guard::finding::Count;
use crate::sql::{ConstraintKind, Effect, quote_if_needed};

pub(super) const NAME: &str = "set-not-null";

const ADVICE: &str = "Add CHECK (column IS NOT NULL) NOT VALID, VALIDATE it in a later migration, which blocks nobody, and \
    set the column NOT NULL after that: Postgres then takes the check as its proof.";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let (table, column) = match effect {
        Effect::SetNotNull { table, column } => (table, column),
        Effect::AddConstraint { table, constraint } => match &constraint.kind {
            ConstraintKind::NotNull { column } if !constraint.not_valid => (table, column),
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    if matches!(known.table(table), Table::New { .. } | Table::Absent)
        || known.is_filled(table, column)
        || known
            .untouched(table)
            .is_some_and(super::facts::Live::is_empty)
    {
        return Vec::new();
    }
    let name = quote_if_needed(column);
    let missing = match known.column(table, column) {
        Cell::Live(live) if live.not_null => return Vec::new(),
        Cell::Live(_) => Some(Question::Missing(table.clone(), column.clone())),
        Cell::New { .. } | Cell::Absent | Cell::Unknown => None,
    };
    let count = missing.as_ref().map(|question| known.count(question));
    if let Some(Count::Exact(n)) = count
        && n > 0
    {
        let nulls = Count::Exact(n).of("NULLs");
        let sentence = format!("It will fail: {name} of {table} has {nulls}.");
        let advice = "Fill the column first, in this migration or in one before it.";
        let remark = Remark::warning(NAME, sentence).advise(advice);
        return vec![remark.asking(missing)];
    }
    let fails = match count {
        Some(Count::Exact(_)) => "There is no NULL now.",
        _ => "It fails if there is a NULL; that could not be counted beforehand.",
    };
    let does = format!("{fails} Postgres looks at every row to prove it.");
    let waits = format!("Reads and writes of {table} wait meanwhile.");
    extent::while_waiting(NAME, known, table, (&does, &waits, ADVICE))
        .map(|remark| remark.asking(missing))
        .into_iter()
        .collect()
}
