//! Operations whose result is kept in the store beside the job itself: plans, measurements and comparisons.
//!
//! The chapters make them and know nothing of jobs; [`super::catalogue`] says which operation runs what.

use crate::guard;
use crate::migration::check;
use crate::migration::drift::{self, Extent, Replay};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::store::{Store, StoreError};
use crate::target::{Target, measurement};

pub(super) async fn check_target(
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

pub(super) async fn detect_drift(
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

pub(super) async fn make_plan(
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
pub(super) fn store_failed(error: StoreError) -> Trouble {
    Trouble::new(
        format!("Lockkeeper's own store failed: {error}."),
        "Nothing was changed on the target.",
        "Look at the free space and the health of the store with `lockkeeper doctor`, then try again.",
    )
}
