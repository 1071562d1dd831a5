//! Plans: make one, read it, approve or reject it, apply it. What the page of one says is in [`super::plan`].

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use super::decision::{Refused, Typed};
use super::error::PageError;
use super::layout::Tab;
use super::page::plans::{PlanRow, PlanState, PlansPage};
use super::page::when::When;
use super::plan::{headline, page};
use super::proof::{Asking, Proof};
use super::view;
use super::visit::{SignedIn, StartForm};
use crate::guard::approval::{ApprovalError, Yes};
use crate::guard::plan::{Ending, Stored};
use crate::guard::{self, Plan, approval};
use crate::job::Operation;
use crate::job::queue::{self, State};
use crate::target::Target;

const PAGE: i64 = 50;

#[derive(Deserialize)]
pub(super) struct ApproveBody {
    target_name: String,
    digest: String,
    #[serde(default)]
    reason: String,
    token: String,
    confirm: Option<SecretString>,
}

#[derive(Deserialize)]
pub(super) struct RejectBody {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct ApplyBody {
    digest: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    without_backup: bool,
    confirm: Option<SecretString>,
}

/// `GET /t/{target}/plans`.
pub(super) async fn list(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let app = who.app();
    let plans_of = guard::plan::list(&app.store, &target.name, PAGE).await?;
    let mut plans = Vec::new();
    for stored in &plans_of {
        let current = plans_of
            .first()
            .is_some_and(|newest| newest.plan.digest == stored.plan.digest);
        let state = state(&who, stored, current).await?;
        plans.push(PlanRow {
            id: stored.plan.id.clone(),
            short: stored.plan.short_digest().to_owned(),
            summary: headline(&stored.plan),
            made_at: When::at(stored.plan.made_at),
            made_by: stored.plan.made_by.clone(),
            verdict: view::verdict(stored.plan.verdict),
            state,
        });
    }
    Ok(view::ok(&PlansPage {
        layout: who.layout_of("Plans", &target, Tab::Plans),
        target: target.name.clone(),
        plans,
        older: None,
        empty: "A plan reads what is pending and says what each statement would do to the data. Nothing is applied by it."
            .to_owned(),
        example: format!("lockkeeper plan make {}", target.name),
    }))
}

/// `POST /t/{target}/plans`: makes one.
pub(super) async fn make(
    who: SignedIn,
    path: web::Path<String>,
    form: web::Form<StartForm>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let operation = Operation::MakePlan {
        target: target.name.clone(),
    };
    let id = who.enqueue(&operation, &form.key).await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

/// `GET /t/{target}/plans/{id}`.
pub(super) async fn detail(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, stored) = load(&who, &path).await?;
    Ok(view::ok(
        &page(&who, &target, &stored, Typed::default()).await?,
    ))
}

/// `POST /t/{target}/plans/{id}/approve`.
pub(super) async fn approve(
    asking: Asking,
    path: web::Path<(String, String)>,
    form: web::Form<ApproveBody>,
) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    let mut typed = Typed {
        name: form.target_name,
        reason: form.reason,
        ..Typed::default()
    };
    let who = match asking.prove(form.confirm).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => return refused(&who, path, typed).await,
    };
    let (target, stored) = load(&who, &path).await?;
    let app = who.app();
    if !who.use_form_token(&form.token) {
        typed.refused = Some(Refused::Again(SENT_BEFORE));
        return refused(&who, path, typed).await;
    }
    let yes = Yes {
        typed_name: &typed.name,
        digest: &form.digest,
        reason: &typed.reason,
        actor: &who.user.name,
        place: &who.visit.address,
    };
    match approval::approve(&app.store, &app.clock, &stored.plan, &yes).await {
        Ok(_) => {
            who.flash(true, "Approved. The plan can be applied now.");
            Ok(view::go(&plan_path(&target, &stored.plan)))
        }
        Err(ApprovalError::Store(error)) => Err(error.into()),
        Err(error) => {
            typed.refused = Some(Refused::Yes(error));
            refused(&who, path, typed).await
        }
    }
}

