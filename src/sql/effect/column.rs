//! A column as a statement makes it.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType};

use super::super::tree;
use super::constraint::{Constraint, ConstraintKind};
use super::data_type::DataType;

/// A new column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether rows that are there already are refused, for want of a value: `NOT NULL` without anything to fill it.
    pub needs_value: bool,
    /// Whether each row that is there already gets a value of its own, so that the whole table is written again.
    pub fills_each_row: bool,
    /// The constraints that stand behind it.
    pub constraints: Vec<Constraint>,
}

impl NewColumn {
    pub(super) fn of(definition: &ColumnDef) -> Self {
        let data_type = DataType::of(definition.type_name.as_ref());
        let written = || {
            definition
                .constraints
                .iter()
                .filter_map(|node| match &node.node {
                    Some(NodeEnum::Constraint(constraint)) => Some(constraint),
                    _ => None,
                })
        };
        let has = |kind| written().any(|constraint| constraint.contype() == kind);
        let default = written()
            .find(|constraint| constraint.contype() == ConstrType::ConstrDefault)
            .and_then(|constraint| constraint.raw_expr.as_ref());
        let stored = written().any(|constraint| {
            constraint.contype() == ConstrType::ConstrGenerated && constraint.generated_kind != "v"
        });
        let makes_values = data_type.is_serial() || has(ConstrType::ConstrIdentity);
        let required = has(ConstrType::ConstrNotnull) || has(ConstrType::ConstrPrimary);
        let filled = makes_values
            || has(ConstrType::ConstrGenerated)
            || default.is_some_and(|value| !is_null(value));
        Self {
            name: definition.colname.clone(),
            needs_value: required && !filled,
            fills_each_row: makes_values
                || stored
                || default.is_some_and(|value| differs_by_row(value)),
            constraints: written()
                .map(|constraint| Constraint::of(constraint))
                .filter(|constraint| constraint.kind != ConstraintKind::Other)
                .collect(),
            data_type,
        }
    }
}

fn is_null(value: &pg_query::Node) -> bool {
    match &value.node {
        Some(NodeEnum::AConst(constant)) => constant.isnull,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_null),
        _ => false,
    }
}

/// Whether an expression calls a function whose value is not the same for every row.
fn differs_by_row(value: &pg_query::Node) -> bool {
    /// Known to give one value to a whole statement.
    const STEADY: [&str; 6] = [
        "now",
        "transaction_timestamp",
        "statement_timestamp",
        "jsonb_build_object",
        "json_build_object",
        "timezone",
    ];
    value.node.as_ref().is_some_and(|node| {
        let tree = tree::of(node);
        tree::calls(&tree)
            .iter()
            .any(|call| call.parts.last().is_none_or(|name| !STEADY.contains(name)))
    })
}
