//! The chapter as a whole, on scripts as Prisma writes them and as nobody should.

use super::*;

fn summaries(script: &str) -> Vec<String> {
    parse(script)
        .unwrap()
        .iter()
        .map(Statement::summary)
        .collect()
}

#[test]
fn a_generated_script_is_read_statement_by_statement() {
    let script = r#"/*
  Warnings:

  - You are about to drop the column `phone` on the `User` table. All the data in the column will be lost.

*/
-- AlterTable
ALTER TABLE "User" DROP COLUMN "phone",
ADD COLUMN     "mobile" TEXT,
ALTER COLUMN "email" SET NOT NULL;

-- CreateTable
CREATE TABLE "Größe 🚀" (
    "id" SERIAL NOT NULL,
    CONSTRAINT "Größe_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- AddForeignKey
ALTER TABLE "Post" ADD CONSTRAINT "Post_fkey" FOREIGN KEY ("a") REFERENCES "User"("id") ON DELETE CASCADE; -- end
"#;
    let statements = parse(script).unwrap();
    let seen: Vec<(usize, String)> = statements
        .iter()
        .map(|statement| (statement.line, statement.summary()))
        .collect();
    assert_eq!(
        seen,
        [
            (
                8,
                "drop column \"phone\" of \"User\", add column \"mobile\" to \"User\", \
                 set column \"email\" of \"User\" not null"
                    .to_owned()
            ),
            (13, "create table \"Größe 🚀\"".to_owned()),
            (19, "create unique index on \"User\"".to_owned()),
            (
                22,
                "add foreign key to \"Post\" that points to \"User\"".to_owned()
            ),
        ]
    );
    assert!(
        statements[0]
            .text(script)
            .starts_with("ALTER TABLE \"User\"")
    );
    assert!(statements[0].text(script).ends_with("SET NOT NULL"));
    assert!(statements[3].text(script).ends_with("ON DELETE CASCADE"));
}

#[test]
fn an_enum_swap_controls_its_transaction() {
    let script = "-- AlterEnum\nBEGIN;\nCREATE TYPE \"Role_new\" AS ENUM ('A');\n\
        ALTER TABLE \"User\" ALTER COLUMN \"role\" TYPE \"Role_new\" USING (\"role\"::text::\"Role_new\");\n\
        ALTER TYPE \"Role\" RENAME TO \"Role_old\";\nDROP TYPE \"public\".\"Role_old\";\nCOMMIT;\n";
    let statements = parse(script).unwrap();
    assert!(transaction_control(&statements));
    assert!(!leaves_transaction_open(&statements));
    assert_eq!(
        summaries(script),
        [
            "begin",
            "create type \"Role_new\"",
            "change column \"role\" of \"User\" to type \"Role_new\"",
            "rename type",
            "drop type public.\"Role_old\"",
            "commit",
        ]
    );
}

#[test]
fn spans_hold_the_statement_and_nothing_else() {
    for (script, texts) in [
        ("", vec![]),
        ("-- nothing\n/* at all */ ;; ;", vec![]),
        ("  SELECT 1  ", vec!["SELECT 1"]),
        ("SELECT 1 -- end", vec!["SELECT 1"]),
        (
            "/* ü */ SELECT ';' ; /* ; */ SELECT $x$ ; $x$;",
            vec!["SELECT ';'", "SELECT $x$ ; $x$"],
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;SELECT 3",
            vec![
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
                "SELECT 3",
            ],
        ),
        ("SELECT\r\n1;\r\nVACUUM", vec!["SELECT\r\n1", "VACUUM"]),
    ] {
        let statements = parse(script).unwrap();
        let seen: Vec<&str> = statements.iter().map(|one| one.text(script)).collect();
        assert_eq!(seen, texts, "{script:?}");
    }
}

#[test]
fn every_dropped_thing_is_an_effect() {
    let table = |table: TableName, cascade, if_exists| Effect::DropTable {
        table,
        cascade,
        if_exists,
    };
    let effects = |script: &str| parse(script).unwrap().remove(0).effects;
    assert_eq!(
        effects("DROP TABLE a, \"b;c\", s.\"User\" CASCADE"),
        [
            table(TableName::new("a"), true, false),
            table(TableName::new("b;c"), true, false),
            table(TableName::within("s", "User"), true, false),
        ]
    );
    assert_eq!(
        effects("DROP TABLE IF EXISTS db.s.t"),
        [table(TableName::within("s", "t"), false, true)]
    );
    assert_eq!(
        effects("ALTER TABLE IF EXISTS ONLY x DROP COLUMN IF EXISTS y CASCADE, ADD COLUMN z int[]"),
        [
            Effect::DropColumn {
                table: TableName::new("x"),
                column: "y".to_owned(),
                cascade: true,
                if_exists: true,
            },
            Effect::AddColumn {
                table: TableName::new("x"),
                column: NewColumn {
                    name: "z".to_owned(),
                    data_type: DataType {
                        name: "int4".to_owned(),
                        dimensions: 1,
                        ..DataType::default()
                    },
                    needs_value: false,
                    fills_each_row: false,
                    constraints: Vec::new(),
                },
                if_not_exists: false,
            },
        ]
    );
    assert_eq!(
        effects("DROP SCHEMA IF EXISTS \"S\" CASCADE"),
        [Effect::DropSchema {
            name: "S".to_owned(),
            cascade: true,
            if_exists: true,
        }]
    );
}

#[test]
fn each_statement_has_words() {
    for (script, words) in [
        ("DROP SCHEMA s", "drop schema s"),
        (
            "DROP MATERIALIZED VIEW IF EXISTS m CASCADE",
            "drop materialized view m and what depends on it",
        ),
        ("DROP INDEX s.\"I\"", "drop index s.\"I\""),
        ("DROP TRIGGER tr ON s.t", "drop trigger tr on s.t"),
        (
            "DROP FUNCTION s.f(int), g",
            "drop function s.f, drop function g",
        ),
        (
            "DROP OWNED BY CURRENT_USER CASCADE",
            "drop objects owned by the current role and what depends on it",
        ),
        ("DROP DATABASE \"D\"", "drop database \"D\""),
        ("DROP EXTENSION pgcrypto", "drop extension pgcrypto"),
        ("DROP CAST (text AS s.t)", "drop cast text as s as t"),
        (
            "TRUNCATE a, b CASCADE",
            "empty a and the tables that reference it, empty b and the tables that reference it",
        ),
        ("DELETE FROM t", "delete every row of t"),
        ("DELETE FROM t WHERE a = 1", "delete rows of t"),
        ("UPDATE t SET a = 1", "update every row of t"),
        (
            "UPDATE t SET a = 1 FROM b WHERE b.x = t.x",
            "update rows of t",
        ),
        (
            "WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone",
            "delete every row of t, insert on u",
        ),
        (
            "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
            "delete every row of t",
        ),
        ("EXPLAIN ANALYZE DELETE FROM t", "delete every row of t"),
        ("EXPLAIN DELETE FROM t", "explain"),
        (
            "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
            "delete rows of t",
        ),
        ("CREATE TABLE t AS SELECT 1", "create table t"),
        ("SELECT 1 INTO t", "create table t"),
        (
            "CREATE MATERIALIZED VIEW m AS SELECT 1",
            "create materialized view",
        ),
        (
            "CREATE SCHEMA s CREATE TABLE t (a int)",
            "create schema, create table t",
        ),
        (
            "ALTER TABLE \"A\" RENAME TO \"B\"",
            "rename table \"A\" to \"B\"",
        ),
        (
            "ALTER TABLE a RENAME COLUMN b TO c",
            "rename column \"b\" of a to \"c\"",
        ),
        (
            "ALTER TABLE a RENAME CONSTRAINT b TO c",
            "rename constraint on a",
        ),
        ("ALTER INDEX a RENAME TO b", "rename index on a"),
        ("ALTER TYPE c DROP ATTRIBUTE x", "drop attribute \"x\" of c"),
        ("ALTER TYPE e ADD VALUE 'x'", "add enum value"),
        (
            "ALTER TABLE t ALTER a TYPE varchar(20)",
            "change column \"a\" of t to type varchar(20)",
        ),
        (
            "DO $$ BEGIN DROP TABLE t; END $$",
            "do block (cannot be looked into)",
        ),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DROP TABLE t'",
            "create function",
        ),
        (
            "ALTER TABLE t DROP a, DROP b, DROP c, DROP d, DROP e",
            "drop column \"a\" of t, drop column \"b\" of t, drop column \"c\" of t, and 2 more",
        ),
        ("SET lock_timeout = '5s'", "set"),
        ("GRANT SELECT ON t TO r", "grant"),
        ("REVOKE r FROM s", "revoke"),
    ] {
        assert_eq!(summaries(script), [words], "{script}");
    }
}

