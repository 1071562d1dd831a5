//! Which locks a statement takes, by what it does and what hangs together in the database.
//!
//! Measured on PostgreSQL 11 to 18; `tests/guard/locks.rs` measures again. Tables that the plan makes itself are left out:
//! nobody uses them yet. So are locks that only reading takes.

use super::LockMode::{
    AccessExclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive,
};
use super::{LockMode, LockOn};
use crate::guard::rules::{self, Known, Table};
use crate::sql::{ConstraintKind, Effect, TableName, quote_if_needed};
use crate::target::catalog::relation::Link;
use crate::target::catalog::table::TableName as Name;

/// What a statement with these effects locks, the strongest first, its own tables before those that hang on them.
#[must_use]
pub fn taken(effects: &[Effect], known: &Known<'_>) -> Vec<LockOn> {
    let mut locks = Locks {
        known,
        taken: Vec::new(),
    };
    for effect in effects {
        locks.take(effect);
        for dependent in known.dragged(effect) {
            locks.on_name(&dependent.table, AccessExclusive);
        }
    }
    locks.taken.sort_by_key(|lock| std::cmp::Reverse(lock.mode));
    locks.taken
}

/// The strongest lock of each table, by the name that people are shown.
struct Locks<'a> {
    known: &'a Known<'a>,
    taken: Vec<LockOn>,
}

impl Locks<'_> {
    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateTable { .. }
            | Effect::DropTable { .. }
            | Effect::Truncate { .. }
            | Effect::AttachPartition { .. }
            | Effect::DetachPartition { .. } => self.take_whole(effect),
            Effect::AddColumn { .. }
            | Effect::DropColumn { .. }
            | Effect::ChangeType { .. }
            | Effect::AddConstraint { .. }
            | Effect::DropConstraint { .. }
            | Effect::CreateIndex { .. }
            | Effect::DropIndex { .. } => self.take_part(effect),
            Effect::RenameTable { table, .. }
            | Effect::RenameColumn { table, .. }
            | Effect::SetNotNull { table, .. }
            | Effect::Drop {
                table: Some(table), ..
            } => self.on(table, AccessExclusive),
            Effect::ValidateConstraint { table, .. } => self.on(table, ShareUpdateExclusive),
            Effect::Lock { table, level } => self.on(table, by_number(*level)),
            Effect::Update { table, .. } | Effect::Delete { table, .. } => {
                self.on(table, RowExclusive);
            }
            Effect::Other {
                kind,
                table: Some(table),
            } => {
                if let Some(mode) = by_words(kind) {
                    self.on(table, mode);
                }
            }
            Effect::Drop { .. }
            | Effect::DropView { .. }
            | Effect::DropSchema { .. }
            | Effect::CreateEnum { .. }
            | Effect::SetSearchPath { .. }
            | Effect::Call { .. }
            | Effect::Opaque { .. }
            | Effect::Other { .. } => {}
        }
    }

    /// What is done to tables as a whole.
    fn take_whole(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateTable {
                references,
                parents,
                ..
            } => {
                for table in references {
                    self.on(table, ShareRowExclusive);
                }
                for table in parents {
                    let divided = matches!(self.known.table(table), Table::Live(live) if live.relation.divided);
                    self.only(table, strong_unless(!divided));
                }
            }
            Effect::DropTable { table, cascade, .. } => {
                self.on(table, AccessExclusive);
                self.across(table, |link, own| *cascade || link.from == *own);
            }
            Effect::Truncate { table, cascade } => {
                self.on(table, AccessExclusive);
                if *cascade {
                    for name in rules::reached(self.known, table) {
                        self.on_name(&name, AccessExclusive);
                    }
                }
            }
            Effect::AttachPartition { table, partition } => {
                self.only(table, ShareUpdateExclusive);
                self.on(partition, AccessExclusive);
            }
            Effect::DetachPartition {
                table,
                partition,
                concurrently,
            } => {
                self.only(table, strong_unless(*concurrently));
                self.on(partition, strong_unless(*concurrently));
            }
            _ => {}
        }
    }

    /// What is done to a column, a constraint or an index.
    fn take_part(&mut self, effect: &Effect) {
        match effect {
            Effect::AddColumn { table, column, .. } => {
                self.on(table, AccessExclusive);
                for constraint in &column.constraints {
                    if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                        self.on(references, ShareRowExclusive);
                    }
                }
            }
            Effect::DropColumn { table, column, .. } | Effect::ChangeType { table, column, .. } => {
                self.on(table, AccessExclusive);
                self.across(table, |link, own| {
                    (link.from == *own && link.columns.contains(column))
                        || (link.to == *own && link.to_columns.contains(column))
                });
            }
            Effect::AddConstraint { table, constraint } => {
                if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                    self.on(table, ShareRowExclusive);
                    self.on(references, ShareRowExclusive);
                } else {
                    self.on(table, AccessExclusive);
                }
            }
            Effect::DropConstraint {
                table,
                name,
                cascade,
            } => {
                self.on(table, AccessExclusive);
                self.across(table, |link, own| {
                    (link.from == *own && link.name == *name) || (link.to == *own && *cascade)
                });
            }
            Effect::CreateIndex {
                table,
                concurrently: true,
                ..
            } => self.on(table, ShareUpdateExclusive),
            Effect::CreateIndex { table, .. } => self.on(table, Share),
            Effect::DropIndex {
                index,
                concurrently,
                ..
            } => {
                if let Table::Live(live) = self.known.table(index)
                    && let Some(table) = &live.relation.index_of
                {
                    self.on_name(table, strong_unless(*concurrently));
                }
            }
            _ => {}
        }
    }

    /// The other side of those foreign keys of a table that `concerned` picks: their triggers go, or are made again.
    fn across(&mut self, table: &TableName, concerned: impl Fn(&Link, &Name) -> bool) {
        let (Some(own), Table::Live(live)) = (self.known.resolve(table), self.known.table(table))
        else {
            return;
        };
        for link in &live.relation.links {
            let other = if link.from == own {
                &link.to
            } else {
                &link.from
            };
            if *other != own && concerned(link, &own) {
                self.on_name(other, AccessExclusive);
            }
        }
    }

    /// A table without its partitions.
    fn only(&mut self, table: &TableName, mode: LockMode) {
        if !matches!(self.known.table(table), Table::New { .. } | Table::Absent) {
            self.note(table.to_string(), mode);
        }
    }

    /// A table with its partitions.
    fn on(&mut self, table: &TableName, mode: LockMode) {
        let parts = match self.known.table(table) {
            Table::New { .. } | Table::Absent => return,
            Table::Live(live) => live.relation.parts,
            Table::Unknown => 0,
        };
        let shown = match parts {
            0 => table.to_string(),
            1 => format!("{table} and its partition"),
            n => format!("{table} and its {n} partitions"),
        };
        self.note(shown, mode);
    }

    fn on_name(&mut self, name: &Name, mode: LockMode) {
        let table = if self.known.shown(name) == quote_if_needed(&name.name) {
            TableName::new(name.name.as_str())
        } else {
            TableName::within(name.schema.as_str(), name.name.as_str())
        };
        match self.known.named(name) {
            // What is at the other end of a foreign key need not be named in the plan, and so not be known.
            Table::Absent => self.note(table.to_string(), mode),
            _ => self.on(&table, mode),
        }
    }

    fn note(&mut self, table: String, mode: LockMode) {
        match self.taken.iter_mut().find(|lock| lock.table == table) {
            Some(lock) => lock.mode = lock.mode.max(mode),
            None => self.taken.push(LockOn { table, mode }),
        }
    }
}

