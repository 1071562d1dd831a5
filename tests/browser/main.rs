//! The console as people meet it: a real browser on the real binary with a real database behind it.
//!
//! Pictures of every page land in `target/screenshots`. Needs `chromedriver`, a Chromium and `psql` on the PATH.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics where it is wrong, in its helpers too, and starts programs of its own"
)]

#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/mod.rs"]
mod support;

mod backups;
mod check;
mod contract;
mod drift;
mod endings;
mod factor;
mod findings;
mod hostile;
mod jobs;
mod line;
mod narrow;
mod people;
mod plain;
mod schedules;
mod stage;
mod states;
