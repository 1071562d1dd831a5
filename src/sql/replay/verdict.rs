//! The statements, one by one: what is run again, what is left out, and what is refused, which is everything else.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableStmt, AlterTableType, CmdType, ConstrType, CreateStmt, DefElem, DiscardMode,
    ObjectType, RangeVar, TransactionStmtKind,
};

use super::super::tree;
use super::definition::{Definitions, named};
use super::left::left_out;
use super::setting::{DENIED, query, setting};
use super::{Verdict, body, known, refuse};

/// What writes or locks rows, wherever it stands.
pub(super) const WRITING: &[&str] = &[
    "InsertStmt",
    "UpdateStmt",
    "DeleteStmt",
    "MergeStmt",
    "LockingClause",
];

/// What is to be done with a statement; an error says why it is refused.
pub(super) fn of(node: &NodeEnum, definitions: &mut Definitions) -> Result<Verdict, String> {
    if let Some(what) = left_out(node) {
        return Ok(Verdict::Leave(what));
    }
    match node {
        NodeEnum::SelectStmt(select) => query(node, select, definitions),
        NodeEnum::DoStmt(block) => body::block(block, definitions),
        NodeEnum::VariableSetStmt(set) => setting(set, definitions),
        NodeEnum::CreateFunctionStmt(create) => {
            let may_replace = definitions.define(create)? || !create.replace;
            Ok(if may_replace {
                Verdict::Run
            } else {
                Verdict::Plain
            })
        }
        NodeEnum::CreateTableAsStmt(create) => {
            let of_query = matches!(
                create.query.as_ref().and_then(|query| query.node.as_ref()),
                Some(NodeEnum::SelectStmt(_))
            );
            if !of_query || create.is_select_into || tree::has(&tree::of(node), WRITING) {
                return refuse("makes a table of something else than a query");
            }
            let relation = create.into.as_ref().and_then(|into| into.rel.as_ref());
            may_be_made(relation)?;
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
            may_be_named(name)?;
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

/// The name of Prisma's ledger.
const LEDGER: &str = "_prisma_migrations";

/// What defines something in its database, and so is run. Nothing of it may call what does more than compute, unless it is
/// called later, by whoever reads or writes rows.
fn defines(node: &NodeEnum, definitions: &mut Definitions) -> Result<(), String> {
    // Some of the server's own relations are shared by all databases, and their locks too. What views and policies read, they
    // read later.
    let reads_later = matches!(
        node,
        NodeEnum::ViewStmt(_) | NodeEnum::CreatePolicyStmt(_) | NodeEnum::AlterPolicyStmt(_)
    );
    if !reads_later && names_catalog(node) {
        return refuse("changes the catalogue of the server");
    }
    match node {
        NodeEnum::CreateStmt(create) => {
            let relation = create.relation.as_ref();
            definitions.makes_ledger |= relation.is_some_and(|relation| relation.relname == LEDGER);
            definitions.must_compute(&tree::of(&without_defaults(create)))
        }
        NodeEnum::AlterTableStmt(alter) => {
            definitions.must_compute(&tree::of(&without_default(alter)))
        }
        NodeEnum::IndexStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::AlterDomainStmt(_) => definitions.must_compute(&tree::of(node)),
        NodeEnum::AlterFunctionStmt(alter) => body::options(&alter.actions).try_for_each(changed),
        NodeEnum::ViewStmt(view) => may_be_made(view.view.as_ref()),
        NodeEnum::RuleStmt(rule) if rule.event() != CmdType::CmdSelect => Ok(()),
        NodeEnum::RenameStmt(rename) if is_function(rename.rename_type()) => {
            let object = rename
                .object
                .as_ref()
                .and_then(|object| object.node.as_ref());
            definitions.rename(named(object), &rename.newname)
        }
        NodeEnum::RenameStmt(rename) if is_schema(rename.rename_type()) => {
            if rename.rename_type() == ObjectType::ObjectSchema {
                definitions.schemas.insert(rename.newname.clone());
            }
            if is_part(rename.rename_type()) {
                Ok(())
            } else {
                may_be_named(&rename.newname)
            }
        }
        NodeEnum::AlterObjectSchemaStmt(alter) if is_schema(alter.object_type()) => {
            may_be_named(&alter.newschema)
        }
        NodeEnum::DefineStmt(define) => match define.kind() {
            ObjectType::ObjectAggregate => definitions.define_unknown(&define.defnames),
            ObjectType::ObjectCollation | ObjectType::ObjectTsconfiguration => Ok(()),
            _ => refuse("makes an operator, a base type or a part of text search"),
        },
        NodeEnum::CreateExtensionStmt(create) => {
            let mut options = body::options(&create.options);
            let schema = options.find(|option| option.defname == "schema");
            definitions.wanted.extend(schema.map(body::text));
            extension(&create.extname)
        }
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
        | NodeEnum::CreatePolicyStmt(_)
        | NodeEnum::AlterPolicyStmt(_)
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
        NodeEnum::AlterOwnerStmt(alter) => is_schema(alter.object_type()),
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

/// Kinds of things that are named within a relation or a type.
fn is_part(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectAttribute
            | ObjectType::ObjectColumn
            | ObjectType::ObjectDomconstraint
            | ObjectType::ObjectPolicy
            | ObjectType::ObjectRule
            | ObjectType::ObjectTabconstraint
            | ObjectType::ObjectTrigger
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

/// A change of a function. It may get another search path; other settings would change how its text is read.
fn changed(action: &DefElem) -> Result<(), String> {
    let set = match action.arg.as_ref().and_then(|value| value.node.as_ref()) {
        Some(NodeEnum::VariableSetStmt(set)) => set.name.as_str(),
        _ => "",
    };
    match action.defname.as_str() {
        "support" => refuse("gives a function a support function"),
        "set" if set != "search_path" => refuse("gives a function a setting of its own"),
        _ => Ok(()),
    }
}

/// Nothing, where a new relation cannot be taken for one of the server's own, which blocks may read.
fn may_be_made(relation: Option<&RangeVar>) -> Result<(), String> {
    relation.map_or(Ok(()), |relation| {
        may_be_named(&relation.relname)?;
        match relation.schemaname.as_str() {
            // Of the session, and not among what blocks may read.
            "pg_temp" => Ok(()),
            schema => may_be_named(schema),
        }
    })
}

/// The same of a new name, of a relation or of a schema.
fn may_be_named(name: &str) -> Result<(), String> {
    if name.starts_with("pg_") || name == DENIED {
        return refuse("makes something that could be taken for one of the server's own");
    }
    Ok(())
}

/// Whether a statement is about a relation of the server's own.
fn names_catalog(node: &NodeEnum) -> bool {
    let tree = tree::of(node);
    let is_relation = |kind| {
        matches!(
            kind,
            ObjectType::ObjectColumn
                | ObjectType::ObjectIndex
                | ObjectType::ObjectMatview
                | ObjectType::ObjectPolicy
                | ObjectType::ObjectRule
                | ObjectType::ObjectTabconstraint
                | ObjectType::ObjectTable
                | ObjectType::ObjectTrigger
                | ObjectType::ObjectView
        )
    };
    let by_text = match node {
        NodeEnum::CommentStmt(comment) => is_relation(comment.objtype()),
        NodeEnum::DropStmt(drop) => is_relation(drop.remove_type()),
        _ => false,
    };
    tree::names_catalog(&tree)
        || (by_text
            && tree::strings(&tree)
                .iter()
                .any(|text| text.starts_with("pg_") || *text == DENIED))
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
