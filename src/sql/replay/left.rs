//! What makes no schema, and so is left out.

use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

use super::LeftOut;

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
pub(super) fn left_out(node: &NodeEnum) -> Option<LeftOut> {
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
