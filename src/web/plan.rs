//! The page of one plan: what it would do and destroy, and the one thing to do next.

use super::error::PageError;
use super::layout::{Link, Tab, Tone};
use super::page::plan::{
    ApplyForm, Approval, ApproveForm, Finding, Loss, Next, PlanMigration, PlanPage, PlanStatement,
};
use super::page::when::When;
use super::plans::{applying, state};
use super::view;
use super::visit::SignedIn;
use crate::auth::role::Permission;
use crate::guard::plan::Stored;
use crate::guard::{self, Count, Plan, Severity, Verdict, apply, approval};
use crate::job::queue::State;
use crate::target::Target;

/// A plan in one line: `2 migrations, 6 statements`.
pub(super) fn headline(plan: &Plan) -> String {
    format!(
        "{}, {}",
        view::plural(plan.migrations.len(), "migration"),
        view::plural(plan.statements().count(), "statement")
    )
}

/// The page of a plan. `refused` is what was typed to approve it, and why that was not enough, unless something else was.
pub(super) async fn page(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    refused: Option<(String, Option<String>)>,
) -> Result<PlanPage, PageError> {
    let app = who.app();
    let plan = &stored.plan;
    let newest = guard::plan::list(&app.store, &target.name, 1)
        .await?
        .first()
        .is_none_or(|newest| newest.plan.digest == plan.digest);
    let approval = approval::latest(&app.store, &plan.id).await?;
    let mut layout = who.layout_of(&format!("Plan {}", plan.short_digest()), target, Tab::Plans);
    layout.crumbs = vec![Link::new(
        "Plans",
        format!("/t/{}/plans", view::segment(&target.name)),
    )];
    Ok(PlanPage {
        next: next(who, target, stored, newest, refused).await?,
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
        losses: plan
            .findings()
            .filter(|finding| finding.severity == Severity::Error)
            .map(loss)
            .collect(),
        losses_note: format!("As of {}", When::at(plan.made_at).text),
        migrations: migrations(plan),
        approval_sentence: match (plan.verdict, &approval) {
            (Verdict::Safe, _) => {
                "No rule found anything that destroys data, so it needs no approval.".to_owned()
            }
            (Verdict::Caution, _) => {
                "No rule found anything that destroys data, so it needs no approval. Read what needs care first."
                    .to_owned()
            }
            (Verdict::Destructive, None) => {
                "It destroys data, so it needs a person's approval and a backup.".to_owned()
            }
            (Verdict::Destructive, Some(approval)) if approval.used_at.is_some() => {
                match stored.applied_at {
                    Some(_) => "The approval was used up when the plan was applied.".to_owned(),
                    None => {
                        "The approval was used by a job. Applying again needs a new one.".to_owned()
                    }
                }
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
    refused: Option<(String, Option<String>)>,
) -> Result<Next, PageError> {
    let app = who.app();
    let plan = &stored.plan;
    let wait = |what: &str, permission: Permission| {
        let role = permission.least().word();
        let text = format!("{what} That takes the role {role} on {}.", target.name);
        Ok(Next::Wait(text))
    };
    let may = |permission| who.grants.may(&target.name, permission);
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
    // Whoever was just refused an approval is told why, whatever else is missing.
    if ready.needs_backup && refused.is_none() {
        let sure = if ready.needs_approval {
            "Then it can be approved, then applied."
        } else {
            "Then it can be applied: it is approved."
        };
        if !may(Permission::Operate) {
            return wait("It waits for a backup.", Permission::Operate);
        }
        return Ok(Next::Backup(format!(
            "What this plan destroys can only come back from a backup, and there is no recent one. {sure}"
        )));
    }
    let backup = match &ready.backup {
        Some(backup) => format!(
            "There is {} to go back to. It is taken; it has not been restored to prove it.",
            backup.file.name
        ),
        None => "It is applied without a backup unless you take one first.".to_owned(),
    };
    let (what, needs) = if ready.needs_approval {
        ("It waits for an approval.", Permission::Approve)
    } else {
        ("It can be applied.", Permission::Change)
    };
    if !may(needs) {
        return wait(what, needs);
    }
    let token = who.form_token()?;
    if ready.needs_approval {
        let (typed, error) = refused.unwrap_or_default();
        return Ok(Next::Approve(ApproveForm {
            token,
            typed,
            error,
        }));
    }
    Ok(Next::Apply(ApplyForm { token, backup }))
}

fn loss(finding: &guard::Finding) -> Loss {
    let Some(loss) = &finding.loss else {
        return Loss {
            what: finding.sentence.clone(),
            amount: "not counted".to_owned(),
        };
    };
    let grouped = guard::finding::grouped;
    Loss {
        what: loss.what.clone(),
        amount: match loss.count {
            Count::Exact(1) => format!("1 {}, counted", loss.unit.trim_end_matches('s')),
            Count::Exact(n) => format!("{} {}, counted", grouped(n), loss.unit),
            Count::Estimated(n) => format!("≈ {} {}, estimated", grouped(n), loss.unit),
            Count::Unknown => format!("an unknown number of {}", loss.unit),
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
                            rule: finding.rule.clone(),
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
