//! `add-check`: a condition is asked of every row while others wait.

use super::known::Known;
use super::{Remark, extent};
use crate::sql::{Constraint, ConstraintKind, Effect, TableName};

pub(super) const NAME: &str = "add-check";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    match effect {
        Effect::AddConstraint { table, constraint } => found(known, table, constraint),
        Effect::AddColumn { table, column, .. } => column
            .constraints
            .iter()
            .flat_map(|constraint| found(known, table, constraint))
            .collect(),
        _ => Vec::new(),
    }
}

fn found(known: &Known<'_>, table: &TableName, constraint: &Constraint) -> Vec<Remark> {
    if constraint.not_valid || !matches!(constraint.kind, ConstraintKind::Check { .. }) {
        return Vec::new();
    }
    let does =
        "It fails if a row breaks the condition; that was not counted. Every row is looked at.";
    let waits = format!("Reads and writes of {table} wait meanwhile.");
    let advice = "Add it with NOT VALID, which looks at no row, and VALIDATE CONSTRAINT in a later migration, which blocks \
        neither reads nor writes.";
    extent::while_waiting(NAME, known, table, (does, &waits, advice))
        .into_iter()
        .collect()
}
