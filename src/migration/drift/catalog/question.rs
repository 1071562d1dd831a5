//! The questions that make a catalogue, one for each kind of thing.
//!
//! Each answers with rows of kind, schema, name, kind and name of the part or NULL, and the properties as a JSON object.
//! What definitions look like is the server's own business (`pg_get_…def`): both sides are asked of the same server, under
//! the same settings. What extensions own is left out, and so is Prisma's ledger.
//! Postgres docs: chapter 53 (System Catalogs), 9.27.6 (System Catalog Information Functions).

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
            AND n.nspname !~ '^lockkeeper' AND n.nspname <> 'prisma_contract' AND {} ORDER BY 1",
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
        tables(),
        views(),
        columns(),
        constraints(),
        indexes(),
        triggers(),
        policies(),
        rules(),
        types(),
        domain_constraints(),
        functions(),
        sequences(),
    ];
    if extent.comments {
        questions.push(comments());
    }
    if extent.grants {
        questions.extend(owners());
        questions.extend(grants());
    }
    questions
}

fn tables() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, NULL::text, NULL::text, jsonb_build_object( \
            'storage', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END, \
            'row level security', CASE WHEN c.relrowsecurity THEN 'on' END, \
            'row level security for the owner', CASE WHEN c.relforcerowsecurity THEN 'on' END, \
            'partition key', pg_get_partkeydef(c.oid), \
            'partition bound', pg_get_expr(c.relpartbound, c.oid), \
            CASE WHEN c.relispartition THEN 'partition of' ELSE 'inherits' END, \
                (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i \
                 WHERE i.inhrelid = c.oid), \
            'server', (SELECT s.srvname || coalesce(' ' || f.ftoptions::text, '') FROM pg_foreign_table f \
                JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid), \
            'storage parameters', array_to_string(c.reloptions, ', '), \
            'access method', (SELECT nullif(amname, 'heap') FROM pg_am WHERE pg_am.oid = c.relam), \
            'replica identity', nullif(c.relreplident::text, 'd'))::text \
         FROM {RELATIONS} WHERE {}",
        relations("'r', 'p', 'f'")
    )
}

fn views() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, NULL::text, NULL::text, jsonb_build_object( \
            'definition', pg_get_viewdef(c.oid), 'options', array_to_string(c.reloptions, ', '))::text \
         FROM {RELATIONS} WHERE {}",
        relations("'v', 'm'")
    )
}

fn columns() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'column', a.attname::text, jsonb_build_object( \
            'type', format_type(a.atttypid, a.atttypmod), \
            'nullable', CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END, \
            CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated as' END, pg_get_expr(d.adbin, d.adrelid), \
            'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END, \
            'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END, \
            'place', a.attnum::text)::text \
         FROM {RELATIONS} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         JOIN pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE {}",
        relations("'r', 'p', 'f'")
    )
}

/// NOT NULL, which Postgres 18 counts among them, is a property of the column here.
fn constraints() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'constraint', k.conname::text, \
            jsonb_build_object('definition', pg_get_constraintdef(k.oid))::text \
         FROM {RELATIONS} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x') WHERE {}",
        relations("'r', 'p', 'f'")
    )
}

/// Without those that belong to a constraint.
fn indexes() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'index', x.relname::text, jsonb_build_object( \
            'definition', pg_get_indexdef(i.indexrelid), \
            'validity', CASE WHEN NOT i.indisvalid THEN 'invalid' END)::text \
         FROM {RELATIONS} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid \
         WHERE {} AND NOT EXISTS (SELECT FROM pg_constraint k \
            WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))",
        relations("'r', 'p', 'm'")
    )
}

fn triggers() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'trigger', g.tgname::text, jsonb_build_object( \
            'definition', pg_get_triggerdef(g.oid), \
            'fires', CASE g.tgenabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END)::text \
         FROM {RELATIONS} JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal WHERE {}",
        relations("'r', 'p', 'f', 'v'")
    )
}

