use super::*;

/// What is left of the scripts, each trimmed; or the line of the first that is refused, and why.
fn replayed(scripts: &[&str]) -> Result<Vec<String>, (usize, String)> {
    let mut replayer = Replayer::default();
    scripts
        .iter()
        .map(|script| match replayer.script(script) {
            Ok(made) => Ok(made.text.trim().to_owned()),
            Err(found) => Err((found.line, found.why)),
        })
        .collect()
}

fn runs(script: &str) {
    assert_eq!(replayed(&[script]), Ok(vec![script.to_owned()]), "{script}");
}

fn left(script: &str) -> Vec<LeftOut> {
    let made = Replayer::default().script(script).expect(script);
    assert!(
        made.text.chars().all(|each| " \n;".contains(each)),
        "{}",
        made.text
    );
    made.left_out
}

/// The last of the scripts is refused for this reason.
fn refused(scripts: &[&str], why: &str) {
    let (before, last) = scripts.split_at(scripts.len() - 1);
    assert!(
        replayed(before).is_ok(),
        "{before:?}: {:?}",
        replayed(before)
    );
    match replayed(scripts) {
        Err((_, found)) => assert!(found.contains(why), "{last:?}: {found}"),
        Ok(made) => panic!("{last:?} runs as {made:?}"),
    }
}

#[test]
fn what_prisma_writes_is_run_as_it_is() {
    for script in [
        "CREATE TYPE \"Role\" AS ENUM ('A', 'B')",
        "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"email\" TEXT NOT NULL DEFAULT 'x', \"at\" TIMESTAMP(3) NOT NULL \
         DEFAULT CURRENT_TIMESTAMP, \"tags\" TEXT[] DEFAULT ARRAY[]::TEXT[], CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"))",
        "CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(lower(\"email\")) WHERE \"email\" <> ''",
        "ALTER TABLE \"Post\" ADD CONSTRAINT f FOREIGN KEY (\"u\") REFERENCES \"User\"(\"id\") ON DELETE CASCADE ON UPDATE CASCADE",
        "ALTER TABLE \"User\" ADD COLUMN \"id2\" UUID NOT NULL DEFAULT gen_random_uuid(), ALTER COLUMN \"email\" DROP DEFAULT, \
         ALTER COLUMN \"n\" SET DATA TYPE BIGINT USING \"n\"::bigint",
        "BEGIN; CREATE TYPE \"R_new\" AS ENUM ('A'); ALTER TABLE t ALTER COLUMN r TYPE \"R_new\" USING (\"r\"::text::\"R_new\"); \
         ALTER TYPE \"R\" RENAME TO \"R_old\"; DROP TYPE \"R_old\"; COMMIT",
        "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA extensions",
        "CREATE INDEX CONCURRENTLY i ON t USING gin (x gin_trgm_ops)",
        "ALTER TYPE \"Role\" ADD VALUE 'C'",
        "GRANT SELECT ON t TO reader; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader; COMMENT ON TABLE t IS 'x'",
        "ALTER TABLE t OWNER TO app; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (owner = current_user)",
        "CREATE TABLE m (d date) PARTITION BY RANGE (d); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE SCHEMA a CREATE TABLE b (c int)",
        "CREATE DOMAIN mail AS text CHECK (VALUE ~ '@')",
        "SET search_path = app; SET LOCAL timezone TO 'UTC'; RESET ALL",
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "-- nothing but a comment",
    ] {
        runs(script);
    }
}

