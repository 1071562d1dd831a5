//! A parse tree as plain values, to look for something wherever it may stand.
//!
//! The parser's own walk over a tree leaves out defaults, index expressions and constraints; this form holds every node.

use pg_query::NodeEnum;
use serde_json::Value;

/// The whole tree below `node`. A node is an object of one entry, its kind; fields of one kind only are without it.
pub(super) fn of(node: &NodeEnum) -> Value {
    serde_json::to_value(node).unwrap_or_default()
}

/// Whether there may be a call below `node`. Few statements call anything, and the tree takes long to make.
pub(super) fn may_call(node: &NodeEnum) -> bool {
    serde_json::to_string(node).map_or(true, |text| text.contains(CALL))
}

/// What every call has, and nothing else. By what it has, for `CALL` keeps its call under another name.
const CALL: &str = "agg_within_group";

/// A function that is called: the parts of its name, and its first argument where that is a text as it stands.
#[derive(Debug)]
pub(super) struct Called<'a> {
    pub parts: Vec<&'a str>,
    pub first: Option<&'a str>,
}

/// Every call in `tree`, in order.
pub(super) fn calls(tree: &Value) -> Vec<Called<'_>> {
    let mut found = Vec::new();
    each(tree, &mut |_, inside| {
        if inside.get(CALL).is_some() {
            found.push(Called {
                parts: strings(&inside["funcname"]),
                first: inside["args"][0]["node"]["AConst"]["val"]["Sval"]["sval"].as_str(),
            });
        }
    });
    found
}

/// Whether a node of one of these kinds is anywhere in `tree`.
pub(super) fn has(tree: &Value, kinds: &[&str]) -> bool {
    let mut found = false;
    each(tree, &mut |kind, _| found |= kinds.contains(&kind));
    found
}

/// Every text in `tree`, in order.
pub(super) fn strings(tree: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    each(tree, &mut |kind, inside| {
        if kind == "sval"
            && let Some(text) = inside.as_str()
        {
            found.push(text);
        }
    });
    found
}

/// Visits every entry of every object.
pub(super) fn each<'a>(tree: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match tree {
        Value::Object(entries) => {
            for (kind, inside) in entries {
                visit(kind, inside);
                each(inside, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
        _ => {}
    }
}

/// Whether `tree` names a relation of the server's own: in its schemas, or by a name that is looked for there first.
pub(super) fn names_catalog(tree: &Value) -> bool {
    relations(tree).any(|(schema, name)| is_catalog(schema, name))
}

/// Whether `tree` names a relation that is not the server's own.
pub(super) fn names_others(tree: &Value) -> bool {
    relations(tree).any(|(schema, name)| !is_catalog(schema, name))
}

fn is_catalog(schema: &str, name: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema")
        || (schema.is_empty() && name.starts_with("pg_"))
}

/// Schema and name of every relation.
fn relations(tree: &Value) -> impl Iterator<Item = (&str, &str)> {
    let mut found = Vec::new();
    each(tree, &mut |_, inside| {
        if let (Some(schema), Some(name)) =
            (inside["schemaname"].as_str(), inside["relname"].as_str())
        {
            found.push((schema, name));
        }
    });
    found.into_iter()
}
