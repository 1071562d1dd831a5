//! An effect in a few plain words.

use std::fmt;

use super::super::identifier::{TableName, quote_identifier, quote_if_needed};
use super::{ConstraintKind, Effect};

/// A few plain words, such as `drop column "phone" of "User"`.
impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTable { table, .. } => write!(out, "create table {table}"),
            Self::DropTable { table, .. } => write!(out, "drop table {table}"),
            Self::RenameTable { table, to } => {
                let to = TableName::new(to.as_str());
                write!(out, "rename table {table} to {to}")
            }
            Self::AddColumn { .. }
            | Self::DropColumn { .. }
            | Self::RenameColumn { .. }
            | Self::ChangeType { .. }
            | Self::SetNotNull { .. }
            | Self::AddConstraint { .. }
            | Self::ValidateConstraint { .. }
            | Self::DropConstraint { .. } => part(self, out),
            Self::AttachPartition { table, partition } => {
                write!(out, "make {partition} a partition of {table}")
            }
            Self::DetachPartition {
                table, partition, ..
            } => write!(out, "take the partition {partition} out of {table}"),
            Self::CreateIndex {
                table,
                unique,
                concurrently,
                ..
            } => {
                let unique = if *unique { "unique " } else { "" };
                let how = if *concurrently { " concurrently" } else { "" };
                write!(out, "create {unique}index{how} on {table}")
            }
            Self::DropIndex {
                index,
                concurrently,
                ..
            } => {
                let how = if *concurrently { " concurrently" } else { "" };
                write!(out, "drop index{how} {index}")
            }
            Self::CreateEnum { name, .. } => write!(out, "create type {name}"),
            Self::SetSearchPath { .. } => out.write_str("set where names are looked for"),
            Self::Lock { table, .. } => write!(out, "lock table {table}"),
            Self::DropSchema { name, .. } => {
                write!(out, "drop schema {}", quote_if_needed(name))
            }
            Self::DropView {
                view, materialized, ..
            } => {
                let what = if *materialized {
                    "materialized view"
                } else {
                    "view"
                };
                write!(out, "drop {what} {view}")
            }
            Self::Drop { what, name, .. } => write!(out, "drop {what} {name}"),
            Self::Truncate { table, .. } => write!(out, "empty {table}"),
            Self::Delete { table, every_row } => {
                let which = if *every_row { "every row" } else { "rows" };
                write!(out, "delete {which} of {table}")
            }
            Self::Update {
                table, every_row, ..
            } => {
                let which = if *every_row { "every row" } else { "rows" };
                write!(out, "update {which} of {table}")
            }
            Self::Call { function } => write!(out, "call {function}()"),
            Self::Opaque { kind } => write!(out, "{kind} (cannot be looked into)"),
            Self::Other {
                kind,
                table: Some(table),
            } => write!(out, "{kind} on {table}"),
            Self::Other { kind, table: None } => out.write_str(kind),
        }?;
        match self {
            Self::DropTable { cascade: true, .. }
            | Self::DropColumn { cascade: true, .. }
            | Self::DropConstraint { cascade: true, .. }
            | Self::DropIndex { cascade: true, .. }
            | Self::DropSchema { cascade: true, .. }
            | Self::DropView { cascade: true, .. }
            | Self::Drop { cascade: true, .. } => out.write_str(" and what depends on it"),
            Self::Truncate { cascade: true, .. } => {
                out.write_str(" and the tables that reference it")
            }
            _ => Ok(()),
        }
    }
}

/// What is done to a column or a constraint.
fn part(effect: &Effect, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let column = |name: &str| quote_identifier(name);
    match effect {
        Effect::AddColumn {
            table, column: c, ..
        } => write!(out, "add column {} to {table}", column(&c.name)),
        Effect::DropColumn {
            table, column: c, ..
        } => write!(out, "drop column {} of {table}", column(c)),
        Effect::RenameColumn {
            table,
            column: c,
            to,
        } => write!(
            out,
            "rename column {} of {table} to {}",
            column(c),
            column(to)
        ),
        Effect::ChangeType {
            table,
            column: c,
            data_type,
            ..
        } => write!(
            out,
            "change column {} of {table} to type {data_type}",
            column(c)
        ),
        Effect::SetNotNull { table, column: c } => {
            write!(out, "set column {} of {table} not null", column(c))
        }
        Effect::AddConstraint { table, constraint } => {
            write!(out, "add {} to {table}", constraint.words())?;
            if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                write!(out, " that points to {references}")?;
            }
            if constraint.not_valid {
                out.write_str(" without looking at its rows")?;
            }
            Ok(())
        }
        Effect::ValidateConstraint { table, name } => {
            write!(out, "validate constraint {} of {table}", column(name))
        }
        Effect::DropConstraint { table, name, .. } => {
            write!(out, "drop constraint {} of {table}", column(name))
        }
        _ => Ok(()),
    }
}