#[test]
fn what_makes_no_schema_is_left_out_line_by_line() {
    use LeftOut::{Rows, Server, Session};
    for (script, what) in [
        (
            "INSERT INTO t VALUES (f()); UPDATE t SET a = 1; DELETE FROM t",
            vec![Rows, Rows, Rows],
        ),
        (
            "SELECT 1; SELECT nextval('s'), setval('s', 4) FROM t",
            vec![Rows, Rows],
        ),
        (
            "WITH x AS (DELETE FROM t RETURNING a) SELECT count(*) FROM x",
            vec![Rows],
        ),
        (
            "COPY t FROM '/etc/passwd'; COPY t TO PROGRAM 'sh'",
            vec![Rows, Rows],
        ),
        (
            "TRUNCATE t; LOCK TABLE t; VACUUM t; REINDEX TABLE t; REFRESH MATERIALIZED VIEW v",
            vec![Rows; 5],
        ),
        (
            "CREATE ROLE app LOGIN PASSWORD 'x'; ALTER ROLE app SET search_path = x; GRANT app TO ops; DROP ROLE app",
            vec![Server; 4],
        ),
        (
            "CREATE DATABASE d; ALTER DATABASE d SET a.b = 'c'; GRANT CONNECT ON DATABASE d TO app; DROP DATABASE d",
            vec![Server; 4],
        ),
        (
            "ALTER DATABASE d OWNER TO app; ALTER DATABASE d RENAME TO e; COMMENT ON DATABASE d IS 'x'; COMMENT ON ROLE r IS 'x'",
            vec![Server; 4],
        ),
        (
            "ALTER SYSTEM SET work_mem = '4MB'; DROP TABLESPACE s; CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
            vec![Server; 3],
        ),
        (
            "CREATE PUBLICATION p FOR ALL TABLES; DROP PUBLICATION p",
            vec![Server, Server],
        ),
        (
            "SET lock_timeout = '3s'; SET ROLE app; SET statement_timeout = 0; NOTIFY x; SHOW work_mem",
            vec![Session; 5],
        ),
        ("SELECT set_config('app.tenant', 'x', true)", vec![Rows]),
        (
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN CREATE ROLE app; END IF; END $$",
            vec![Server],
        ),
        (
            "DO $$ DECLARE n int := 0; BEGIN UPDATE t SET a = purge(); RAISE NOTICE 'done %', n; END $$",
            vec![Rows],
        ),
    ] {
        assert_eq!(left(script), what, "{script}");
    }
    let script = "INSERT INTO t\nVALUES (1);\n\nALTER TABLE t ADD b int; /* ü */ DELETE FROM t;";
    let made = Replayer::default().script(script).unwrap();
    assert_eq!(
        made.text,
        "             \n          ;\n\nALTER TABLE t ADD b int; /* ü */              ;"
    );
}

#[test]
fn tables_are_made_of_queries_without_their_rows() {
    for (script, made) in [
        (
            "CREATE TABLE c AS SELECT purge() FROM t",
            "CREATE TABLE c AS SELECT purge() FROM t WITH NO DATA",
        ),
        (
            "CREATE TABLE c AS SELECT 1 WITH DATA;",
            "CREATE TABLE c AS SELECT 1 WITH NO DATA;",
        ),
        (
            "CREATE MATERIALIZED VIEW v AS SELECT 1 -- why",
            "CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA -- why",
        ),
        (
            "CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA",
            "CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA",
        ),
    ] {
        assert_eq!(replayed(&[script]), Ok(vec![made.to_owned()]));
        assert!(parse::with_nodes(made).is_ok(), "{made}");
    }
}

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

