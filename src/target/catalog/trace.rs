//! Whether things are there, by their names.

use tokio_postgres::types::Type;

use super::{PATIENCE, Unanswered, ask};
use crate::operation::Trouble;
use crate::sql::TableName;
use crate::target::connect::Session;

/// Something that the catalogue has, or has not. Names without a schema are looked for on the session's search path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A table, a view or an index.
    Relation(TableName),
    /// An index that was built to its end.
    Index(TableName),
    /// A column of a table.
    Column(TableName, String),
    /// That a column of a table must have values.
    NotNull(TableName, String),
    /// A constraint of a table.
    Constraint(TableName, String),
    /// A type.
    Type(TableName),
    /// A schema.
    Schema(String),
}

impl Thing {
    /// Its kind, the name that it is looked for by, and its own part of that.
    fn parts(&self) -> (&'static str, Option<&str>, &str, &str) {
        match self {
            Self::Relation(name) => ("relation", name.schema.as_deref(), &name.name, ""),
            Self::Index(name) => ("index", name.schema.as_deref(), &name.name, ""),
            Self::Column(table, part) => ("column", table.schema.as_deref(), &table.name, part),
            Self::NotNull(table, part) => ("not null", table.schema.as_deref(), &table.name, part),
            Self::Constraint(table, part) => {
                ("constraint", table.schema.as_deref(), &table.name, part)
            }
            Self::Type(name) => ("type", name.schema.as_deref(), &name.name, ""),
            Self::Schema(name) => ("schema", None, name, ""),
        }
    }
}

/// Of each of `things` whether it is there, in the same order.
pub async fn are_there(session: &Session, things: &[Thing]) -> Result<Vec<bool>, Trouble> {
    const DOING: &str = "Looking for what a migration made";
    const QUESTION: &str = "WITH asked AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) \
             WITH ORDINALITY AS a (kind, schema, name, part, n)), \
         relation AS (SELECT a.n, a.kind, a.part, c.oid, c.relkind FROM asked a JOIN pg_class c ON c.relname = a.name \
             JOIN pg_namespace s ON s.oid = c.relnamespace \
             WHERE s.nspname = a.schema OR (a.schema IS NULL AND s.nspname = ANY (current_schemas(false)))) \
         SELECT CASE a.kind \
             WHEN 'relation' THEN EXISTS (SELECT FROM relation r WHERE r.n = a.n) \
             WHEN 'index' THEN EXISTS (SELECT FROM relation r JOIN pg_index i ON i.indexrelid = r.oid WHERE r.n = a.n AND i.indisvalid) \
             WHEN 'column' THEN EXISTS (SELECT FROM relation r JOIN pg_attribute t ON t.attrelid = r.oid \
                 WHERE r.n = a.n AND t.attname = a.part AND NOT t.attisdropped) \
             WHEN 'not null' THEN EXISTS (SELECT FROM relation r JOIN pg_attribute t ON t.attrelid = r.oid \
                 WHERE r.n = a.n AND t.attname = a.part AND NOT t.attisdropped AND t.attnotnull) \
             WHEN 'constraint' THEN EXISTS (SELECT FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid \
                 WHERE r.n = a.n AND k.conname = a.part) \
             WHEN 'type' THEN EXISTS (SELECT FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace WHERE t.typname = a.name \
                 AND (s.nspname = a.schema OR (a.schema IS NULL AND s.nspname = ANY (current_schemas(false))))) \
             ELSE EXISTS (SELECT FROM pg_namespace s WHERE s.nspname = a.name) END \
         FROM asked a ORDER BY a.n";
    let parts: Vec<_> = things.iter().map(Thing::parts).collect();
    let kinds: Vec<&str> = parts.iter().map(|one| one.0).collect();
    let schemas: Vec<Option<&str>> = parts.iter().map(|one| one.1).collect();
    let names: Vec<&str> = parts.iter().map(|one| one.2).collect();
    let own: Vec<&str> = parts.iter().map(|one| one.3).collect();
    let rows = ask(
        session,
        PATIENCE,
        QUESTION,
        &[
            (&kinds, Type::TEXT_ARRAY),
            (&schemas, Type::TEXT_ARRAY),
            (&names, Type::TEXT_ARRAY),
            (&own, Type::TEXT_ARRAY),
        ],
    )
    .await
    .map_err(|unanswered| unanswered.trouble(DOING))?;
    rows.iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()
        .map_err(|error| Unanswered::from(error).trouble(DOING))
}
