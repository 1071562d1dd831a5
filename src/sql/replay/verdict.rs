//! The statements, one by one: what is run again, what is left out, and what is refused, which is everything else.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableStmt, AlterTableType, CmdType, ConstrType, CreateStmt, DefElem, DiscardMode,
    ObjectType, SelectStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt,
};

use super::super::effect::name_of;
use super::super::tree;
use super::definition::{Definitions, named};
use super::{LeftOut, Verdict, body, known, refuse};

/// Statements that write rows, wherever they stand.
pub(super) const WRITING: &[&str] = &["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"];

/// Settings that change what a script makes. Others concern its session only.
const SETTINGS: [&str; 12] = [
    "check_function_bodies",
    "client_min_messages",
    "datestyle",
    "default_table_access_method",
    "default_text_search_config",
    "default_toast_compression",
    "intervalstyle",
    "search_path",
    "standard_conforming_strings",
    "timezone",
    "xmlbinary",
    "xmloption",
];

/// What is to be done with a statement; an error says why it is refused.
pub(super) fn of(node: &NodeEnum, definitions: &mut Definitions) -> Result<Verdict, String> {
    if let Some(what) = left_out(node) {
        return Ok(Verdict::Leave(what));
    }
    match node {
        NodeEnum::SelectStmt(select) => query(node, select, definitions),
        NodeEnum::DoStmt(block) => body::block(block, definitions),
        NodeEnum::VariableSetStmt(set) => Ok(setting(set)),
        NodeEnum::CreateTableAsStmt(create) => {
            let of_query = matches!(
                create.query.as_ref().and_then(|query| query.node.as_ref()),
                Some(NodeEnum::SelectStmt(_))
            );
            if !of_query || create.is_select_into || tree::has(&tree::of(node), WRITING) {
                return refuse("makes a table of something else than a query");
            }
            Ok(if create.into.as_ref().is_some_and(|into| into.skip_data) {
                Verdict::Run
            } else {
                Verdict::WithoutRows
            })
        }
        NodeEnum::CreateSchemaStmt(create) => {
            let owner = create.authrole.as_ref().map(|role| &role.rolename);
            let unnamed = create.schemaname.is_empty();
            let name = owner.filter(|_| unnamed).unwrap_or(&create.schemaname);
            definitions.schemas.insert(name.clone());
            for element in create
                .schema_elts
                .iter()
                .filter_map(|element| element.node.as_ref())
            {
                if of(element, definitions)? != Verdict::Run {
                    return refuse("makes a schema with something in it that is not run again");
                }
            }
            Ok(Verdict::Run)
        }
        _ => defines(node, definitions).map(|()| Verdict::Run),
    }
}

/// What defines something in its database, and so is run. Nothing of it may call what does more than compute, unless it is
/// called later, by whoever reads or writes rows.
fn defines(node: &NodeEnum, definitions: &mut Definitions) -> Result<(), String> {
    match node {
        NodeEnum::CreateStmt(create) => {
            definitions.must_compute(&tree::of(&without_defaults(create)))
        }
        NodeEnum::AlterTableStmt(alter) => {
            definitions.must_compute(&tree::of(&without_default(alter)))
        }
        NodeEnum::IndexStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::AlterDomainStmt(_) => definitions.must_compute(&tree::of(node)),
        NodeEnum::CreateFunctionStmt(create) => definitions.define(create),
        NodeEnum::AlterFunctionStmt(alter) => {
            if body::options(&alter.actions).any(|action| action.defname == "support") {
                return refuse("gives a function a support function");
            }
            Ok(())
        }
        NodeEnum::ViewStmt(_) | NodeEnum::CreatePolicyStmt(_) | NodeEnum::AlterPolicyStmt(_) => {
            definitions.wait(&tree::of(node));
            Ok(())
        }
        NodeEnum::RuleStmt(rule) if rule.event() != CmdType::CmdSelect => {
            definitions.wait(&tree::of(node));
            Ok(())
        }
        NodeEnum::RenameStmt(rename) if is_function(rename.rename_type()) => {
            let object = rename
                .object
                .as_ref()
                .and_then(|object| object.node.as_ref());
            definitions.rename(named(object), &rename.newname)
        }
        NodeEnum::RenameStmt(rename) if rename.rename_type() == ObjectType::ObjectSchema => {
            definitions.schemas.insert(rename.newname.clone());
            Ok(())
        }
        NodeEnum::DefineStmt(define) => match define.kind() {
            ObjectType::ObjectAggregate => definitions.define_unknown(&define.defnames),
            ObjectType::ObjectCollation | ObjectType::ObjectTsconfiguration => Ok(()),
            _ => refuse("makes an operator, a base type or a part of text search"),
        },
        NodeEnum::CreateExtensionStmt(create) => extension(&create.extname),
        NodeEnum::AlterExtensionStmt(alter) => extension(&alter.extname),
        NodeEnum::CreateRangeStmt(range) => {
            let plain = |option: &DefElem| {
                matches!(
                    option.defname.as_str(),
                    "subtype" | "collation" | "multirange_type_name"
                )
            };
            if body::options(&range.params).all(plain) {
                Ok(())
            } else {
                refuse("makes a range type with functions of its own")
            }
        }
        _ if only_defines(node) => Ok(()),
        _ => refuse("is of a kind that is not known to stay in its database"),
    }
}