fn policies() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'policy', o.polname::text, jsonb_build_object( \
            'for', CASE o.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' \
                WHEN 'd' THEN 'delete' ELSE 'all' END, \
            'combined', CASE WHEN o.polpermissive THEN 'permissive' ELSE 'restrictive' END, \
            'to', (SELECT string_agg(coalesce(r.rolname::text, 'public'), ', ' ORDER BY r.rolname) \
                FROM unnest(o.polroles) role LEFT JOIN pg_roles r ON r.oid = role), \
            'using', pg_get_expr(o.polqual, o.polrelid), 'check', pg_get_expr(o.polwithcheck, o.polrelid))::text \
         FROM {RELATIONS} JOIN pg_policy o ON o.polrelid = c.oid WHERE {}",
        relations("'r', 'p'")
    )
}

fn rules() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'rule', w.rulename::text, \
            jsonb_build_object('definition', pg_get_ruledef(w.oid))::text \
         FROM {RELATIONS} JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename <> '_RETURN' WHERE {}",
        relations("'r', 'p', 'v'")
    )
}

fn types() -> String {
    format!(
        "SELECT {TYPE_KIND}, n.nspname::text, t.typname::text, NULL::text, NULL::text, jsonb_build_object( \
            'values', (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e \
                WHERE e.enumtypid = t.oid), \
            'attributes', CASE WHEN t.typtype = 'c' THEN coalesce((SELECT string_agg( \
                    quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) \
                FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '') END, \
            'type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, \
            'nullable', CASE WHEN t.typtype = 'd' THEN CASE WHEN t.typnotnull THEN 'no' ELSE 'yes' END END, \
            'default', t.typdefault, \
            'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> \
                (SELECT typcollation FROM pg_type b WHERE b.oid = t.typbasetype) THEN t.typcollation::regcollation::text END, \
            'of', (SELECT format_type(r.rngsubtype, NULL) || ' ' || r.rngcanonical::text || ' ' || r.rngsubdiff::text \
                FROM pg_range r WHERE r.rngtypid = t.oid))::text \
         FROM {TYPES} WHERE {STANDS_ALONE} AND {}",
        own("pg_type", "t.oid")
    )
}

fn domain_constraints() -> String {
    format!(
        "SELECT 'domain', n.nspname::text, t.typname::text, 'constraint', k.conname::text, \
            jsonb_build_object('definition', pg_get_constraintdef(k.oid))::text \
         FROM {TYPES} JOIN pg_constraint k ON k.contypid = t.oid AND k.contype = 'c' WHERE {}",
        own("pg_type", "t.oid")
    )
}

fn functions() -> String {
    format!(
        "SELECT {FUNCTION_KIND}, n.nspname::text, {FUNCTION}, NULL::text, NULL::text, jsonb_build_object('definition', \
            CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (SELECT concat_ws(' ', \
                'step', g.aggtransfn::regprocedure, 'state', format_type(g.aggtranstype, NULL), \
                'end', CASE WHEN g.aggfinalfn::oid <> 0 THEN g.aggfinalfn::regprocedure END, 'begin', g.agginitval) \
                FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END)::text \
         FROM {FUNCTIONS} WHERE {} \
            AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid \
                AND x.deptype = 'i')",
        own("pg_proc", "p.oid")
    )
}

