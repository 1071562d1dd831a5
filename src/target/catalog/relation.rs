//! Tables as a statement would meet them: columns, foreign keys on both sides, size.
//!
//! Only catalogues are read, for all names at once, so that asking for a hundred tables costs as much as asking for one.

use std::collections::BTreeMap;

use futures_util::future::join3;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::table::{BUSY, ESTIMATED_ROWS, PAGES, TableName};
use super::{PATIENCE, Unanswered, ask};
use crate::operation::Trouble;
use crate::sql::DataType;
use crate::target::connect::Session;

/// Something that has a name in `pg_class`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// What it is.
    pub kind: Kind,
    /// Bytes on disk with indexes and oversized values, of its partitions too.
    pub bytes: i64,
    /// The bytes were measured now; else they are of the last vacuum or analyze, because somebody holds a lock.
    pub bytes_exact: bool,
    /// The planner's estimate; `None` when it, or a part of it, was never analyzed.
    pub rows_estimate: Option<i64>,
    /// Whether it is divided into partitions, and holds no row itself.
    pub divided: bool,
    /// How many partitions or heirs it has, those of its partitions included.
    pub parts: i64,
    /// The table, where it is an index.
    pub index_of: Option<TableName>,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// The foreign keys that point from it or to it.
    pub links: Vec<Link>,
    /// The columns of which a validated check already says that they have a value.
    pub filled: Vec<String>,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A table, divided or not.
    #[default]
    Table,
    /// A view, materialised or not.
    View,
    /// An index, a sequence or a type.
    Other,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Its type as the server writes it, ready for SQL.
    pub words: String,
    /// Whether it must have a value.
    pub not_null: bool,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The constraint.
    pub name: String,
    /// The table that points.
    pub from: TableName,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that is pointed to.
    pub to: TableName,
    /// Its columns.
    pub to_columns: Vec<String>,
    /// Whether rows that point go with those that are pointed to (`ON DELETE CASCADE`).
    pub cascades: bool,
}

/// What decides how a session reads a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The schemas in which names without one are looked for, in order.
    pub path: Vec<String>,
    /// Whether its clocks are UTC, so that a timestamp with a zone is stored as one without.
    pub utc: bool,
}

/// Asks how a script would be read.
pub async fn reading(session: &Session) -> Result<Reading, Trouble> {
    let doing = "Reading the session's settings";
    let question = "SELECT current_schemas(false)::text[], \
                    current_setting('TimeZone') IN ('UTC', 'Etc/UTC', 'Universal', 'Zulu', 'GMT')";
    let rows = ask(session, PATIENCE, question, &[])
        .await
        .map_err(|unanswered| unanswered.trouble(doing))?;
    let read = |row: &Row| {
        Ok::<_, tokio_postgres::Error>(Reading {
            path: row.try_get(0)?,
            utc: row.try_get(1)?,
        })
    };
    rows.first()
        .map(read)
        .transpose()
        .map(Option::unwrap_or_default)
        .map_err(|error| Unanswered::Failed(error).trouble(doing))
}

/// What there is of `names`. What is not there is left out.
pub async fn relations(
    session: &Session,
    names: &[TableName],
) -> Result<BTreeMap<TableName, Relation>, Trouble> {
    let doing = "Reading the tables of the plan";
    let mut found = BTreeMap::new();
    let trouble = |unanswered: Unanswered| unanswered.trouble(doing);
    let failed = |error| Unanswered::Failed(error).trouble(doing);
    if names.is_empty() {
        return Ok(found);
    }
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let own: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let wanted: [(&(dyn ToSql + Sync), Type); 2] =
        [(&schemas, Type::TEXT_ARRAY), (&own, Type::TEXT_ARRAY)];
    let measured = "CASE WHEN busy.relation IS NULL THEN pg_total_relation_size(c.oid) ELSE pages.bytes END, busy.relation IS NULL";
    let sizes = size_question(measured);
    let (mut answer, columns, links) = join3(
        ask(session, PATIENCE, &sizes, &wanted),
        ask(session, PATIENCE, COLUMNS, &wanted),
        ask(session, PATIENCE, LINKS, &wanted),
    )
    .await;
    if let Err(Unanswered::Locked | Unanswered::Late) = answer {
        // A lock was taken after we looked, or is on an index.
        let pages = size_question("pages.bytes, false");
        answer = ask(session, PATIENCE, &pages, &wanted).await;
    }
    for row in answer.map_err(trouble)? {
        let name = name_at(&row, 0).map_err(failed)?;
        found.insert(name, relation(&row).map_err(failed)?);
    }
    for row in columns.map_err(trouble)? {
        let name = name_at(&row, 0).map_err(failed)?;
        let column = column(&row).map_err(failed)?;
        if let Some(relation) = found.get_mut(&name) {
            if row.try_get(8).map_err(failed)? {
                relation.filled.push(column.name.clone());
            }
            relation.columns.push(column);
        }
    }
    for row in links.map_err(trouble)? {
        let link = link(&row).map_err(failed)?;
        let ends = [link.from.clone(), link.to.clone()];
        let ends = if link.from == link.to {
            &ends[..1]
        } else {
            &ends[..]
        };
        for end in ends {
            if let Some(relation) = found.get_mut(end) {
                relation.links.push(link.clone());
            }
        }
    }
    Ok(found)
}

