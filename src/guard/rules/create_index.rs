//! `create-index`: an index is built while writers wait, or as a part of a constraint, while readers wait too.

use super::known::{Cell, Known, Table};
use super::{Question, Remark, extent};
use crate::guard::finding::Count;
use crate::sql::{Constraint, ConstraintKind, Effect, TableName};

pub(super) const NAME: &str = "create-index";

const ALONE: &str = "Use CREATE INDEX CONCURRENTLY, alone in a migration of its own: beside another statement Postgres \
    refuses it. It blocks nobody.";
const PARTS: &str = "Build the index on each partition with CREATE INDEX CONCURRENTLY first, each alone in its migration; \
    then this takes a moment.";
const ADOPT: &str = "Build a unique index with CREATE UNIQUE INDEX CONCURRENTLY, alone in a migration of its own, and add \
    the constraint with USING INDEX after that.";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    match effect {
        Effect::CreateIndex {
            table,
            unique,
            columns,
            concurrently: false,
            ..
        } => {
            let waits = format!("Writes of {table} wait while the index is built.");
            let parted = matches!(known.table(table), Table::Live(live) if live.relation.divided);
            let advice = if parted { PARTS } else { ALONE };
            let alike = unique.then_some(columns.as_slice());
            found(known, table, alike, &waits, advice)
        }
        Effect::AddConstraint { table, constraint } => of_constraint(known, table, constraint),
        Effect::AddColumn { table, column, .. } => column
            .constraints
            .iter()
            .flat_map(|constraint| of_constraint(known, table, constraint))
            .collect(),
        _ => Vec::new(),
    }
}

fn of_constraint(known: &Known<'_>, table: &TableName, constraint: &Constraint) -> Vec<Remark> {
    let what = constraint.words();
    let waits = format!("Reads and writes of {table} wait while the index of the {what} is built.");
    match &constraint.kind {
        ConstraintKind::Unique {
            using_index: false,
            columns,
            ..
        } => found(known, table, Some(columns), &waits, ADOPT),
        ConstraintKind::Exclude => {
            let advice = "There is no way to build it without that: run it when few people work.";
            found(known, table, Some(&[]), &waits, advice)
        }
        _ => Vec::new(),
    }
}

/// `alike`: the columns in which no two rows may be alike, as far as they are known; none where they may.
fn found(
    known: &Known<'_>,
    table: &TableName,
    alike: Option<&[String]>,
    waits: &str,
    advice: &str,
) -> Vec<Remark> {
    let is_live = |column: &String| matches!(known.column(table, column), Cell::Live(_));
    let doubles = alike
        .filter(|columns| !columns.is_empty() && columns.iter().all(is_live))
        .map(|columns| Question::Doubles(table.clone(), columns.to_vec()));
    let count = doubles.as_ref().map(|question| known.count(question));
    if let Some(count @ Count::Exact(n)) = count
        && n > 0
    {
        let rows = count.of("rows");
        let sentence = format!("It will fail: {rows} of {table} are like another one.");
        let advice = "Decide which of those rows stays, in a migration before this one.";
        return vec![
            Remark::warning(NAME, sentence)
                .advise(advice)
                .asking(doubles),
        ];
    }
    let does = match (alike, count) {
        (None, _) => "Every row is read.",
        (_, Some(Count::Exact(_))) => "No two rows are alike now. Every row is read.",
        _ => "It fails if two rows are alike; that was not counted.",
    };
    extent::while_waiting(NAME, known, table, (does, waits, advice))
        .map(|remark| remark.asking(doubles))
        .into_iter()
        .collect()
}
