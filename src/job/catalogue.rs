//! The catalogue: every operation that a job can run.
//!
//! Browser and terminal build the same [`Operation`] value; the queue stores it as JSON. What is declared here once
//! (its words, what a crash leaves, who may clean up) is said the same on every page.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::auth::role::Permission;
use crate::backup::{self, Archive};
use crate::guard;
use crate::migration::check;
use crate::migration::drift::{self, Extent, Replay};
use crate::migration::mark::{self, Mark};
use crate::store::Store;
use crate::target::Target;

/// What operations work on.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Lockkeeper's own database.
    pub store: Store,
    /// Where backups live.
    pub archive: Archive,
    /// The targets of the configuration, in its order.
    pub targets: Vec<Arc<Target>>,
}

impl Resources {
    /// The target of that name.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Arc<Target>> {
        self.targets.iter().find(|target| target.name == name)
    }
}

/// Something the program can do to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Operation {
    /// Reads and judges what is pending.
    #[serde(rename = "plan.make")]
    MakePlan {
        /// The target's name.
        target: String,
    },
    /// Takes a backup.
    #[serde(rename = "backup.take")]
    TakeBackup {
        /// The target's name.
        target: String,
        /// What the person wrote beside it.
        note: String,
    },
    /// Applies a stored plan.
    #[serde(rename = "plan.apply")]
    ApplyPlan {
        /// The target's name.
        target: String,
        /// The plan's id.
        plan: String,
        /// Whether a plan that destroys nothing is applied without a backup.
        #[serde(default)]
        without_backup: bool,
    },
    /// Marks migrations as applied or rolled back.
    #[serde(rename = "migration.resolve")]
    ResolveMigrations {
        /// The target's name.
        target: String,
        /// What is said of them.
        mark: Mark,
        /// Their names.
        names: Vec<String>,
    },
    /// Marks all migrations up to one as applied.
    #[serde(rename = "migration.baseline")]
    Baseline {
        /// The target's name.
        target: String,
        /// The last migration that is marked.
        last: String,
    },
    /// Looks at the target, says what it saw and keeps its measurements.
    #[serde(rename = "target.check")]
    CheckTarget {
        /// The target's name.
        target: String,
    },
    /// Compares the target with what its migrations make.
    #[serde(rename = "drift.detect")]
    DetectDrift {
        /// The target's name.
        target: String,
        /// Which migrations are replayed.
        #[serde(default)]
        replay: Replay,
        /// What is compared besides.
        #[serde(default)]
        extent: Extent,
    },
}

/// Who may say that an interrupted job is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// The program: what is left can be cleaned up.
    Automatic,
    /// A person who has looked at the database.
    Person,
}

