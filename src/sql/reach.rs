//! Statements that reach beyond the database they run in.
//!
//! Roles, databases, tablespaces and the server's settings are shared by a whole cluster, and some functions reach files,
//! the network or other sessions. Whoever runs a script a second time, in a database of its own, has to leave such a
//! statement alone: its effect would not stay there. Bodies of `DO` blocks and functions are looked through word by word;
//! what they put together while they run cannot be seen.

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, ObjectType, TransactionStmtKind};

use super::effect::Effect;
use super::parse::Statement;
use super::scanner;

/// What of a statement is in effect outside of its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What it reaches, as a noun: `a role of the cluster`.
    pub what: &'static str,
    /// The function whose body it is in, without its schema; only a call of that puts it in effect.
    pub within: Option<String>,
}

const ROLE: &str = "a role of the cluster";
const DATABASE: &str = "a database as a whole";
const TABLESPACE: &str = "a tablespace of the cluster";
const SETTINGS: &str = "the settings of the server";
const SERVER: &str = "another server";
const FILE: &str = "a file or a program of the server";
const SESSIONS: &str = "other sessions or the server itself";
const OWNED: &str = "everything that a role owns or may use, in the whole cluster";
const PREPARED: &str = "a prepared transaction, which outlives its session";

/// Beginnings of functions that reach outside, each with what it reaches.
const FUNCTIONS: &[(&str, &str)] = &[
    ("dblink", SERVER),
    ("http", SERVER),
    ("lo_export", FILE),
    ("lo_import", FILE),
    ("pg_cancel_backend", SESSIONS),
    ("pg_copy_logical_replication_slot", SESSIONS),
    ("pg_copy_physical_replication_slot", SESSIONS),
    ("pg_create_logical_replication_slot", SESSIONS),
    ("pg_create_physical_replication_slot", SESSIONS),
    ("pg_create_restore_point", SESSIONS),
    ("pg_drop_replication_slot", SESSIONS),
    ("pg_file_", FILE),
    ("pg_ls_", FILE),
    ("pg_promote", SESSIONS),
    ("pg_read_", FILE),
    ("pg_reload_conf", SETTINGS),
    ("pg_replication_origin_", SESSIONS),
    ("pg_rotate_logfile", SESSIONS),
    ("pg_switch_wal", SESSIONS),
    ("pg_terminate_backend", SESSIONS),
];

/// How many words of one statement within a body are looked at.
const LONGEST: usize = 500;

impl Statement {
    /// What it puts in effect outside of its database, as far as its text tells.
    #[must_use]
    pub fn reaches_outside(&self) -> Option<Reach> {
        let called = self.effects.iter().find_map(|effect| match effect {
            Effect::Call { function } => of_function(function),
            _ => None,
        });
        self.outside.clone().or_else(|| called.map(plain))
    }
}

fn plain(what: &'static str) -> Reach {
    Reach { what, within: None }
}

/// What a call reaches, by the last part of the function's name.
fn of_function(name: &str) -> Option<&'static str> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let outside = FUNCTIONS
        .iter()
        .find(|(beginning, _)| last.starts_with(beginning));
    outside.map(|(_, what)| *what)
}

/// What a statement other than a call reaches.
pub(super) fn of(node: &NodeEnum) -> Option<Reach> {
    match node {
        NodeEnum::DoStmt(block) => body(&block.args).map(plain),
        NodeEnum::CreateFunctionStmt(create) => Some(Reach {
            what: body(&create.options)?,
            within: Some(super::effect::strings(&create.funcname).pop()?),
        }),
        _ => directly(node).map(plain),
    }
}

fn directly(node: &NodeEnum) -> Option<&'static str> {
    match node {
        NodeEnum::CreateRoleStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterRoleSetStmt(_)
        | NodeEnum::DropRoleStmt(_)
        | NodeEnum::GrantRoleStmt(_) => Some(ROLE),
        NodeEnum::CreatedbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_)
        | NodeEnum::DropdbStmt(_) => Some(DATABASE),
        NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_)
        | NodeEnum::DropTableSpaceStmt(_) => Some(TABLESPACE),
        NodeEnum::AlterSystemStmt(_) => Some(SETTINGS),
        NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_)
        | NodeEnum::ImportForeignSchemaStmt(_) => Some(SERVER),
        NodeEnum::ReassignOwnedStmt(_) | NodeEnum::DropOwnedStmt(_) => Some(OWNED),
        NodeEnum::CopyStmt(copy) if copy.is_program || !copy.filename.is_empty() => Some(FILE),
        NodeEnum::GrantStmt(grant) => shared(grant.objtype()),
        NodeEnum::AlterOwnerStmt(alter) => shared(alter.object_type()),
        NodeEnum::RenameStmt(rename) => shared(rename.rename_type()),
        NodeEnum::CommentStmt(comment) => shared(comment.objtype()),
        NodeEnum::SecLabelStmt(label) => shared(label.objtype()),
        NodeEnum::TransactionStmt(statement)
            if matches!(
                statement.kind(),
                TransactionStmtKind::TransStmtPrepare
                    | TransactionStmtKind::TransStmtCommitPrepared
                    | TransactionStmtKind::TransStmtRollbackPrepared
            ) =>
        {
            Some(PREPARED)
        }
        _ => None,
    }
}

