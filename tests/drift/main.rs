//! Comparing real databases with what their migrations make: what is found, what is not, and what is left behind (nothing).
#![expect(
    clippy::unwrap_used,
    reason = "a test panics where it is wrong, in its helpers too"
)]

#[path = "../support/mod.rs"]
mod support;

mod base;
mod effect;
mod eighteen;
mod ending;
mod hostile;
mod kinds;
mod none;
mod oracle;
mod outside;
mod restored;
mod roles;
mod speed;
