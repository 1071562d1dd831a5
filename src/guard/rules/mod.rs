//! The rules: one per file, each looks at one effect of a statement and says what that does to the data and to those who
//! use it.
//!
//! Rules are pure: what the live database says they take from [`Known`], and what should be counted they ask for as a
//! [`Question`]. Each has a `bad.sql` and a `good.sql` under `tests/rules/<name>/`, which are its documentation
//! (`docs/rules.md`) and its test at once; a test fails when one is missing.

mod add_check;
mod add_foreign_key;
mod change_type;
mod conversion;
mod course;
mod create_index;
mod delete_all;
mod dragged;
mod drop_column;
mod drop_table;
mod extent;
mod facts;
mod fill_column;
mod known;
mod question;
mod remark;
mod rename;
mod required_column;
mod set_not_null;
mod truncate;
mod unseen_loss;
mod update_all;

pub use dragged::dragging;
pub use facts::{Database, Facts, Live};
pub use known::{Cell, Known, Table};
pub use question::Question;
pub use remark::{Lost, Remark};
pub(super) use truncate::reached;

use crate::sql::Effect;

/// A rule: what it has to say about one effect at one point of a plan.
pub type Rule = fn(&Effect, &Known<'_>) -> Vec<Remark>;

/// Every rule, by name.
pub const RULES: [(&str, Rule); 14] = [
    (add_check::NAME, add_check::look),
    (add_foreign_key::NAME, add_foreign_key::look),
    (change_type::NAME, change_type::look),
    (create_index::NAME, create_index::look),
    (delete_all::NAME, delete_all::look),
    (drop_column::NAME, drop_column::look),
    (drop_table::NAME, drop_table::look),
    (fill_column::NAME, fill_column::look),
    (rename::NAME, rename::look),
    (required_column::NAME, required_column::look),
    (set_not_null::NAME, set_not_null::look),
    (truncate::NAME, truncate::look),
    (unseen_loss::NAME, unseen_loss::look),
    (update_all::NAME, update_all::look),
];

/// What the rules say about one statement with these effects, in the order of the text; `known` is behind it afterwards.
/// Questions come back as they can be asked now, and those whose answer would not be true then do not come back.
pub fn look(effects: &[Effect], known: &mut Known<'_>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut later = Vec::new();
    for effect in effects {
        for (_, rule) in RULES {
            let settled = rule(effect, known).into_iter().map(|mut remark| {
                remark.asks = remark.asks.and_then(|question| known.settle(&question));
                if let Some(lost) = &mut remark.loss {
                    lost.question = lost
                        .question
                        .take()
                        .and_then(|question| known.settle(&question));
                }
                remark
            });
            remarks.extend(settled);
        }
        // A column that is added is there for the rest of the same statement. What is done to rows happens to all tables
        // of a statement at once.
        if matches!(effect, Effect::AddColumn { .. }) {
            known.after(std::slice::from_ref(effect));
        } else {
            later.push(effect.clone());
        }
    }
    known.after(&later);
    remarks
}

#[cfg(test)]
mod tests;
