//! What is known to stay inside of its database.

use super::super::effect::COMPUTING;

/// Extensions whose scripts make types, functions and views in their database and nothing else: those of Postgres that reach no
/// file, no network and no other session, and a few that everybody has. Postgres docs: Appendix F.
const EXTENSIONS: [&str; 26] = [
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "pgstattuple",
    "plpgsql",
    "postgis",
    "seg",
    "tablefunc",
    "tcn",
    "tsm_system_rows",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// Definitions that compute, beyond those that a migration usually calls for its rows: about the catalogue, and of [`EXTENSIONS`].
const MORE: [&str; 28] = [
    "array_dims",
    "array_lower",
    "array_ndims",
    "array_to_json",
    "array_upper",
    "cardinality",
    "col_description",
    "crypt",
    "current_database",
    "current_schema",
    "current_schemas",
    "format_type",
    "gen_salt",
    "get_byte",
    "has_schema_privilege",
    "has_table_privilege",
    "isfinite",
    "jsonb_pretty",
    "obj_description",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_indexdef",
    "pg_has_role",
    "pg_table_is_visible",
    "similarity",
    "to_regclass",
    "to_regtype",
    "unaccent",
];

pub(super) fn extension(name: &str) -> bool {
    EXTENSIONS.contains(&name)
}

/// Whether a function of this name, without its schema, only computes. No script may define one of such a name, and all others
/// that there are in the database are the server's or an extension's.
pub(super) fn computes(name: &str) -> bool {
    COMPUTING.contains(&name) || MORE.contains(&name)
}

/// Languages in which nobody gets out of the database.
pub(super) fn language(name: &str) -> bool {
    matches!(name, "sql" | "plpgsql")
}

/// Beginnings of names of functions that run a text as SQL or reach beyond their database, in the server or in one of
/// [`EXTENSIONS`]. A function of a script that has such a name may be taken for one of those, so its body proves nothing.
const TAKEN: [&str; 13] = [
    "binary_upgrade_",
    "connectby",
    "crosstab",
    "cursor_to_",
    "database_to_",
    "lo",
    "pg_",
    "query_to_",
    "schema_to_",
    "set_config",
    "table_to_",
    "ts_rewrite",
    "ts_stat",
];

/// Whether a function of this name may be another than the one that a script defines.
pub(super) fn is_taken(name: &str) -> bool {
    TAKEN.iter().any(|beginning| name.starts_with(beginning))
}
