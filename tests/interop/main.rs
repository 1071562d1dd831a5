//! Lockkeeper beside the real Prisma CLI: the same folder and the same rows go to both, on two equal databases, and their
//! verdicts, codes and rows are compared. What may differ stands in `docs/prisma.md`, with the reason, and nowhere else.
//!
//! Read [`situation`] for how a situation is written, [`sides`] for what is compared.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics where it is wrong, in its helpers too"
)]

mod deviation;
mod oracle;
mod sides;
mod situation;
#[path = "../support/mod.rs"]
mod support;

mod folders;
mod interleaving;
mod line_ends;
mod lock_files;
mod ordinary;
mod resolving;
mod schemas;
mod tables;
mod turns;
mod unusual;

use std::collections::BTreeSet;

use situation::Situation;

fn all() -> Vec<Situation> {
    [
        folders::all(),
        line_ends::all(),
        lock_files::all(),
        ordinary::all(),
        resolving::all(),
        schemas::all(),
        tables::all(),
        unusual::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn there_are_many_situations_and_every_deviation_is_of_one_of_them() {
    let all = all();
    let names: BTreeSet<&str> = all.iter().map(|one| one.name).collect();
    assert_eq!(names.len(), all.len(), "a name is used twice");
    assert!(names.len() >= 60, "{}", names.len());
    for listed in deviation::listed() {
        let (name, step) = listed.split_once('/').unwrap();
        let situation = all.iter().find(|one| one.name == name);
        let known =
            situation.is_some_and(|one| (1..=one.asks.len()).any(|at| one.step(at) == step));
        assert!(known, "docs/prisma.md lists {listed}, which is never asked");
    }
}