/// What others wait for, unless care was taken that they need not.
fn strong_unless(careful: bool) -> LockMode {
    if careful {
        ShareUpdateExclusive
    } else {
        AccessExclusive
    }
}

/// Postgres's own numbers, as `LOCK TABLE` has them.
fn by_number(level: i32) -> LockMode {
    match level {
        1 => LockMode::AccessShare,
        2 => LockMode::RowShare,
        3 => LockMode::RowExclusive,
        4 => LockMode::ShareUpdateExclusive,
        5 => LockMode::Share,
        6 => LockMode::ShareRowExclusive,
        7 => LockMode::Exclusive,
        _ => LockMode::AccessExclusive,
    }
}

/// The lock of a statement that no rule reasons about, in the words of [`Effect::Other`].
fn by_words(kind: &str) -> Option<LockMode> {
    Some(match kind {
        "insert" | "merge" | "copy" => LockMode::RowExclusive,
        "alter table: set statistics"
        | "alter table: change column options"
        | "alter table: change clustering"
        | "alter table: change storage parameters"
        | "alter table: finish detaching a partition"
        | "create statistics" => LockMode::ShareUpdateExclusive,
        "create trigger" | "alter table: enable trigger" | "alter table: disable trigger" => {
            LockMode::ShareRowExclusive
        }
        "reindex" => LockMode::Share,
        "refresh materialized view concurrently" => LockMode::Exclusive,
        "cluster"
        | "create policy"
        | "alter policy"
        | "create rule"
        | "move to another schema"
        | "refresh materialized view"
        | "empty materialized view"
        | "rename"
        | "rename constraint" => LockMode::AccessExclusive,
        kind if kind.starts_with("alter table") => LockMode::AccessExclusive,
        _ => return None,
    })
}
