//! The shape of tables: everything of their definition that a statement may depend on, as names and texts.
//!
//! Two readings are equal exactly when nothing of it has changed. The texts are the server's own (`pg_get_constraintdef` and
//! its kin), which leave out the schemas of the search path: a shape is compared only with one of the same role.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::types::{ToSql, Type};

use super::table::TableName;
use super::{PATIENCE, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;
use crate::target::failure::query_failed;

/// The definition of a relation. The outer key says what something is (`column`, `constraint`, `index`, `trigger`,
/// `policy`, `reference`, `child`, `view`, `property`), the inner one its name; the text is its definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape(pub BTreeMap<String, BTreeMap<String, String>>);

/// Partitions that come and go, and the copies that a concurrent REINDEX makes for a while, are not part of it.
/// Foreign keys that point at it, tables that inherit from it and views over it belong to a relation's shape: what is done to
/// it reaches them.
const QUESTION: &str = "\
SELECT wanted.n, jsonb_strip_nulls(jsonb_build_object( \
    'property', jsonb_build_object( \
        'kind', c.relkind::text, \
        'persistence', c.relpersistence::text, \
        'row security', CASE WHEN c.relrowsecurity THEN 'on' ELSE 'off' END, \
        'partition key', pg_get_partkeydef(c.oid), \
        'partition of', pg_get_expr(c.relpartbound, c.oid), \
        'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END), \
    'column', (SELECT jsonb_object_agg(a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), \
            CASE WHEN a.attnotnull THEN 'not null' END, \
            CASE a.attgenerated WHEN '' THEN 'default ' WHEN 'v' THEN 'generated, virtual ' ELSE 'generated ' END \
                || pg_get_expr(d.adbin, d.adrelid), \
            CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text END, \
            CASE WHEN a.attcollation <> t.typcollation THEN 'collation ' || a.attcollation::regcollation::text END)) \
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
    'constraint', (SELECT jsonb_object_agg(conname, pg_get_constraintdef(k.oid) \
            || CASE WHEN convalidated THEN '' ELSE ' (not validated)' END) \
        FROM pg_constraint k WHERE conrelid = c.oid), \
    'reference', (SELECT jsonb_object_agg(conname || ' of ' || conrelid::regclass::text, pg_get_constraintdef(k.oid)) \
        FROM pg_constraint k WHERE confrelid = c.oid AND conparentid = 0), \
    'index', (SELECT jsonb_object_agg(indexrelid::regclass::text, pg_get_indexdef(indexrelid) \
            || CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END) \
        FROM pg_index WHERE indrelid = c.oid \
            AND NOT (NOT indisvalid AND indexrelid::regclass::text ~ '_cc(new|old)[0-9]*.?$')), \
    'trigger', (SELECT jsonb_object_agg(tgname, pg_get_triggerdef(g.oid) || ' ' || tgenabled::text) \
        FROM pg_trigger g WHERE tgrelid = c.oid AND NOT tgisinternal), \
    'policy', (SELECT jsonb_object_agg(polname, concat_ws(' ', polcmd::text, polpermissive::text, \
            pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))) \
        FROM pg_policy WHERE polrelid = c.oid), \
    'child', (SELECT jsonb_object_agg(inhrelid::regclass::text, 'inherits') FROM pg_inherits WHERE inhparent = c.oid \
            AND NOT (SELECT p.relispartition FROM pg_class p WHERE p.oid = inhrelid)), \
    'view', (SELECT jsonb_object_agg(DISTINCT w.ev_class::regclass::text, 'reads it') \
        FROM pg_depend p JOIN pg_rewrite w ON w.oid = p.objid \
        WHERE p.classid = 'pg_rewrite'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid \
            AND w.ev_class <> c.oid) \
    ))::text \
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (schema, name, n) \
JOIN pg_namespace s ON s.nspname = wanted.schema \
JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// Who holds one of `tables` exclusively, or is the next to, so that reading would wait: in words, or none. Looks without waiting.
pub async fn holder(session: &Session, tables: &[TableName]) -> Result<Option<String>, Trouble> {
    const HELD: &str = "SELECT format('%I.%I is held by process %s (%s)', wanted.schema, wanted.name, l.pid, \
            coalesce(nullif(a.application_name, ''), 'without a name')) \
        FROM unnest($1::text[], $2::text[]) AS wanted (schema, name) \
        JOIN pg_namespace s ON s.nspname = wanted.schema \
        JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = wanted.name \
        JOIN pg_locks l ON l.relation = c.oid AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
        LEFT JOIN pg_stat_activity a ON a.pid = l.pid ORDER BY l.granted DESC, l.pid LIMIT 1";
    let rows = ask(session, PATIENCE, HELD, &given(&parts(tables))).await;
    let rows = rows.map_err(|unanswered| unanswered.trouble("Looking who holds the tables"))?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()))
}

fn parts(tables: &[TableName]) -> [Vec<String>; 2] {
    let (schemas, names) = tables
        .iter()
        .map(|table| (table.schema.clone(), table.name.clone()))
        .unzip();
    [schemas, names]
}

fn given(parts: &[Vec<String>; 2]) -> [(&(dyn ToSql + Sync), Type); 2] {
    parts
        .each_ref()
        .map(|part| (part as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
}

/// The shapes of `tables`, in their order; `None` where there is no such relation.
pub async fn shapes(
    session: &Session,
    tables: &[TableName],
) -> Result<Vec<Option<Shape>>, Trouble> {
    const DOING: &str = "Reading the definitions of the tables";
    let rows = ask(session, PATIENCE, QUESTION, &given(&parts(tables)))
        .await
        .map_err(|unanswered| unanswered.trouble(DOING))?;
    let mut shapes = vec![None; tables.len()];
    for row in rows {
        let failed = |error| query_failed(DOING, &error);
        let n: i64 = row.try_get(0).map_err(failed)?;
        let text: String = row.try_get(1).map_err(failed)?;
        let shape = serde_json::from_str(&text).map_err(|error| {
            Trouble::new(
                format!("{DOING}: the server's answer cannot be read: {error}."),
                "Nothing was changed.",
                "Please report this with the version of your server.",
            )
        })?;
        let at = usize::try_from(n - 1).unwrap_or_default();
        if let Some(place) = shapes.get_mut(at) {
            *place = Some(shape);
        }
    }
    Ok(shapes)
}
