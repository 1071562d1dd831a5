//! What is decided about a plan, and the one thing to do next.

use super::error::PageError;
use super::layout::Link;
use super::page::decision::{
    ApplyForm, Approval, ApproveForm, BackupCard, Decision, Next, RejectForm,
};
use super::page::when::When;
use super::plans::applying;
use super::view;
use super::visit::SignedIn;
use crate::auth::policy;
use crate::auth::policy::person;
use crate::auth::role::Permission;
use crate::backup::Manifest;
use crate::guard::apply::Readiness;
use crate::guard::approval::{self, Approval as Yes, ApprovalError};
use crate::guard::plan::{Ending, Stored};
use crate::guard::{Plan, Verdict, apply};
use crate::job::queue::State;
use crate::target::Target;

/// What was sent to approve or to reject a plan, and why it was not taken.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub name: String,
    pub reason: String,
    pub why_not: String,
    pub refused: Option<Refused>,
}

/// What was refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// A yes.
    Yes(ApprovalError),
    /// A yes whose form had been sent before.
    Again(&'static str),
    /// A no.
    No(ApprovalError),
}

/// The decisions about a plan; `newest` says that the target has no later one of another digest.
pub(super) async fn of(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    newest: bool,
    typed: Typed,
) -> Result<Decision, PageError> {
    let (app, plan) = (who.app(), &stored.plan);
    let approval = approval::latest(&app.store, &plan.id).await?;
    let second = policy::second_person(&app.store, &target.name).await?;
    let ready = apply::readiness(&app.store, &app.clock, &app.resources.archive, plan).await?;
    let reject = RejectForm {
        reason: typed.why_not.clone(),
        error: match &typed.refused {
            Some(Refused::No(error)) => Some(error.to_string()),
            _ => None,
        },
    };
    let sentence = sentence(plan, stored, approval.as_ref(), second);
    let standing = Standing {
        ready,
        approved_by: approval.as_ref().map(|yes| yes.approved_by.clone()),
        second,
    };
    let backup = card(who, target, &standing.ready);
    let next = next(who, target, stored, newest, standing, typed).await?;
    let undecided = matches!(next, Next::Approve(_) | Next::Apply(_) | Next::Wait(_));
    let is_open = stored.is_open() && undecided;
    Ok(Decision {
        sentence,
        approvals: approval
            .map(|approval| Approval {
                by: approval.approved_by,
                at: When::at(approval.approved_at),
                reason: Some(approval.reason).filter(|reason| !reason.is_empty()),
            })
            .into_iter()
            .collect(),
        backup: is_open.then_some(backup),
        reject: (is_open && who.grants.may(&target.name, Permission::Approve)).then_some(reject),
        next,
    })
}

