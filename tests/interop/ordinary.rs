//! What happens to every project: behind, ahead, failed, rolled back, squashed, baselined.

use crate::sides::compare;
use crate::situation::Said::{Applied, Both, Crashed, Failed, Marked, RolledBack};
use crate::situation::{DEPLOY, STATUS, Situation, situation};

pub fn all() -> Vec<Situation> {
    [well(), failures(), changes()]
        .into_iter()
        .flatten()
        .collect()
}

fn well() -> Vec<Situation> {
    vec![
        situation("nothing-at-all"),
        situation("nothing-but-a-ledger").ledger(),
        situation("fresh")
            .has(&["1_a", "2_b"])
            .asks(&[STATUS, DEPLOY, STATUS, DEPLOY]),
        situation("behind")
            .has(&["1_a", "2_b", "3_c"])
            .rows(Applied, &["1_a"])
            .asks(&[STATUS, DEPLOY, STATUS]),
        situation("up-to-date")
            .has(&["1_a"])
            .rows(Applied, &["1_a"]),
        situation("folder-is-behind")
            .has(&["1_a"])
            .rows(Applied, &["1_a", "2_gone"]),
        situation("diverged")
            .has(&["1_a", "2_b", "3_c"])
            .rows(Applied, &["1_a", "2_other"])
            .asks(&[STATUS, DEPLOY, STATUS]),
        situation("diverged-from-the-start")
            .has(&["1_a"])
            .rows(Applied, &["1_other", "2_other"])
            .asks(&[STATUS]),
        situation("out-of-order")
            .has(&["1_a", "2_b"])
            .rows(Applied, &["2_b"]),
        situation("foreign-rows-only").rows(Applied, &["1_gone"]),
        situation("applied-twice")
            .has(&["1_a"])
            .rows(Applied, &["1_a", "1_a"]),
    ]
}

fn failures() -> Vec<Situation> {
    vec![
        situation("failed")
            .has(&["1_a", "2_b"])
            .rows(Applied, &["1_a"])
            .rows(Failed, &["2_b"]),
        situation("failed-and-behind")
            .has(&["1_a", "2_b", "3_c"])
            .rows(Applied, &["1_a"])
            .rows(Failed, &["2_b"]),
        situation("failed-twice")
            .has(&["1_a"])
            .rows(Failed, &["1_a", "1_a"]),
        situation("two-failed")
            .has(&["1_a", "2_b"])
            .rows(Failed, &["2_b", "1_a"]),
        situation("crashed").has(&["1_a"]).rows(Crashed, &["1_a"]),
        situation("failed-then-applied")
            .has(&["1_a"])
            .rows(Failed, &["1_a"])
            .rows(Applied, &["1_a"]),
        situation("failed-and-gone")
            .has(&["1_a"])
            .rows(Applied, &["1_a"])
            .rows(Failed, &["2_gone"]),
        situation("failed-and-diverged")
            .has(&["1_a", "2_b"])
            .rows(Applied, &["1_a"])
            .rows(Failed, &["2_gone"]),
        situation("rolled-back")
            .has(&["1_a"])
            .rows(RolledBack, &["1_a"])
            .asks(&[STATUS, DEPLOY, STATUS]),
        situation("rolled-back-then-applied")
            .has(&["1_a"])
            .rows(RolledBack, &["1_a"])
            .rows(Applied, &["1_a"]),
        situation("rolled-back-and-gone")
            .has(&["1_a"])
            .rows(Applied, &["1_a"])
            .rows(RolledBack, &["2_gone", "2_gone"]),
        situation("both-moments")
            .has(&["1_a"])
            .rows(Both, &["1_a"])
            .asks(&[STATUS, DEPLOY, STATUS]),
        situation("fails-now")
            .has(&["1_a"])
            .script("2_b", b"CREATE TABLE t_1_a (id int);")
            .has(&["3_c"])
            .rows(Applied, &["1_a"])
            .sql("CREATE TABLE t_1_a (id int);"),
    ]
}

fn changes() -> Vec<Situation> {
    vec![
        situation("edited")
            .has(&["1_a"])
            .row(Applied, "1_a", &"0".repeat(64))
            .asks(&[STATUS, DEPLOY, STATUS]),
        situation("squashed-and-not-marked")
            .has(&["0_squashed"])
            .rows(Applied, &["1_a", "2_b"]),
        situation("squashed")
            .has(&["0_squashed"])
            .rows(Applied, &["1_a", "2_b"])
            .asks(&[
                STATUS,
                &["resolve", "--applied", "0_squashed"],
                STATUS,
                DEPLOY,
            ]),
        situation("marked")
            .has(&["1_a", "2_b"])
            .rows(Marked, &["1_a"]),
        situation("needs-a-baseline")
            .has(&["1_a", "2_b"])
            .sql("CREATE TABLE t_1_a (id int);")
            .asks(&[
                STATUS,
                DEPLOY,
                &["resolve", "--applied", "1_a"],
                STATUS,
                DEPLOY,
                STATUS,
            ]),
        situation("needs-a-baseline-without-migrations").sql("CREATE TABLE legacy (id int);"),
        situation("tables-and-an-empty-ledger")
            .has(&["1_a"])
            .ledger()
            .sql("CREATE TABLE legacy (id int);"),
    ]
}

#[test]
fn what_goes_well_goes_as_with_prisma() {
    compare(&well());
}

#[test]
fn what_failed_stops_where_prisma_stops() {
    compare(&failures());
}

#[test]
fn what_was_changed_is_seen_as_prisma_sees_it() {
    compare(&changes());
}
