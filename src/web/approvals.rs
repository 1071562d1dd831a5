//! What waits for a person's yes.

use actix_web::HttpResponse;

use super::error::PageError;
use super::layout::{Link, Nav};
use super::page::approvals::{ApprovalsPage, WaitingPlan};
use super::page::when::When;
use super::plan::headline;
use super::view;
use super::visit::SignedIn;
use crate::auth::policy;
use crate::auth::policy::person;
use crate::auth::role::Permission;
use crate::guard::plan::{self, Plan};
use crate::target::Target;

/// How many losses of a plan are named.
const SHOWN: usize = 3;

/// `GET /approvals`.
pub(super) async fn list(who: SignedIn) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    for stored in plan::waiting(&app.store, &app.clock).await? {
        let plan = &stored.plan;
        // A target that the configuration does not name any more has no pages.
        let Some(target) = app.target(&plan.target) else {
            continue;
        };
        if !who.grants.may(&target.name, Permission::View) {
            continue;
        }
        let is_mine = who.grants.may(&target.name, Permission::Approve)
            && !(person(&plan.made_by) == who.user.name
                && policy::second_person(&app.store, &target.name).await?);
        let row = row(target, plan);
        if is_mine {
            mine.push(row);
        } else {
            others.push(row);
        }
    }
    let summary = match mine.len() {
        0 => "No plan waits for you.".to_owned(),
        1 => "1 plan waits for you.".to_owned(),
        n => format!("{n} plans wait for you."),
    };
    let mut layout = who.layout("Approvals");
    layout.nav = Nav::Approvals;
    Ok(view::ok(&ApprovalsPage {
        layout,
        summary,
        mine,
        others,
    }))
}

fn row(target: &Target, plan: &Plan) -> WaitingPlan {
    let mut losses = plan.losses();
    let more = losses.len().saturating_sub(SHOWN);
    losses.truncate(SHOWN);
    WaitingPlan {
        plan: Link::new(
            headline(plan),
            format!("/t/{}/plans/{}", view::segment(&target.name), plan.id),
        ),
        target: target.name.clone(),
        environment: view::environment(target.environment),
        losses,
        more,
        made_by: plan.made_by.clone(),
        made_at: When::at(plan.made_at),
    }
}