#[test]
fn long_identifiers_are_cut_as_the_server_cuts_them() {
    let fits = "x".repeat(63);
    for (written, held) in [
        (fits.clone(), fits.clone()),
        (format!("{fits}y"), fits),
        // 16 rockets are 64 bytes: the server keeps whole characters of at most 63 bytes.
        ("🚀".repeat(16), "🚀".repeat(15)),
        ("ü".repeat(40), "ü".repeat(31)),
    ] {
        let statements = parse(&format!("DROP TABLE \"{written}\"")).unwrap();
        assert_eq!(
            statements[0].effects[0]
                .table()
                .map(|table| table.name.clone()),
            Some(held),
            "{written}"
        );
    }
}

#[test]
fn hostile_scripts_end_in_words() {
    let deep = 100_000;
    for script in [
        format!("SELECT {}1{}", "(".repeat(deep), ")".repeat(deep)),
        "(".repeat(deep),
        format!("SELECT {}1{}", "(SELECT ".repeat(deep), ")".repeat(deep)),
        format!("SELECT 1{}", "+1".repeat(deep)),
        format!("SELECT {} true", "NOT ".repeat(deep)),
        format!("SELECT {}1{}", "ARRAY[".repeat(deep), "]".repeat(deep)),
        format!("{}{}", "/*".repeat(deep), "*/".repeat(deep)),
        "/*".repeat(2_500),
        format!("SELECT {}1", "+-".repeat(2_500)),
        format!("SELECT {}1", "@-".repeat(2_500)),
        format!("-- {}\nSELECT 1", "-".repeat(5_000)),
        ";".repeat(MAX_SCRIPT_BYTES),
        "$".repeat(deep),
        "\u{feff}SELECT 1".to_owned(),
        "SELECT U&'\\D800'".to_owned(),
        "SELECT E'\\xff'".to_owned(),
        "\\\r\n\u{2028}".to_owned(),
    ] {
        // Whether it is accepted is the grammar's business; that it ends is ours.
        if let Err(error) = parse(&script) {
            assert!(!error.message.is_empty());
            assert!(error.message.chars().count() < 300, "{}", error.message);
        }
        assert!(!highlight(&script).is_empty());
    }
}

#[test]
fn a_long_ruler_is_no_trouble() {
    let script = format!("-- {}\nSELECT 1", "=".repeat(5_000));
    assert_eq!(parse(&script).unwrap().len(), 1);
    let error = parse(&format!("SELECT 1;\n{}", "/*".repeat(6_000))).unwrap_err();
    assert_eq!(error.line, Some(2));
    assert!(error.message.contains("operator characters"));
}

#[test]
fn every_prefix_of_a_script_ends_in_words() {
    let script =
        "ALTER TABLE \"Ü\" DROP x; DO $a$ 🚀 $a$; SELECT U&'\\0061', E'\\'' /* ü */ FROM t -- é\n;";
    for (at, _) in script.char_indices() {
        for text in [&script[..at], &script[at..]] {
            if let Ok(statements) = parse(text) {
                assert!(statements.iter().all(|one| !one.text(text).is_empty()));
            }
            assert_eq!(highlight(text).is_empty(), text.is_empty());
        }
    }
}