/// What approval a plan needs, in one sentence.
fn sentence(plan: &Plan, stored: &Stored, approval: Option<&Yes>, second: bool) -> String {
    let another = if second {
        " Whoever made it cannot approve it, and whoever approves it cannot apply it."
    } else {
        ""
    };
    match (plan.verdict, approval) {
        (Verdict::Destructive, None) if stored.closed.is_some() => {
            "Nobody has approved it, and it is closed.".to_owned()
        }
        (Verdict::Destructive, Some(approval))
            if stored.closed.is_some() && approval.used_at.is_none() =>
        {
            "The approval is closed with the plan; it was not used.".to_owned()
        }
        (Verdict::Destructive, None) => {
            format!("It destroys data, so it needs a person's approval and a backup.{another}")
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
        (Verdict::Caution, _) => {
            "No rule found anything that destroys data, so it needs no approval. Read what needs care first."
                .to_owned()
        }
        (Verdict::Safe, _) => {
            "No rule found anything that destroys data, so it needs no approval.".to_owned()
        }
    }
}

/// What there is to go back to.
fn card(who: &SignedIn, target: &Target, ready: &Readiness) -> BackupCard {
    let path = format!("/t/{}/backups", view::segment(&target.name));
    match &ready.backup {
        Some(backup) => BackupCard {
            text: format!(
                "There is a fresh one. It is {}; it has not been restored to prove it.",
                backup.worth().word()
            ),
            link: Some(Link::new(
                &backup.file.name,
                format!("{path}/{}", backup.id),
            )),
            may_take: false,
        },
        None => BackupCard {
            text: "There is no fresh one. One is taken as the first step of applying; if that fails, nothing is applied."
                .to_owned(),
            link: None,
            may_take: who.grants.may(&target.name, Permission::Operate),
        },
    }
}

/// What stands between a plan and its being applied, and who stands there.
struct Standing {
    ready: Readiness,
    approved_by: Option<String>,
    second: bool,
}

/// The one thing to do next.
async fn next(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    newest: bool,
    standing: Standing,
    typed: Typed,
) -> Result<Next, PageError> {
    let plan = &stored.plan;
    let again = |heading: &str, why: String| {
        Ok(Next::MakeAgain {
            heading: heading.to_owned(),
            why,
        })
    };
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
    if let Some(closed) = &stored.closed {
        return match closed.ending {
            Ending::Void => again("This plan is void.", closed.reason.clone()),
            Ending::Rejected => again(
                "This plan is rejected.",
                format!("{} said no: “{}”.", closed.by, closed.reason),
            ),
        };
    }
    if !newest {
        return again(
            "This plan is out of date.",
            "A newer plan of this target exists.".to_owned(),
        );
    }
    let look = who
        .visit
        .shared
        .watch
        .look(&who.target(&target.name)?)
        .await?;
    match &look.found {
        Err(trouble) => return Ok(Next::Wait(format!("{} {}", trouble.what, trouble.next))),
        Ok(found) if !plan.is_of(&found.survey, target) => {
            return again(
                "This plan is out of date.",
                "What is pending now is not what it says.".to_owned(),
            );
        }
        Ok(_) => {}
    }
    waiting(who, target, plan, standing, typed)
}

/// What a plan that holds is waiting for.
fn waiting(
    who: &SignedIn,
    target: &Target,
    plan: &Plan,
    standing: Standing,
    typed: Typed,
) -> Result<Next, PageError> {
    let Standing {
        ready,
        approved_by,
        second,
    } = standing;
    let (what, needs) = if ready.needs_approval {
        ("It waits for an approval.", Permission::Approve)
    } else {
        ("It can be applied.", Permission::Change)
    };
    if !who.grants.may(&target.name, needs) {
        let text = format!(
            "{what} That takes the role {} on {}.",
            needs.least().word(),
            target.name
        );
        return Ok(Next::Wait(text));
    }
    if second && ready.needs_approval && person(&plan.made_by) == who.user.name {
        let text = "You made this plan, and on this target somebody else approves.";
        return Ok(Next::Wait(text.to_owned()));
    }
    if second && !ready.needs_approval && approved_by.as_ref() == Some(&who.user.name) {
        let text = "You approved this plan, and on this target somebody else applies it.";
        return Ok(Next::Wait(text.to_owned()));
    }
    let token = who.form_token()?;
    if ready.needs_approval {
        let (error, reason_error) = match typed.refused {
            Some(Refused::Yes(error @ ApprovalError::Reason)) => (None, Some(error.to_string())),
            Some(Refused::Yes(error)) => (Some(error.to_string()), None),
            Some(Refused::Again(error)) => (Some(error.to_owned()), None),
            Some(Refused::No(_)) | None => (None, None),
        };
        return Ok(Next::Approve(ApproveForm {
            token,
            typed: typed.name,
            reason: typed.reason,
            error,
            reason_error,
        }));
    }
    Ok(Next::Apply(ApplyForm {
        token,
        backup: first(plan, ready.backup.as_ref()).to_owned(),
        may_skip_backup: ready.backup.is_none() && plan.verdict != Verdict::Destructive,
    }))
}

/// What happens before anything is applied.
fn first(plan: &Plan, backup: Option<&Manifest>) -> &'static str {
    match (backup, plan.verdict) {
        (Some(_), Verdict::Destructive) => {
            "The bytes of the backup are read and compared first; if they are not those that were written, nothing is applied."
        }
        (Some(_), _) => "There is a fresh backup to go back to.",
        (None, _) => "A backup is taken first; if that fails, nothing is applied.",
    }
}
