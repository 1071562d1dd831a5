//! The audit, newest first.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::Nav;
use super::page::audit::{AuditOutcome, AuditPage, AuditRow};
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::audit::{self, Recorded};

const PAGE: usize = 50;
/// Asked for, to know whether there is another page.
const ONE_MORE: i64 = 51;

#[derive(Deserialize)]
pub(super) struct AuditQuery {
    before: Option<i64>,
}

/// `GET /audit`.
pub(super) async fn list(
    who: SignedIn,
    query: web::Query<AuditQuery>,
) -> Result<HttpResponse, PageError> {
    let mut entries = audit::page(&who.app().store, query.before, ONE_MORE).await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let older = entries
        .last()
        .filter(|_| more)
        .map(|last| format!("/audit?before={}", last.seq));
    let mut layout = who.visit.layout("Audit");
    layout.nav = Nav::Audit;
    Ok(view::ok(&AuditPage {
        layout,
        summary: "Who did what, newest first. Entries are only ever added; each carries the hash of the one before it."
            .to_owned(),
        entries: entries.into_iter().map(row).collect(),
        older,
    }))
}

fn row(entry: Recorded) -> AuditRow {
    AuditRow {
        seq: entry.seq,
        at: When::at(entry.at),
        actor: entry.actor,
        what: words(&entry.action, &entry.outcome),
        detail: entry.detail,
        href: entry.job.map(|job| format!("/jobs/{job}")),
        target: entry.target,
        outcome: match entry.outcome.as_str() {
            "requested" => AuditOutcome::Asked,
            "refused" => AuditOutcome::Refused,
            "failed" | "interrupted" => AuditOutcome::Failed,
            _ => AuditOutcome::Done,
        },
        from: Some(entry.place),
    }
}

/// An action as a person reads it; one that is not known here is shown as it was recorded.
fn words(action: &str, outcome: &str) -> String {
    let words = match action {
        "plan.make" => "Make a plan",
        "plan.approve" => "Approve a plan",
        "plan.apply" => "Apply a plan",
        "backup.take" => "Take a backup",
        "backup.download" => "Download a backup",
        "sign-in" => "Sign in",
        "sign-out" => "Sign out",
        "user.setup" => "Make the first user",
        "user.add" => "Add a user",
        "user.passwd" => "Set a password",
        "user.disable" => "Disable a user",
        other => other,
    };
    match outcome {
        "interrupted"
        | "cancelled"
        | "cancel asked"
        | "reconciled: failed"
        | "reconciled: succeeded" => format!("{words}: {outcome}"),
        _ => words.to_owned(),
    }
}
