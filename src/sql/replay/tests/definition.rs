use super::{refused, replayed, runs};

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