impl Operation {
    /// The name in the store, the audit and the logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MakePlan { .. } => "plan.make",
            Self::TakeBackup { .. } => "backup.take",
            Self::ApplyPlan { .. } => "plan.apply",
            Self::ResolveMigrations { .. } => "migration.resolve",
            Self::Baseline { .. } => "migration.baseline",
            Self::CheckTarget { .. } => "target.check",
            Self::DetectDrift { .. } => "drift.detect",
        }
    }

    /// What it does, for people.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::MakePlan { .. } => "Make a plan",
            Self::TakeBackup { .. } => "Take a backup",
            Self::ApplyPlan { .. } => "Apply a plan",
            Self::ResolveMigrations { .. } => "Mark migrations",
            Self::Baseline { .. } => "Baseline the database",
            Self::CheckTarget { .. } => "Check the target",
            Self::DetectDrift { .. } => "Compare with the history",
        }
    }

    /// The name of the target.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::MakePlan { target }
            | Self::CheckTarget { target }
            | Self::DetectDrift { target, .. }
            | Self::TakeBackup { target, .. }
            | Self::ApplyPlan { target, .. }
            | Self::ResolveMigrations { target, .. }
            | Self::Baseline { target, .. } => target,
        }
    }

    /// Whether no other exclusive job may run on the target beside it. What only asks questions is shared.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        match self {
            Self::MakePlan { .. } | Self::CheckTarget { .. } | Self::DetectDrift { .. } => false,
            Self::TakeBackup { .. }
            | Self::ApplyPlan { .. }
            | Self::ResolveMigrations { .. }
            | Self::Baseline { .. } => true,
        }
    }

    /// How urgent it is: of the jobs that wait, the highest is taken first.
    #[must_use]
    pub fn priority(&self) -> i64 {
        match self {
            Self::CheckTarget { .. } | Self::DetectDrift { .. } => 0,
            Self::TakeBackup { .. } => 10,
            Self::MakePlan { .. } => 20,
            Self::ApplyPlan { .. } | Self::ResolveMigrations { .. } | Self::Baseline { .. } => 30,
        }
    }

    /// What whoever asks for it must be allowed to do.
    #[must_use]
    pub fn permission(&self) -> Permission {
        match self {
            Self::MakePlan { .. }
            | Self::TakeBackup { .. }
            | Self::CheckTarget { .. }
            | Self::DetectDrift { .. } => Permission::Operate,
            Self::ApplyPlan { .. } | Self::ResolveMigrations { .. } | Self::Baseline { .. } => {
                Permission::Change
            }
        }
    }

    /// The names of its steps, in their order.
    #[must_use]
    pub fn steps(&self) -> &'static [&'static str] {
        match self {
            Self::MakePlan { .. } => guard::plan::STEPS,
            Self::TakeBackup { .. } => backup::take::STEPS,
            Self::ApplyPlan { .. } => guard::apply::STEPS,
            Self::ResolveMigrations { .. } | Self::Baseline { .. } => mark::STEPS,
            Self::CheckTarget { .. } => check::STEPS,
            Self::DetectDrift { .. } => drift::STEPS,
        }
    }

    /// What stopping it in the middle does, in one sentence.
    #[must_use]
    pub fn when_cancelled(&self) -> &'static str {
        match self {
            Self::MakePlan { .. } => "Making a plan only reads, so stopping it changes nothing.",
            Self::CheckTarget { .. } => "A check only reads, so stopping it changes nothing.",
            Self::DetectDrift { .. } => {
                "The scratch database is dropped. The target is only read, so stopping it changes nothing."
            }
            Self::TakeBackup { .. } => {
                "pg_dump is ended and what it has written is removed. The database is not changed."
            }
            Self::ApplyPlan { .. } => {
                "A backup that is being taken is ended and removed. A statement that runs is cancelled on the server and its \
                 migration is undone where Postgres can undo it. Migrations that were applied before stay in effect."
            }
            Self::ResolveMigrations { .. } | Self::Baseline { .. } => {
                "Its rows are written in one transaction: until that is committed, stopping it leaves nothing behind."
            }
        }
    }

    /// Who decides after a crash. Reading and dumping change nothing; applying may have.
    #[must_use]
    pub fn reconcile(&self) -> Reconcile {
        match self {
            Self::MakePlan { .. }
            | Self::TakeBackup { .. }
            | Self::CheckTarget { .. }
            | Self::DetectDrift { .. } => Reconcile::Automatic,
            Self::ApplyPlan { .. } | Self::ResolveMigrations { .. } | Self::Baseline { .. } => {
                Reconcile::Person
            }
        }
    }

    /// Whether a schedule may ask for it: what changes a database needs a person each time.
    #[must_use]
    pub fn can_be_scheduled(&self) -> bool {
        match self {
            Self::CheckTarget { .. }
            | Self::DetectDrift { .. }
            | Self::MakePlan { .. }
            | Self::TakeBackup { .. } => true,
            Self::ApplyPlan { .. } | Self::ResolveMigrations { .. } | Self::Baseline { .. } => {
                false
            }
        }
    }

    /// What a crash in the middle means for the data, in one sentence.
    #[must_use]
    pub fn after_crash(&self) -> &'static str {
        match self {
            Self::MakePlan { .. } => "Nothing was changed: making a plan only reads.",
            Self::CheckTarget { .. } => "Nothing was changed: a check only reads.",
            Self::DetectDrift { .. } => {
                "The target was not changed: a comparison only reads it, and works in a scratch database."
            }
            Self::TakeBackup { .. } => {
                "The database was not changed: a dump only reads. There is no backup of this job."
            }
            Self::ApplyPlan { .. } => {
                "Before the step Apply nothing was changed. Migrations before the last one are in effect; whether that one \
                 is, only the ledger and the database can tell."
            }
            Self::ResolveMigrations { .. } | Self::Baseline { .. } => {
                "Its rows are written in one transaction: either all of them are in the ledger or none. No script was run."
            }
        }
    }
}