/// What evaluates nothing and calls nothing.
fn only_defines(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::CreateSeqStmt(_)
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::CreateEnumStmt(_)
        | NodeEnum::AlterEnumStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateTrigStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::AlterTsconfigurationStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_)
        | NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::ReplicaIdentityStmt(_) => true,
        NodeEnum::TransactionStmt(statement) => !matches!(
            statement.kind(),
            TransactionStmtKind::TransStmtPrepare
                | TransactionStmtKind::TransStmtCommitPrepared
                | TransactionStmtKind::TransStmtRollbackPrepared
        ),
        NodeEnum::DiscardStmt(discard) => {
            matches!(
                discard.target(),
                DiscardMode::DiscardAll | DiscardMode::DiscardTemp
            )
        }
        NodeEnum::DropStmt(drop) => is_schema(drop.remove_type()),
        NodeEnum::GrantStmt(grant) => is_schema(grant.objtype()),
        NodeEnum::CommentStmt(comment) => is_schema(comment.objtype()),
        NodeEnum::RenameStmt(rename) => is_schema(rename.rename_type()),
        NodeEnum::AlterOwnerStmt(alter) => is_schema(alter.object_type()),
        NodeEnum::AlterObjectSchemaStmt(alter) => is_schema(alter.object_type()),
        _ => false,
    }
}

fn is_function(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine
            | ObjectType::ObjectAggregate
    )
}

/// Kinds of things that belong to one database and reach nothing outside of it.
fn is_schema(kind: ObjectType) -> bool {
    is_function(kind)
        || matches!(
            kind,
            ObjectType::ObjectAttribute
                | ObjectType::ObjectCast
                | ObjectType::ObjectCollation
                | ObjectType::ObjectColumn
                | ObjectType::ObjectDefault
                | ObjectType::ObjectDomain
                | ObjectType::ObjectDomconstraint
                | ObjectType::ObjectExtension
                | ObjectType::ObjectIndex
                | ObjectType::ObjectLanguage
                | ObjectType::ObjectMatview
                | ObjectType::ObjectOperator
                | ObjectType::ObjectPolicy
                | ObjectType::ObjectRule
                | ObjectType::ObjectSchema
                | ObjectType::ObjectSequence
                | ObjectType::ObjectStatisticExt
                | ObjectType::ObjectTabconstraint
                | ObjectType::ObjectTable
                | ObjectType::ObjectTrigger
                | ObjectType::ObjectTsconfiguration
                | ObjectType::ObjectType
                | ObjectType::ObjectView
        )
}

/// Kinds of things that the whole server shares, or that are there for other servers.
fn is_shared(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectDatabase
            | ObjectType::ObjectRole
            | ObjectType::ObjectTablespace
            | ObjectType::ObjectParameterAcl
            | ObjectType::ObjectPublication
            | ObjectType::ObjectSubscription
    )
}

