//! What a person does to a job: ask it to stop, and say what became of an interrupted one.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::log::LogQuery;
use super::{load, page};
use crate::app::Reconciled;
use crate::job::Choice;
use crate::job::queue::{self, Asked, Job};
use crate::web::error::PageError;
use crate::web::page::job::{self, ReconcilePanel, Seen};
use crate::web::view;
use crate::web::visit::SignedIn;

#[derive(Deserialize)]
pub(in crate::web) struct ReconcileForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    finding: String,
    #[serde(default)]
    verdict: String,
}

/// `POST /jobs/{id}/cancel`.
pub(in crate::web) async fn cancel(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let job = load(&who, &path).await?;
    match who.app().cancel(&job, who.by()).await? {
        Asked::Withdrawn => who.flash(true, "Withdrawn. It did not begin."),
        Asked::Told => who.flash(
            true,
            "The job was asked to stop. When it has, it says here what is in effect.",
        ),
        Asked::TooLate => who.flash(false, "It was over already, so there was nothing to stop."),
    }
    Ok(view::go(&format!("/jobs/{}", job.id)))
}

/// `POST /jobs/{id}/reconcile`: a person has looked and says what became of an interrupted job.
pub(in crate::web) async fn reconcile(
    who: SignedIn,
    path: web::Path<String>,
    form: web::Form<ReconcileForm>,
) -> Result<HttpResponse, PageError> {
    // Whoever decides has looked.
    if who.program.is_some() {
        return Err(PageError::PeopleOnly);
    }
    let job = load(&who, &path).await?;
    let finding = form.finding.trim();
    let choice = Choice::ALL
        .into_iter()
        .find(|choice| choice.word() == form.verdict);
    let refused = match choice {
        _ if !who.use_form_token(&form.token) => {
            Err("This form was sent before. Read the page again, then decide.".to_owned())
        }
        _ if finding.is_empty() || finding.chars().count() > 500 => {
            Err("Say in 1 to 500 characters what you found: it stands in the audit.".to_owned())
        }
        None => Err("Say whether it succeeded or failed.".to_owned()),
        Some(choice) => {
            let app = who.app();
            match app.reconcile(&job, who.by(), choice, finding).await? {
                Reconciled::Over => Ok((true, "Decided. The target is free again.")),
                Reconciled::SessionsEnded => Ok((
                    true,
                    "The server was told to end the sessions of the job. Look again, then decide.",
                )),
                Reconciled::NotInterrupted => {
                    Ok((false, "Somebody else has decided about this job meanwhile."))
                }
                Reconciled::NotAllowed(_) => Err(
                    "What can be seen now does not allow that any more. Read it again, then decide."
                        .to_owned(),
                ),
                Reconciled::Unreachable(trouble) => Err(format!("{} {}", trouble.what, trouble.next)),
            }
        }
    };
    match refused {
        Ok((good, text)) => {
            who.flash(good, text);
            Ok(view::go(&format!("/jobs/{}", job.id)))
        }
        Err(error) => {
            let job = load(&who, &path).await?;
            let typed = Some((form.finding.clone(), error));
            let page = page(&who, &job, &LogQuery::default(), typed).await?;
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// The panel of an interrupted job, from what can be seen now.
pub(super) async fn panel(
    who: &SignedIn,
    job: &Job,
    refused: Option<(String, String)>,
) -> Result<ReconcilePanel, PageError> {
    let app = who.app();
    let last = queue::last_done(&app.store, &job.id).await?;
    let evidence = app.evidence(job).await?;
    let (typed, error) = refused.unzip();
    Ok(ReconcilePanel {
        last: last.map_or_else(
            || "Nothing was recorded before it vanished.".to_owned(),
            |line| line.event.text,
        ),
        effect: job.operation.after_crash(),
        evidence: evidence
            .facts
            .into_iter()
            .map(|fact| Seen {
                is_well: fact.is_well,
                text: fact.text,
            })
            .collect(),
        choices: evidence
            .choices
            .into_iter()
            .map(|choice| job::Choice {
                value: choice.word(),
                label: match choice {
                    Choice::EndSessions => "End its sessions",
                    Choice::Succeeded => "It succeeded",
                    Choice::Failed => "It failed",
                },
            })
            .collect(),
        token: who.form_token()?,
        typed: typed.unwrap_or_default(),
        error,
    })
}
