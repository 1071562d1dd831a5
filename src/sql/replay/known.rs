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
const MORE: &str = "akeys array_dims array_fill array_lower array_ndims array_positions array_replace array_to_json array_upper ascii \
     asin atan atan2 avals bit_count bit_length bool bound_box box broadcast cardinality casefold cbrt center circle \
     col_description cos cosine_distance cot crypt current_schema current_schemas date date_bin daterange degrees div \
     dmetaphone earth_distance exp factorial family float8 format_type gcd gen_salt get_bit get_byte \
     has_schema_privilege has_table_privilege hashtext hashtextextended height hmac hostmask hstore inner_product \
     int4 int4range int4send int8 int8range int8send isclosed isempty isfinite isopen json_extract_path \
     json_extract_path_text json_to_tsvector json_typeof jsonb_extract_path jsonb_extract_path_text jsonb_insert \
     jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array \
     jsonb_path_query_first jsonb_pretty jsonb_to_tsvector justify_days justify_hours justify_interval l2_distance \
     lcm levenshtein like_escape ll_to_earth ln log lower_inc lower_inf lseg make_time make_timestamp \
     make_timestamptz masklen metaphone netmask network nlevel normalize numeric numnode numrange obj_description \
     overlaps overlay parse_ident path pg_get_constraintdef pg_get_expr pg_get_indexdef pg_has_role \
     pg_table_is_visible phraseto_tsquery pi plainto_tsquery point polygon querytree quote_nullable radians \
     range_merge regexp_count regexp_instr regexp_like regexp_match regexp_split_to_table regexp_substr scale set_bit \
     set_byte sha224 sha384 sha512 similar_escape similar_to_escape similarity sin slope soundex st_distance \
     st_geomfromtext st_intersects st_makepoint st_point st_setsrid st_transform st_x st_y starts_with \
     strict_word_similarity string_to_table strip subltree tan text text2ltree to_hex to_regclass to_regtype \
     trim_array trim_scale ts_rank ts_rank_cd tsquery_phrase tsrange tstzrange unaccent upper_inc upper_inf \
     uuid_extract_timestamp uuid_extract_version uuid_generate_v3 uuid_generate_v5 uuid_nil uuid_ns_url uuid_send \
     varchar vector_dims vector_norm websearch_to_tsquery width word_similarity";

pub(super) fn extension(name: &str) -> bool {
    EXTENSIONS.contains(&name)
}

/// Whether a function of this name, without its schema, only computes. No script may define one of such a name, and all others
/// that there are in the database are the server's or an extension's.
pub(super) fn computes(name: &str) -> bool {
    COMPUTING.contains(&name) || MORE.split(' ').any(|one| one == name)
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
