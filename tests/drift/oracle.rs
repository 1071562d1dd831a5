//! The real `prisma migrate diff` and ours on the same databases: where Prisma sees a difference, so do we.
//!
//! Without its native engine the CLI compares a folder with a schema only, so the database is pulled into one first; the
//! migrations are replayed in a database of its own.

use std::fs;

use crate::base::{Base, PLAIN, cluster};
use crate::support::prisma::prisma;
use crate::support::skip::skipped;

const INIT: &str = "CREATE TYPE \"Role\" AS ENUM ('USER', 'ADMIN');\n\
    CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"email\" TEXT NOT NULL, \"name\" TEXT, \"role\" \"Role\" NOT NULL DEFAULT 'USER', \
    CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
    CREATE TABLE \"Post\" (\"id\" INTEGER NOT NULL, \"userId\" INTEGER NOT NULL, CONSTRAINT \"Post_pkey\" PRIMARY KEY (\"id\"));\n\
    CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\n\
    ALTER TABLE \"Post\" ADD CONSTRAINT \"Post_userId_fkey\" FOREIGN KEY (\"userId\") REFERENCES \"User\"(\"id\") ON DELETE RESTRICT ON UPDATE CASCADE;";

/// Whether Prisma can look at a database of this server at all.
fn prisma_can_look() -> bool {
    let version = cluster().psql("postgres", "SELECT current_setting('server_version_num')");
    let can = version.parse::<u32>().unwrap() < 180_000;
    if !can {
        // Its issue 29635: the NOT NULL constraints of pg_constraint, which are new in 18, make the engine panic.
        skipped("what Prisma 6.19.3 sees in Postgres 18, where its `db pull` panics");
    }
    can
}

/// Whether Prisma sees a difference.
fn prisma_differs(base: &Base) -> bool {
    let project = base.project.folder();
    let schema = project.join("prisma/schema.prisma");
    let url = cluster().url(&base.name);
    fs::write(
        &schema,
        format!("datasource db {{\n  provider = \"postgresql\"\n  url = \"{url}\"\n}}\n"),
    )
    .unwrap();
    let pulled = prisma(project, &url, &["db", "pull", "--print"]);
    let said = String::from_utf8(pulled.stdout).unwrap();
    // Warnings stand before it.
    let from = said.find("datasource db {").unwrap_or_else(|| {
        panic!("{said}\n{}", String::from_utf8_lossy(&pulled.stderr));
    });
    let file = project.join("pulled.prisma");
    fs::write(&file, &said[from..]).unwrap();
    let shadow = format!("shadow_{}", base.name);
    cluster().create_database(&shadow);
    let migrations = base.project.migrations();
    let args = [
        "migrate",
        "diff",
        "--from-migrations",
        migrations.to_str().unwrap(),
        "--to-schema-datamodel",
        file.to_str().unwrap(),
        "--exit-code",
    ];
    let output = prisma(project, &cluster().url(&shadow), &args);
    match output.status.code() {
        Some(0) => false,
        Some(2) => true,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[tokio::test]
async fn the_verdict_is_prismas_where_prisma_looks() {
    let mut asked = Vec::new();
    for (change, differs) in [
        ("SELECT 1", false),
        ("ALTER TABLE \"User\" ALTER \"name\" SET NOT NULL", true),
        (
            "ALTER TABLE \"User\" ALTER \"role\" SET DEFAULT 'ADMIN'",
            true,
        ),
        ("ALTER TABLE \"User\" ADD \"fax\" TEXT", true),
        ("DROP INDEX \"User_email_key\"", true),
        (
            "ALTER TABLE \"Post\" DROP CONSTRAINT \"Post_userId_fkey\"",
            true,
        ),
        ("ALTER TYPE \"Role\" ADD VALUE 'OWNER'", true),
        ("CREATE TABLE \"Extra\" (\"id\" INTEGER PRIMARY KEY)", true),
    ] {
        let base = Base::with(&[("1_init", INIT)]);
        base.run(change);
        let lines = base.lines().await;
        assert_eq!(!lines.is_empty(), differs, "{change}: {lines:?}");
        if !prisma_can_look() {
            continue;
        }
        // The CLI lives on for ten seconds after its work, so all are asked at once.
        asked.push((
            change,
            differs,
            std::thread::spawn(move || prisma_differs(&base)),
        ));
    }
    for (change, differs, asked) in asked {
        assert_eq!(asked.join().unwrap(), differs, "{change}");
    }
}

#[tokio::test]
async fn we_see_what_prisma_does_not_look_at() {
    let base = Base::with(&[("1_init", INIT)]);
    base.run(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER t BEFORE INSERT ON \"Post\" FOR EACH ROW EXECUTE FUNCTION f()",
    );
    assert_eq!(base.compared(PLAIN).await.count, 2);
    assert!(!prisma_can_look() || !prisma_differs(&base));
}
