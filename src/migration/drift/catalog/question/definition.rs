//! Questions about types and functions.

use super::{FUNCTION, FUNCTION_KIND, FUNCTIONS, STANDS_ALONE, TYPE_KIND, TYPES, own};

pub(super) fn types() -> String {
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

pub(super) fn domain_constraints() -> String {
    format!(
        "SELECT 'domain', n.nspname::text, t.typname::text, 'constraint', k.conname::text, \
            jsonb_build_object('definition', pg_get_constraintdef(k.oid))::text \
         FROM {TYPES} JOIN pg_constraint k ON k.contypid = t.oid AND k.contype = 'c' WHERE {}",
        own("pg_type", "t.oid")
    )
}

/// Line ends make no difference: an editor or a checkout may have changed them.
pub(super) fn functions() -> String {
    format!(
        "SELECT {FUNCTION_KIND}, n.nspname::text, {FUNCTION}, NULL::text, NULL::text, jsonb_build_object('definition', \
            CASE WHEN p.prokind <> 'a' THEN replace(pg_get_functiondef(p.oid), chr(13) || chr(10), chr(10)) ELSE (SELECT concat_ws(' ', \
                'step', g.aggtransfn::regprocedure, 'state', format_type(g.aggtranstype, NULL), \
                'end', CASE WHEN g.aggfinalfn::oid <> 0 THEN g.aggfinalfn::regprocedure END, 'begin', g.agginitval) \
                FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END)::text \
         FROM {FUNCTIONS} WHERE {} \
            AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid \
                AND x.deptype = 'i')",
        own("pg_proc", "p.oid")
    )
}
