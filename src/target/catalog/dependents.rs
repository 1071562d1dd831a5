//! What of the data goes with a thing that is dropped: the tables of a schema, the columns of a type.
//!
//! Postgres follows `pg_depend` when it drops (docs: "Dependency Tracking"), and so does this. Only what holds rows is told: whole
//! tables, and columns of tables that stay.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::table::TableName;
use super::{PATIENCE, Unanswered, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;

/// A thing on which tables or columns may depend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A schema, by its name as it is stored.
    Schema(String),
    /// A type or domain, as its name stands in SQL.
    Type(String),
    /// An extension, by its name as it is stored or as it stands in SQL.
    Extension(String),
}

/// What goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// The table.
    pub table: TableName,
    /// The column that goes, where the rest of the table stays.
    pub column: Option<String>,
}

/// Partitions go with their table and are counted with it.
const QUESTION: &str = "\
WITH RECURSIVE gone(classid, objid, objsubid) AS ( \
        SELECT 'pg_namespace'::regclass::oid, oid, 0 FROM pg_namespace WHERE $1 = 'schema' AND nspname = $2 \
         UNION ALL \
        SELECT 'pg_type'::regclass::oid, to_regtype($2)::oid, 0 WHERE $1 = 'type' \
         UNION ALL \
        SELECT 'pg_extension'::regclass::oid, oid, 0 FROM pg_extension \
         WHERE $1 = 'extension' AND $2 IN (extname, quote_ident(extname)) \
         UNION \
        SELECT d.classid, d.objid, d.objsubid FROM gone \
          JOIN pg_depend d ON d.refclassid = gone.classid AND d.refobjid = gone.objid \
           AND (gone.objsubid = 0 OR d.refobjsubid = gone.objsubid)), \
     tables(oid) AS (SELECT objid FROM gone WHERE classid = 'pg_class'::regclass AND objsubid = 0) \
SELECT n.nspname::text, c.relname::text, NULL::text, c.relpages \
  FROM tables JOIN pg_class c ON c.oid = tables.oid AND c.relkind IN ('r', 'p') \
  JOIN pg_namespace n ON n.oid = c.relnamespace \
 WHERE NOT (c.relispartition AND EXISTS (SELECT FROM pg_inherits i JOIN tables parent ON parent.oid = i.inhparent \
                                          WHERE i.inhrelid = c.oid)) \
 UNION ALL \
SELECT n.nspname::text, c.relname::text, a.attname::text, c.relpages \
  FROM gone JOIN pg_class c ON gone.classid = 'pg_class'::regclass AND c.oid = gone.objid AND c.relkind IN ('r', 'p') \
  JOIN pg_namespace n ON n.oid = c.relnamespace \
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = gone.objsubid AND NOT a.attisdropped \
 WHERE gone.objsubid > 0 AND NOT c.relispartition AND NOT EXISTS (SELECT FROM tables WHERE tables.oid = c.oid) \
 ORDER BY 4 DESC, 1, 2, 3";

/// What would go with `thing`, the largest tables first. Nothing where there is no such thing.
pub async fn dependents(session: &Session, thing: &Thing) -> Result<Vec<Dependent>, Trouble> {
    const DOING: &str = "Reading what goes with a thing that is dropped";
    let (kind, name) = match thing {
        Thing::Schema(name) => ("schema", name),
        Thing::Type(name) => ("type", name),
        Thing::Extension(name) => ("extension", name),
    };
    let given: [(&(dyn ToSql + Sync), Type); 2] = [(&kind, Type::TEXT), (name, Type::TEXT)];
    let read = |row: &Row| {
        Ok::<_, tokio_postgres::Error>(Dependent {
            table: TableName::new(row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?),
            column: row.try_get(2)?,
        })
    };
    let rows = ask(session, PATIENCE, QUESTION, &given).await;
    rows.map_err(|unanswered| unanswered.trouble(DOING))?
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| Unanswered::Failed(error).trouble(DOING))
}
