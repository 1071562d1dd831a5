//! `unseen-loss`: the statement removes or rewrites data, and how much of it cannot be told from its text.
//!
//! It is the honest rest: what this guard cannot count needs a person who reads the statement.

use super::{Question, Remark};
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "unseen-loss";

pub(super) fn look(effect: &Effect) -> Option<Remark> {
    let (sentence, loss) = match effect {
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
                format!("{which} of {table} get other values; the old ones are gone."),
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
        Effect::DropSchema {
            name,
            cascade: true,
            ..
        } => (
            format!(
                "The schema {} goes with everything in it.",
                quote_if_needed(name)
            ),
            None,
        ),
        Effect::DropView {
            view,
            materialized: true,
            ..
        } => (
            format!("The materialised view {view} goes with the rows it holds."),
            None,
        ),
        Effect::Drop {
            what,
            name,
            cascade: true,
            ..
        } => (
            format!(
                "The {what} {name} goes, and CASCADE removes what depends on it, which may be columns with values."
            ),
            None,
        ),
        Effect::Opaque { kind } => (
            format!("The guard cannot look inside a {kind}: whatever it says runs."),
            None,
        ),
        _ => return None,
    };
    Some(Remark {
        rule: NAME,
        sentence,
        loss,
    })
}
