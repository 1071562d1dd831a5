//! Words for the statements that no rule reasons about.

use pg_query::NodeEnum;
use pg_query::protobuf::{ObjectType, RangeVar, TransactionStmtKind};

/// What the statement is, in the words of SQL.
pub(super) fn kind(node: &NodeEnum) -> &'static str {
    match node {
        NodeEnum::SelectStmt(_) => "select",
        NodeEnum::InsertStmt(_) => "insert",
        NodeEnum::MergeStmt(_) => "merge",
        NodeEnum::CopyStmt(_) => "copy",
        NodeEnum::CallStmt(_) => "call",
        NodeEnum::ExplainStmt(_) => "explain",
        NodeEnum::PrepareStmt(_) => "prepare",
        NodeEnum::DeallocateStmt(_) => "deallocate",
        NodeEnum::DeclareCursorStmt(_) | NodeEnum::ClosePortalStmt(_) | NodeEnum::FetchStmt(_) => {
            "cursor"
        }
        NodeEnum::VariableSetStmt(set) if changes_reading(&set.name) => {
            "set how text is read or rows are checked"
        }
        NodeEnum::VariableSetStmt(set) if set.name.eq_ignore_ascii_case("timezone") => {
            "set time zone"
        }
        NodeEnum::VariableSetStmt(_) | NodeEnum::ConstraintsSetStmt(_) => "set",
        NodeEnum::VariableShowStmt(_) => "show",
        NodeEnum::DiscardStmt(_) => "discard",
        NodeEnum::LoadStmt(_) => "load",
        NodeEnum::NotifyStmt(_) => "notify",
        NodeEnum::ListenStmt(_) => "listen",
        NodeEnum::UnlistenStmt(_) => "unlisten",
        NodeEnum::CheckPointStmt(_) => "checkpoint",
        NodeEnum::ClusterStmt(_) => "cluster",
        NodeEnum::VacuumStmt(vacuum) if vacuum.is_vacuumcmd => "vacuum",
        NodeEnum::VacuumStmt(_) => "analyze",
        NodeEnum::ReindexStmt(_) => "reindex",
        NodeEnum::RefreshMatViewStmt(refresh) if refresh.skip_data => "empty materialized view",
        NodeEnum::RefreshMatViewStmt(refresh) if refresh.concurrent => {
            "refresh materialized view concurrently"
        }
        NodeEnum::RefreshMatViewStmt(_) => "refresh materialized view",
        NodeEnum::CommentStmt(_) => "comment",
        NodeEnum::SecLabelStmt(_) => "security label",
        NodeEnum::TransactionStmt(statement) => transaction(statement.kind()),
        NodeEnum::GrantStmt(grant) if grant.is_grant => "grant",
        NodeEnum::GrantRoleStmt(grant) if grant.is_grant => "grant",
        NodeEnum::GrantStmt(_) | NodeEnum::GrantRoleStmt(_) => "revoke",
        NodeEnum::AlterDefaultPrivilegesStmt(_) => "alter default privileges",
        NodeEnum::ReassignOwnedStmt(_) => "reassign owned",
        NodeEnum::RenameStmt(rename) => renamed(rename.rename_type()),
        NodeEnum::AlterObjectSchemaStmt(_) => "move to another schema",
        NodeEnum::AlterOwnerStmt(_) => "change owner",
        NodeEnum::AlterObjectDependsStmt(_) => "change dependency",
        NodeEnum::AlterTableMoveAllStmt(_) => "move tables to another tablespace",
        NodeEnum::CreateTableAsStmt(_) => "create materialized view",
        _ => created(node)
            .or_else(|| altered(node))
            .unwrap_or("statement"),
    }
}

/// Settings under which the server reads a script differently than this parser, or no longer fires triggers.
fn changes_reading(setting: &str) -> bool {
    [
        "backslash_quote",
        "client_encoding",
        "names",
        "session_replication_role",
        "standard_conforming_strings",
    ]
    .contains(&setting.to_lowercase().as_str())
}

fn created(node: &NodeEnum) -> Option<&'static str> {
    Some(match node {
        NodeEnum::CreateSchemaStmt(_) => "create schema",
        NodeEnum::ViewStmt(_) => "create view",
        NodeEnum::CompositeTypeStmt(_) | NodeEnum::CreateRangeStmt(_) => "create type",
        NodeEnum::DefineStmt(define) => match define.kind() {
            ObjectType::ObjectAggregate => "create aggregate",
            ObjectType::ObjectOperator => "create operator",
            ObjectType::ObjectCollation => "create collation",
            ObjectType::ObjectType => "create type",
            _ => "create text search object",
        },
        NodeEnum::CreateDomainStmt(_) => "create domain",
        NodeEnum::CreateSeqStmt(_) => "create sequence",
        NodeEnum::CreateFunctionStmt(create) if create.is_procedure => "create procedure",
        NodeEnum::CreateFunctionStmt(_) => "create function",
        NodeEnum::CreateTrigStmt(_) => "create trigger",
        NodeEnum::CreateEventTrigStmt(_) => "create event trigger",
        NodeEnum::RuleStmt(_) => "create rule",
        NodeEnum::CreatePolicyStmt(_) => "create policy",
        NodeEnum::CreateExtensionStmt(_) => "create extension",
        NodeEnum::CreateStatsStmt(_) => "create statistics",
        NodeEnum::CreateRoleStmt(_) => "create role",
        NodeEnum::CreatedbStmt(_) => "create database",
        NodeEnum::CreateTableSpaceStmt(_) => "create tablespace",
        NodeEnum::CreateFdwStmt(_) => "create foreign data wrapper",
        NodeEnum::CreateForeignServerStmt(_) => "create foreign server",
        NodeEnum::CreateUserMappingStmt(_) => "create user mapping",
        NodeEnum::ImportForeignSchemaStmt(_) => "import foreign schema",
        NodeEnum::CreateAmStmt(_) => "create access method",
        NodeEnum::CreatePlangStmt(_) => "create language",
        NodeEnum::CreateOpClassStmt(_) => "create operator class",
        NodeEnum::CreateOpFamilyStmt(_) => "create operator family",
        NodeEnum::CreateConversionStmt(_) => "create conversion",
        NodeEnum::CreateCastStmt(_) => "create cast",
        NodeEnum::CreateTransformStmt(_) => "create transform",
        NodeEnum::CreatePublicationStmt(_) => "create publication",
        NodeEnum::CreateSubscriptionStmt(_) => "create subscription",
        _ => return None,
    })
}

