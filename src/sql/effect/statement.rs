//! From a parse tree to effects.
//!
//! Only what runs counts: the body of a function, a rule or a prepared statement does not, the statements within
//! `CREATE SCHEMA`, `WITH` and `EXPLAIN ANALYZE` do.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CmdType, ConstrType, CreateStmt, IndexStmt, IntoClause, ObjectType, RangeVar, RenameStmt,
    VariableSetKind, VariableSetStmt, WithClause,
};

use super::super::identifier::TableName;
use super::condition::{lets_all_through, without_value};
use super::{ConstraintKind, Effect, NewColumn, alter_table, call, removal, words};

/// The effects of one statement, at least one.
pub(in crate::sql) fn of(node: &NodeEnum) -> Vec<Effect> {
    let mut effects = Vec::new();
    collect(node, &mut effects);
    if effects.is_empty() {
        effects.push(Effect::Other {
            kind: words::kind(node),
            table: words::table_of(node).map(table_name),
        });
    }
    effects.extend(call::of(node));
    effects
}

fn collect(node: &NodeEnum, effects: &mut Vec<Effect>) {
    match node {
        NodeEnum::CreateStmt(create) => created(create, effects),
        NodeEnum::CreateForeignTableStmt(create) => {
            if let Some(create) = &create.base_stmt {
                created(create, effects);
            }
        }
        NodeEnum::CreateTableAsStmt(create) => {
            within(create.query.as_deref(), effects);
            if create.objtype() == ObjectType::ObjectTable {
                created_into(create.into.as_deref(), create.if_not_exists, effects);
            }
        }
        NodeEnum::SelectStmt(select) => {
            with_clause(select.with_clause.as_ref(), effects);
            created_into(select.into_clause.as_deref(), false, effects);
        }
        NodeEnum::InsertStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::MergeStmt(_) => written(node, effects),
        NodeEnum::TruncateStmt(truncate) => {
            let cascade = truncate.behavior == CASCADE;
            effects.extend(
                ranges(&truncate.relations).map(|table| Effect::Truncate { table, cascade }),
            );
        }
        NodeEnum::AlterTableStmt(alter) => effects.extend(alter_table::of(alter)),
        NodeEnum::RenameStmt(rename) => effects.extend(renamed(rename)),
        NodeEnum::CreateSchemaStmt(create) if !create.schema_elts.is_empty() => {
            effects.push(Effect::Other {
                kind: words::kind(node),
                table: None,
            });
            for element in &create.schema_elts {
                within(Some(element), effects);
            }
        }
        NodeEnum::ExplainStmt(explain) if removal::is_analyze(&explain.options) => {
            within(explain.query.as_deref(), effects);
        }
        NodeEnum::VariableSetStmt(set)
            if set.name == "search_path" || set.kind() == VariableSetKind::VarResetAll =>
        {
            effects.push(Effect::SetSearchPath {
                schemas: search_path(set),
            });
        }
        NodeEnum::LockStmt(lock) => {
            let level = lock.mode;
            effects.extend(ranges(&lock.relations).map(|table| Effect::Lock { table, level }));
        }
        NodeEnum::IndexStmt(index) => {
            effects.extend(index.relation.as_ref().map(|table| Effect::CreateIndex {
                table: table_name(table),
                name: Some(index.idxname.clone()).filter(|name| !name.is_empty()),
                unique: index.unique,
                columns: indexed(index),
                concurrently: index.concurrent,
            }));
        }
        NodeEnum::CreateEnumStmt(create) => {
            let mut parts = removal::strings(&create.type_name);
            let name = parts.pop().unwrap_or_default();
            let schema = parts.pop();
            effects.push(Effect::CreateEnum {
                name: TableName { schema, name },
                values: removal::strings(&create.vals),
            });
        }
        NodeEnum::DoStmt(_) => effects.push(Effect::Opaque { kind: "do block" }),
        NodeEnum::ExecuteStmt(_) => effects.push(Effect::Opaque {
            kind: "execute of a prepared statement",
        }),
        _ => effects.extend(removal::of(node)),
    }
}

/// The columns of an index, where it is of nothing but columns and of every row.
fn indexed(index: &IndexStmt) -> Vec<String> {
    let columns: Option<Vec<String>> = index
        .index_params
        .iter()
        .map(|part| match &part.node {
            Some(NodeEnum::IndexElem(part)) if part.expr.is_none() => Some(part.name.clone()),
            _ => None,
        })
        .collect();
    let partial = index.where_clause.is_some() || index.nulls_not_distinct;
    columns.filter(|_| !partial).unwrap_or_default()
}

/// Statements that write rows.
fn written(node: &NodeEnum, effects: &mut Vec<Effect>) {
    match node {
        NodeEnum::InsertStmt(insert) => {
            with_clause(insert.with_clause.as_ref(), effects);
            let rewrites = insert.on_conflict_clause.as_ref().filter(|clause| {
                clause.action() == pg_query::protobuf::OnConflictAction::OnconflictUpdate
            });
            if let (Some(clause), Some(table)) = (rewrites, &insert.relation) {
                effects.push(Effect::Update {
                    table: table_name(table),
                    every_row: false,
                    over: over(&clause.target_list, clause.where_clause.as_deref()),
                });
            } else if !effects.is_empty() {
                effects.push(Effect::Other {
                    kind: "insert",
                    table: insert.relation.as_ref().map(table_name),
                });
            }
        }
        NodeEnum::DeleteStmt(delete) => {
            with_clause(delete.with_clause.as_ref(), effects);
            if let Some(table) = &delete.relation {
                effects.push(Effect::Delete {
                    table: table_name(table),
                    every_row: lets_all_through(delete.where_clause.as_deref()),
                });
            }
        }
        NodeEnum::UpdateStmt(update) => {
            with_clause(update.with_clause.as_ref(), effects);
            if let Some(table) = &update.relation {
                effects.push(Effect::Update {
                    table: table_name(table),
                    every_row: lets_all_through(update.where_clause.as_deref()),
                    over: over(&update.target_list, update.where_clause.as_deref()),
                });
            }
        }
        NodeEnum::MergeStmt(merge) => {
            with_clause(merge.with_clause.as_ref(), effects);
            merged(merge, effects);
        }
        _ => {}
    }
}

