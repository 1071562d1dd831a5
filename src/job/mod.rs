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
//! [`presence`] for who is alive to run it, [`retention`] for how long what ended is kept.

pub mod catalogue;
mod evidence;
pub mod feed;
pub mod figures;
mod marked;
pub mod presence;
pub mod queue;
mod reaper;
pub mod retention;
mod run;
pub mod schedule;
mod scribe;
pub mod worker;

pub use catalogue::{Operation, Resources};
pub use evidence::{Choice, Evidence, Fact};
pub use reaper::Reaper;

#[cfg(test)]
mod tests {
    use super::Operation;
    use super::catalogue::Reconcile;
    use crate::migration::mark::Mark;

    #[test]
    fn the_architecture_says_what_every_operation_declares() {
        let target = || "t".to_owned();
        let all = [
            Operation::CheckTarget { target: target() },
            Operation::DetectDrift {
                target: target(),
                replay: crate::migration::drift::Replay::default(),
                extent: crate::migration::drift::Extent::default(),
            },
            Operation::MakePlan { target: target() },
            Operation::TakeBackup {
                target: target(),
                note: String::new(),
            },
            Operation::ApplyPlan {
                target: target(),
                plan: "p".to_owned(),
                without_backup: false,
            },
            Operation::ResolveMigrations {
                target: target(),
                mark: Mark::Applied,
                names: Vec::new(),
            },
            Operation::Baseline {
                target: target(),
                last: "m".to_owned(),
            },
        ];
        let told = include_str!("../../ARCHITECTURE.md");
        for operation in all {
            let row = format!(
                "| {} | `{}` | {} | {} | {} | {} | {} |",
                operation.words(),
                operation.kind(),
                if operation.is_exclusive() {
                    "exclusive"
                } else {
                    "shared"
                },
                operation.priority(),
                operation.permission().word(),
                match operation.reconcile() {
                    Reconcile::Automatic => "automatic",
                    Reconcile::Person => "person",
                },
                operation.steps().join(", ")
            );
            assert!(told.contains(&row), "the table lacks\n{row}");
        }
    }
}