/// One that belongs to a column is a part of its table; that of an identity is told with the column.
fn sequences() -> String {
    format!(
        "SELECT CASE WHEN o.relname IS NULL THEN 'sequence' ELSE 'table' END, coalesce(m.nspname, n.nspname)::text, \
            coalesce(o.relname, c.relname)::text, CASE WHEN o.relname IS NOT NULL THEN 'sequence' END, \
            CASE WHEN o.relname IS NOT NULL THEN c.relname::text END, jsonb_build_object( \
            'type', format_type(s.seqtypid, NULL), 'start', s.seqstart::text, 'step', s.seqincrement::text, \
            'least', s.seqmin::text, 'most', s.seqmax::text, 'cache', s.seqcache::text, \
            'cycle', CASE WHEN s.seqcycle THEN 'yes' END, 'of the column', a.attname)::text \
         FROM {RELATIONS} JOIN pg_sequence s ON s.seqrelid = c.oid \
         LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid \
            AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_class o ON o.oid = d.refobjid LEFT JOIN pg_namespace m ON m.oid = o.relnamespace \
         LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE {} AND d.deptype IS DISTINCT FROM 'i'",
        relations("'S'")
    )
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

fn owners() -> Vec<String> {
    let said = |owner: &str| {
        format!(
            "NULL::text, NULL::text, jsonb_build_object('owner', pg_get_userbyid({owner}))::text"
        )
    };
    vec![
        format!(
            "SELECT {KIND}, n.nspname::text, c.relname::text, {} FROM {RELATIONS} WHERE {} AND NOT {BELONGS}",
            said("c.relowner"),
            relations("'r', 'p', 'f', 'v', 'm', 'S'")
        ),
        format!(
            "SELECT {TYPE_KIND}, n.nspname::text, t.typname::text, {} FROM {TYPES} WHERE {STANDS_ALONE} AND {}",
            said("t.typowner"),
            own("pg_type", "t.oid")
        ),
        format!(
            "SELECT {FUNCTION_KIND}, n.nspname::text, {FUNCTION}, {} FROM {FUNCTIONS} WHERE {}",
            said("p.proowner"),
            own("pg_proc", "p.oid")
        ),
    ]
}

/// Who may do what, without the owner, who may do everything. Where nobody has granted anything, the server's defaults count.
fn grants() -> Vec<String> {
    let said = "jsonb_build_object('may', string_agg(lower(g.privilege_type) || \
        CASE WHEN g.is_grantable THEN ' and pass it on' ELSE '' END, ', ' ORDER BY g.privilege_type))::text";
    let to = "CASE WHEN g.grantee = 0 THEN 'public' ELSE pg_get_userbyid(g.grantee)::text END";
    vec![
        format!(
            "SELECT 'schema', '', n.nspname::text, 'grant', 'to ' || {to}, {said} FROM pg_namespace n, \
                aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) g \
             WHERE n.nspname = ANY ($1) AND g.grantee <> n.nspowner GROUP BY n.nspname, g.grantee"
        ),
        format!(
            "SELECT {KIND}, n.nspname::text, c.relname::text, 'grant', 'to ' || {to}, {said} FROM {RELATIONS}, \
                aclexplode(coalesce(c.relacl, acldefault(CASE WHEN c.relkind = 'S' THEN 's'::\"char\" ELSE 'r' END, c.relowner))) g \
             WHERE g.grantee <> c.relowner AND {} AND NOT {BELONGS} \
             GROUP BY c.oid, n.nspname, c.relname, c.relkind, g.grantee",
            relations("'r', 'p', 'f', 'v', 'm', 'S'")
        ),
        format!(
            "SELECT 'table', m.nspname::text, o.relname::text, 'grant', 'on ' || quote_ident(c.relname) || ' to ' || {to}, {said} \
             FROM {RELATIONS} JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' \
             JOIN pg_class o ON o.oid = d.refobjid JOIN pg_namespace m ON m.oid = o.relnamespace, aclexplode(c.relacl) g \
             WHERE g.grantee <> c.relowner AND {} GROUP BY m.nspname, o.relname, c.relname, g.grantee",
            relations("'S'")
        ),
        format!(
            "SELECT {KIND}, n.nspname::text, c.relname::text, 'grant', 'on ' || quote_ident(a.attname) || ' to ' || {to}, {said} \
             FROM {RELATIONS} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL, aclexplode(a.attacl) g \
             WHERE g.grantee <> c.relowner AND {} GROUP BY c.oid, n.nspname, c.relname, c.relkind, a.attname, g.grantee",
            relations("'r', 'p', 'f', 'v', 'm'")
        ),
        format!(
            "SELECT {FUNCTION_KIND}, n.nspname::text, {FUNCTION}, 'grant', 'to ' || {to}, {said} FROM {FUNCTIONS}, \
                aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g \
             WHERE g.grantee <> p.proowner AND {} GROUP BY p.oid, n.nspname, p.proname, p.prokind, g.grantee",
            own("pg_proc", "p.oid")
        ),
    ]
}
