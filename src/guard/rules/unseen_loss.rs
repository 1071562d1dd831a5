//! `unseen-loss`: the statement removes or rewrites data, or is not known to leave it alone.
//!
//! It is the honest rest. What is known to destroy nothing is listed here by name; everything else needs a person who
//! reads the statement, and so does a kind of statement that a later Postgres brings.

use super::known::{Known, Table};
use super::{Remark, delete_all, dragged, update_all};
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "unseen-loss";

/// Statements that leave every row and value as it is, in the words of [`Effect::Other`]. Of those that begin with
/// `create`, `rename`, `grant` and the like, the whole family is meant ([`HARMLESS_FAMILIES`]).
const HARMLESS: &[&str] = &[
    "add enum value",
    "alter collation",
    "alter default privileges",
    "alter domain",
    "alter function",
    "alter index",
    "alter policy",
    "alter role",
    "alter sequence",
    "alter statistics",
    "alter view",
    "analyze",
    "begin",
    "change dependency",
    "change owner",
    "checkpoint",
    "cluster",
    "comment",
    "commit",
    "cursor",
    "deallocate",
    "explain",
    "insert",
    "listen",
    "merge",
    "move to another schema",
    "notify",
    "prepare",
    "refresh materialized view",
    "refresh materialized view concurrently",
    "reindex",
    "release savepoint",
    "rollback",
    "rollback to savepoint",
    "savepoint",
    "security label",
    "select",
    "set",
    "set time zone",
    "show",
    "unlisten",
    "vacuum",
    "alter table: alter constraint",
    "alter table: change clustering",
    "alter table: change column options",
    "alter table: change default",
    "alter table: change owner",
    "alter table: change storage parameters",
    "alter table: drop generation expression",
    "alter table: drop identity",
    "alter table: drop not null",
    "alter table: enable row security",
    "alter table: enable trigger",
    "alter table: set access method",
    "alter table: set compression",
    "alter table: set identity",
    "alter table: set logged",
    "alter table: set replica identity",
    "alter table: set statistics",
    "alter table: set storage",
    "alter table: set tablespace",
];

/// First words of statements that only add or name something. Those that begin so and do more stand before them.
const HARMLESS_FAMILIES: &[&str] = &["create ", "grant", "rename", "revoke"];
/// Created things that act on data by themselves.
const ACTING: &[&str] = &["create event trigger", "create rule", "create subscription"];

/// Things that hold no rows, and that Postgres refuses to drop while a table uses them.
const EMPTY_THINGS: &[&str] = &[
    "aggregate",
    "cast",
    "collation",
    "conversion",
    "domain",
    "function",
    "operator",
    "operator class",
    "operator family",
    "procedure",
    "role",
    "routine",
    "sequence",
    "statistics",
    "text search configuration",
    "text search dictionary",
    "text search parser",
    "text search template",
    "trigger",
    "type",
];

const KEEP: &str = "Copy those rows first, if they may be needed again.";

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let of_a_new_table = effect
        .table()
        .is_some_and(|table| matches!(known.table(table), Table::New { written: false }));
    let sentence = match effect {
        Effect::Delete { .. } | Effect::Update { .. } if of_a_new_table => None,
        Effect::Other { kind, .. } if of_a_new_table && kind.starts_with("alter table") => None,
        Effect::Delete {
            table,
            every_row: false,
        } => Some(format!(
            "Rows of {table} go. Which ones, the database decides when it runs.{}",
            delete_all::dragged(known, table)
        )),
        Effect::Update {
            table,
            every_row: false,
            over,
        } => match update_all::written_over(known, table, over).as_slice() {
            [] => None,
            lost => {
                let names: Vec<String> = lost.iter().map(|name| quote_if_needed(name)).collect();
                Some(format!(
                    "Some rows of {table} may get other values in {}; the old ones are gone.",
                    names.join(", ")
                ))
            }
        },
        Effect::DetachPartition {
            table, partition, ..
        } => Some(format!(
            "The rows of {partition} are no longer among those of {table}; they stay in {partition}."
        )),
        Effect::DropIndex {
            index,
            cascade: true,
            ..
        } => Some(format!(
            "The index {index} goes, and with it what depends on it."
        )),
        Effect::DropSchema { .. } | Effect::DropView { .. } | Effect::Drop { .. } => {
            whole_thing_goes(effect)
        }
        Effect::Call { function } => Some(format!(
            "It runs the function {function}. The guard cannot look inside: whatever its text says happens."
        )),
        Effect::Opaque { kind } => Some(format!(
            "The guard cannot look inside a {kind}: whatever it says runs."
        )),
        Effect::Other { kind, .. } if !is_harmless(kind) => Some(format!(
            "The guard does not judge this ({kind}): read it and decide."
        )),
        // The others have rules of their own, or leave every row and value as it is.
        Effect::DropColumn { .. }
        | Effect::DropTable { .. }
        | Effect::ChangeType { .. }
        | Effect::Truncate { .. }
        | Effect::Delete { .. }
        | Effect::Update { .. }
        | Effect::CreateTable { .. }
        | Effect::AddColumn { .. }
        | Effect::RenameColumn { .. }
        | Effect::RenameTable { .. }
        | Effect::SetNotNull { .. }
        | Effect::AddConstraint { .. }
        | Effect::ValidateConstraint { .. }
        | Effect::DropConstraint { .. }
        | Effect::AttachPartition { .. }
        | Effect::CreateIndex { .. }
        | Effect::DropIndex { .. }
        | Effect::CreateEnum { .. }
        | Effect::SetSearchPath { .. }
        | Effect::Lock { .. }
        | Effect::Other { .. } => None,
    };
    sentence
        .map(|sentence| match effect {
            Effect::Delete { .. } | Effect::Update { .. } => {
                Remark::error(NAME, sentence).advise(KEEP)
            }
            _ => Remark::error(NAME, sentence),
        })
        .into_iter()
        .chain(dragged::look(NAME, effect, known))
        .collect()
}

/// What goes with a thing that is not a table.
fn whole_thing_goes(effect: &Effect) -> Option<String> {
    match effect {
        Effect::DropSchema { cascade: false, .. } => None,
        Effect::DropSchema { name, .. } => Some(format!(
            "The schema {} goes with everything in it.",
            quote_if_needed(name)
        )),
        Effect::DropView {
            view,
            materialized: true,
            ..
        } => Some(format!(
            "The materialised view {view} goes with the rows it holds."
        )),
        Effect::DropView {
            view,
            cascade: true,
            ..
        } => Some(format!(
            "The view {view} goes, and CASCADE removes what depends on it, which may be columns with values."
        )),
        Effect::Drop {
            what,
            name,
            cascade,
            ..
        } if *cascade || !EMPTY_THINGS.contains(what) => Some(format!(
            "The {what} {name} goes, and with it whatever it holds or what depends on it."
        )),
        _ => None,
    }
}

fn is_harmless(kind: &str) -> bool {
    HARMLESS.contains(&kind)
        || (HARMLESS_FAMILIES
            .iter()
            .any(|family| kind.starts_with(family))
            && !ACTING.contains(&kind))
}