/// `POST /t/{target}/plans/{id}/reject`.
pub(super) async fn reject(
    who: SignedIn,
    path: web::Path<(String, String)>,
    form: web::Form<RejectBody>,
) -> Result<HttpResponse, PageError> {
    let (target, stored) = load(&who, &path).await?;
    let app = who.app();
    if applying(&who, &stored.plan).await?.is_some() {
        who.flash(
            false,
            "A job applies this plan now: stop the job if it shall not.",
        );
        return Ok(view::go(&plan_path(&target, &stored.plan)));
    }
    let by = (who.user.name.as_str(), who.visit.address.as_str());
    match approval::reject(&app.store, &app.clock, &stored.plan, &form.reason, by).await {
        Ok(()) => {
            who.flash(true, "Rejected. Nothing is applied from this plan.");
            Ok(view::go(&plan_path(&target, &stored.plan)))
        }
        Err(ApprovalError::Store(error)) => Err(error.into()),
        Err(error) => {
            let typed = Typed {
                why_not: form.into_inner().reason,
                refused: Some(Refused::No(error)),
                ..Typed::default()
            };
            refused(&who, path, typed).await
        }
    }
}

/// `POST /t/{target}/plans/{id}/apply`.
pub(super) async fn apply(
    asking: Asking,
    path: web::Path<(String, String)>,
    form: web::Form<ApplyBody>,
) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    let who = match asking.prove(form.confirm).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => return refused(&who, path, Typed::default()).await,
    };
    let (target, stored) = load(&who, &path).await?;
    // A program was shown no form: that it names the digest is its yes.
    let is_fresh = who.program.is_some() || who.use_form_token(&form.token);
    let wrong = if !is_fresh {
        Some(SENT_BEFORE)
    } else if form.digest != stored.plan.digest {
        Some("The plan on the screen was not this plan. Read it again.")
    } else {
        None
    };
    if let Some(error) = wrong {
        // The second click of two: the first one's job is what was asked for.
        if let Some((job, State::Queued | State::Running)) = applying(&who, &stored.plan).await? {
            return Ok(view::go(&format!("/jobs/{job}")));
        }
        who.flash(false, error);
        return Ok(view::go(&plan_path(&target, &stored.plan)));
    }
    let operation = Operation::ApplyPlan {
        target: target.name.clone(),
        plan: stored.plan.id.clone(),
        without_backup: form.without_backup,
    };
    let id = who.enqueue(&operation, &form.key).await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

const SENT_BEFORE: &str =
    "This form was sent before, or another page took its place. Read the plan again.";

/// The page again, with what was typed; where a proof is wanting it asks for that. Then the form's token is not used: the same
/// form can be sent.
async fn refused(
    who: &SignedIn,
    path: web::Path<(String, String)>,
    typed: Typed,
) -> Result<HttpResponse, PageError> {
    let (target, stored) = load(who, &path).await?;
    let page = page(who, &target, &stored, typed).await?;
    Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn load(
    who: &SignedIn,
    path: &(String, String),
) -> Result<(std::sync::Arc<Target>, Stored), PageError> {
    let (target, id) = path;
    let target = who.target(target)?;
    let stored = guard::plan::get(&who.app().store, &target.name, id)
        .await?
        .ok_or_else(|| PageError::NotFound("plan of that id".to_owned()))?;
    Ok((target, stored))
}

fn plan_path(target: &Target, plan: &Plan) -> String {
    format!("/t/{}/plans/{}", view::segment(&target.name), plan.id)
}

/// What became of a plan; `newest` says that the target has no later one of another digest.
pub(super) async fn state(
    who: &SignedIn,
    stored: &Stored,
    newest: bool,
) -> Result<PlanState, PageError> {
    if stored.applied_at.is_some() {
        return Ok(PlanState::Applied);
    }
    if let Some(closed) = &stored.closed {
        return Ok(match closed.ending {
            Ending::Rejected => PlanState::Rejected,
            Ending::Void => PlanState::Void,
        });
    }
    let app = who.app();
    let open = applying(who, &stored.plan).await?;
    if open.is_some() {
        return Ok(PlanState::Applying);
    }
    if !newest {
        return Ok(PlanState::Superseded);
    }
    let approved = approval::latest(&app.store, &stored.plan.id)
        .await?
        .is_some_and(|approval| approval.is_open(app.clock.now_ms()));
    Ok(if approved {
        PlanState::Approved
    } else {
        PlanState::Open
    })
}

/// The job that applies the plan now, or that was interrupted while it did.
pub(super) async fn applying(
    who: &SignedIn,
    plan: &Plan,
) -> Result<Option<(String, State)>, PageError> {
    let open = queue::open(&who.app().store).await?;
    let found = open.into_iter().find(
        |job| matches!(&job.operation, Operation::ApplyPlan { plan: id, .. } if *id == plan.id),
    );
    Ok(found.map(|job| (job.id, job.state)))
}
