//! A catalogue: what a database is made of, as plain values that can be compared.
//!
//! Everything is a thing with properties, and things have parts with properties. What kinds there are and which properties,
//! the questions in [`question`] decide; nothing here or in the comparison knows tables from views. The words of kinds and
//! properties are for people.

mod question;

use std::collections::BTreeMap;

use tokio_postgres::types::Type;

use super::{Extent, trouble};
use crate::operation::Trouble;
use crate::target::Session;

pub(super) use question::{ORDER, PARTITION, PLACE, QUIET, WATCHES};

/// What is said of a thing or a part: a word for each property, and its value.
pub(super) type Properties = BTreeMap<String, String>;

/// Which thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// `table`, `view`, `function` …
    pub(super) kind: String,
    /// Its schema; empty where it has none.
    pub(super) schema: String,
    /// Its name; of functions with the types of the arguments.
    pub(super) name: String,
}

/// Which part of a thing: its kind, such as `column`, and its name.
pub(super) type Part = (String, String);

/// One thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Thing {
    /// Its own properties.
    pub(super) own: Properties,
    /// Its parts.
    pub(super) parts: BTreeMap<Part, Properties>,
}

/// What a database is made of, as far as it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Catalog {
    /// By kind and name.
    pub(super) things: BTreeMap<Key, Thing>,
}

impl Catalog {
    /// Adds what one row says.
    fn note(&mut self, key: Key, part: Option<Part>, properties: Properties) {
        let thing = self.things.entry(key).or_default();
        let noted = match part {
            None => &mut thing.own,
            Some(part) => thing.parts.entry(part).or_default(),
        };
        noted.extend(properties);
    }
}

/// A schema of a database.
pub(super) struct Namespace {
    /// Its name.
    pub(super) name: String,
    /// Whether anything is in it but the ledger and what extensions own.
    pub(super) is_used: bool,
}

/// Begins what a session reads: all of one moment, with names and constants written in one way whatever is set. No table is
/// read, and a lock is waited for only a moment.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; \
    SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '1s'; SET LOCAL datestyle = 'ISO, MDY'; \
    SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'; \
    SET LOCAL extra_float_digits = 1; SET LOCAL quote_all_identifiers = off";

/// The schemas of the database in which `session` is, without those of the server.
pub(super) async fn namespaces(session: &Session, what: &str) -> Result<Vec<Namespace>, Trouble> {
    let rows = session
        .client()
        .query_typed(&question::namespaces(), &[])
        .await
        .map_err(|error| trouble::unread(what, &error))?;
    Ok(rows
        .iter()
        .map(|row| Namespace {
            name: row.get(0),
            is_used: row.get(1),
        })
        .collect())
}

/// Reads what is in `schemas`, one question for each kind; `what` names the database in a trouble.
pub(super) async fn read(
    session: &Session,
    schemas: &[String],
    extent: Extent,
    what: &str,
) -> Result<Catalog, Trouble> {
    let failed = |error: &tokio_postgres::Error| trouble::unread(what, error);
    let client = session.client();
    client
        .batch_execute(BEGIN)
        .await
        .map_err(|error| failed(&error))?;
    let mut catalog = Catalog::default();
    for question in question::all(extent) {
        let rows = client
            .query_typed(&question, &[(&schemas, Type::TEXT_ARRAY)])
            .await
            .map_err(|error| failed(&error))?;
        for row in rows {
            let key = Key {
                kind: row.get(0),
                schema: row.get(1),
                name: row.get(2),
            };
            let part = row.get::<_, Option<String>>(3).zip(row.get(4));
            let said: String = row.get(5);
            let said: BTreeMap<String, Option<String>> = serde_json::from_str(&said)
                .map_err(|error| trouble::unreadable(what, &error.to_string()))?;
            let properties = said
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            catalog.note(key, part, properties);
        }
    }
    client
        .batch_execute("ROLLBACK")
        .await
        .map_err(|error| failed(&error))?;
    Ok(catalog)
}
