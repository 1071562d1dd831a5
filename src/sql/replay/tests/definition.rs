//! Functions and blocks of the scripts, and what may be taken for them.

use super::{refused, replayed, runs};

#[test]
fn functions_of_the_scripts_are_called_where_they_are_one_expression() {
    let word = "CREATE FUNCTION public.unaccented(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS \
                $$ SELECT public.unaccent('public.unaccent', $1) $$";
    assert!(replayed(&[word, "CREATE INDEX ON t (unaccented(name))"]).is_ok());
    let atomic =
        "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n * 2; END";
    assert!(replayed(&[atomic, "CREATE INDEX ON t (twice(a))"]).is_ok());
    let expression = "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql RETURN n * 2";
    assert!(replayed(&[expression, "CREATE INDEX ON t (twice(a))"]).is_ok());
    let call = "ALTER TABLE t ADD x int DEFAULT f()";
    for options in [
        "LANGUAGE sql AS 'SELECT purge()'",
        "LANGUAGE sql AS 'SELECT count(*)::int FROM v'",
        "LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING 1'",
        "LANGUAGE sql AS 'WITH x AS (DELETE FROM t RETURNING 1) SELECT 1'",
        "LANGUAGE sql AS 'SELECT 1; DROP TABLE t; SELECT 1'",
        // Bound when it runs: it may be a call of a function by then.
        "LANGUAGE sql AS 'SELECT (NULL::t).boom'",
        "LANGUAGE sql AS 'SELECT n.boom FROM generate_series(1, 2) n'",
        "LANGUAGE sql SET standard_conforming_strings = off AS 'SELECT 1'",
        "LANGUAGE sql RETURN purge()",
        "LANGUAGE sql RETURN (SELECT 1 FROM v)",
        "LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    ] {
        let makes = format!("CREATE FUNCTION f() RETURNS int {options}");
        refused(&[&makes, call], "calls f()");
    }
    let default = "CREATE FUNCTION f(n int DEFAULT purge()) RETURNS int LANGUAGE sql RETURN 1";
    refused(&[default, call], "calls f()");
}

#[test]
fn no_function_is_taken_for_another() {
    let evil = "CREATE FUNCTION evil(t) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM purge(); RETURN 1; END $$";
    let mild = "CREATE FUNCTION mild(int) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    refused(
        &["CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT 1'"],
        "of the name lower",
    );
    refused(
        &[evil, "ALTER FUNCTION evil(t) RENAME TO lower"],
        "of the name lower",
    );
    refused(
        &[evil, mild, "ALTER FUNCTION evil(t) RENAME TO mild"],
        "in the place of mild",
    );
    refused(
        &[
            mild,
            "CREATE OR REPLACE FUNCTION mild(int) RETURNS int LANGUAGE sql AS 'SELECT purge()'",
        ],
        "in the place of mild",
    );
    refused(
        &[
            mild,
            "CREATE AGGREGATE mild(text) (SFUNC = evil, STYPE = int)",
        ],
        "in the place of mild",
    );
    refused(
        &[evil, "ALTER TABLE t ADD x int DEFAULT (ROW(1)::t).evil"],
        "names evil",
    );
    refused(
        &[
            mild,
            "ALTER FUNCTION mild(int) SET standard_conforming_strings = off",
        ],
        "a setting of its own",
    );
    runs("ALTER FUNCTION mild(int) SET search_path = ''");
    // The last part of a name is not what is behind its last dot.
    let dotted =
        "CREATE FUNCTION \"x.lower\"() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'";
    refused(
        &[dotted, "ALTER TABLE t ADD x int DEFAULT \"x.lower\"()"],
        "calls x.lower()",
    );
    let crosstab = "CREATE FUNCTION crosstab(int) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    refused(
        &[crosstab, "ALTER TABLE t ADD x int DEFAULT crosstab(1)"],
        "calls crosstab()",
    );
    refused(
        &[
            "ALTER FUNCTION query_to_xml(text, bool, bool, text) RENAME TO mild",
            mild,
            "ALTER TABLE t ADD x int DEFAULT mild(1)",
        ],
        "calls mild()",
    );
}

