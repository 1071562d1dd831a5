//! The page of one plan: what it would do and destroy. Its statements are in [`super::statement`],
//! what is decided about it in [`super::decision`].

use super::decision::{self, Typed};
use super::error::PageError;
use super::layout::{Link, Tab};
use super::page::plan::PlanPage;
use super::page::when::When;
use super::plans::state;
use super::visit::SignedIn;
use super::{statement, view};
use crate::guard::plan::Stored;
use crate::guard::{self, Plan};
use crate::target::Target;

/// A plan in one line: `2 migrations, 6 statements`.
pub(super) fn headline(plan: &Plan) -> String {
    format!(
        "{}, {}",
        view::plural(plan.migrations.len(), "migration"),
        view::plural(plan.statements().count(), "statement")
    )
}

/// The page of a plan. `typed` is what was sent and not taken.
pub(super) async fn page(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    typed: Typed,
) -> Result<PlanPage, PageError> {
    let plan = &stored.plan;
    let newest = guard::plan::list(&who.app().store, &target.name, 1)
        .await?
        .first()
        .is_none_or(|newest| newest.plan.digest == plan.digest);
    let mut layout = who.layout_of(&format!("Plan {}", plan.short_digest()), target, Tab::Plans);
    layout.crumbs = vec![Link::new(
        "Plans",
        format!("/t/{}/plans", view::segment(&target.name)),
    )];
    Ok(PlanPage {
        decision: decision::of(who, target, stored, newest, typed).await?,
        state: state(who, stored, newest).await?,
        layout,
        target: target.name.clone(),
        environment: view::environment(target.environment),
        id: plan.id.clone(),
        headline: headline(plan),
        short: plan.short_digest().to_owned(),
        digest: plan.digest.clone(),
        made_at: When::at(plan.made_at),
        made_by: plan.made_by.clone(),
        verdict: view::verdict(plan.verdict),
        tally: statement::tally(plan),
        losses: statement::losses(plan),
        losses_note: format!("As of {}", When::at(plan.made_at).text),
        migrations: statement::migrations(plan),
        tolerance: guard::plan::TOLERANCE,
    })
}