/// What kind of thing is shared by the whole cluster.
fn shared(kind: ObjectType) -> Option<&'static str> {
    match kind {
        ObjectType::ObjectDatabase => Some(DATABASE),
        ObjectType::ObjectRole => Some(ROLE),
        ObjectType::ObjectTablespace => Some(TABLESPACE),
        ObjectType::ObjectParameterAcl => Some(SETTINGS),
        ObjectType::ObjectSubscription => Some(SERVER),
        _ => None,
    }
}

/// What the body among the options of a block or a function reaches.
fn body(options: &[pg_query::Node]) -> Option<&'static str> {
    options
        .iter()
        .filter_map(|option| match &option.node {
            Some(NodeEnum::DefElem(option)) if option.defname == "as" => Some(text_of(option)),
            _ => None,
        })
        .flatten()
        .find_map(|text| in_text(&text, 0))
}

fn text_of(option: &DefElem) -> Vec<String> {
    match option.arg.as_ref().and_then(|value| value.node.as_ref()) {
        Some(NodeEnum::String(text)) => vec![text.sval.clone()],
        Some(NodeEnum::List(list)) => super::effect::strings(&list.items),
        _ => Vec::new(),
    }
}

/// What a text in some language reaches, as far as its words tell. Strings within it may be statements that it runs.
fn in_text(text: &str, depth: usize) -> Option<&'static str> {
    const DEEPEST: usize = 3;
    if depth > DEEPEST || scanner::exhausting_run(text).is_some() {
        return None;
    }
    let tokens = scanner::tokens(text).ok()?;
    let mut words: Vec<String> = Vec::with_capacity(tokens.len());
    for token in &tokens {
        let (from, to) = (
            super::parse::offset(token.start),
            super::parse::offset(token.end),
        );
        let word = text.get(from..to).unwrap_or_default();
        if let Some(inner) = unquoted(word) {
            if let Some(what) = in_text(&inner, depth + 1) {
                return Some(what);
            }
            words.push("'".to_owned());
        } else {
            words.push(word.to_lowercase());
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    (0..words.len()).find_map(|at| at_word(&words[at..]))
}

/// The content of a string constant.
fn unquoted(token: &str) -> Option<String> {
    if let Some(rest) = token.strip_prefix('$') {
        let tag = &token[..=rest.find('$')? + 1];
        let inner = token.strip_prefix(tag)?.strip_suffix(tag)?;
        return Some(inner.to_owned());
    }
    let inner = token.trim_start_matches(['e', 'E']);
    let inner = inner.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

fn at_word(words: &[&str]) -> Option<&'static str> {
    match words {
        ["create" | "alter" | "drop", "user", "mapping", ..] => None,
        ["create" | "alter" | "drop", "role" | "user" | "group", ..]
        | ["comment", "on", "role", ..] => Some(ROLE),
        ["create" | "alter" | "drop", "database", ..] | ["comment", "on", "database", ..] => {
            Some(DATABASE)
        }
        ["create" | "alter" | "drop", "tablespace", ..] => Some(TABLESPACE),
        ["create" | "alter" | "drop", "subscription", ..] | ["import", "foreign", ..] => {
            Some(SERVER)
        }
        ["alter", "system", ..] => Some(SETTINGS),
        ["reassign" | "drop", "owned", ..] => Some(OWNED),
        ["grant" | "revoke", rest @ ..] => granted(rest),
        ["copy", rest @ ..] => copied(rest),
        [name, "(", ..] => of_function(name),
        _ => None,
    }
}

/// Without an `ON` it is a role that is given; with one it may be a database.
fn granted(words: &[&str]) -> Option<&'static str> {
    let end = words
        .iter()
        .take(LONGEST)
        .position(|word| matches!(*word, "to" | "from" | ";"))?;
    match words[..end].iter().position(|word| *word == "on") {
        None if words[end] == ";" => None,
        None => Some(ROLE),
        Some(on) => match words.get(on + 1).copied()? {
            "database" => Some(DATABASE),
            "tablespace" => Some(TABLESPACE),
            "parameter" => Some(SETTINGS),
            _ => None,
        },
    }
}

