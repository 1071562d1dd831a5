//! Running an operation on its target, and cleaning up after a run that went away.
//!
//! The chapters do the work and know nothing of jobs. What they make is kept in the store here, beside the job itself: plans,
//! measurements and comparisons. What each operation declares is in [`super::catalogue`].

use super::catalogue::{Operation, Resources};
use super::queue::Verdict;
use crate::backup;
use crate::backup::take::Steps;
use crate::guard;
use crate::migration::drift::{self, Extent, Replay};
use crate::migration::{baseline, check, resolve};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::store::{Store, StoreError};
use crate::target::{Hold, Target, measurement};

impl Operation {
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
        // On the heap: an operation's future is large.
        let run = Box::pin(self.run_on(resources, target, &context));
        if !self.is_exclusive() {
            return run.await;
        }
        let hold = Hold::take(target, &context).await?;
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
            Self::ResolveMigrations { mark, names, .. } => {
                resolve::run(target, *mark, names, context).await
            }
            Self::Baseline { last, .. } => baseline::run(target, last, context).await,
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

async fn check_target(
    store: &Store,
    target: &Target,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let seen = check::run(target, context).await?;
    measurement::record(store, &seen.measurement)
        .await
        .map_err(store_failed)?;
    Ok(Outcome {
        summary: seen.summary,
        made: None,
    })
}

async fn detect_drift(
    store: &Store,
    target: &Target,
    replay: &Replay,
    extent: Extent,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let drift = drift::run(target, replay, extent, context).await?;
    drift::stored::record(store, &drift, &context.job)
        .await
        .map_err(store_failed)?;
    Ok(Outcome {
        summary: drift.summary(),
        made: None,
    })
}

async fn make_plan(
    store: &Store,
    target: &Target,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let Some(plan) = guard::plan::make(target, context).await? else {
        return Ok(Outcome {
            summary: "Nothing is pending, so there is nothing to plan.".to_owned(),
            made: None,
        });
    };
    // The same plan again is the same plan: whoever reads or has approved it is not disturbed.
    let newest = guard::plan::list(store, &target.name, 1)
        .await
        .map_err(store_failed)?;
    let twin = newest
        .into_iter()
        .find(|newest| newest.is_open() && newest.plan.says_the_same(&plan));
    let plan = if let Some(twin) = twin {
        context
            .progress
            .info("Nothing has changed since the newest plan was made; it still holds.");
        twin.plan
    } else {
        guard::plan::save(store, &context.clock, &plan, &context.job)
            .await
            .map_err(store_failed)?;
        plan
    };
    let losses = plan.losses().len();
    let summary = match (plan.migrations.len(), losses) {
        (1, 0) => "1 migration is pending. The guard found nothing that destroys data.".to_owned(),
        (n, 0) => {
            format!("{n} migrations are pending. The guard found nothing that destroys data.")
        }
        (n, losses) => {
            format!("Pending migrations: {n}. Findings that need an approval: {losses}.")
        }
    };
    Ok(Outcome {
        summary,
        made: Some(plan.id),
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err asks for"
)]
fn store_failed(error: StoreError) -> Trouble {
    Trouble::new(
        format!("Lockkeeper's own store failed: {error}."),
        "Nothing was changed on the target.",
        "Look at the free space and the health of the store with `lockkeeper doctor`, then try again.",
    )
}
