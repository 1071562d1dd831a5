//! Backups: artifacts that stock `pg_restore` opens, the manifests that describe them, and the archive they live in.
//!
//! What must stay true:
//! - A backup exists if and only if its manifest does. The manifest is written last, and only for bytes that were read
//!   back and hashed.
//! - A backup that did not end well leaves nothing behind but its job.
//! - What is counted belongs to the moment that is dumped, or is called an estimate.
//! - Backups are called *taken* or *readable* ([`manifest::Worth`]); nothing more is claimed.
//!
//! Read [`take`] for how one is made, [`archive`] for where they live, [`manifest`] and [`contents`] for what is known of
//! each.

pub mod archive;
pub mod commands;
pub mod contents;
pub mod manifest;
pub mod take;

pub use archive::Archive;
pub use contents::Contents;
pub use manifest::Manifest;