#[test]
fn a_function_takes_the_place_of_one_of_the_scripts_only() {
    let makes = "CREATE OR REPLACE FUNCTION f(a int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    let plain = "CREATE            FUNCTION f(a int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    let others =
        "CREATE OR REPLACE FUNCTION f(a text, text) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    let other = "CREATE            FUNCTION f(a text, text) RETURNS int LANGUAGE sql AS 'SELECT 1'";
    let made = replayed(&[makes, makes, others, "SET search_path = x", makes]);
    let wanted = [plain, makes, other, "SET search_path = x", plain].map(str::to_owned);
    assert_eq!(made, Ok(wanted.to_vec()));
    refused(
        &[
            "DO $$ BEGIN CREATE OR REPLACE FUNCTION citext_eq(citext, citext) RETURNS bool LANGUAGE sql AS 'SELECT true'; END $$",
        ],
        "not replayed as it stands",
    );
}

#[test]
fn nothing_is_made_that_blocks_would_take_for_the_servers_own() {
    runs("CREATE VIEW pg_temp.mine AS SELECT 1");
    for makes in [
        "CREATE VIEW pg_like AS SELECT purge()",
        "CREATE VIEW pg_temp.pg_like AS SELECT purge()",
        "CREATE MATERIALIZED VIEW pg_like AS SELECT 1",
    ] {
        refused(&[makes], "taken for one of the server's own");
    }
    let view = "CREATE VIEW evil AS SELECT purge()";
    for hides in [
        "ALTER VIEW evil RENAME TO pg_like",
        "ALTER TABLE evil RENAME TO pg_like",
        "ALTER VIEW evil SET SCHEMA information_schema",
        "ALTER SCHEMA app RENAME TO information_schema",
        "CREATE SCHEMA information_schema CREATE VIEW columns AS SELECT purge()",
        "CREATE SCHEMA AUTHORIZATION information_schema",
    ] {
        refused(&[view, hides], "taken for one of the server's own");
    }
    refused(
        &["SET search_path = information_schema"],
        "moves the search path",
    );
    refused(
        &["SELECT set_config('search_path', 'information_schema', false)"],
        "moves the search path",
    );
}

#[test]
fn blocks_are_looked_through() {
    for script in [
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'x') THEN ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0); END IF; END $$",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM information_schema.columns WHERE column_name = 'x') THEN ALTER TABLE t ADD x int; END IF; END $$",
        "DO $$ DECLARE r record; n int := 1; BEGIN FOR r IN SELECT 1 LOOP EXECUTE 'ALTER TABLE t ADD b int'; END LOOP; END $$",
    ] {
        runs(script);
    }
    // There are no rows in a replay, and what a view runs is not looked into.
    for from in ["v", "public.pg_like", "app.columns"] {
        let reads = format!(
            "DO $$ BEGIN IF EXISTS (SELECT FROM {from}) THEN CREATE TABLE x (); END IF; END $$"
        );
        refused(&[&reads], "looks at relations that have no rows");
    }
    for (script, why) in [
        (
            "DO $$ BEGIN EXECUTE format('CREATE TABLE %I ()', 'x'); END $$",
            "puts together itself",
        ),
        (
            "DO $$ BEGIN EXECUTE 'ALTER ' || 'SYSTEM SET a = b'; END $$",
            "puts together itself",
        ),
        (
            "DO $$ BEGIN CREATE TABLE x (); CREATE ROLE app; END $$",
            "cannot be taken apart",
        ),
        (
            "DO $$ BEGIN CREATE TABLE x (); INSERT INTO x DEFAULT VALUES; END $$",
            "cannot be taken apart",
        ),
        (
            "DO $$ BEGIN EXECUTE 'CREATE SERVER s FOREIGN DATA WRAPPER w'; END $$",
            "is of a kind",
        ),
        ("DO $$ BEGIN PERFORM purge(); END $$", "calls purge()"),
        (
            "DO $$ DECLARE x int := purge(); BEGIN NULL; END $$",
            "calls purge()",
        ),
        (
            "DO $$ DECLARE r t := purge(); BEGIN NULL; END $$",
            "cannot be looked into",
        ),
        (
            "DO $$ BEGIN DECLARE r t := purge(); BEGIN NULL; END; END $$",
            "cannot be looked into",
        ),
        ("DO $$ BEGIN CALL purge(); END $$", "not looked into (call)"),
        ("DO $$ BEGIN COMMIT; END $$", "not looked into (commit)"),
        ("DO $$ BEGIN SELCT 1; END $$", "could not be read"),
        (
            "DO $$ #option dump\nBEGIN NULL; END $$",
            "could not be read",
        ),
        (
            "DO $$ BEGIN CREATE TABLE x AS SELECT 1; END $$",
            "not replayed as it stands",
        ),
        ("DO LANGUAGE plpython3u 'x'", "another language"),
        (
            "DO $$ DECLARE c CURSOR FOR SELECT 1 AS begin; r record := boom(); BEGIN CREATE TABLE x (); END $$",
            "cannot be looked into",
        ),
        (
            "DO $$ DECLARE n int; \"R\" t = boom(); BEGIN CREATE TABLE x (); END $$",
            "cannot be looked into",
        ),
        (
            "DO $$ BEGIN PERFORM 1 FROM pg_authid FOR UPDATE; CREATE TABLE x (); END $$",
            "writes or locks",
        ),
        (
            "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$",
            "calls set_config",
        ),
        (
            "DO $$ BEGIN IF current_database() = 'x' THEN CREATE TABLE x (); END IF; END $$",
            "calls current_database()",
        ),
    ] {
        refused(&[script], why);
    }
}
