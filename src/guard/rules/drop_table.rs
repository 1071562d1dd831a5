//! `drop-table`: a table goes with every row.

use super::{Question, Remark};
use crate::guard::finding::Severity;
use crate::sql::Effect;

pub(super) const NAME: &str = "drop-table";

pub(super) fn look(effect: &Effect) -> Option<Remark> {
    let Effect::DropTable { table, cascade, .. } = effect else {
        return None;
    };
    let more = if *cascade {
        " CASCADE also removes what depends on it, such as foreign keys and views."
    } else {
        ""
    };
    Some(Remark {
        rule: NAME,
        severity: Severity::Error,
        advice: None,
        sentence: format!("The table {table} goes with every row in it.{more}"),
        loss: Some((format!("table {table}"), Question::Rows(table.clone()))),
    })
}
