//! Jobs: requested runs of operations, from both doors alike.
//!
//! What must stay true:
//! - A job and the audit entry of its request are written in one transaction; so are its end and the entry of that.
//! - At most one exclusive job runs per target: a unique index of the store says so, not code.
//! - A job is never run twice. When its worker vanishes it becomes `interrupted`; operations that can be cleaned up
//!   automatically then end as `failed`, the others keep the target locked until a person has looked.
//! - An exclusive job holds the target on the target's server too, against consoles that have another store.
//!
//! Read [`catalogue`] for what can be run, [`queue`] for the states, [`worker`] for who runs it,
//! [`presence`] for who is alive to run it.

pub mod catalogue;
mod evidence;
pub mod feed;
pub mod figures;
pub mod presence;
pub mod queue;
mod scribe;
pub mod worker;

pub use catalogue::{Operation, Resources};
pub use evidence::{Choice, Evidence, Fact};
