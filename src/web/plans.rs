//! Plans: make one, read it, approve it, apply it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::{Layout, Link, Tab, Tone};
use super::page::plan::{
    ApplyForm, Approval, ApproveForm, Finding, Loss, Next, PlanMigration, PlanPage, PlanStatement,
};
use super::page::plans::{PlanRow, PlanState, PlansPage};
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::guard::approval::{ApprovalError, Yes};
use crate::guard::plan::Stored;
use crate::guard::{self, Count, Plan, Verdict, apply, approval};
use crate::job::Operation;
use crate::job::queue::{self, State};
use crate::target::Target;

const PAGE: i64 = 50;

#[derive(Deserialize)]
pub(super) struct ApproveBody {
    target_name: String,
    digest: String,
    token: String,
}

#[derive(Deserialize)]
pub(super) struct ApplyBody {
    digest: String,
    token: String,
}

/// `GET /t/{target}/plans`.
pub(super) async fn list(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let app = who.app();
    let stored = guard::plan::list(&app.store, &target.name, PAGE).await?;
    let mut plans = Vec::new();
    for (index, stored) in stored.iter().enumerate() {
        let state = state(&who, stored, index == 0).await?;
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
        can_make: true,
        empty: "A plan reads what is pending and says what each statement would do to the data. Nothing is applied by it."
            .to_owned(),
        example: format!("lockkeeper plan make {}", target.name),
    }))
}

/// `POST /t/{target}/plans`: makes one.
pub(super) async fn make(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let operation = Operation::MakePlan {
        target: target.name.clone(),
    };
    let id = who
        .app()
        .enqueue(&operation, &who.user.name, &who.visit.address)
        .await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

/// `GET /t/{target}/plans/{id}`.
pub(super) async fn detail(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, stored) = load(&who, path).await?;
    Ok(view::ok(&page(&who, &target, &stored, None).await?))
}

