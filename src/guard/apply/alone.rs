//! Applying where there is no store: nothing is recorded but the ledger, and an approval has to come from elsewhere.

use super::{locked, outcome, trouble};
use crate::guard::{Plan, Verdict};
use crate::migration::{Survey, deploy};
use crate::operation::{Context, OperationError, Outcome};
use crate::target::{Target, watch};

/// What lets a destructive plan be applied where there is no store that would hold an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance<'a> {
    /// Nothing.
    None,
    /// Somebody has approved this digest elsewhere.
    Digest(&'a str),
    /// Whoever runs it takes it upon them, for this reason.
    Reason(&'a str),
}

impl Allowance<'_> {
    /// Whether `plan` may be applied.
    #[must_use]
    pub fn covers(self, plan: &Plan) -> bool {
        match self {
            _ if plan.verdict != Verdict::Destructive => true,
            Self::None => false,
            Self::Digest(digest) => digest == plan.digest,
            Self::Reason(_) => true,
        }
    }
}

/// Applies a plan that was just made of `survey`, where there is no store to record it in. A destructive one only when `allowance` covers it.
pub async fn run_alone(
    target: &Target,
    (plan, survey): (&Plan, &Survey),
    allowance: Allowance<'_>,
    context: &Context,
) -> Result<Outcome, OperationError> {
    if !allowance.covers(plan) {
        return Err(trouble::nobody_to_approve().into());
    }
    match allowance {
        _ if plan.verdict != Verdict::Destructive => {}
        Allowance::Reason(reason) => context.progress.warn(format!(
            "{} allows this plan to destroy data: {reason}",
            context.actor
        )),
        Allowance::Digest(_) | Allowance::None => context.progress.info(format!(
            "The digest {} was given as approved. Nobody is asked here who approved it.",
            plan.short_digest()
        )),
    }
    let (session, survey, changes) = locked(target, plan, survey, context).await?;
    if !changes.is_empty() {
        return Err(trouble::changed(&changes.join(" ")).into());
    }
    let applying = Box::pin(deploy::apply(&session, &survey, context));
    let applied = watch::during(target, &session, &context.progress, applying).await?;
    session.close().await;
    Ok(outcome(applied, plan))
}
