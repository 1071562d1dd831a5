//! Lockkeeper: the admin console for the production Postgres behind a Prisma app.
//!
//! The tree of this crate is its glossary: one chapter, one noun of the trade. Read them from below:
//!
//! - [`clock`], [`config`], [`telemetry`], [`store`]: time and ids, what the operator wrote, what is logged,
//!   and Lockkeeper's own database. They know nothing of Prisma or of targets.
//! - [`audit`], [`auth`], [`operation`], [`sql`]: the append-only record, who may come in, what an operation is,
//!   and Postgres's own grammar.
//! - [`notify`]: who is told of what without looking, the outbox, webhooks and mail.
//! - [`target`]: the production databases; the only place that opens a connection to one.
//! - [`migration`]: the folder, the ledger `_prisma_migrations`, and the history that joins both.
//! - [`backup`]: artifacts, their manifests and the archive they live in.
//! - [`guard`]: the plan, its verdict, the approval, and applying it.
//! - [`job`]: the catalogue of operations and the queue that runs them.
//! - [`app`]: everything above, opened once from one configuration.
//! - [`web`] and [`cli`]: the two doors. They hold no SQL and open no connection to a target.
//!
//! A line may import only what is below it (`tests/house.rs` reads every `use crate::` and fails on another direction):
//!
//! ```text
//! main → cli, web → app → job → guard → backup → migration → target
//!      → notify → sql, operation, auth, audit → store → clock, config, telemetry
//! ```

pub mod app;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod guard;
pub mod job;
pub mod migration;
pub mod notify;
pub mod operation;
pub mod sql;
pub mod store;
pub mod target;
pub mod telemetry;
pub mod web;
