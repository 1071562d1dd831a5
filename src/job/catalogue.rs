//! The catalogue: every operation that a job can run.
//!
//! Browser and terminal build the same [`Operation`] value; the queue stores it as JSON. What is declared here once
//! (its words, what a crash leaves, who may clean up) is said the same on every page.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::queue::Verdict;
use super::run::{check_target, detect_drift, make_plan, store_failed};
use crate::auth::role::Permission;
use crate::backup::take::Steps;
use crate::backup::{self, Archive};
use crate::guard;
use crate::migration::check;
use crate::migration::drift::{self, Extent, Replay};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::store::Store;
use crate::target::{Hold, Target};

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
            | Self::ApplyPlan { target, .. } => target,
        }
    }

    /// Whether no other exclusive job may run on the target beside it. What only asks questions is shared.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        match self {
            Self::MakePlan { .. } | Self::CheckTarget { .. } | Self::DetectDrift { .. } => false,
            Self::TakeBackup { .. } | Self::ApplyPlan { .. } => true,
        }
    }

    /// How urgent it is: of the jobs that wait, the highest is taken first.
    #[must_use]
    pub fn priority(&self) -> i64 {
        match self {
            Self::CheckTarget { .. } | Self::DetectDrift { .. } => 0,
            Self::TakeBackup { .. } => 10,
            Self::MakePlan { .. } => 20,
            Self::ApplyPlan { .. } => 30,
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
            Self::ApplyPlan { .. } => Permission::Change,
        }
    }

    /// The names of its steps, in their order.
    #[must_use]
    pub fn steps(&self) -> &'static [&'static str] {
        match self {
            Self::MakePlan { .. } => guard::plan::STEPS,
            Self::TakeBackup { .. } => backup::take::STEPS,
            Self::ApplyPlan { .. } => guard::apply::STEPS,
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
            Self::ApplyPlan { .. } => Reconcile::Person,
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
            Self::ApplyPlan { .. } => false,
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
        }
    }

    /// Removes what an interrupted run left behind, and says how it ended: a backup that was published is one, though the
    /// program went away before it could say so.
    pub(super) async fn clean_up(&self, resources: &Resources, job: &str) -> Verdict {
        if let Self::TakeBackup { target, .. } = self {
            let name = target;
            let target = resources.target(target).cloned();
            backup::take::clean_up(&resources.archive, target.as_deref(), job).await;
            if let Some(backup) = backup::take::published(&resources.archive, name, job).await {
                return Verdict::Succeeded(Outcome {
                    summary: format!(
                        "{} was taken. The program went away right after it was published.",
                        backup.file.name
                    ),
                    made: Some(backup.id),
                });
            }
        }
        if let Self::DetectDrift { target, .. } = self
            && let Some(target) = resources.target(target)
            && let Err(error) = drift::clean_up(target, job).await
        {
            tracing::warn!(%error, job.id = job, "a scratch database is left to the next comparison");
        }
        Verdict::Failed(Trouble::new(
            "The program that ran this job went away before it ended.",
            self.after_crash(),
            "Start it again when you want it.",
        ))
    }

    /// Runs it. What is exclusive holds the target on the server as well, for a console with another store knows nothing of
    /// this one's queue.
    pub(super) async fn run(
        &self,
        resources: &Resources,
        context: Context,
    ) -> Result<Outcome, OperationError> {
        let target = resources
            .target(self.target())
            .ok_or_else(|| unknown_target(self.target()))?;
        if !self.is_exclusive() {
            return self.run_on(resources, target, &context).await;
        }
        let hold = Hold::take(target, &context).await?;
        // On the heap: an operation's future is large.
        let run = Box::pin(self.run_on(resources, target, &context));
        hold.during(&context, run).await
    }

    async fn run_on(
        &self,
        resources: &Resources,
        target: &Target,
        context: &Context,
    ) -> Result<Outcome, OperationError> {
        match self {
            Self::MakePlan { .. } => make_plan(&resources.store, target, context).await,
            Self::TakeBackup { note, .. } => {
                backup::take::run(&resources.archive, target, note, Steps::Own, context).await
            }
            Self::ApplyPlan {
                plan,
                without_backup,
                ..
            } => {
                let stored = guard::plan::get(&resources.store, &target.name, plan)
                    .await
                    .map_err(store_failed)?
                    .ok_or_else(|| unknown_plan(plan))?;
                let ground = guard::apply::Ground {
                    store: &resources.store,
                    archive: &resources.archive,
                    target,
                };
                guard::apply::run(ground, &stored.plan, *without_backup, context).await
            }
            Self::CheckTarget { .. } => check_target(&resources.store, target, context).await,
            Self::DetectDrift { replay, extent, .. } => {
                detect_drift(&resources.store, target, replay, *extent, context).await
            }
        }
    }
}

fn unknown_target(name: &str) -> Trouble {
    Trouble::new(
        format!("The configuration has no target named {name} any more."),
        "Nothing was done.",
        "Put the target back into lockkeeper.toml, or leave this job as it is.",
    )
}

fn unknown_plan(id: &str) -> Trouble {
    Trouble::new(
        format!("There is no plan {id} of this target."),
        "Nothing was done.",
        "Make the plan again.",
    )
}
