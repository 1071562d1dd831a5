//! Questions about who owns what and may do what, which are asked on demand.

use super::{
    BELONGS, FUNCTION, FUNCTION_KIND, FUNCTIONS, KIND, RELATIONS, STANDS_ALONE, TYPE_KIND, TYPES,
    own, relations,
};

pub(super) fn owners() -> Vec<String> {
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
pub(super) fn grants() -> Vec<String> {
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
