//! What scripts define and call: a call runs only what is known to compute.
//!
//! What a script defines is not called here, but for functions in SQL that are one expression over their arguments. Operators
//! and casts call functions too, those of the server and of extensions: so a script may not put a function of its own in their
//! place, by name or by `OR REPLACE`.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::NodeEnum;
use pg_query::protobuf::CreateFunctionStmt;
use serde_json::Value;

use super::super::effect::{name_of, strings};
use super::super::tree;
use super::{body, known, refuse};

/// What the scripts have defined so far, as far as it matters for what follows.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// The schemas that they make, by any name that those have had.
    pub schemas: BTreeSet<String>,
    /// The schemas that they put extensions into.
    pub wanted: BTreeSet<String>,
    /// Whether they make the ledger themselves.
    pub makes_ledger: bool,
    /// By name without schema, whether everything of that name only computes. Arguments do not count: which of several functions
    /// of one name a call reaches is not looked at.
    own: BTreeMap<String, bool>,
    /// Functions as they were named, with the types of their arguments.
    signatures: BTreeSet<(Vec<String>, String)>,
}

impl Definitions {
    /// Takes note of a function. Its body does not run by that. Whether it may take the place of another: only of one that the
    /// scripts have made themselves.
    pub(super) fn define(&mut self, create: &CreateFunctionStmt) -> Result<bool, String> {
        for option in body::options(&create.options) {
            match option.defname.as_str() {
                "language" if !known::language(&body::text(option)) => {
                    return refuse(format!(
                        "defines a function in the language {}",
                        body::text(option)
                    ));
                }
                "support" => return refuse("defines a function with a support function"),
                _ => {}
            }
        }
        let name = last(&create.funcname);
        let computes = body::computes(create, self) && !known::is_taken(&name);
        self.take(name, computes)?;
        let types: Vec<String> = create
            .parameters
            .iter()
            .filter_map(|parameter| match &parameter.node {
                Some(NodeEnum::FunctionParameter(parameter)) => parameter.arg_type.as_ref(),
                _ => None,
            })
            .map(|data_type| format!("{:?} {:?}", data_type.names, data_type.array_bounds))
            .collect();
        let signature = (strings(&create.funcname), types.join(", "));
        Ok(!self.signatures.insert(signature))
    }

    /// Takes note of something that is called like a function and is not looked into.
    pub(super) fn define_unknown(&mut self, name: &[pg_query::Node]) -> Result<(), String> {
        self.take(last(name), false)
    }

    /// Takes note of another name for a function.
    pub(super) fn rename(&mut self, from: &[pg_query::Node], to: &str) -> Result<(), String> {
        let computes = self.own.get(&last(from)).copied().unwrap_or(false);
        self.take(to.to_owned(), computes)
    }

    /// From here on a name without schema may be another.
    pub(super) fn move_path(&mut self) {
        self.signatures.retain(|(name, _)| name.len() > 1);
    }

    fn take(&mut self, name: String, computes: bool) -> Result<(), String> {
        if known::computes(&name) {
            return refuse(format!(
                "defines a function of the name {name}, which the server or an extension has as well"
            ));
        }
        match self.own.get(&name) {
            Some(true) if !computes => refuse(format!(
                "puts another function in the place of {name}, which others may call already"
            )),
            Some(_) => Ok(()),
            None => {
                self.own.insert(name, computes);
                Ok(())
            }
        }
    }

    /// Nothing, where all that `tree` calls when it is evaluated only computes.
    pub(super) fn must_compute(&self, tree: &Value) -> Result<(), String> {
        for call in tree::calls(tree) {
            let computes = match call.parts.as_slice() {
                [.., "set_config"] => call.first == Some("search_path"),
                [last] | [_, last] => known::computes(last) || self.own.get(*last) == Some(&true),
                _ => false,
            };
            if !computes {
                return refuse(format!(
                    "calls {}(), which is not known to only compute a value",
                    name_of(&call)
                ));
            }
        }
        // `row.f` is a call of f(row) where the row has no such column.
        let hidden = tree::strings(tree)
            .into_iter()
            .find(|text| self.own.get(*text) == Some(&false));
        if let Some(name) = hidden
            && tree::has(tree, &["AIndirection", "ColumnRef"])
        {
            return refuse(format!(
                "names {name}, which is a function of these scripts"
            ));
        }
        Ok(())
    }
}

/// The last part of a name.
fn last(name: &[pg_query::Node]) -> String {
    strings(name).pop().unwrap_or_default()
}

/// The name of a function as `DROP`, `ALTER` and `COMMENT` have it.
pub(super) fn named(object: Option<&NodeEnum>) -> &[pg_query::Node] {
    match object {
        Some(NodeEnum::ObjectWithArgs(function)) => &function.objname,
        _ => &[],
    }
}
