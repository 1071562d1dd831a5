//! What scripts define and call: a call runs only what is known to compute.

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
    /// By name without schema, whether everything of that name only computes. Arguments do not count: which of several functions
    /// of one name a call reaches is not looked at.
    own: BTreeMap<String, bool>,
    /// A call within a view, a rule or a policy that does more than compute, as far as is known: whoever reads the view calls it.
    waiting: Option<String>,
}

impl Definitions {
    /// Takes note of a function. Its body does not run by that.
    pub(super) fn define(&mut self, create: &CreateFunctionStmt) -> Result<(), String> {
        let name = last(&create.funcname);
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
        let computes = body::computes(create, self) && !known::is_taken(&name);
        self.take(name, computes)
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
            let name = name_of(&call);
            let last = name.rsplit('.').next().unwrap_or_default();
            let computes = match call.parts.as_slice() {
                [_] | [_, _] => known::computes(last) || self.own.get(last) == Some(&true),
                _ => false,
            };
            if !computes {
                return refuse(format!(
                    "calls {name}(), which is not known to only compute a value"
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

    /// Takes note of what `tree` would call if it were ever read.
    pub(super) fn wait(&mut self, tree: &Value) {
        if let Err(why) = self.must_compute(tree) {
            self.waiting.get_or_insert(why);
        }
    }

    /// Nothing, where reading whatever relation runs no function but those that compute.
    pub(super) fn may_read(&self) -> Result<(), String> {
        match &self.waiting {
            Some(why) => refuse(format!(
                "reads relations, and a view, a rule or a policy of these scripts {why}"
            )),
            None => Ok(()),
        }
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
