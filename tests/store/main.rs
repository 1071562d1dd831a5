//! The store's conformance: what the chapters rest on, on SQLite and on Postgres alike.
//!
//! Every test runs on both, on an empty store of its own; [`ground`] makes them. A test that holds on one engine only
//! says so in its name and stands in [`opening`].
#![expect(
    clippy::unwrap_used,
    reason = "a test panics where it is wrong, in its helpers too"
)]

#[path = "../support/mod.rs"]
mod support;

#[macro_use]
mod ground;

mod approvals;
mod asking;
mod chain;
mod constraints;
mod devices;
mod drift;
mod events;
mod factors;
mod feed;
mod finding;
mod first;
mod forgery;
mod interruption;
mod many;
mod measurements;
mod notifications;
mod opening;
mod people;
mod policies;
mod presence;
mod queue;
mod retention;
mod roles;
mod schedules;
mod sessions;
mod setup;
mod snapshot;
mod snapshot_file;
mod subscriptions;
mod tampering;
mod throttle;
mod tokens;
mod upgrade;
mod users;
mod waking;
