//! The line from a pending migration to an applied one, through both doors, with the built binary, real servers and the
//! real `pg_dump`: how it goes well, how it fails, and what a crash leaves.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics where it is wrong, in its helpers too"
)]

mod scene;
#[path = "../support/mod.rs"]
mod support;

mod access;
mod admins;
mod alarm;
mod applying;
mod audit;
mod channels;
mod check;
mod contract;
mod crash;
mod deletions;
mod delivery;
mod downloads;
mod drift;
mod factor;
mod failure;
mod figures;
mod following;
mod forms;
mod guessing;
mod headers;
mod hostile;
mod http;
mod keeping;
mod marking;
mod me;
mod notifications;
mod place;
mod programs;
mod proof;
mod receiver;
mod refusal;
mod schedules;
mod sign_in;
mod snapshots;
mod standing;
mod standstill;
mod status;
mod stopping;
mod storeless;
mod story;
mod subscriptions;
mod system;
mod taken;
mod telling;
mod tokens;
mod trace;
mod unbegun;
mod users;
mod watching;
mod wire;
mod wires;
mod withheld;
mod workers;
