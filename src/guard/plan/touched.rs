//! The tables that a plan touches, and their definitions when it was made.
//!
//! They are part of the digest: what was read and approved as "drop this column" must not run on a table that has become
//! another one. Tables that are not there yet are part of it too, as absent. What a function or a `DO` block reaches is not.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::subject::Subject;
use crate::operation::{Context, OperationError, Trouble};
use crate::sql::{self, quote_if_needed};
use crate::target::Session;
use crate::target::catalog::shape::{Shape, holder, shapes};

/// How long a table is waited for that somebody holds.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How many changes are said.
const MOST_SAID: usize = 20;
/// How much of a definition is said, in characters.
const LONGEST_SAID: usize = 200;
/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(500);

/// A touched table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its definition; none when there was no such table.
    pub shape: Option<Shape>,
}

impl Touched {
    /// As people write it.
    fn words(&self) -> String {
        sql::TableName::within(self.schema.as_str(), self.name.as_str()).to_string()
    }
}

/// The tables that a plan is about are defined like this now.
pub(super) async fn read(
    session: &Session,
    subject: &Subject<'_>,
) -> Result<Vec<Touched>, Trouble> {
    let found = shapes(session, &subject.names).await?;
    let names = subject.names.iter();
    Ok(names
        .zip(found)
        .map(|(name, shape)| Touched {
            schema: name.schema.clone(),
            name: name.name.clone(),
            shape,
        })
        .collect())
}

/// Waits a while until nobody holds one of the tables exclusively: what cannot be read must not pass for changed. Whether it had to
/// wait.
pub(super) async fn wait_for(
    session: &Session,
    subject: &Subject<'_>,
    context: &Context,
) -> Result<bool, OperationError> {
    let deadline = tokio::time::Instant::now() + LONGEST_WAIT;
    let mut said = false;
    while let Some(holder) = holder(session, &subject.names).await? {
        if context.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(held(&holder).into());
        }
        if !said {
            context
                .progress
                .info(format!("Waiting for a table: {holder}."));
            said = true;
        }
        tokio::time::sleep(AGAIN).await;
    }
    Ok(said)
}

fn held(holder: &str) -> Trouble {
    Trouble::new(
        format!(
            "A table cannot be read: {holder}. It was waited for {} seconds.",
            LONGEST_WAIT.as_secs()
        ),
        "Nothing was applied. The approval was not used.",
        "Wait until that session is done, or end it, then apply the plan.",
    )
}

/// What of the definitions has changed from `before` to `after`, a sentence each.
pub(super) fn changes(before: &[Touched], after: &[Touched]) -> Vec<String> {
    let mut said = Vec::new();
    for new in after {
        let old = before
            .iter()
            .find(|old| (&old.schema, &old.name) == (&new.schema, &new.name));
        let table = new.words();
        match (old.and_then(|old| old.shape.as_ref()), &new.shape) {
            (Some(old), Some(new)) => differences(&table, old, new, &mut said),
            (Some(_), None) => said.push(format!("The table {table} is not there any more.")),
            (None, Some(_)) => said.push(format!("The table {table} was not there and is now.")),
            (None, None) => {}
        }
    }
    for old in before {
        let still = |new: &&Touched| (&old.schema, &old.name) == (&new.schema, &new.name);
        if old.shape.is_some() && after.iter().find(still).is_none() {
            said.push(format!(
                "The table {} is not reached any more: it is gone, or the search path has changed.",
                old.words()
            ));
        }
    }
    if said.len() > MOST_SAID {
        let more = said.len() - MOST_SAID;
        said.truncate(MOST_SAID);
        said.push(format!("And {more} more."));
    }
    said
}

/// A definition, cut where it is long: it goes into the audit, which keeps it.
fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_SAID {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST_SAID).collect();
    format!("{head}…")
}

fn differences(table: &str, old: &Shape, new: &Shape, said: &mut Vec<String>) {
    let kinds: BTreeSet<&String> = old.0.keys().chain(new.0.keys()).collect();
    for kind in kinds {
        let (before, after) = (old.0.get(kind), new.0.get(kind));
        let names: BTreeSet<&String> = [before, after]
            .into_iter()
            .flatten()
            .flat_map(std::collections::BTreeMap::keys)
            .collect();
        for name in names {
            let was = before.and_then(|those| those.get(name));
            let is = after.and_then(|those| those.get(name));
            let what = format!("{kind} {} of {table}", quote_if_needed(name));
            match (was, is) {
                (Some(was), Some(is)) if was != is => {
                    said.push(format!(
                        "The {what} was `{}` and is `{}`.",
                        cut(was),
                        cut(is)
                    ));
                }
                (Some(was), None) => {
                    said.push(format!(
                        "The {what} (`{}`) is not there any more.",
                        cut(was)
                    ));
                }
                (None, Some(is)) => said.push(format!("The {what} is new: `{}`.", cut(is))),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, &str)]) -> Touched {
        let columns = columns
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Touched {
            schema: "public".to_owned(),
            name: "User".to_owned(),
            shape: Some(Shape([("column".to_owned(), columns.collect())].into())),
        }
    }

    #[test]
    fn what_has_changed_is_told_from_what_to_what() {
        let before = [table(&[
            ("id", "integer not null"),
            ("phone", "text"),
            ("old", "text"),
        ])];
        let after = [table(&[
            ("id", "integer not null"),
            ("phone", "jsonb"),
            ("New", "text"),
        ])];
        assert_eq!(
            changes(&before, &after),
            [
                "The column \"New\" of public.\"User\" is new: `text`.",
                "The column old of public.\"User\" (`text`) is not there any more.",
                "The column phone of public.\"User\" was `text` and is `jsonb`.",
            ]
        );
        assert_eq!(changes(&before, &before), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_came_or_went_is_told() {
        let there = table(&[("id", "integer")]);
        let absent = Touched {
            shape: None,
            ..there.clone()
        };
        let from_to = |old: &Touched, new: &Touched| {
            changes(std::slice::from_ref(old), std::slice::from_ref(new))
        };
        assert_eq!(
            from_to(&there, &absent),
            ["The table public.\"User\" is not there any more."]
        );
        assert_eq!(
            from_to(&absent, &there),
            ["The table public.\"User\" was not there and is now."]
        );
        assert_eq!(from_to(&absent, &absent), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_is_not_reached_any_more_is_told() {
        let before = [table(&[("id", "integer")])];
        assert_eq!(
            changes(&before, &[]),
            [
                "The table public.\"User\" is not reached any more: it is gone, or the search path has changed."
            ]
        );
    }

    #[test]
    fn long_definitions_and_long_lists_are_cut() {
        let long = "é".repeat(LONGEST_SAID + 1);
        let names: Vec<String> = (0..=MOST_SAID).map(|n| format!("c{n:02}")).collect();
        let columns = |text| {
            let columns: Vec<(&str, &str)> =
                names.iter().map(|name| (name.as_str(), text)).collect();
            [table(&columns)]
        };
        let said = changes(&columns("text"), &columns(&long));
        assert_eq!(said.len(), MOST_SAID + 1);
        assert_eq!(
            said[0],
            format!(
                "The column c00 of public.\"User\" was `text` and is `{}…`.",
                "é".repeat(LONGEST_SAID)
            )
        );
        assert_eq!(said[MOST_SAID], "And 1 more.");
    }
}
