//! `unseen-loss`: the statement removes or rewrites data, or is not known to leave it alone.
//!
//! It is the honest rest. What is known to destroy nothing is listed here by name; everything else needs a person who
//! reads the statement, and so does a kind of statement that a later Postgres brings.

use super::{Question, Remark};
use crate::guard::finding::Severity;
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
    "lock table",
    "merge",
    "move to another schema",
    "notify",
    "prepare",
    "refresh materialized view",
    "reindex",
    "release savepoint",
    "rollback",
    "rollback to savepoint",
    "savepoint",
    "security label",
    "select",
    "set",
    "show",
    "unlisten",
    "vacuum",
    "alter table: add constraint",
    "alter table: alter constraint",
    "alter table: attach partition",
    "alter table: change clustering",
    "alter table: change column options",
    "alter table: change default",
    "alter table: change owner",
    "alter table: change storage parameters",
    "alter table: drop constraint",
    "alter table: drop generation expression",
    "alter table: drop identity",
    "alter table: drop not null",
    "alter table: enable row security",
    "alter table: enable trigger",
    "alter table: set access method",
    "alter table: set compression",
    "alter table: set identity",
    "alter table: set logged",
    "alter table: set not null",
    "alter table: set replica identity",
    "alter table: set statistics",
    "alter table: set storage",
    "alter table: set tablespace",
    "alter table: validate constraint",
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
    "index",
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

pub(super) fn look(effect: &Effect) -> Option<Remark> {
    let (sentence, loss) = match effect {
        // Dropped columns and tables have rules of their own.
        Effect::DropColumn { .. }
        | Effect::DropTable { .. }
        | Effect::CreateTable { .. }
        | Effect::AddColumn { .. }
        | Effect::RenameColumn { .. }
        | Effect::RenameTable { .. }
        | Effect::DropSchema { cascade: false, .. } => return None,
        Effect::Truncate { table, cascade } => {
            let more = if *cascade {
                " CASCADE also empties every table that references it."
            } else {
                ""
            };
            (
                format!("Every row of {table} goes.{more}"),
                Some((format!("table {table}"), Question::Rows(table.clone()))),
            )
        }
        Effect::Delete {
            table,
            every_row: true,
        } => (
            format!("Every row of {table} goes: there is no condition."),
            Some((format!("table {table}"), Question::Rows(table.clone()))),
        ),
        Effect::Delete { table, .. } => (
            format!("Rows of {table} go. Which ones, the database decides when it runs."),
            None,
        ),
        Effect::Update { table, every_row } => {
            let which = if *every_row { "Every row" } else { "Some rows" };
            (
                format!("{which} of {table} may get other values; the old ones are gone."),
                None,
            )
        }
        Effect::ChangeType {
            table,
            column,
            data_type,
        } => (
            format!(
                "The values of {} in {table} are converted to {data_type}; what does not fit is cut, rounded or refused.",
                quote_if_needed(column)
            ),
            None,
        ),
        Effect::DropSchema { .. } | Effect::DropView { .. } | Effect::Drop { .. } => {
            (whole_thing_goes(effect)?, None)
        }
        Effect::Call { function } => (
            format!(
                "It runs the function {function}. The guard cannot look inside: whatever its text says happens."
            ),
            None,
        ),
        Effect::Opaque { kind } => (
            format!("The guard cannot look inside a {kind}: whatever it says runs."),
            None,
        ),
        Effect::Other { kind, .. } => {
            if is_harmless(kind) {
                return None;
            }
            (
                format!("The guard does not judge this ({kind}): read it and decide."),
                None,
            )
        }
    };
    Some(Remark {
        rule: NAME,
        severity: Severity::Error,
        advice: None,
        sentence,
        loss,
    })
}

/// What goes with a thing that is not a table.
fn whole_thing_goes(effect: &Effect) -> Option<String> {
    match effect {
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