fn copied(words: &[&str]) -> Option<&'static str> {
    let way = words
        .iter()
        .take(LONGEST)
        .take_while(|word| **word != ";")
        .position(|word| matches!(*word, "to" | "from"))?;
    matches!(words.get(way + 1).copied()?, "program" | "'").then_some(FILE)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn reached(script: &str) -> Option<Reach> {
        let statements = parse(script).expect("the script parses");
        statements.iter().find_map(Statement::reaches_outside)
    }

    #[test]
    fn what_is_in_effect_elsewhere_is_found() {
        for (script, what) in [
            ("CREATE ROLE app LOGIN", ROLE),
            ("ALTER USER app PASSWORD 'x'", ROLE),
            ("ALTER ROLE app SET search_path = x", ROLE),
            ("DROP ROLE app", ROLE),
            ("GRANT app TO ops", ROLE),
            ("COMMENT ON ROLE app IS 'x'", ROLE),
            ("CREATE DATABASE d", DATABASE),
            ("ALTER DATABASE d SET timezone = 'UTC'", DATABASE),
            ("ALTER DATABASE d OWNER TO app", DATABASE),
            ("ALTER DATABASE d RENAME TO e", DATABASE),
            ("GRANT CONNECT ON DATABASE d TO app", DATABASE),
            ("COMMENT ON DATABASE d IS 'x'", DATABASE),
            ("DROP TABLESPACE s", TABLESPACE),
            ("ALTER SYSTEM SET work_mem = '4MB'", SETTINGS),
            ("SELECT pg_reload_conf()", SETTINGS),
            ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", SERVER),
            ("IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b", SERVER),
            ("SELECT dblink_exec('x', 'y')", SERVER),
            ("SELECT * FROM ext.dblink('x', 'y') AS t (a int)", SERVER),
            ("COPY t FROM '/etc/passwd'", FILE),
            ("COPY t TO PROGRAM 'sh'", FILE),
            ("INSERT INTO t SELECT pg_read_file('x')", FILE),
            (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
                SESSIONS,
            ),
            ("DROP OWNED BY app", OWNED),
            ("REASSIGN OWNED BY a TO b", OWNED),
            ("PREPARE TRANSACTION 'x'", PREPARED),
            ("DO $$ BEGIN CREATE ROLE app; END $$", ROLE),
            (
                "DO $$ BEGIN EXECUTE 'alter  user app password ''x'''; END $$",
                ROLE,
            ),
            (
                "DO $do$ BEGIN EXECUTE format($q$CREATE DATABASE %I$q$, 'x'); END $do$",
                DATABASE,
            ),
            ("DO $$ BEGIN GRANT app TO ops; END $$", ROLE),
            (
                "DO $$ BEGIN GRANT ALL ON DATABASE d TO ops; END $$",
                DATABASE,
            ),
            ("DO $$ BEGIN PERFORM dblink('x', 'y'); END $$", SERVER),
            ("DO $$ BEGIN COPY t TO PROGRAM 'sh'; END $$", FILE),
        ] {
            assert_eq!(reached(script), Some(plain(what)), "{script}");
        }
    }

    #[test]
    fn what_stays_in_its_database_is_left_alone() {
        for script in [
            "CREATE TABLE role (id int)",
            "GRANT SELECT ON t TO app",
            "ALTER TABLE t OWNER TO app",
            "CREATE USER MAPPING FOR app SERVER s",
            "CREATE EXTENSION dblink",
            "COPY t FROM STDIN",
            "COMMENT ON TABLE t IS 'create role app'",
            "INSERT INTO t VALUES ('DROP DATABASE d')",
            "CREATE VIEW v AS SELECT * FROM dblink('a', 'b') AS t (a int)",
            "DO $$ BEGIN GRANT SELECT ON t TO app; RAISE NOTICE 'granted to all'; END $$",
            "DO $$ BEGIN ALTER TYPE role ADD VALUE 'x'; END $$",
            "DO $$ BEGIN EXECUTE 'CREATE USER MAPPING FOR app SERVER s'; END $$",
            "DO $$ BEGIN IF x THEN RAISE 'unclosed; END $$",
        ] {
            assert_eq!(reached(script), None, "{script}");
        }
    }

    #[test]
    fn a_body_counts_once_its_function_is_called() {
        let script = "CREATE FUNCTION app.tenant(n text) RETURNS void LANGUAGE plpgsql AS \
             $$ BEGIN EXECUTE format('CREATE ROLE %I', n); END $$";
        let within = Some("tenant".to_owned());
        assert_eq!(reached(script), Some(Reach { what: ROLE, within }));
    }
}
