//! Functions that a statement calls when it runs.
//!
//! A function's text is not part of the statement: it may do anything. Those of Postgres that only compute are known by
//! name here; every other one is reported, so that somebody looks.

use pg_query::NodeEnum;

use super::super::tree::{self, Called};
use super::Effect;

/// Functions that compute a value and leave everything as it is. Unqualified, they are found in `pg_catalog` before any
/// function of the same name in another schema. Of `set_config`, only where objects are found is one of them: other
/// settings change how later text is read.
pub(in crate::sql) const COMPUTING: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "array_append",
    "array_cat",
    "array_length",
    "array_position",
    "array_prepend",
    "array_remove",
    "array_to_string",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "chr",
    "clock_timestamp",
    "concat",
    "concat_ws",
    "count",
    "current_setting",
    "date_part",
    "date_trunc",
    "decode",
    "dense_rank",
    "digest",
    "encode",
    "every",
    "extract",
    "first_value",
    "floor",
    "format",
    "gen_random_bytes",
    "gen_random_uuid",
    "generate_series",
    "greatest",
    "initcap",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_each",
    "jsonb_object_agg",
    "jsonb_set",
    "jsonb_strip_nulls",
    "jsonb_typeof",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "max",
    "md5",
    "min",
    "mod",
    "nextval",
    "now",
    "ntile",
    "nullif",
    "num_nonnulls",
    "num_nulls",
    "octet_length",
    "pg_get_serial_sequence",
    "pg_sleep",
    "position",
    "power",
    "quote_ident",
    "quote_literal",
    "random",
    "rank",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_array",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "set_config search_path",
    "setval",
    "setweight",
    "sha256",
    "sign",
    "split_part",
    "sqrt",
    "statement_timestamp",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "unnest",
    "upper",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
    "width_bucket",
];

/// The functions that `node` calls and that are not known to only compute, each once, in order.
pub(super) fn of(node: &NodeEnum) -> Vec<Effect> {
    // What these hold runs later, if ever.
    if matches!(
        node,
        NodeEnum::ViewStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::CreatePolicyStmt(_)
            | NodeEnum::AlterPolicyStmt(_)
            | NodeEnum::PrepareStmt(_)
    ) || !tree::may_call(node)
    {
        return Vec::new();
    }
    let mut called: Vec<String> = Vec::new();
    let mut moved = false;
    let tree = tree::of(node);
    for call in tree::calls(&tree) {
        let name = name_of(&call);
        let computes = match call.parts.as_slice() {
            [_] => COMPUTING.contains(&name.as_str()),
            ["pg_catalog", _] => name
                .strip_prefix("pg_catalog.")
                .is_some_and(|name| COMPUTING.contains(&name)),
            _ => false,
        };
        moved |= name.ends_with("set_config search_path");
        if !computes && !called.contains(&name) {
            called.push(name);
        }
    }
    let moved = moved.then_some(Effect::SetSearchPath { schemas: None });
    called
        .into_iter()
        .map(|function| Effect::Call { function })
        .chain(moved)
        .collect()
}

/// The name of what is called, with its schema. `set_config` has its setting's name behind it, where the text tells it.
pub(in crate::sql) fn name_of(call: &Called) -> String {
    let mut name = call.parts.join(".");
    if call.parts.last() == Some(&"set_config") {
        name = format!("{name} {}", call.first.unwrap_or("of something"));
    }
    name
}

#[cfg(test)]
mod tests {
    use crate::sql::{Effect, parse};

    fn calls(script: &str) -> Vec<String> {
        let statements = parse(script).expect("the script parses");
        let effects = statements.iter().flat_map(|statement| &statement.effects);
        effects
            .filter_map(|effect| match effect {
                Effect::Call { function } => Some(function.clone()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn calls_are_found_wherever_an_expression_may_stand() {
        for script in [
            "SELECT purge()",
            "CALL purge()",
            "ALTER TABLE t ADD COLUMN x int DEFAULT purge()",
            "CREATE TABLE t (x int DEFAULT purge(), y int CHECK (purge(y) > 0))",
            "CREATE INDEX ON t ((purge(x)))",
            "ALTER TABLE t ALTER COLUMN x TYPE int USING purge(x)",
            "INSERT INTO t SELECT lower(purge())",
            "CREATE TABLE c AS SELECT purge()",
            "WITH a AS (SELECT purge()) SELECT 1",
        ] {
            assert_eq!(calls(script), ["purge"], "{script}");
        }
        assert_eq!(calls("SELECT app.lower('x')"), ["app.lower"]);
        assert_eq!(calls("SELECT \"lower], args:\"()"), ["lower], args:"]);
        assert_eq!(
            calls("SELECT set_config('a.b', 'c', false)"),
            ["set_config a.b"]
        );
        // A setting whose name is worked out may be any.
        for script in [
            "SELECT set_config(replace('search_path', 'a', 'b'), 'c', false)",
            "SELECT set_config(coalesce(NULL, 'search_path'), 'c', false)",
        ] {
            assert_eq!(calls(script), ["set_config of something"], "{script}");
        }
    }

    #[test]
    fn what_only_computes_is_not_reported() {
        for script in [
            "ALTER TABLE t ADD COLUMN id uuid DEFAULT gen_random_uuid(), ADD COLUMN at timestamptz DEFAULT now()",
            "SELECT pg_catalog.lower('FuncCall'), pg_catalog.set_config('search_path', '', false)",
            "CREATE VIEW v AS SELECT purge()",
        ] {
            assert_eq!(calls(script), [""; 0], "{script}");
        }
    }
}
