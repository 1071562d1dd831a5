//! A type as a statement names it.

use std::fmt;

use pg_query::NodeEnum;
use pg_query::protobuf::TypeName;

use super::super::identifier::{quote_identifier, quote_if_needed};
use super::removal::strings;

/// A type, by the name that Postgres holds: SQL's own spellings are resolved, so `VARCHAR(20)` is `varchar` with 20.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataType {
    /// The schema, if the statement named one. SQL's own types have none here: `pg_catalog` is left out.
    pub schema: Option<String>,
    /// The name, such as `int4`, `varchar` or `Role`.
    pub name: String,
    /// What stands in parentheses behind it.
    pub modifiers: Vec<i32>,
    /// How many dimensions an array of it has; 0 for no array.
    pub dimensions: usize,
}

impl DataType {
    /// A type of Postgres itself.
    #[must_use]
    pub fn builtin(name: &str, modifiers: &[i32]) -> Self {
        Self {
            name: name.to_owned(),
            modifiers: modifiers.to_vec(),
            ..Self::default()
        }
    }

    pub(super) fn of(name: Option<&TypeName>) -> Self {
        let Some(name) = name else {
            return Self::default();
        };
        let mut parts = strings(&name.names);
        if parts.len() > 1 && parts.first().is_some_and(|schema| schema == "pg_catalog") {
            parts.remove(0);
        }
        let own = parts.pop().unwrap_or_default();
        Self {
            schema: parts.pop(),
            name: own,
            modifiers: name.typmods.iter().filter_map(modifier).collect(),
            dimensions: name.array_bounds.len(),
        }
    }

    /// Whether it is one of the pseudo-types that make a sequence.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        const SERIAL: [&str; 6] = [
            "smallserial",
            "serial2",
            "serial",
            "serial4",
            "bigserial",
            "serial8",
        ];
        self.schema.is_none() && SERIAL.contains(&self.name.as_str())
    }

    /// As it stands in SQL that will be run.
    #[must_use]
    pub fn to_sql(&self) -> String {
        let schema = self
            .schema
            .as_ref()
            .map(|schema| format!("{}.", quote_identifier(schema)));
        format!(
            "{}{}{}",
            schema.unwrap_or_default(),
            quote_identifier(&self.name),
            self.behind()
        )
    }

    /// The modifiers and the brackets.
    fn behind(&self) -> String {
        let brackets = "[]".repeat(self.dimensions);
        if self.modifiers.is_empty() {
            return brackets;
        }
        let modifiers: Vec<String> = self.modifiers.iter().map(ToString::to_string).collect();
        format!("({}){brackets}", modifiers.join(","))
    }
}

/// As a person would write it.
impl fmt::Display for DataType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(out, "{}.", quote_if_needed(schema))?;
        }
        let name = match (self.schema.as_deref(), self.name.as_str()) {
            (None, "int2") => "smallint".to_owned(),
            (None, "int4") => "integer".to_owned(),
            (None, "int8") => "bigint".to_owned(),
            (None, "float4") => "real".to_owned(),
            (None, "float8") => "double precision".to_owned(),
            (None, "bool") => "boolean".to_owned(),
            (None, "bpchar") => "char".to_owned(),
            // Keywords as far as the scanner goes, and types without quotes all the same.
            (None, known @ ("varchar" | "timestamp" | "time" | "numeric" | "bit" | "interval")) => {
                known.to_owned()
            }
            (_, name) => quote_if_needed(name),
        };
        write!(out, "{name}{}", self.behind())
    }
}

/// How a change of type makes the new values of the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Using {
    /// As an assignment would: what does not fit is refused.
    Assignment,
    /// By the value's text, which is then read as the new type: what cannot be read is refused.
    Text,
    /// By some other expression.
    Expression,
}

impl Using {
    /// What `value`, the expression behind `USING`, does with `column` on its way to the type `to`.
    pub(super) fn of(value: Option<&pg_query::Node>, column: &str, to: &DataType) -> Self {
        let Some(value) = value else {
            return Self::Assignment;
        };
        match casts(value, column) {
            None => Self::Expression,
            Some(casts) if casts.iter().all(|cast| cast == to) && to.modifiers.is_empty() => {
                Self::Assignment
            }
            Some(casts) => match casts.as_slice() {
                [text, end]
                    if *text == DataType::builtin("text", &[])
                        && end == to
                        && to.modifiers.is_empty() =>
                {
                    Self::Text
                }
                _ => Self::Expression,
            },
        }
    }
}

/// The types to which `column` is cast, if an expression is nothing but that.
fn casts(value: &pg_query::Node, column: &str) -> Option<Vec<DataType>> {
    match &value.node {
        Some(NodeEnum::ColumnRef(named)) => {
            (strings(&named.fields).last().map(String::as_str) == Some(column)).then(Vec::new)
        }
        Some(NodeEnum::TypeCast(cast)) => {
            let mut types = casts(cast.arg.as_deref()?, column)?;
            types.push(DataType::of(cast.type_name.as_ref()));
            Some(types)
        }
        _ => None,
    }
}

fn modifier(node: &pg_query::Node) -> Option<i32> {
    let Some(NodeEnum::AConst(constant)) = &node.node else {
        return None;
    };
    match constant.val {
        Some(pg_query::protobuf::a_const::Val::Ival(ref number)) => Some(number.ival),
        _ => None,
    }
}
