//! The rules, statement by statement; `tests/drift/outside.rs` watches them on a real server.

use super::*;

mod definition;
mod refusal;

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
