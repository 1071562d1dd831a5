//! `resolve`, in every state that a migration can be in.

use crate::sides::compare;
use crate::situation::Said::{Applied, Both, Crashed, Failed, RolledBack};
use crate::situation::{DEPLOY, STATUS, Situation, situation};

const APPLIED: &[&str] = &["resolve", "--applied", "1_a"];
const ROLLED_BACK: &[&str] = &["resolve", "--rolled-back", "1_a"];

pub fn all() -> Vec<Situation> {
    [applied(), rolled_back()].into_iter().flatten().collect()
}

fn applied() -> Vec<Situation> {
    let one = |name| situation(name).has(&["1_a"]);
    vec![
        one("apply-fresh").asks(&[APPLIED, APPLIED, STATUS]),
        one("apply-pending").ledger().asks(&[APPLIED]),
        one("apply-applied")
            .rows(Applied, &["1_a"])
            .asks(&[APPLIED]),
        one("apply-failed")
            .rows(Failed, &["1_a"])
            .asks(&[APPLIED, STATUS]),
        one("apply-failed-twice")
            .rows(Failed, &["1_a"])
            .rows(Crashed, &["1_a"])
            .asks(&[APPLIED]),
        one("apply-rolled-back")
            .rows(RolledBack, &["1_a"])
            .asks(&[APPLIED, DEPLOY]),
        one("apply-both-moments")
            .rows(Both, &["1_a"])
            .asks(&[APPLIED]),
        one("apply-failed-then-applied")
            .rows(Failed, &["1_a"])
            .rows(Applied, &["1_a"])
            .asks(&[APPLIED]),
        one("apply-the-second-only").has(&["2_b"]).asks(&[
            &["resolve", "--applied", "2_b"],
            STATUS,
            DEPLOY,
        ]),
        one("apply-beside-tables")
            .sql("CREATE TABLE legacy (id int);")
            .asks(&[APPLIED]),
        one("apply-unknown")
            .ledger()
            .asks(&[&["resolve", "--applied", "a"]]),
        one("apply-a-path")
            .ledger()
            .asks(&[&["resolve", "--applied", "1_a/"]]),
        one("apply-gone")
            .rows(Failed, &["2_gone"])
            .asks(&[&["resolve", "--applied", "2_gone"]]),
        situation("apply-broken")
            .file("1_a/other.sql", b"")
            .ledger()
            .asks(&[APPLIED]),
        one("apply-beside-a-broken-one")
            .file("0_broken/other.sql", b"")
            .ledger()
            .asks(&[APPLIED]),
    ]
}

fn rolled_back() -> Vec<Situation> {
    let one = |name| situation(name).has(&["1_a"]);
    vec![
        one("roll-back-failed")
            .rows(Failed, &["1_a"])
            .asks(&[ROLLED_BACK, STATUS, DEPLOY, STATUS]),
        one("roll-back-twice")
            .rows(Crashed, &["1_a"])
            .asks(&[ROLLED_BACK, ROLLED_BACK]),
        one("roll-back-failed-twice")
            .rows(Failed, &["1_a", "1_a"])
            .asks(&[ROLLED_BACK]),
        situation("roll-back-gone")
            .rows(Failed, &["1_a"])
            .asks(&[ROLLED_BACK]),
        one("roll-back-applied")
            .rows(Applied, &["1_a"])
            .asks(&[ROLLED_BACK]),
        one("roll-back-failed-then-applied")
            .rows(Failed, &["1_a"])
            .rows(Applied, &["1_a"])
            .asks(&[ROLLED_BACK, STATUS]),
        one("roll-back-both-moments")
            .rows(Both, &["1_a"])
            .asks(&[ROLLED_BACK]),
        one("roll-back-both-moments-and-failed")
            .rows(Both, &["1_a"])
            .rows(Failed, &["1_a"])
            .asks(&[ROLLED_BACK]),
        one("roll-back-never-tried").ledger().asks(&[ROLLED_BACK]),
        one("roll-back-without-a-ledger").asks(&[ROLLED_BACK]),
        situation("roll-back-broken")
            .file("1_a/other.sql", b"")
            .rows(Failed, &["1_a"])
            .asks(&[ROLLED_BACK]),
    ]
}

#[test]
fn migrations_are_marked_as_applied_as_prisma_marks_them() {
    compare(&applied());
}

#[test]
fn migrations_are_marked_as_rolled_back_as_prisma_marks_them() {
    compare(&rolled_back());
}
