//! Where the ledger is looked for, and what makes a database "not empty".

use crate::sides::compare;
use crate::situation::Said::Applied;
use crate::situation::{DEPLOY, STATUS, Situation, situation};

const TENANT: &str = "options=-c%20search_path%3Dtenant";

/// A project that names more schemas.
fn multi(name: &'static str) -> Situation {
    situation(name).has(&["1_a"]).with(|folder| {
        let schema = "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n  \
                      schemas = [\"app\", \"billing\"]\n}\n";
        std::fs::write(folder.parent().unwrap().join("schema.prisma"), schema).unwrap();
    })
}

pub fn all() -> Vec<Situation> {
    let with = |name, sql: &str| situation(name).has(&["1_a"]).sql(sql);
    let both = "CREATE SCHEMA app; CREATE SCHEMA billing;";
    vec![
        with("schema-by-search-path", "CREATE SCHEMA tenant;")
            .query(TENANT)
            .asks(&[STATUS, DEPLOY, STATUS]),
        with(
            "schema-by-search-path-with-a-ledger",
            "CREATE SCHEMA tenant; ALTER TABLE _prisma_migrations SET SCHEMA tenant;",
        )
        .rows(Applied, &["1_a"])
        .query(TENANT),
        with("ledger-outside-the-search-path", "CREATE SCHEMA tenant;")
            .rows(Applied, &["1_a"])
            .query(TENANT),
        with(
            "tables-outside-the-search-path",
            "CREATE SCHEMA tenant; CREATE TABLE legacy (id int);",
        )
        .query(TENANT)
        .asks(&[DEPLOY]),
        with(
            "tables-on-the-search-path",
            "CREATE SCHEMA tenant; CREATE TABLE tenant.legacy (id int);",
        )
        .query(TENANT)
        .asks(&[DEPLOY]),
        with(
            "tables-of-another-app",
            "CREATE SCHEMA other; CREATE TABLE other.legacy (id int);",
        )
        .asks(&[DEPLOY]),
        with(
            "a-ledger-of-another-app",
            "CREATE SCHEMA other; ALTER TABLE _prisma_migrations SET SCHEMA other;",
        )
        .rows(Applied, &["1_a"]),
        multi("many-schemas")
            .sql(both)
            .asks(&[STATUS, DEPLOY, STATUS]),
        multi("many-schemas-with-tables")
            .sql(both)
            .sql("CREATE TABLE billing.legacy (id int);"),
        multi("many-schemas-with-tables-elsewhere")
            .sql(both)
            .sql("CREATE SCHEMA other; CREATE TABLE other.legacy (id int);"),
        multi("many-schemas-with-a-ledger-in-one")
            .sql(both)
            .rows(Applied, &["1_a"])
            .sql("ALTER TABLE _prisma_migrations SET SCHEMA billing;"),
    ]
}

#[test]
fn the_ledger_is_looked_for_where_prisma_looks() {
    compare(&all());
}
