//! What counts as "not empty" (P3005), and a lock that somebody else holds.

use crate::sides::compare;
use crate::situation::Said::{Applied, Failed};
use crate::situation::{DEPLOY, STATUS, Situation, situation};

pub fn all() -> Vec<Situation> {
    [emptiness(), locks()].into_iter().flatten().collect()
}

const EMPTY: &[(&str, &str)] = &[
    (
        "empty-but-views",
        "CREATE VIEW v AS SELECT 1 AS x; CREATE MATERIALIZED VIEW m AS SELECT 1 AS x;",
    ),
    (
        "empty-but-types",
        "CREATE TYPE mood AS ENUM ('ok'); CREATE SEQUENCE s; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    ),
    (
        "empty-but-a-parent",
        "CREATE TABLE parent (id int) PARTITION BY RANGE (id);",
    ),
    (
        "empty-but-post-gis",
        "CREATE TABLE spatial_ref_sys (id int); CREATE TABLE \"Geometry_Columns\" (id int);",
    ),
    (
        "not-empty-partitions",
        "CREATE TABLE parent (id int) PARTITION BY RANGE (id); CREATE TABLE child PARTITION OF parent DEFAULT;",
    ),
    (
        "not-empty-unlogged",
        "CREATE UNLOGGED TABLE quick (id int);",
    ),
    (
        "not-empty-like-prisma",
        "CREATE TABLE \"_Migration\" (id int);",
    ),
    (
        "not-empty-wrong-case",
        "CREATE TABLE \"_Prisma_Migrations\" (id int);",
    ),
];

fn emptiness() -> Vec<Situation> {
    EMPTY
        .iter()
        .map(|(name, sql)| situation(name).has(&["1_a"]).sql(sql).asks(&[DEPLOY]))
        .collect()
}

fn locks() -> Vec<Situation> {
    vec![
        situation("held")
            .has(&["1_a", "2_b"])
            .rows(Applied, &["1_a"])
            .locked()
            .asks(&[STATUS, DEPLOY]),
        situation("held-and-resolved")
            .has(&["1_a"])
            .rows(Failed, &["1_a"])
            .locked()
            .asks(&[
                &["resolve", "--applied", "1_a"],
                &["resolve", "--rolled-back", "1_a"],
            ]),
        situation("held-and-not-empty")
            .has(&["1_a"])
            .sql("CREATE TABLE legacy (id int);")
            .locked()
            .asks(&[DEPLOY]),
        situation("held-and-the-wrong-provider")
            .has(&["1_a"])
            .file("migration_lock.toml", b"provider = \"mysql\"\n")
            .locked()
            .asks(&[DEPLOY]),
    ]
}

#[test]
fn the_same_databases_count_as_empty() {
    compare(&emptiness());
}

#[test]
fn a_held_lock_stops_the_same_commands() {
    compare(&locks());
}
