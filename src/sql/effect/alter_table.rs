//! The actions of `ALTER TABLE`, one effect each.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, ObjectType};

use super::super::identifier::TableName;
use super::statement::{CASCADE, table_name};
use super::{Constraint, DataType, Effect, NewColumn, Using};

pub(super) fn of(alter: &AlterTableStmt) -> Vec<Effect> {
    let Some(table) = alter.relation.as_ref().map(table_name) else {
        return Vec::new();
    };
    let commands = alter.cmds.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(command),
        _ => None,
    });
    match alter.objtype() {
        ObjectType::ObjectTable | ObjectType::ObjectForeignTable => {
            commands.map(|command| action(&table, command)).collect()
        }
        ObjectType::ObjectType => commands.map(|command| attribute(&table, command)).collect(),
        other => {
            let kind = match other {
                ObjectType::ObjectIndex => "alter index",
                ObjectType::ObjectSequence => "alter sequence",
                ObjectType::ObjectMatview => "alter materialized view",
                _ => "alter view",
            };
            vec![Effect::Other {
                kind,
                table: Some(table),
            }]
        }
    }
}

fn action(table: &TableName, command: &AlterTableCmd) -> Effect {
    let definition = command
        .def
        .as_ref()
        .and_then(|definition| definition.node.as_ref());
    let (table, column) = (table.clone(), command.name.clone());
    match (command.subtype(), definition) {
        (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(definition))) => Effect::AddColumn {
            table,
            column: NewColumn::of(definition),
            if_not_exists: command.missing_ok,
        },
        (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(definition))) => {
            let data_type = DataType::of(definition.type_name.as_ref());
            Effect::ChangeType {
                table,
                using: Using::of(definition.raw_default.as_deref(), &column, &data_type),
                column,
                collated: definition.coll_clause.is_some(),
                data_type,
            }
        }
        (AlterTableType::AtSetNotNull, _) => Effect::SetNotNull { table, column },
        (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
            Effect::AddConstraint {
                table,
                constraint: Constraint::of(constraint),
            }
        }
        (AlterTableType::AtValidateConstraint, _) => Effect::ValidateConstraint {
            table,
            name: column,
        },
        (AlterTableType::AtDropConstraint, _) => Effect::DropConstraint {
            table,
            name: column,
            cascade: command.behavior == CASCADE,
        },
        (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(part))) => {
            Effect::AttachPartition {
                table,
                partition: part.name.as_ref().map(table_name).unwrap_or_default(),
            }
        }
        (AlterTableType::AtDetachPartition, Some(NodeEnum::PartitionCmd(part))) => {
            Effect::DetachPartition {
                table,
                partition: part.name.as_ref().map(table_name).unwrap_or_default(),
                concurrently: part.concurrent,
            }
        }
        (AlterTableType::AtDropColumn, _) => Effect::DropColumn {
            table,
            column,
            cascade: command.behavior == CASCADE,
            if_exists: command.missing_ok,
        },
        (subtype, _) => Effect::Other {
            kind: words(subtype),
            table: Some(table),
        },
    }
}

/// `ALTER TYPE` of a composite type comes in the shape of `ALTER TABLE`; columns of that type lose the attribute.
fn attribute(of: &TableName, command: &AlterTableCmd) -> Effect {
    match command.subtype() {
        AlterTableType::AtDropColumn => Effect::Drop {
            what: "attribute",
            name: format!("{} of {of}", super::super::quote_identifier(&command.name)),
            table: None,
            cascade: command.behavior == CASCADE,
            if_exists: command.missing_ok,
        },
        _ => Effect::Other {
            kind: "alter type",
            table: None,
        },
    }
}

fn words(subtype: AlterTableType) -> &'static str {
    use AlterTableType as At;
    match subtype {
        At::AtColumnDefault | At::AtCookedColumnDefault => "alter table: change default",
        At::AtDropNotNull => "alter table: drop not null",
        At::AtSetExpression => "alter table: set generation expression",
        At::AtDropExpression => "alter table: drop generation expression",
        At::AtSetStatistics => "alter table: set statistics",
        At::AtSetOptions | At::AtResetOptions => "alter table: change column options",
        At::AtSetStorage => "alter table: set storage",
        At::AtSetCompression => "alter table: set compression",
        At::AtAlterConstraint => "alter table: alter constraint",
        At::AtChangeOwner => "alter table: change owner",
        At::AtClusterOn | At::AtDropCluster => "alter table: change clustering",
        At::AtSetLogged => "alter table: set logged",
        At::AtSetUnLogged => "alter table: set unlogged",
        At::AtSetAccessMethod => "alter table: set access method",
        At::AtSetTableSpace => "alter table: set tablespace",
        At::AtSetRelOptions | At::AtResetRelOptions | At::AtReplaceRelOptions => {
            "alter table: change storage parameters"
        }
        At::AtEnableTrig
        | At::AtEnableAlwaysTrig
        | At::AtEnableReplicaTrig
        | At::AtEnableTrigAll
        | At::AtEnableTrigUser => "alter table: enable trigger",
        At::AtDisableTrig | At::AtDisableTrigAll | At::AtDisableTrigUser => {
            "alter table: disable trigger"
        }
        At::AtEnableRule | At::AtEnableAlwaysRule | At::AtEnableReplicaRule => {
            "alter table: enable rule"
        }
        At::AtDisableRule => "alter table: disable rule",
        At::AtAddInherit | At::AtDropInherit => "alter table: change inheritance",
        At::AtAddOf | At::AtDropOf => "alter table: change row type",
        At::AtReplicaIdentity => "alter table: set replica identity",
        At::AtEnableRowSecurity | At::AtForceRowSecurity => "alter table: enable row security",
        At::AtDisableRowSecurity | At::AtNoForceRowSecurity => "alter table: disable row security",
        At::AtDetachPartitionFinalize => "alter table: finish detaching a partition",
        At::AtAddIdentity | At::AtSetIdentity => "alter table: set identity",
        At::AtDropIdentity => "alter table: drop identity",
        _ => "alter table",
    }
}
