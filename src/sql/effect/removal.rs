//! Statements that make something go, whatever it is.

use pg_query::NodeEnum;
use pg_query::protobuf::{DropStmt, ObjectType, RoleSpec};

use super::super::identifier::{TableName, quote_if_needed};
use super::Effect;
use super::statement::CASCADE;

/// The effects of a statement that drops; none for any other.
pub(super) fn of(node: &NodeEnum) -> Vec<Effect> {
    let plain = |what, name: &str, if_exists| {
        vec![Effect::Drop {
            what,
            name: quote_if_needed(name),
            table: None,
            cascade: false,
            if_exists,
        }]
    };
    match node {
        NodeEnum::DropStmt(drop) => drop
            .objects
            .iter()
            .filter_map(|object| object.node.as_ref())
            .map(|object| dropped(drop, &name_parts(object)))
            .collect(),
        NodeEnum::DropdbStmt(drop) => plain("database", &drop.dbname, drop.missing_ok),
        NodeEnum::DropTableSpaceStmt(drop) => {
            plain("tablespace", &drop.tablespacename, drop.missing_ok)
        }
        NodeEnum::DropSubscriptionStmt(drop) => {
            plain("subscription", &drop.subname, drop.missing_ok)
        }
        NodeEnum::DropRoleStmt(drop) => roles(&drop.roles, |role| {
            plain("role", &role.rolename, drop.missing_ok)
        }),
        NodeEnum::DropOwnedStmt(drop) => roles(&drop.roles, |role| {
            vec![Effect::Drop {
                what: "objects owned by",
                name: if role.rolename.is_empty() {
                    "the current role".to_owned()
                } else {
                    quote_if_needed(&role.rolename)
                },
                table: None,
                cascade: drop.behavior == CASCADE,
                if_exists: false,
            }]
        }),
        _ => Vec::new(),
    }
}

fn roles(nodes: &[pg_query::Node], effects: impl Fn(&RoleSpec) -> Vec<Effect>) -> Vec<Effect> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RoleSpec(role)) => Some(effects(role)),
            _ => None,
        })
        .flatten()
        .collect()
}

fn dropped(drop: &DropStmt, parts: &[String]) -> Effect {
    let (cascade, if_exists) = (drop.behavior == CASCADE, drop.missing_ok);
    match drop.remove_type() {
        ObjectType::ObjectTable | ObjectType::ObjectForeignTable => Effect::DropTable {
            table: relation(parts),
            cascade,
            if_exists,
        },
        kind @ (ObjectType::ObjectView | ObjectType::ObjectMatview) => Effect::DropView {
            view: relation(parts),
            materialized: kind == ObjectType::ObjectMatview,
            cascade,
            if_exists,
        },
        ObjectType::ObjectSchema => Effect::DropSchema {
            name: parts.last().cloned().unwrap_or_default(),
            cascade,
            if_exists,
        },
        ObjectType::ObjectIndex => Effect::DropIndex {
            index: relation(parts),
            concurrently: drop.concurrent,
            cascade,
        },
        kind => Effect::Drop {
            what: what(kind),
            name: people_name(kind, parts),
            table: match (lives_on_table(kind), parts) {
                (true, [table @ .., _]) => Some(relation(table)),
                _ => None,
            },
            cascade,
            if_exists,
        },
    }
}

/// `[database.][schema.]name`; the database can only be the current one.
fn relation(parts: &[String]) -> TableName {
    match parts {
        [.., schema, name] => TableName::within(schema.as_str(), name.as_str()),
        [name] => TableName::new(name.as_str()),
        [] => TableName::new(""),
    }
}

/// Whether the last part of the name is the thing's own and those before it are its table's.
fn lives_on_table(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule
    )
}

fn people_name(kind: ObjectType, parts: &[String]) -> String {
    let join = |parts: &[String]| {
        let parts: Vec<String> = parts.iter().map(|part| quote_if_needed(part)).collect();
        parts.join(".")
    };
    match (kind, parts) {
        (kind, [table @ .., name]) if lives_on_table(kind) => {
            format!("{} on {}", quote_if_needed(name), join(table))
        }
        (ObjectType::ObjectCast, _) => parts.join(" as "),
        _ => join(parts),
    }
}

fn name_parts(node: &NodeEnum) -> Vec<String> {
    match node {
        NodeEnum::List(list) => list
            .items
            .iter()
            .filter_map(|item| item.node.as_ref())
            .flat_map(name_parts)
            .collect(),
        NodeEnum::String(text) => vec![text.sval.clone()],
        NodeEnum::ObjectWithArgs(object) => strings(&object.objname),
        NodeEnum::TypeName(name) => strings(&name.names),
        _ => Vec::new(),
    }
}

/// The strings of a list of nodes.
pub(in crate::sql) fn strings(nodes: &[pg_query::Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.clone()),
            _ => None,
        })
        .collect()
}

/// Whether `EXPLAIN` also runs what it explains.
pub(super) fn is_analyze(options: &[pg_query::Node]) -> bool {
    options.iter().any(|option| {
        let Some(NodeEnum::DefElem(option)) = &option.node else {
            return false;
        };
        let value = option.arg.as_ref().and_then(|value| value.node.as_ref());
        let off = matches!(
            value,
            Some(NodeEnum::String(text)) if text.sval == "false" || text.sval == "off"
        );
        option.defname == "analyze" && !off
    })
}

fn what(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::ObjectAccessMethod => "access method",
        ObjectType::ObjectAggregate => "aggregate",
        ObjectType::ObjectCast => "cast",
        ObjectType::ObjectCollation => "collation",
        ObjectType::ObjectConversion => "conversion",
        ObjectType::ObjectDomain => "domain",
        ObjectType::ObjectEventTrigger => "event trigger",
        ObjectType::ObjectExtension => "extension",
        ObjectType::ObjectFdw => "foreign data wrapper",
        ObjectType::ObjectForeignServer => "foreign server",
        ObjectType::ObjectFunction => "function",
        ObjectType::ObjectLanguage => "language",
        ObjectType::ObjectOpclass => "operator class",
        ObjectType::ObjectOperator => "operator",
        ObjectType::ObjectOpfamily => "operator family",
        ObjectType::ObjectPolicy => "policy",
        ObjectType::ObjectProcedure => "procedure",
        ObjectType::ObjectPublication => "publication",
        ObjectType::ObjectRoutine => "routine",
        ObjectType::ObjectRule => "rule",
        ObjectType::ObjectSequence => "sequence",
        ObjectType::ObjectStatisticExt => "statistics",
        ObjectType::ObjectTransform => "transform",
        ObjectType::ObjectTrigger => "trigger",
        ObjectType::ObjectTsconfiguration
        | ObjectType::ObjectTsdictionary
        | ObjectType::ObjectTsparser
        | ObjectType::ObjectTstemplate => "text search object",
        ObjectType::ObjectType => "type",
        _ => "object",
    }
}
