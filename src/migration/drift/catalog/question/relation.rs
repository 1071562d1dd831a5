//! Questions about tables, views and sequences, and what hangs on them.

use super::{KIND, RELATIONS, relations};

pub(super) fn tables() -> String {
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

pub(super) fn views() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, NULL::text, NULL::text, jsonb_build_object( \
            'definition', pg_get_viewdef(c.oid), 'options', array_to_string(c.reloptions, ', '))::text \
         FROM {RELATIONS} WHERE {}",
        relations("'v', 'm'")
    )
}

pub(super) fn columns() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'column', a.attname::text, jsonb_build_object( \
            'type', format_type(a.atttypid, a.atttypmod), \
            'nullable', CASE WHEN NOT a.attnotnull THEN 'yes' WHEN EXISTS (SELECT FROM pg_constraint k \
                WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey[1] = a.attnum AND NOT k.convalidated) \
                THEN 'no, but not validated' ELSE 'no' END, \
            CASE a.attgenerated WHEN '' THEN 'default' WHEN 'v' THEN 'virtually generated as' ELSE 'generated as' END, \
                pg_get_expr(d.adbin, d.adrelid), \
            'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END, \
            'counts', CASE WHEN a.attidentity <> '' THEN (SELECT concat_ws(' ', 'from', s.seqstart, 'by', s.seqincrement, \
                    'between', s.seqmin, 'and', s.seqmax, CASE WHEN s.seqcycle THEN 'again and again' END) \
                FROM pg_depend q JOIN pg_sequence s ON s.seqrelid = q.objid WHERE q.classid = 'pg_class'::regclass \
                AND q.refclassid = 'pg_class'::regclass AND q.refobjid = c.oid AND q.refobjsubid = a.attnum AND q.deptype = 'i') END, \
            'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END, \
            'place', a.attnum::text)::text \
         FROM {RELATIONS} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         JOIN pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE {}",
        relations("'r', 'p', 'f'")
    )
}

/// NOT NULL, which Postgres 18 counts among them, is a property of the column here.
pub(super) fn constraints() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'constraint', k.conname::text, \
            jsonb_build_object('definition', pg_get_constraintdef(k.oid), \
            'validity', CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = k.conindid AND k.contype <> 'f' \
                AND NOT i.indisvalid) THEN 'its index is invalid' END, \
            'enforced', CASE WHEN EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgenabled IN ('D', 'R')) \
                THEN 'no, its triggers are off' END)::text \
         FROM {RELATIONS} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x') WHERE {}",
        relations("'r', 'p', 'f'")
    )
}

/// Without those that belong to a constraint.
pub(super) fn indexes() -> String {
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

pub(super) fn triggers() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'trigger', g.tgname::text, jsonb_build_object( \
            'definition', pg_get_triggerdef(g.oid), \
            'fires', {})::text \
         FROM {RELATIONS} JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal WHERE {}",
        fires("g.tgenabled"),
        relations("'r', 'p', 'f', 'v'")
    )
}

pub(super) fn policies() -> String {
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

pub(super) fn rules() -> String {
    format!(
        "SELECT {KIND}, n.nspname::text, c.relname::text, 'rule', w.rulename::text, \
            jsonb_build_object('definition', pg_get_ruledef(w.oid), 'fires', {})::text \
         FROM {RELATIONS} JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename <> '_RETURN' WHERE {}",
        fires("w.ev_enabled"),
        relations("'r', 'p', 'v'")
    )
}

/// When a trigger or a rule does something, where that is not as usual.
fn fires(letter: &str) -> String {
    format!(
        "CASE {letter} WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END"
    )
}

/// One that belongs to a column is a part of its table; that of an identity is told with the column.
pub(super) fn sequences() -> String {
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
