//! Long campaigns, with figures: what crashes leave behind, how fast pages are, what the console costs.
//!
//! Run by `make prove`, on release builds; too slow for every change.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it is wrong; a campaign prints its figures"
)]

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod dump;
mod guess;
mod jobs;
mod kill;
mod ledger;
mod queue;
mod speed;
mod steps;