/// `POST /t/{target}/plans/{id}/approve`.
pub(super) async fn approve(
    who: SignedIn,
    path: web::Path<(String, String)>,
    form: web::Form<ApproveBody>,
) -> Result<HttpResponse, PageError> {
    let (target, stored) = load(&who, path).await?;
    let app = who.app();
    let refused = if who.use_form_token(&form.token) {
        let yes = Yes {
            typed_name: &form.target_name,
            digest: &form.digest,
            actor: &who.user.name,
            place: &who.visit.address,
        };
        match approval::approve(&app.store, &app.clock, &stored.plan, &yes).await {
            Ok(_) => None,
            Err(ApprovalError::Store(error)) => return Err(error.into()),
            Err(error) => Some(error.to_string()),
        }
    } else {
        Some(SENT_BEFORE.to_owned())
    };
    match refused {
        None => {
            who.flash(true, "Approved. The plan can be applied now.");
            Ok(view::go(&plan_path(&target, &stored.plan)))
        }
        Some(error) => {
            let typed = Some((form.target_name.clone(), error));
            let page = page(&who, &target, &stored, typed).await?;
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// `POST /t/{target}/plans/{id}/apply`.
pub(super) async fn apply(
    who: SignedIn,
    path: web::Path<(String, String)>,
    form: web::Form<ApplyBody>,
) -> Result<HttpResponse, PageError> {
    let (target, stored) = load(&who, path).await?;
    let refused = if !who.use_form_token(&form.token) {
        Some(SENT_BEFORE)
    } else if form.digest != stored.plan.digest {
        Some("The plan on the screen was not this plan. Read it again.")
    } else {
        None
    };
    if let Some(error) = refused {
        who.flash(false, error);
        return Ok(view::go(&plan_path(&target, &stored.plan)));
    }
    let operation = Operation::ApplyPlan {
        target: target.name.clone(),
        plan: stored.plan.id.clone(),
    };
    let id = who
        .app()
        .enqueue(&operation, &who.user.name, &who.visit.address)
        .await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

const SENT_BEFORE: &str =
    "This form was sent before, or another page took its place. Read the plan again.";

async fn load(
    who: &SignedIn,
    path: web::Path<(String, String)>,
) -> Result<(std::sync::Arc<Target>, Stored), PageError> {
    let (target, id) = path.into_inner();
    let target = who.target(&target)?;
    let stored = guard::plan::get(&who.app().store, &target.name, &id)
        .await?
        .ok_or_else(|| PageError::NotFound("plan of that id".to_owned()))?;
    Ok((target, stored))
}

fn plan_path(target: &Target, plan: &Plan) -> String {
    format!("/t/{}/plans/{}", view::segment(&target.name), plan.id)
}

fn headline(plan: &Plan) -> String {
    format!(
        "{}, {}",
        view::plural(plan.migrations.len(), "migration"),
        view::plural(plan.statements().count(), "statement")
    )
}

async fn state(who: &SignedIn, stored: &Stored, newest: bool) -> Result<PlanState, PageError> {
    if stored.applied_at.is_some() {
        return Ok(PlanState::Applied);
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
async fn applying(who: &SignedIn, plan: &Plan) -> Result<Option<(String, State)>, PageError> {
    let open = queue::open(&who.app().store).await?;
    let found = open.into_iter().find(
        |job| matches!(&job.operation, Operation::ApplyPlan { plan: id, .. } if *id == plan.id),
    );
    Ok(found.map(|job| (job.id, job.state)))
}

async fn page(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    refused: Option<(String, String)>,
) -> Result<PlanPage, PageError> {
    let app = who.app();
    let plan = &stored.plan;
    let newest = guard::plan::list(&app.store, &target.name, 1)
        .await?
        .first()
        .is_none_or(|newest| newest.plan.id == plan.id);
    let approval = approval::latest(&app.store, &plan.id).await?;
    let mut layout = who.layout_of(&format!("Plan {}", plan.short_digest()), target, Tab::Plans);
    layout.crumbs = vec![Link::new(
        "Plans",
        format!("/t/{}/plans", view::segment(&target.name)),
    )];
    Ok(PlanPage {
        next: next(who, target, stored, newest, &mut layout, refused).await?,
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
        losses: plan.findings().map(loss).collect(),
        losses_note: format!("Counted {}", When::at(plan.made_at).text),
        migrations: migrations(plan),
        approval_sentence: match (plan.verdict, &approval) {
            (Verdict::Safe, _) => {
                "No rule found anything that destroys data, so it needs no approval.".to_owned()
            }
            (Verdict::Destructive, None) => {
                "It destroys data, so it needs a person's approval and a backup.".to_owned()
            }
            (Verdict::Destructive, Some(approval)) if approval.used_at.is_some() => {
                "The approval was used by a job. Applying again needs a new one.".to_owned()
            }
            (Verdict::Destructive, Some(approval)) => {
                format!(
                    "Good for one try until {}.",
                    When::at(approval.expires_at).text
                )
            }
        },
        approvals: approval
            .map(|approval| Approval {
                by: approval.approved_by,
                at: When::at(approval.approved_at),
            })
            .into_iter()
            .collect(),
    })
}

/// The one thing to do next.
async fn next(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    newest: bool,
    layout: &mut Layout,
    refused: Option<(String, String)>,
) -> Result<Next, PageError> {
    let app = who.app();
    let plan = &stored.plan;
    if let Some((job, state)) = applying(who, plan).await? {
        let label = match state {
            State::Interrupted => "Look at the interrupted job",
            _ => "Follow the job",
        };
        return Ok(Next::Follow(Link::new(label, format!("/jobs/{job}"))));
    }
    if let Some(at) = stored.applied_at {
        let text = format!(
            "Applied {}. There is nothing left to do.",
            When::at(at).text
        );
        return Ok(Next::Wait(text));
    }
    if !newest {
        return Ok(Next::MakeAgain(
            "A newer plan of this target exists.".to_owned(),
        ));
    }
    let look = who
        .visit
        .shared
        .watch
        .look(&who.target(&target.name)?)
        .await?;
    match &look.found {
        Err(trouble) => return Ok(Next::Wait(format!("{} {}", trouble.what, trouble.next))),
        Ok(found) if guard::plan::digest_now(&found.survey, target) != plan.digest => {
            return Ok(Next::MakeAgain(
                "What is pending now is not what it says.".to_owned(),
            ));
        }
        Ok(_) => {}
    }
    let ready = apply::readiness(&app.store, &app.clock, &app.resources.archive, plan).await?;
    if ready.needs_backup {
        layout.notices.push(super::layout::Message {
            tone: Tone::Warn,
            text: "Take a backup before this plan is approved and applied: what it destroys can only come back from there."
                .to_owned(),
            link: Some(Link::new("Take a backup", format!("/t/{}/backups", view::segment(&target.name)))),
        });
    }
    let backup = match (&ready.backup, ready.needs_backup) {
        (Some((_, name)), _) => format!(
            "There is {name} to go back to. It is taken; it has not been restored to prove it."
        ),
        (None, true) => {
            "There is no backup for it yet. Applying is refused until one is taken.".to_owned()
        }
        (None, false) => "It is applied without a backup unless you take one first.".to_owned(),
    };
    let token = who.form_token()?;
    if ready.needs_approval {
        let (typed, error) = refused.unzip();
        return Ok(Next::Approve(ApproveForm {
            token,
            typed: typed.unwrap_or_default(),
            error,
        }));
    }
    Ok(Next::Apply(ApplyForm { token, backup }))
}

fn loss(finding: &guard::Finding) -> Loss {
    match &finding.loss {
        Some(loss) => {
            let amount = match loss.count {
                Count::Exact(n) => {
                    format!("{} {} (counted)", guard::finding::grouped(n), loss.unit)
                }
                Count::Estimated(n) => {
                    format!("≈ {} {} (estimated)", guard::finding::grouped(n), loss.unit)
                }
                Count::Unknown => "could not be counted".to_owned(),
            };
            Loss {
                kind: String::new(),
                what: loss.what.clone(),
                amount,
            }
        }
        None => Loss {
            kind: finding.sentence.clone(),
            what: String::new(),
            amount: "not counted".to_owned(),
        },
    }
}

fn migrations(plan: &Plan) -> Vec<PlanMigration> {
    let mut number = 0;
    plan.migrations
        .iter()
        .map(|migration| PlanMigration {
            name: migration.name.clone(),
            note: migration.not_atomic.clone(),
            statements: migration
                .statements
                .iter()
                .map(|statement| {
                    number += 1;
                    PlanStatement {
                        number,
                        lines: view::code(&statement.sql),
                        kinds: vec![statement.summary.clone()],
                        table: None,
                        lock: None,
                        finding: statement.findings.first().map(|finding| Finding {
                            tone: Tone::Bad,
                            title: finding.rule.clone(),
                            text: statement
                                .findings
                                .iter()
                                .map(|finding| finding.sentence.as_str())
                                .collect::<Vec<_>>()
                                .join(" "),
                        }),
                    }
                })
                .collect(),
        })
        .collect()
}
