//! What a table can have from Postgres 18 on.

use crate::base::{Base, cluster};
use crate::support::skip::skipped;

/// Whether the server has what came with Postgres 18.
fn is_of_18(what: &str) -> bool {
    let version = cluster().psql("postgres", "SELECT current_setting('server_version_num')");
    let is = version.parse::<u32>().unwrap() >= 180_000;
    if !is {
        skipped(&format!("{what}, which Postgres has from 18 on"));
    }
    is
}

#[tokio::test]
async fn a_generated_column_is_stored_or_it_is_not() {
    if !is_of_18("virtual generated columns") {
        return;
    }
    let stored = "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED);";
    let base = Base::with(&[("1_init", stored)]);
    base.run("ALTER TABLE t DROP b; ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 1) VIRTUAL");
    assert_eq!(
        base.lines().await,
        [
            "table public.t",
            "  column b",
            "    generated as: not set in the database, (a + 1) in the history",
            "    virtually generated as: (a + 1) in the database, not set in the history"
        ]
    );
}

#[tokio::test]
async fn a_column_whose_rows_were_not_looked_at_is_a_difference() {
    if !is_of_18("a NOT NULL that is not validated") {
        return;
    }
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int NOT NULL);")]);
    base.run(
        "ALTER TABLE t ALTER a DROP NOT NULL; ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
    );
    assert_eq!(
        base.lines().await,
        [
            "table public.t",
            "  column a",
            "    nullable: no, but not validated in the database, no in the history"
        ]
    );
}
