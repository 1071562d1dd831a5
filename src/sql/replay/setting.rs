//! Queries, and what is set for the session: where names are found, and how they are written.

use pg_query::NodeEnum;
use pg_query::protobuf::{SelectStmt, VariableSetKind, VariableSetStmt};

use super::super::tree;
use super::definition::Definitions;
use super::verdict::WRITING;
use super::{LeftOut, Verdict, refuse};

/// Settings that change what a script makes, in small letters. Others concern its session only, may hold secrets, or are for
/// operators.
pub const MAKING_SETTINGS: [&str; 12] = [
    "check_function_bodies",
    "client_min_messages",
    "datestyle",
    "default_table_access_method",
    "default_text_search_config",
    "default_toast_compression",
    "intervalstyle",
    "search_path",
    "timezone",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
];

/// A schema whose relations blocks may read, so that no script may make any there.
pub(super) const DENIED: &str = "information_schema";
const MOVES: &str = "moves the search path to the catalogue of the server";

/// A query makes no schema unless a function that it calls does; of its own it may only move the search path.
pub(super) fn query(
    node: &NodeEnum,
    select: &SelectStmt,
    definitions: &mut Definitions,
) -> Result<Verdict, String> {
    if select.into_clause.is_some() {
        return refuse("makes a table of a query by SELECT INTO");
    }
    let tree = tree::of(node);
    let calls = tree::calls(&tree);
    let mut settings = calls
        .iter()
        .filter(|call| call.parts.last() == Some(&"set_config"));
    if settings
        .clone()
        .any(|call| call.first == Some("search_path"))
    {
        if tree::names_others(&tree) || tree::names_catalog(&tree) || tree::has(&tree, WRITING) {
            return refuse("moves the search path by what it reads");
        }
        definitions.must_compute(&tree)?;
        definitions.move_path();
        return if tree::strings(&tree)
            .iter()
            .any(|text| text.contains(DENIED))
        {
            refuse(MOVES)
        } else {
            Ok(Verdict::Run)
        };
    }
    // Another setting, whichever it is, is not set: the query is left out.
    if settings.next().is_none() || settings.count() + 1 < calls.len() {
        definitions.must_compute(&tree)?;
    }
    Ok(Verdict::Leave(LeftOut::Rows))
}

pub(super) fn setting(
    set: &VariableSetStmt,
    definitions: &mut Definitions,
) -> Result<Verdict, String> {
    let name = set.name.to_lowercase();
    let tree = tree::of(&NodeEnum::VariableSetStmt(set.clone()));
    let values = tree::strings(&tree);
    match name.as_str() {
        // Off, the server would end strings elsewhere than they were read here.
        "standard_conforming_strings" if values != ["on"] => refuse("changes how strings are read"),
        "search_path" if values.iter().any(|value| value.contains(DENIED)) => refuse(MOVES),
        _ if set.kind() == VariableSetKind::VarResetAll
            || MAKING_SETTINGS.contains(&name.as_str()) =>
        {
            definitions.move_path();
            Ok(Verdict::Run)
        }
        _ => Ok(Verdict::Leave(LeftOut::Session)),
    }
}
