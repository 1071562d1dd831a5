//! A database that was dumped and restored is still what its migrations make: the server writes some expressions in another
//! way once it has read its own writing.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::process::Command;

use crate::base::{Base, cluster};

const SCRIPT: &str = r#"
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE DOMAIN code AS varchar(9) CHECK (VALUE IN ('a', 'b')) DEFAULT 'a';
CREATE TABLE "User" (
    id serial PRIMARY KEY, email varchar(100) NOT NULL CHECK (email LIKE '%@%'), role "Role" DEFAULT 'USER',
    status varchar(20) DEFAULT 'new' CHECK (status IN ('new', 'old')), kind char(3) CHECK (kind NOT IN ('a', 'b')),
    born date CHECK (born BETWEEN '1900-01-01' AND '2100-01-01'), score numeric(5, 2) DEFAULT 1 + 2 CHECK (score IN (1, 2.5)),
    at timestamptz DEFAULT now() - interval '1 day', doc jsonb DEFAULT '{"a": [1, 2]}' CHECK (doc ->> 'a' IS NOT NULL OR NOT doc ? 'b'),
    tags text[] DEFAULT ARRAY['x'::varchar, 'y'] CHECK (cardinality(tags) < 9 AND NOT 'z' = ANY (tags)),
    lower_email text GENERATED ALWAYS AS (lower(email) || '!') STORED, c code,
    CHECK ((status = 'new' AND role = 'USER') OR role IN ('USER', 'ADMIN')), EXCLUDE USING gist (int4range(id, id + 1) WITH &&)
);
CREATE INDEX live ON "User" (lower(email), (score + 1) DESC) WHERE status IN ('new', 'odd') AND NOT role IN ('ADMIN');
CREATE VIEW a AS SELECT u.*, v.n FROM "User" u JOIN LATERAL (SELECT count(*) AS n FROM "User" w WHERE w.status IN ('new', 'x') AND w.id = u.id) v ON true;
CREATE VIEW b AS WITH t AS (SELECT id, row_number() OVER (PARTITION BY status ORDER BY at DESC) r FROM "User") SELECT * FROM t WHERE r = 1
    UNION ALL SELECT id, CASE status WHEN 'new' THEN 1 ELSE 2 END FROM "User" ORDER BY 1;
CREATE MATERIALIZED VIEW m AS SELECT status, count(*) FILTER (WHERE role = 'ADMIN') AS n FROM "User" GROUP BY status HAVING count(*) > 1;
CREATE FUNCTION f(a int DEFAULT 1 + 1, VARIADIC b text[] DEFAULT '{}') RETURNS TABLE (x int, y text) LANGUAGE plpgsql STABLE
    SET search_path = public, pg_temp AS $$ BEGIN RETURN QUERY SELECT a, b[1]; END $$;
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE OF status ON "User" FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('a', 'b')) EXECUTE FUNCTION g();
CREATE POLICY p ON "User" FOR UPDATE USING (status IN ('new', 'old') AND email = current_user) WITH CHECK (role <> 'ADMIN');
CREATE TABLE log (at date NOT NULL, n int) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE INDEX log_n ON log (n);
CREATE RULE r AS ON INSERT TO a DO INSTEAD INSERT INTO log (at, n) VALUES (now(), NEW.id);
"#;

#[tokio::test]
async fn a_restored_database_has_no_drift() {
    let base = Base::with(&[("1_init", SCRIPT)]);
    let lines = base.lines().await;
    assert!(lines.is_empty(), "{lines:#?}");
    for round in 1..=2 {
        let bin = cluster().bin();
        let dump = base.project.folder().join("dump.sql");
        let run = |tool: &str, args: &[&str]| {
            let done = Command::new(bin.join(tool))
                .args(["-d", &cluster().url(&base.name), "-f"])
                .arg(&dump)
                .args(args)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{tool}: {said}");
        };
        run("pg_dump", &[]);
        base.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        run("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        let lines = base.lines().await;
        assert!(lines.is_empty(), "round {round}: {lines:#?}");
    }
}