/// Of each wanted relation and everything that is a part of it.
fn size_question(measure: &str) -> String {
    format!(
        "WITH RECURSIVE tree(root, oid) AS ( \
                SELECT c.oid, c.oid FROM unnest($1::text[], $2::text[]) AS wanted(schema, name) \
                  JOIN pg_namespace n ON n.nspname = wanted.schema \
                  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name \
                 UNION \
                SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid), \
              part(root, bytes, exact, rows, heirs) AS ( \
                SELECT tree.root, {measure}, \
                       CASE WHEN c.relkind = 'p' THEN 0 ELSE ({ESTIMATED_ROWS})::int8 END, \
                       (tree.oid <> tree.root)::int \
                  FROM tree JOIN pg_class c ON c.oid = tree.oid {PAGES} {BUSY}) \
         SELECT n.nspname::text, c.relname::text, c.relkind::text, \
                coalesce(sum(part.bytes), 0)::int8, coalesce(bool_and(part.exact), false), \
                CASE WHEN bool_and(part.rows IS NOT NULL) THEN sum(part.rows)::int8 END, \
                sum(part.heirs)::int8, tn.nspname::text, t.relname::text \
           FROM part JOIN pg_class c ON c.oid = part.root JOIN pg_namespace n ON n.oid = c.relnamespace \
           LEFT JOIN pg_index x ON x.indexrelid = c.oid \
           LEFT JOIN pg_class t ON t.oid = x.indrelid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace \
          GROUP BY c.oid, n.nspname, c.relname, c.relkind, tn.nspname, t.relname"
    )
}

/// A check says that a column has a value when it is exactly that, is validated, and holds for heirs too.
const COLUMNS: &str = "SELECT n.nspname::text, c.relname::text, a.attname::text, \
        format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k \
                 WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated), \
        nullif(bn.nspname::text, 'pg_catalog'), b.typname::text, e.oid IS NOT NULL, \
        EXISTS (SELECT FROM pg_constraint k \
                 WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated AND k.conkey = ARRAY[a.attnum] \
                   AND pg_get_constraintdef(k.oid) = format('CHECK ((%I IS NOT NULL))', a.attname)) \
   FROM unnest($1::text[], $2::text[]) AS wanted(schema, name) \
   JOIN pg_namespace n ON n.nspname = wanted.schema \
   JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name \
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
   JOIN pg_type t ON t.oid = a.atttypid \
   LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid \
   JOIN pg_type b ON b.oid = coalesce(e.oid, t.oid) \
   JOIN pg_namespace bn ON bn.oid = b.typnamespace \
  ORDER BY 1, 2, a.attnum";

/// The copies of a foreign key on partitions are left out: the partitions go with their table.
const LINKS: &str = "SELECT k.conname::text, fn.nspname::text, f.relname::text, tn.nspname::text, t.relname::text, \
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS key(num, place) \
                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.num ORDER BY key.place), \
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS key(num, place) \
                JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.num ORDER BY key.place), \
        k.confdeltype = 'c' \
   FROM pg_constraint k \
   JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace \
   JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace \
  WHERE k.contype = 'f' AND k.conparentid = 0 \
    AND ((fn.nspname, f.relname) IN (SELECT * FROM unnest($1::text[], $2::text[])) \
      OR (tn.nspname, t.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))) \
  ORDER BY 2, 3, 1";

fn name_at(row: &Row, at: usize) -> Result<TableName, tokio_postgres::Error> {
    let (schema, name): (String, String) = (row.try_get(at)?, row.try_get(at + 1)?);
    Ok(TableName::new(schema, name))
}

fn relation(row: &Row) -> Result<Relation, tokio_postgres::Error> {
    let kind: String = row.try_get(2)?;
    let table: Option<String> = row.try_get(8)?;
    Ok(Relation {
        kind: match kind.as_str() {
            "r" | "p" | "f" => Kind::Table,
            "v" | "m" => Kind::View,
            _ => Kind::Other,
        },
        bytes: row.try_get(3)?,
        bytes_exact: row.try_get(4)?,
        rows_estimate: row.try_get(5)?,
        divided: kind == "p",
        parts: row.try_get(6)?,
        index_of: table.is_some().then(|| name_at(row, 7)).transpose()?,
        ..Relation::default()
    })
}

fn column(row: &Row) -> Result<Column, tokio_postgres::Error> {
    let words: String = row.try_get(3)?;
    let is_array: bool = row.try_get(7)?;
    Ok(Column {
        name: row.try_get(2)?,
        data_type: DataType {
            schema: row.try_get(5)?,
            name: row.try_get(6)?,
            modifiers: modifiers(&words),
            dimensions: usize::from(is_array),
        },
        words,
        not_null: row.try_get(4)?,
    })
}

/// The numbers in parentheses. A quoted name may hold parentheses too; it then has more behind the last quote, or nothing.
fn modifiers(words: &str) -> Vec<i32> {
    let behind = words.rsplit('"').next().unwrap_or(words);
    let inside = behind
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let numbers = inside.map(|(inside, _)| inside.split(',').map(|n| n.trim().parse().ok()));
    numbers.and_then(Iterator::collect).unwrap_or_default()
}

fn link(row: &Row) -> Result<Link, tokio_postgres::Error> {
    Ok(Link {
        name: row.try_get(0)?,
        from: name_at(row, 1)?,
        to: name_at(row, 3)?,
        columns: row.try_get(5)?,
        to_columns: row.try_get(6)?,
        cascades: row.try_get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_read_from_a_types_words() {
        for (words, numbers) in [
            ("integer", vec![]),
            ("character varying(50)", vec![50]),
            ("numeric(10,-2)[]", vec![10, -2]),
            ("timestamp(3) without time zone", vec![3]),
            ("\"a(1)\"", vec![]),
            ("geometry(Point,4326)", vec![]),
        ] {
            assert_eq!(modifiers(words), numbers, "{words}");
        }
    }
}
