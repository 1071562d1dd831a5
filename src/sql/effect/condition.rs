//! What the condition of an `UPDATE` or `DELETE` says about the rows that it leaves alone.

use pg_query::protobuf::{BoolExprType, NullTest, NullTestType};
use pg_query::{Node, NodeEnum};

use super::removal::strings;

/// Whether a condition holds back no row: there is none, or it is a constant such as `true` or `1 = 1`.
pub(super) fn lets_all_through(condition: Option<&Node>) -> bool {
    match condition.and_then(|node| node.node.as_ref()) {
        None => true,
        Some(NodeEnum::AConst(constant)) => matches!(
            &constant.val,
            Some(pg_query::protobuf::a_const::Val::Boolval(value)) if value.boolval
        ),
        Some(NodeEnum::AExpr(expression)) => {
            let side = |node: Option<&Node>| match node.and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::AConst(constant)) if !constant.isnull => constant.val.clone(),
                _ => None,
            };
            let left = side(expression.lexpr.as_deref());
            strings(&expression.name) == ["="]
                && left.is_some()
                && left == side(expression.rexpr.as_deref())
        }
        _ => false,
    }
}

/// The columns of which the condition lets only rows through that have no value in them. Only what has to hold (`AND`)
/// is looked at.
pub(super) fn without_value(condition: Option<&Node>) -> Vec<String> {
    match condition.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::BoolExpr(both)) if both.boolop() == BoolExprType::AndExpr => both
            .args
            .iter()
            .flat_map(|part| without_value(Some(part)))
            .collect(),
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNull => {
            column_of(test).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The column that has a value, if an expression demands just that.
pub(super) fn with_value(expression: &Node) -> Option<String> {
    match &expression.node {
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNotNull => {
            column_of(test)
        }
        _ => None,
    }
}

fn column_of(test: &NullTest) -> Option<String> {
    match test.arg.as_ref()?.node.as_ref()? {
        NodeEnum::ColumnRef(column) => strings(&column.fields).pop(),
        _ => None,
    }
}