#[test]
fn functions_of_the_scripts_are_called_where_they_only_compute() {
    let word = "CREATE FUNCTION public.unaccented(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT public.unaccent('public.unaccent', $1) $$";
    let index = "CREATE INDEX ON t (unaccented(name))";
    assert!(replayed(&[word, index]).is_ok());
    let id = "CREATE FUNCTION nanoid(size int DEFAULT 21) RETURNS text LANGUAGE plpgsql VOLATILE AS $$ DECLARE id text := ''; i int := 0; \
              BEGIN WHILE i < size LOOP id := id || substr('abc', floor(random() * 3)::int + 1, 1); i := i + 1; END LOOP; RETURN id; END $$";
    assert!(replayed(&[id, "ALTER TABLE t ADD x text NOT NULL DEFAULT nanoid()"]).is_ok());
    let atomic =
        "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n * 2; END";
    assert!(replayed(&[atomic, "CREATE INDEX ON t (twice(a))"]).is_ok());
    let call = "ALTER TABLE t ADD x int DEFAULT f()";
    for (body, language) in [
        ("SELECT purge()", "sql"),
        ("SELECT count(*)::int FROM v", "sql"),
        ("INSERT INTO t VALUES (1) RETURNING 1", "sql"),
        ("WITH x AS (DELETE FROM t RETURNING 1) SELECT 1", "sql"),
        ("SELECT 1; DROP TABLE t; SELECT 1", "sql"),
        (
            "BEGIN EXECUTE 'ALTER SYSTEM SET a = b'; RETURN 1; END",
            "plpgsql",
        ),
        ("BEGIN PERFORM purge(); RETURN 1; END", "plpgsql"),
        ("BEGIN RETURN purge(); END", "plpgsql"),
        (
            "DECLARE a int[]; BEGIN a[purge()] := 1; RETURN 1; END",
            "plpgsql",
        ),
        ("DECLARE a int := purge(); BEGIN RETURN 1; END", "plpgsql"),
        ("DECLARE r t := purge(); BEGIN RETURN 1; END", "plpgsql"),
        (
            "BEGIN RETURN 1; EXCEPTION WHEN others THEN PERFORM purge(); RETURN 2; END",
            "plpgsql",
        ),
        ("BEGIN CREATE TABLE x (); RETURN 1; END", "plpgsql"),
        ("BEGIN RAISE NOTICE '%', purge(); RETURN 1; END", "plpgsql"),
        (
            "BEGIN CASE WHEN true THEN RETURN 1; ELSE PERFORM purge(); END CASE; END",
            "plpgsql",
        ),
        (
            "BEGIN FOR i IN 1..purge() LOOP NULL; END LOOP; RETURN 1; END",
            "plpgsql",
        ),
        (
            "DECLARE c CURSOR FOR SELECT purge(); BEGIN OPEN c; RETURN 1; END",
            "plpgsql",
        ),
    ] {
        let makes =
            format!("CREATE FUNCTION f() RETURNS int LANGUAGE {language} AS $x$ {body} $x$");
        refused(&[&makes, call], "calls f()");
    }
    let atomic = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT purge(); END";
    refused(&[atomic, call], "calls f()");
    let atomic = "CREATE FUNCTION f(n int DEFAULT purge()) RETURNS int LANGUAGE sql RETURN 1";
    refused(&[atomic, call], "calls f()");
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
fn blocks_are_looked_through() {
    for script in [
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'x') THEN ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0); END IF; END $$",
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP EXECUTE 'ALTER TABLE t ADD b int'; END LOOP; END $$",
    ] {
        runs(script);
    }
    let view = "CREATE VIEW v AS SELECT purge()";
    let reads = "DO $$ BEGIN IF EXISTS (SELECT FROM v) THEN CREATE TABLE x (); END IF; END $$";
    runs(reads);
    refused(
        &[view, reads],
        "a view, a rule or a policy of these scripts calls purge()",
    );
    refused(
        &["CREATE POLICY p ON t USING (purge())", reads],
        "reads relations",
    );
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
            "makes a table of a query",
        ),
        ("DO LANGUAGE plpython3u 'x'", "another language"),
    ] {
        refused(&[script], why);
    }
}

#[test]
fn the_schemas_that_scripts_make_are_known_by_name() {
    let mut replayer = Replayer::default();
    let script = "-- create schema public\nCREATE SCHEMA a; ALTER SCHEMA a RENAME TO b; CREATE SCHEMA AUTHORIZATION c;\n\
                  DO $$ BEGIN CREATE SCHEMA d; END $$; INSERT INTO t VALUES ('create schema e')";
    replayer.script(script).unwrap();
    let made = ["a", "b", "c", "d", "e", "public"].map(|name| replayer.makes_schema(name));
    assert_eq!(made, [true, true, true, true, false, false]);
}

#[test]
fn hostile_texts_end_without_a_panic() {
    let deep = format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000));
    let sum = format!(
        "CREATE TABLE t (a int DEFAULT {})",
        vec!["1"; 3_000].join("+")
    );
    let block = format!("DO $$ BEGIN {} END $$", "/*".repeat(40_000));
    for script in [
        "",
        "\0",
        "SELECT",
        "DO $$",
        "DO $$ $$",
        "DO ''",
        &deep,
        &sum,
        &block,
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''",
    ] {
        let _made = Replayer::default().script(script);
    }
}