/// What makes no schema, whatever it calls.
fn left_out(node: &NodeEnum) -> Option<LeftOut> {
    match node {
        NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::CopyStmt(_)
        | NodeEnum::TruncateStmt(_)
        | NodeEnum::LockStmt(_)
        | NodeEnum::VacuumStmt(_)
        | NodeEnum::ReindexStmt(_)
        | NodeEnum::ClusterStmt(_)
        | NodeEnum::RefreshMatViewStmt(_)
        | NodeEnum::AlterCollationStmt(_) => Some(LeftOut::Rows),
        NodeEnum::CreateRoleStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterRoleSetStmt(_)
        | NodeEnum::DropRoleStmt(_)
        | NodeEnum::GrantRoleStmt(_)
        | NodeEnum::CreatedbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::CreatePublicationStmt(_)
        | NodeEnum::AlterPublicationStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => Some(LeftOut::Server),
        NodeEnum::DropStmt(drop) if is_shared(drop.remove_type()) => Some(LeftOut::Server),
        NodeEnum::GrantStmt(grant) if is_shared(grant.objtype()) => Some(LeftOut::Server),
        NodeEnum::AlterOwnerStmt(alter) if is_shared(alter.object_type()) => Some(LeftOut::Server),
        NodeEnum::RenameStmt(rename) if is_shared(rename.rename_type()) => Some(LeftOut::Server),
        NodeEnum::CommentStmt(comment) if is_shared(comment.objtype()) => Some(LeftOut::Server),
        NodeEnum::VariableShowStmt(_)
        | NodeEnum::ConstraintsSetStmt(_)
        | NodeEnum::NotifyStmt(_)
        | NodeEnum::ListenStmt(_)
        | NodeEnum::UnlistenStmt(_)
        | NodeEnum::CheckPointStmt(_) => Some(LeftOut::Session),
        _ => None,
    }
}

/// A query makes no schema unless a function that it calls does; of its own it may only move the search path.
fn query(
    node: &NodeEnum,
    select: &SelectStmt,
    definitions: &Definitions,
) -> Result<Verdict, String> {
    if select.into_clause.is_some() {
        return refuse("makes a table of a query by SELECT INTO");
    }
    let tree = tree::of(node);
    let calls = tree::calls(&tree);
    let named = |name: &str| calls.iter().any(|call| name_of(call).ends_with(name));
    if named("set_config search_path") && !tree::has(&tree, &["RangeVar"]) {
        definitions.must_compute(&tree)?;
        return Ok(Verdict::Run);
    }
    let sets = |name: String| name.contains("set_config ");
    if calls.iter().all(|call| sets(name_of(call))) {
        return Ok(Verdict::Leave(LeftOut::Rows));
    }
    definitions.must_compute(&tree)?;
    Ok(Verdict::Leave(LeftOut::Rows))
}

fn setting(set: &VariableSetStmt) -> Verdict {
    let runs = set.kind() == VariableSetKind::VarResetAll
        || SETTINGS.contains(&set.name.to_lowercase().as_str());
    if runs {
        Verdict::Run
    } else {
        Verdict::Leave(LeftOut::Session)
    }
}

fn extension(name: &str) -> Result<(), String> {
    if known::extension(name) {
        return Ok(());
    }
    refuse(format!(
        "installs the extension {name}, of which it is not known that it stays in its database"
    ))
}

/// A new table without the defaults of its columns, which are evaluated by whoever writes a row.
fn without_defaults(create: &CreateStmt) -> NodeEnum {
    let mut create = create.clone();
    for element in &mut create.table_elts {
        if let Some(NodeEnum::ColumnDef(column)) = &mut element.node {
            column.constraints.retain(|constraint| {
                !matches!(
                    &constraint.node,
                    Some(NodeEnum::Constraint(constraint)) if constraint.contype() == ConstrType::ConstrDefault
                )
            });
        }
    }
    NodeEnum::CreateStmt(create)
}

/// A change of a table without new defaults of columns that are there. That of a new column is evaluated at once.
fn without_default(alter: &AlterTableStmt) -> NodeEnum {
    let mut alter = alter.clone();
    alter.cmds.retain(|command| {
        !matches!(
            &command.node,
            Some(NodeEnum::AlterTableCmd(command)) if command.subtype() == AlterTableType::AtColumnDefault
        )
    });
    NodeEnum::AlterTableStmt(alter)
}
