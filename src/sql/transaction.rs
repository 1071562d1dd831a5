//! How statements and transactions get along.
//!
//! A script that is sent whole runs in one implicit transaction, unless it controls transactions itself. A few
//! statements refuse to run in any; the server accepts them only if they are all there is.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableType, DefElem, DiscardMode, ObjectType, ReindexObjectType, Token, TransactionStmtKind,
};

use super::effect::Effect;
use super::parse::Statement;
use super::scanner;

/// A statement's part in transaction control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `COMMIT AND CHAIN`, `ROLLBACK AND CHAIN`: ends one transaction and begins the next.
    Chain,
    /// `PREPARE TRANSACTION`, `COMMIT PREPARED`, `ROLLBACK PREPARED`.
    TwoPhase,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`: only inside of a transaction, which they do not end.
    Savepoint,
}

/// Whether the script begins or ends transactions itself, so that a failure may leave part of it in effect.
#[must_use]
pub fn transaction_control(statements: &[Statement]) -> bool {
    statements
        .iter()
        .filter_map(Statement::control)
        .any(|control| control != Control::Savepoint)
}

/// Whether the script adds a value to an enum and uses it, which takes two transactions (SQLSTATE 55P04), unless the enum is of the
/// same one. What looks like the value counts as its use: then nothing fails that needed not to. Postgres docs: ALTER TYPE, Notes.
#[must_use]
pub fn uses_added_value(script: &str, statements: &[Statement]) -> bool {
    let makes_enum = |statement: &Statement| {
        let mut effects = statement.effects.iter();
        effects.any(|effect| matches!(effect, Effect::CreateEnum { .. }))
    };
    if statements.iter().any(makes_enum) || !statements.iter().any(adds_value) {
        return false;
    }
    let mut added: Vec<String> = Vec::new();
    for statement in statements {
        let mut constants = constants(statement.text(script));
        if adds_value(statement) {
            added.extend(constants.next());
        } else if constants.any(|constant| added.contains(&constant)) {
            return true;
        }
    }
    false
}

fn adds_value(statement: &Statement) -> bool {
    let mut effects = statement.effects.iter();
    effects.any(|effect| matches!(effect, Effect::Other { kind, .. } if *kind == "add enum value"))
}

/// The strings in a text, as they stand there.
fn constants(text: &str) -> impl Iterator<Item = String> {
    let tokens = scanner::tokens(text).unwrap_or_default();
    tokens.into_iter().filter_map(|token| {
        let is_string = token.token() == Token::Sconst;
        let (start, end) = (usize::try_from(token.start), usize::try_from(token.end));
        let found = text.get(start.ok()?..end.ok()?)?;
        is_string.then(|| found.to_owned())
    })
}

/// Whether the script ends inside of a transaction that it began: everything since would be lost at disconnect.
#[must_use]
pub fn leaves_transaction_open(statements: &[Statement]) -> bool {
    statements
        .iter()
        .filter_map(Statement::control)
        .fold(false, |open, control| match control {
            Control::Begin | Control::Chain => true,
            Control::Commit | Control::Rollback | Control::TwoPhase => false,
            Control::Savepoint => open,
        })
}

pub(super) fn control_of(node: &NodeEnum) -> Option<Control> {
    let NodeEnum::TransactionStmt(statement) = node else {
        return None;
    };
    Some(match statement.kind() {
        TransactionStmtKind::Undefined => return None,
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => Control::Begin,
        TransactionStmtKind::TransStmtCommit | TransactionStmtKind::TransStmtRollback
            if statement.chain =>
        {
            Control::Chain
        }
        TransactionStmtKind::TransStmtCommit => Control::Commit,
        TransactionStmtKind::TransStmtRollback => Control::Rollback,
        TransactionStmtKind::TransStmtPrepare
        | TransactionStmtKind::TransStmtCommitPrepared
        | TransactionStmtKind::TransStmtRollbackPrepared => Control::TwoPhase,
        TransactionStmtKind::TransStmtSavepoint
        | TransactionStmtKind::TransStmtRelease
        | TransactionStmtKind::TransStmtRollbackTo => Control::Savepoint,
    })
}

/// Whether the statement holds nobody up while it waits for its locks.
pub(super) fn runs_beside(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::ReindexStmt(reindex) => is_on(&reindex.params, "concurrently", false),
        NodeEnum::VacuumStmt(vacuum) => {
            vacuum.is_vacuumcmd && !is_on(&vacuum.options, "full", false)
        }
        NodeEnum::IndexStmt(_) | NodeEnum::DropStmt(_) | NodeEnum::AlterTableStmt(_) => {
            runs_alone(node)
        }
        _ => false,
    }
}

/// Whether the server refuses the statement inside of a transaction block.
///
/// The list is that of `PreventInTransactionBlock` in Postgres 18, as far as a statement's text shows it: `REINDEX` or
/// `CLUSTER` of a partitioned table is on it too, but only the catalog knows which tables are.
pub(super) fn runs_alone(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::IndexStmt(index) => index.concurrent,
        NodeEnum::DropStmt(drop) => {
            drop.concurrent && drop.remove_type() == ObjectType::ObjectIndex
        }
        NodeEnum::ReindexStmt(reindex) => {
            is_on(&reindex.params, "concurrently", false)
                || matches!(
                    reindex.kind(),
                    ReindexObjectType::ReindexObjectSchema
                        | ReindexObjectType::ReindexObjectSystem
                        | ReindexObjectType::ReindexObjectDatabase
                )
        }
        NodeEnum::VacuumStmt(vacuum) => vacuum.is_vacuumcmd,
        NodeEnum::ClusterStmt(cluster) => cluster.relation.is_none(),
        NodeEnum::DiscardStmt(discard) => discard.target() == DiscardMode::DiscardAll,
        NodeEnum::AlterDatabaseStmt(alter) => {
            options(&alter.options).any(|option| option.defname.eq_ignore_ascii_case("tablespace"))
        }
        NodeEnum::CreateSubscriptionStmt(create) => {
            is_on(&create.options, "connect", true) && is_on(&create.options, "create_slot", true)
        }
        NodeEnum::TransactionStmt(statement) => matches!(
            statement.kind(),
            TransactionStmtKind::TransStmtCommitPrepared
                | TransactionStmtKind::TransStmtRollbackPrepared
        ),
        NodeEnum::AlterTableStmt(alter) => alter.cmds.iter().any(|command| {
            let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
                return false;
            };
            let detached = command.def.as_ref().and_then(|def| def.node.as_ref());
            command.subtype() == AlterTableType::AtDetachPartition
                && matches!(detached, Some(NodeEnum::PartitionCmd(part)) if part.concurrent)
        }),
        NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => true,
        _ => false,
    }
}

fn options(nodes: &[pg_query::Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) => Some(option.as_ref()),
        _ => None,
    })
}

/// A boolean option as Postgres reads it: named without a value it is on, absent it is `otherwise`.
fn is_on(nodes: &[pg_query::Node], name: &str, otherwise: bool) -> bool {
    let Some(option) = options(nodes).find(|option| option.defname == name) else {
        return otherwise;
    };
    match option.arg.as_ref().and_then(|value| value.node.as_ref()) {
        Some(NodeEnum::Integer(value)) => value.ival != 0,
        Some(NodeEnum::Boolean(value)) => value.boolval,
        Some(NodeEnum::String(value)) => !["false", "off"]
            .iter()
            .any(|off| value.sval.eq_ignore_ascii_case(off)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn statements_that_refuse_a_transaction_are_known() {
        for (script, alone) in [
            ("CREATE INDEX CONCURRENTLY i ON t (a)", true),
            ("CREATE INDEX i ON t (a)", false),
            ("DROP INDEX CONCURRENTLY IF EXISTS i", true),
            ("DROP INDEX i", false),
            ("REINDEX INDEX CONCURRENTLY i", true),
            ("REINDEX (CONCURRENTLY) TABLE t", true),
            ("REINDEX (CONCURRENTLY false) TABLE t", false),
            ("REINDEX (CONCURRENTLY off, VERBOSE) TABLE t", false),
            ("REINDEX TABLE t", false),
            ("REINDEX DATABASE d", true),
            ("VACUUM", true),
            ("VACUUM FULL t", true),
            ("ANALYZE t", false),
            ("CREATE DATABASE d", true),
            ("DROP DATABASE d", true),
            ("ALTER DATABASE d SET TABLESPACE s", true),
            ("ALTER DATABASE d SET work_mem = '4MB'", false),
            ("CREATE TABLESPACE s LOCATION '/s'", true),
            ("DROP TABLESPACE s", true),
            ("ALTER SYSTEM SET work_mem = '4MB'", true),
            ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", true),
            ("ALTER TABLE t DETACH PARTITION p", false),
            ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", true),
            (
                "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = false)",
                false,
            ),
            ("DROP SUBSCRIPTION s", true),
            ("CLUSTER", true),
            ("CLUSTER t USING i", false),
            ("DISCARD ALL", true),
            ("DISCARD TEMP", false),
            ("COMMIT PREPARED 'x'", true),
            ("ALTER TYPE e ADD VALUE 'x'", false),
            ("DO $$ BEGIN COMMIT; END $$", false),
        ] {
            let statements = parse(script).unwrap();
            assert_eq!(statements[0].cannot_run_in_transaction(), alone, "{script}");
        }
    }

    #[test]
    fn a_script_that_controls_transactions_is_known() {
        for (script, controls, open) in [
            ("SELECT 1; SELECT 2", false, false),
            ("BEGIN; SELECT 1; COMMIT", true, false),
            ("SELECT 1; COMMIT", true, false),
            ("START TRANSACTION; SELECT 1; END", true, false),
            ("BEGIN; SELECT 1; ABORT", true, false),
            ("BEGIN; SELECT 1", true, true),
            ("BEGIN; COMMIT AND CHAIN", true, true),
            ("BEGIN; ROLLBACK; BEGIN; SAVEPOINT s", true, true),
            ("BEGIN; PREPARE TRANSACTION 'x'", true, false),
            ("SAVEPOINT s; ROLLBACK TO s", false, false),
            ("SELECT 'BEGIN; COMMIT'", false, false),
            (
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
                false,
                false,
            ),
        ] {
            let statements = parse(script).unwrap();
            assert_eq!(transaction_control(&statements), controls, "{script}");
            assert_eq!(leaves_transaction_open(&statements), open, "{script}");
        }
    }

    #[test]
    fn an_enum_value_that_is_added_and_used_is_noticed() {
        for (script, used) in [
            (
                "ALTER TYPE e ADD VALUE 'x'; ALTER TABLE t ALTER a SET DEFAULT 'x'",
                true,
            ),
            (
                "ALTER TYPE e ADD VALUE IF NOT EXISTS 'x' BEFORE 'a'; UPDATE t SET a = 'x'",
                true,
            ),
            (
                "ALTER TYPE e ADD VALUE 'x' BEFORE 'a'; UPDATE t SET a = 'a'",
                false,
            ),
            (
                "ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e ADD VALUE 'y' AFTER 'x'",
                false,
            ),
            ("UPDATE t SET a = 'x'; ALTER TYPE e ADD VALUE 'x'", false),
            (
                "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e ADD VALUE 'x'; SELECT 'x'::e",
                false,
            ),
            (
                "ALTER TYPE e RENAME VALUE 'a' TO 'x'; UPDATE t SET a = 'x'",
                false,
            ),
            ("SELECT 'x'", false),
        ] {
            let statements = parse(script).unwrap();
            assert_eq!(uses_added_value(script, &statements), used, "{script}");
        }
    }
}