fn altered(node: &NodeEnum) -> Option<&'static str> {
    Some(match node {
        NodeEnum::AlterEnumStmt(alter) if alter.old_val.is_empty() => "add enum value",
        NodeEnum::AlterEnumStmt(_) => "rename enum value",
        NodeEnum::AlterDomainStmt(_) => "alter domain",
        NodeEnum::AlterTypeStmt(_) => "alter type",
        NodeEnum::AlterSeqStmt(_) => "alter sequence",
        NodeEnum::AlterFunctionStmt(_) => "alter function",
        NodeEnum::AlterPolicyStmt(_) => "alter policy",
        NodeEnum::AlterExtensionStmt(_) | NodeEnum::AlterExtensionContentsStmt(_) => {
            "alter extension"
        }
        NodeEnum::AlterStatsStmt(_) => "alter statistics",
        NodeEnum::AlterCollationStmt(_) => "alter collation",
        NodeEnum::AlterRoleStmt(_) | NodeEnum::AlterRoleSetStmt(_) => "alter role",
        NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_) => "alter database",
        NodeEnum::AlterSystemStmt(_) => "alter system",
        NodeEnum::AlterTableSpaceOptionsStmt(_) => "alter tablespace",
        NodeEnum::AlterEventTrigStmt(_) => "alter event trigger",
        NodeEnum::AlterFdwStmt(_) => "alter foreign data wrapper",
        NodeEnum::AlterForeignServerStmt(_) => "alter foreign server",
        NodeEnum::AlterUserMappingStmt(_) => "alter user mapping",
        NodeEnum::DropUserMappingStmt(_) => "drop user mapping",
        NodeEnum::AlterOperatorStmt(_) => "alter operator",
        NodeEnum::AlterOpFamilyStmt(_) => "alter operator family",
        NodeEnum::AlterTsdictionaryStmt(_) | NodeEnum::AlterTsconfigurationStmt(_) => {
            "alter text search object"
        }
        NodeEnum::AlterPublicationStmt(_) => "alter publication",
        NodeEnum::AlterSubscriptionStmt(_) => "alter subscription",
        _ => return None,
    })
}

fn transaction(kind: TransactionStmtKind) -> &'static str {
    match kind {
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => "begin",
        TransactionStmtKind::TransStmtCommit => "commit",
        TransactionStmtKind::TransStmtRollback => "rollback",
        TransactionStmtKind::TransStmtSavepoint => "savepoint",
        TransactionStmtKind::TransStmtRelease => "release savepoint",
        TransactionStmtKind::TransStmtRollbackTo => "rollback to savepoint",
        TransactionStmtKind::TransStmtPrepare => "prepare transaction",
        TransactionStmtKind::TransStmtCommitPrepared => "commit prepared",
        TransactionStmtKind::TransStmtRollbackPrepared => "rollback prepared",
        TransactionStmtKind::Undefined => "transaction",
    }
}

fn renamed(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::ObjectIndex => "rename index",
        ObjectType::ObjectType => "rename type",
        ObjectType::ObjectTabconstraint => "rename constraint",
        ObjectType::ObjectSequence => "rename sequence",
        ObjectType::ObjectView | ObjectType::ObjectMatview => "rename view",
        ObjectType::ObjectSchema => "rename schema",
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure => "rename function",
        _ => "rename",
    }
}

/// The table that such a statement is done to, where there is exactly one.
pub(super) fn table_of(node: &NodeEnum) -> Option<&RangeVar> {
    match node {
        NodeEnum::InsertStmt(insert) => insert.relation.as_ref(),
        NodeEnum::CopyStmt(copy) => copy.relation.as_ref(),
        NodeEnum::ReindexStmt(reindex) => reindex.relation.as_ref(),
        NodeEnum::CreateTrigStmt(create) => create.relation.as_ref(),
        NodeEnum::CreateStatsStmt(create) => match &create.relations.first()?.node {
            Some(NodeEnum::RangeVar(table)) => Some(table),
            _ => None,
        },
        NodeEnum::RuleStmt(rule) => rule.relation.as_ref(),
        NodeEnum::CreatePolicyStmt(create) => create.table.as_ref(),
        NodeEnum::AlterPolicyStmt(alter) => alter.table.as_ref(),
        NodeEnum::ClusterStmt(cluster) => cluster.relation.as_ref(),
        NodeEnum::RefreshMatViewStmt(refresh) => refresh.relation.as_ref(),
        NodeEnum::AlterObjectSchemaStmt(alter) => alter.relation.as_ref(),
        NodeEnum::RenameStmt(rename) => rename.relation.as_ref(),
        _ => None,
    }
}
