//! The production databases: the only place that opens a connection to one, and the only one that starts a child process.
//!
//! What must stay true: a look at a target changes nothing and never hangs behind a lock; work on one goes through a real
//! session (never a transaction pooler); no message holds a password. Read [`url`] for what a connection URL means,
//! [`connect`] for sessions, [`catalog`] for the facts, [`tool`] for `pg_dump` and its kin.

pub mod catalog;
pub mod connect;
mod dial;
pub mod failure;
mod hold;
pub mod measurement;
mod notice;
mod purpose;
pub mod script;
pub mod size;
mod tls;
pub mod tool;
pub mod url;
pub mod watch;

pub use connect::{Cancel, Purpose, Session, Target};
pub use failure::{describe, describe_server};
pub use hold::{HOLD_LOCK, Hold};
pub use notice::Notice;
pub use url::DatabaseUrl;