/// `DropBehavior::DropCascade`, as statements hold it.
pub(super) const CASCADE: i32 = pg_query::protobuf::DropBehavior::DropCascade as i32;

fn within(node: Option<&pg_query::Node>, effects: &mut Vec<Effect>) {
    if let Some(node) = node.and_then(|node| node.node.as_ref()) {
        collect(node, effects);
    }
}

fn with_clause(clause: Option<&WithClause>, effects: &mut Vec<Effect>) {
    for query in clause.iter().flat_map(|clause| &clause.ctes) {
        if let Some(NodeEnum::CommonTableExpr(query)) = &query.node {
            within(query.ctequery.as_deref(), effects);
        }
    }
}

fn created(create: &CreateStmt, effects: &mut Vec<Effect>) {
    let Some(table) = &create.relation else {
        return;
    };
    let constraints = create
        .table_elts
        .iter()
        .filter_map(|element| match &element.node {
            Some(NodeEnum::ColumnDef(column)) => Some(NewColumn::of(column).constraints),
            Some(NodeEnum::Constraint(constraint))
                if constraint.contype() == ConstrType::ConstrForeign =>
            {
                Some(vec![super::Constraint::of(constraint)])
            }
            _ => None,
        })
        .flatten();
    effects.push(Effect::CreateTable {
        table: table_name(table),
        if_not_exists: create.if_not_exists,
        temporary: is_temporary(table),
        filled: false,
        references: constraints
            .filter_map(|constraint| match constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => Some(references),
                _ => None,
            })
            .collect(),
        parents: ranges(&create.inh_relations).collect(),
    });
}

fn created_into(into: Option<&IntoClause>, if_not_exists: bool, effects: &mut Vec<Effect>) {
    let table = into.and_then(|into| into.rel.as_ref());
    effects.extend(table.map(|table| Effect::CreateTable {
        table: table_name(table),
        if_not_exists,
        temporary: is_temporary(table),
        filled: true,
        references: Vec::new(),
        parents: Vec::new(),
    }));
}

fn is_temporary(table: &RangeVar) -> bool {
    table.relpersistence == "t" || table.schemaname == "pg_temp"
}

/// The schemas that `SET search_path` names, where they are written out.
fn search_path(set: &VariableSetStmt) -> Option<Vec<String>> {
    if set.kind() != VariableSetKind::VarSetValue {
        return None;
    }
    set.args
        .iter()
        .map(|arg| match &arg.node {
            Some(NodeEnum::AConst(constant)) => match &constant.val {
                // `$user` is somebody's name, which the text does not tell.
                Some(pg_query::protobuf::a_const::Val::Sval(text)) if text.sval != "$user" => {
                    Some(text.sval.clone())
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// The columns that are written over; those that the condition demands to be empty are only filled.
fn over(targets: &[pg_query::Node], condition: Option<&pg_query::Node>) -> Vec<String> {
    let empty = without_value(condition);
    targets
        .iter()
        .filter_map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) => Some(target.name.clone()),
            _ => None,
        })
        .filter(|column| !empty.contains(column))
        .collect()
}

/// The relations of a list of nodes.
fn ranges(nodes: &[pg_query::Node]) -> impl Iterator<Item = TableName> + '_ {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::RangeVar(range)) => Some(table_name(range)),
        _ => None,
    })
}

fn merged(merge: &pg_query::protobuf::MergeStmt, effects: &mut Vec<Effect>) {
    let Some(table) = merge.relation.as_ref().map(table_name) else {
        return;
    };
    let does = |command| {
        merge.merge_when_clauses.iter().any(|clause| {
            matches!(
                &clause.node,
                Some(NodeEnum::MergeWhenClause(clause)) if clause.command_type() == command
            )
        })
    };
    effects.push(if does(CmdType::CmdDelete) {
        Effect::Delete {
            table,
            every_row: false,
        }
    } else if does(CmdType::CmdUpdate) {
        Effect::Update {
            table,
            every_row: false,
            over: merge
                .merge_when_clauses
                .iter()
                .filter_map(|clause| match &clause.node {
                    Some(NodeEnum::MergeWhenClause(clause))
                        if clause.command_type() == CmdType::CmdUpdate =>
                    {
                        Some(over(&clause.target_list, clause.condition.as_deref()))
                    }
                    _ => None,
                })
                .flatten()
                .collect(),
        }
    } else {
        Effect::Other {
            kind: "merge",
            table: Some(table),
        }
    });
}

fn renamed(rename: &RenameStmt) -> Option<Effect> {
    let table = table_name(rename.relation.as_ref()?);
    let to = rename.newname.clone();
    match rename.rename_type() {
        ObjectType::ObjectTable => Some(Effect::RenameTable { table, to }),
        ObjectType::ObjectColumn if rename.relation_type() == ObjectType::ObjectTable => {
            Some(Effect::RenameColumn {
                table,
                column: rename.subname.clone(),
                to,
            })
        }
        _ => None,
    }
}

/// A relation as the statement named it.
pub(super) fn table_name(range: &RangeVar) -> TableName {
    TableName {
        schema: Some(range.schemaname.clone()).filter(|schema| !schema.is_empty()),
        name: range.relname.clone(),
    }
}
