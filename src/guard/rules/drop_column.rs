//! `drop-column`: the values of a column go, and with them its indexes and constraints.

use super::{Question, Remark};
use crate::guard::finding::Severity;
use crate::sql::{Effect, quote_if_needed};

pub(super) const NAME: &str = "drop-column";

pub(super) fn look(effect: &Effect) -> Option<Remark> {
    let Effect::DropColumn {
        table,
        column,
        cascade,
        ..
    } = effect
    else {
        return None;
    };
    let quoted = quote_if_needed(column);
    let more = if *cascade {
        " CASCADE also removes what depends on it, such as views."
    } else {
        ""
    };
    Some(Remark {
        rule: NAME,
        severity: Severity::Error,
        advice: None,
        sentence: format!(
            "The column {quoted} of {table} goes with every value in it, and with its indexes and constraints.{more}"
        ),
        loss: Some((
            format!("column {quoted} of {table}"),
            Question::Values(table.clone(), column.clone()),
        )),
    })
}
