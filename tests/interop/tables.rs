//! Ledgers that somebody has changed by hand.

use crate::sides::compare;
use crate::situation::Said::{Applied, Failed};
use crate::situation::{DEPLOY, STATUS, Situation, situation};

const CHANGES: &[(&str, &str)] = &[
    (
        "table-a-column-more",
        "ALTER TABLE _prisma_migrations ADD note text;",
    ),
    (
        "table-a-required-column-more",
        "ALTER TABLE _prisma_migrations ADD note text NOT NULL DEFAULT ''; ALTER TABLE _prisma_migrations ALTER note DROP DEFAULT;",
    ),
    (
        "table-without-logs",
        "ALTER TABLE _prisma_migrations DROP logs;",
    ),
    (
        "table-without-key",
        "ALTER TABLE _prisma_migrations DROP CONSTRAINT _prisma_migrations_pkey;",
    ),
    (
        "table-with-null-steps",
        "ALTER TABLE _prisma_migrations ALTER applied_steps_count DROP NOT NULL; UPDATE _prisma_migrations SET applied_steps_count = NULL;",
    ),
    (
        "table-with-null-checksum",
        "ALTER TABLE _prisma_migrations ALTER checksum DROP NOT NULL; UPDATE _prisma_migrations SET checksum = NULL;",
    ),
    (
        "table-with-null-start",
        "ALTER TABLE _prisma_migrations ALTER started_at DROP NOT NULL; UPDATE _prisma_migrations SET started_at = NULL;",
    ),
    (
        "table-with-texts",
        "ALTER TABLE _prisma_migrations ALTER migration_name TYPE text, ALTER checksum TYPE text, ALTER id TYPE text;",
    ),
    (
        "table-with-large-steps",
        "ALTER TABLE _prisma_migrations ALTER applied_steps_count TYPE bigint;",
    ),
    (
        "table-with-plain-times",
        "ALTER TABLE _prisma_migrations ALTER started_at TYPE timestamp, ALTER finished_at TYPE timestamp, ALTER rolled_back_at TYPE timestamp;",
    ),
    (
        "table-with-uuids",
        "ALTER TABLE _prisma_migrations ALTER id TYPE uuid USING id::uuid;",
    ),
    (
        "table-is-a-view",
        "ALTER TABLE _prisma_migrations RENAME TO kept; CREATE VIEW _prisma_migrations AS SELECT * FROM kept;",
    ),
];

pub fn all() -> Vec<Situation> {
    let one = |(name, sql): &(&'static str, &'static str)| {
        situation(name)
            .has(&["1_a", "2_b"])
            .rows(Applied, &["1_a"])
            .sql(sql)
            .asks(&[STATUS, DEPLOY])
    };
    let mut all: Vec<Situation> = CHANGES.iter().map(one).collect();
    all.push(
        situation("table-is-a-view-in-an-empty-database")
            .has(&["1_a"])
            .sql("CREATE VIEW _prisma_migrations AS SELECT 1 AS x;")
            .asks(&[STATUS, DEPLOY]),
    );
    all.push(
        situation("table-with-null-steps-and-resolve")
            .has(&["1_a"])
            .rows(Failed, &["1_a"])
            .sql(CHANGES[4].1)
            .asks(&[&["resolve", "--rolled-back", "1_a"]]),
    );
    all
}

#[test]
fn a_ledger_that_prisma_cannot_read_stops_lockkeeper_too() {
    compare(&all());
}
