//! What is not known to stay inside, one by one.

use super::{Replayer, refused, runs};

#[test]
fn what_is_not_known_to_stay_inside_is_refused() {
    const KIND: &str = "is of a kind that is not known to stay in its database";
    for script in [
        "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE USER MAPPING FOR app SERVER s",
        "CREATE FOREIGN TABLE f (a int) SERVER s",
        "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b",
        "CREATE FOREIGN DATA WRAPPER w",
        "DROP OWNED BY app",
        "REASSIGN OWNED BY a TO b",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "CALL purge()",
        "LOAD 'library'",
        "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()",
        "CREATE CAST (text AS int) WITH FUNCTION f(text)",
        "CREATE RULE \"_RETURN\" AS ON SELECT TO t DO INSTEAD SELECT * FROM u",
        "EXPLAIN ANALYZE CREATE TABLE c AS SELECT 1",
        "SECURITY LABEL ON TABLE t IS 'x'",
        "ALTER EXTENSION hstore ADD FUNCTION f()",
        "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
        "ALTER FOREIGN TABLE f RENAME TO g",
    ] {
        refused(&[script], KIND);
    }
    for (script, why) in [
        ("CREATE EXTENSION dblink", "installs the extension dblink"),
        ("CREATE EXTENSION pg_cron", "installs the extension pg_cron"),
        (
            "CREATE LANGUAGE plpython3u",
            "installs the extension plpython3u",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'library', 'f'",
            "in the language c",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x'",
            "in the language plpython3u",
        ),
        (
            "CREATE OPERATOR + (FUNCTION = f, LEFTARG = t)",
            "makes an operator",
        ),
        ("CREATE TYPE t (INPUT = f, OUTPUT = g)", "a base type"),
        (
            "CREATE TYPE r AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = f)",
            "functions of its own",
        ),
        ("SELECT purge()", "calls purge()"),
        (
            "SELECT * FROM ext.dblink('x', 'y') AS t (a int)",
            "calls ext.dblink()",
        ),
        (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
            "calls pg_terminate_backend()",
        ),
        ("SELECT \"lower], args:\"()", "calls lower], args:()"),
        ("SELECT pg_advisory_lock(1)", "calls pg_advisory_lock()"),
        ("SELECT 1 INTO t", "SELECT INTO"),
        ("CREATE TABLE c AS EXECUTE p", "something else than a query"),
        (
            "CREATE SCHEMA a CREATE VIEW v AS SELECT 1 CREATE TABLE t (a int CHECK (purge(a)))",
            "calls purge()",
        ),
        ("ALTER TABLE t ADD x int DEFAULT purge()", "calls purge()"),
        ("ALTER TABLE t ADD CHECK (purge(a))", "calls purge()"),
        (
            "ALTER TABLE t ALTER a TYPE int USING purge(a)",
            "calls purge()",
        ),
        ("CREATE TABLE t (a int CHECK (purge(a)))", "calls purge()"),
        (
            "CREATE TABLE t (a int GENERATED ALWAYS AS (purge()) STORED)",
            "calls purge()",
        ),
        (
            "CREATE TABLE p PARTITION OF t FOR VALUES FROM (purge()) TO (2)",
            "calls purge()",
        ),
        ("CREATE INDEX ON t (purge(a))", "calls purge()"),
        ("CREATE DOMAIN d AS int DEFAULT purge()", "calls purge()"),
    ] {
        refused(&[script], why);
    }
}

#[test]
fn what_changes_how_scripts_are_read_or_the_catalogue_is_refused() {
    for script in [
        "SET standard_conforming_strings = off",
        "SET LOCAL standard_conforming_strings TO 'off'",
        "SET standard_conforming_strings TO DEFAULT",
    ] {
        refused(&[script], "changes how strings are read");
    }
    for script in [
        "COMMENT ON TABLE pg_catalog.pg_authid IS 'x'",
        "COMMENT ON COLUMN pg_authid.rolname IS 'x'",
        "GRANT SELECT ON pg_authid TO app",
        "CREATE TRIGGER x AFTER INSERT ON pg_authid EXECUTE FUNCTION f()",
        "ALTER TABLE pg_catalog.pg_class ADD x int",
        "CREATE INDEX ON pg_shdepend (dbid)",
    ] {
        refused(&[script], "changes the catalogue");
    }
    for (script, why) in [
        ("CREATE TABEL t ()", "cannot be read: syntax error"),
        (
            "SELECT set_config(replace('search_path', 'x', 'y'), 'off', false), lower('x')",
            "calls set_config of something()",
        ),
        (
            "SELECT set_config('search_path', max(a), false) FROM t",
            "by what it reads",
        ),
    ] {
        refused(&[script], why);
    }
    // What runs later, when somebody writes or reads, does not run here.
    runs(
        "CREATE TABLE t (a int DEFAULT purge()); ALTER TABLE t ALTER a SET DEFAULT purge(); CREATE VIEW v AS SELECT purge()",
    );
}

#[test]
fn the_line_of_a_refusal_is_that_of_its_statement() {
    let found = Replayer::default()
        .script("CREATE TABLE t (a int);\n\nSELECT purge();")
        .unwrap_err();
    assert_eq!((found.line, found.summary.is_empty()), (3, false));
}
