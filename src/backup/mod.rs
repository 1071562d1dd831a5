//! Backups: artifacts that stock `pg_restore` opens, the manifests that describe them, and the archive they live in.
//!
//! What must stay true:
//! - A backup exists if and only if its manifest does. The manifest is written last, and only for bytes that were read
//!   back and hashed.
//! - A backup that did not end well leaves nothing behind but its job.
//! - Backups are called *taken*: that the dump ended well and its bytes are recorded. Nothing more is claimed.
//!
//! Read [`take`] for how one is made, [`archive`] for where they live, [`manifest`] for what is known of each.

pub mod archive;
pub mod manifest;
pub mod take;

pub use archive::Archive;
pub use manifest::Manifest;
