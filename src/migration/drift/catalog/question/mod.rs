//! The questions that make a catalogue, one for each kind of thing.
//!
//! Each answers with rows of kind, schema, name, kind and name of the part or NULL, and the properties as a JSON object.
//! What definitions look like is the server's own business (`pg_get_…def`): both sides are asked of the same server, under
//! the same settings. What extensions own is left out, and so is Prisma's ledger.
//! Postgres docs: chapter 53 (System Catalogs), 9.27.6 (System Catalog Information Functions).

mod definition;
mod relation;
mod right;

use super::super::Extent;

/// Kinds in the order in which people read them; others follow.
pub(in crate::migration::drift) const ORDER: [&str; 14] = [
    "schema",
    "extension",
    "table",
    "foreign table",
    "view",
    "materialized view",
    "enum",
    "type",
    "domain",
    "range",
    "sequence",
    "function",
    "procedure",
    "aggregate",
];

/// Properties that make no difference: they are the operator's, or change nothing for the app.
pub(in crate::migration::drift) const QUIET: [&str; 5] = [
    "place",
    "version",
    "storage parameters",
    "replica identity",
    "access method",
];

/// What says that a table is a part of another.
pub(in crate::migration::drift) const PARTITION: &str = "partition of";
/// Where a column stands.
pub(in crate::migration::drift) const PLACE: &str = "place";

/// Extensions that operators install to watch or run a server. Where only the database has one, that is no difference.
pub(in crate::migration::drift) const WATCHES: [&str; 14] = [
    "amcheck",
    "hypopg",
    "pageinspect",
    "pg_buffercache",
    "pg_cron",
    "pg_prewarm",
    "pg_repack",
    "pg_stat_kcache",
    "pg_stat_statements",
    "pg_visibility",
    "pg_wait_sampling",
    "pgaudit",
    "pgstattuple",
    "powa",
];

/// The kind of a relation.
const KIND: &str = "CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' \
    WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END";
/// Relations of the schemas that are asked for.
const RELATIONS: &str =
    "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1)";
/// Types of the schemas that are asked for.
const TYPES: &str =
    "pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND n.nspname = ANY ($1)";
/// Functions of the schemas that are asked for.
const FUNCTIONS: &str =
    "pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = ANY ($1)";
/// The name of a function, told apart from others of that name.
const FUNCTION: &str = "p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'";
const FUNCTION_KIND: &str =
    "CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END";
/// The kind of a type that stands for itself.
const TYPE_KIND: &str = "CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' ELSE 'type' END";
/// Such a type: an enum, a domain, a range, or a composite type that is no table's.
const STANDS_ALONE: &str = "(t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' \
    AND (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c'))";

/// A sequence that belongs to a column.
const BELONGS: &str = "(c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
    AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))";

/// Nothing that an extension owns.
fn own(catalog: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass AND x.objid = {oid} AND x.deptype = 'e')"
    )
}

/// Relations with one of these letters as kind, without the ledger and what extensions own.
fn relations(kinds: &str) -> String {
    format!(
        "c.relkind IN ({kinds}) AND c.relname <> '_prisma_migrations' AND {}",
        own("pg_class", "c.oid")
    )
}

/// The schemas, and whether they are used.
pub(super) fn namespaces() -> String {
    let (relation, function, data_type) = (
        own("pg_class", "c.oid"),
        own("pg_proc", "p.oid"),
        own("pg_type", "t.oid"),
    );
    format!(
        "SELECT n.nspname::text, \
            EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND {relation} \
                AND c.relname NOT IN ('_prisma_migrations', '_prisma_migrations_pkey')) \
            OR EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND {function}) \
            OR EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid AND t.typtype IN ('e', 'd', 'r') AND {data_type}) \
         FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
            AND n.nspname <> 'prisma_contract' AND {} ORDER BY 1",
        own("pg_namespace", "n.oid")
    )
}

/// Every question.
pub(super) fn all(extent: Extent) -> Vec<String> {
    let mut questions = vec![
        "SELECT 'schema', '', n.nspname::text, NULL::text, NULL::text, '{}' FROM pg_namespace n WHERE n.nspname = ANY ($1)"
            .to_owned(),
        // Every extension, in whatever schema; the array is there because each question has one.
        "SELECT 'extension', '', extname::text, NULL::text, NULL::text, \
            jsonb_build_object('schema', n.nspname, 'version', extversion)::text \
         FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE $1::text[] IS NOT NULL"
            .to_owned(),
        relation::tables(),
        relation::views(),
        relation::columns(),
        relation::constraints(),
        relation::indexes(),
        relation::triggers(),
        relation::policies(),
        relation::rules(),
        definition::types(),
        definition::domain_constraints(),
        definition::functions(),
        relation::sequences(),
    ];
    if extent.comments {
        questions.push(comments());
    }
    if extent.grants {
        questions.extend(right::owners());
        questions.extend(right::grants());
    }
    questions
}

fn comments() -> String {
    let relations = relations("'r', 'p', 'f', 'v', 'm'");
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, CASE WHEN d.objsubid > 0 THEN 'column' END, a.attname::text, \
            jsonb_build_object('comment', d.description)::text \
         FROM {RELATIONS} JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid \
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 WHERE {relations} \
         UNION ALL SELECT {TYPE_KIND}, n.nspname::text, t.typname::text, NULL, NULL, \
            jsonb_build_object('comment', d.description)::text \
         FROM {TYPES} JOIN pg_description d ON d.classoid = 'pg_type'::regclass AND d.objoid = t.oid \
         WHERE {STANDS_ALONE} AND {} \
         UNION ALL SELECT {FUNCTION_KIND}, n.nspname::text, {FUNCTION}, NULL, NULL, \
            jsonb_build_object('comment', d.description)::text \
         FROM {FUNCTIONS} JOIN pg_description d ON d.classoid = 'pg_proc'::regclass AND d.objoid = p.oid WHERE {}",
        own("pg_type", "t.oid"),
        own("pg_proc", "p.oid")
    )
}
