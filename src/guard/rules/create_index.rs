//! `create-index`: an index is built while writers wait, or as a part of a constraint, while readers wait too.

use super::known::{Known, Table};
use super::{Remark, extent};
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
            concurrently: false,
            ..
        } => {
            let waits = format!("Writes of {table} wait while the index is built.");
            let parted = matches!(known.table(table), Table::Live(live) if live.relation.divided);
            let advice = if parted { PARTS } else { ALONE };
            found(known, table, *unique, &waits, advice)
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
            using_index: false, ..
        } => found(known, table, true, &waits, ADOPT),
        ConstraintKind::Exclude => {
            let advice = "There is no way to build it without that: run it when few people work.";
            found(known, table, true, &waits, advice)
        }
        _ => Vec::new(),
    }
}

fn found(
    known: &Known<'_>,
    table: &TableName,
    unique: bool,
    waits: &str,
    advice: &str,
) -> Vec<Remark> {
    let does = if unique {
        "It fails if two rows are alike; that was not counted."
    } else {
        "Every row is read."
    };
    extent::while_waiting(NAME, known, table, does, waits)
        .map(|remark| remark.advise(advice))
        .into_iter()
        .collect()
}
