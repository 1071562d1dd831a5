//! The guard: what is pending is read and judged before it runs, a person says yes to exactly that, and only that runs.
//!
//! What must stay true:
//! - A plan's digest covers every byte of its scripts, their order and the identity of the target. What is applied has
//!   the digest that was approved, computed anew under the lock; otherwise nothing is applied.
//! - A destructive plan is applied only with an approval of its digest that has neither expired nor been used, and
//!   only when a backup was taken for it.
//! - What the guard cannot see into counts as destructive. A number is exact, or it is called an estimate.
//!
//! Read [`plan`] for how one is made, [`rules`] for what is found, [`approval`] and [`apply`] for the rest of the way.

pub mod apply;
pub mod approval;
pub mod finding;
pub mod lock;
pub mod plan;
pub mod rules;

pub use finding::{Count, Finding, Loss, Severity, TableNow, Verdict};
pub use lock::{LockMode, LockOn};
pub use plan::Plan;
