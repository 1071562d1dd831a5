//! From a parse tree to effects.
//!
//! Only what runs counts: the body of a function, a rule or a prepared statement does not, the statements within
//! `CREATE SCHEMA`, `WITH` and `EXPLAIN ANALYZE` do.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CmdType, CreateStmt, IntoClause, ObjectType, RangeVar, RenameStmt, TypeName, WithClause,
};

use super::super::identifier::TableName;
use super::{Effect, alter_table, call, removal, words};

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
                created_into(create.into.as_deref(), effects);
            }
        }
        NodeEnum::SelectStmt(select) => {
            with_clause(select.with_clause.as_ref(), effects);
            created_into(select.into_clause.as_deref(), effects);
        }
        NodeEnum::InsertStmt(insert) => {
            with_clause(insert.with_clause.as_ref(), effects);
            let rewrites = insert.on_conflict_clause.as_ref().is_some_and(|clause| {
                clause.action() == pg_query::protobuf::OnConflictAction::OnconflictUpdate
            });
            if let (true, Some(table)) = (rewrites, &insert.relation) {
                effects.push(Effect::Update {
                    table: table_name(table),
                    every_row: false,
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
                    every_row: delete.where_clause.is_none() && delete.using_clause.is_empty(),
                });
            }
        }
        NodeEnum::UpdateStmt(update) => {
            with_clause(update.with_clause.as_ref(), effects);
            if let Some(table) = &update.relation {
                effects.push(Effect::Update {
                    table: table_name(table),
                    every_row: update.where_clause.is_none() && update.from_clause.is_empty(),
                });
            }
        }
        NodeEnum::MergeStmt(merge) => {
            with_clause(merge.with_clause.as_ref(), effects);
            merged(merge, effects);
        }
        NodeEnum::TruncateStmt(truncate) => {
            let cascade = truncate.behavior == CASCADE;
            effects.extend(truncate.relations.iter().filter_map(|relation| {
                let Some(NodeEnum::RangeVar(table)) = &relation.node else {
                    return None;
                };
                let table = table_name(table);
                Some(Effect::Truncate { table, cascade })
            }));
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
        NodeEnum::DoStmt(_) => effects.push(Effect::Opaque { kind: "do block" }),
        NodeEnum::ExecuteStmt(_) => effects.push(Effect::Opaque {
            kind: "execute of a prepared statement",
        }),
        _ => effects.extend(removal::of(node)),
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
    effects.extend(create.relation.as_ref().map(|table| Effect::CreateTable {
        table: table_name(table),
    }));
}

fn created_into(into: Option<&IntoClause>, effects: &mut Vec<Effect>) {
    let table = into.and_then(|into| into.rel.as_ref());
    effects.extend(table.map(|table| Effect::CreateTable {
        table: table_name(table),
    }));
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

/// A type as the statement named it, unquoted, without `pg_catalog`, which the grammar adds to SQL's own spellings.
pub(super) fn type_words(name: Option<&TypeName>) -> String {
    let Some(name) = name else {
        return String::new();
    };
    let mut parts = removal::strings(&name.names);
    if parts.len() > 1 && parts.first().is_some_and(|schema| schema == "pg_catalog") {
        parts.remove(0);
    }
    format!(
        "{}{}",
        parts.join("."),
        "[]".repeat(name.array_bounds.len())
    )
}
