//! The audit: what was recorded, found by filters, newest first; and the same as a file.

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use serde::Deserialize;

use super::error::PageError;
use super::layout::Nav;
use super::page::audit::{AuditFilter, AuditOutcome, AuditPage, AuditRow, DateField};
use super::page::change::changes;
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::audit::export::Export;
use crate::audit::{self, Entry, Filter, Recorded, moment};
use crate::auth::role::Permission;
use crate::operation::Trouble;

const PAGE: usize = 30;
/// Asked for, to know whether there is another page.
const ONE_MORE: i64 = 31;
/// A longer name was never recorded.
const LONGEST: usize = 300;

/// What to look for. Fields that are empty, as a form sends them, do not matter.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct AuditQuery {
    actor: String,
    action: String,
    target: String,
    outcome: String,
    from: String,
    to: String,
    before: Option<i64>,
}

impl AuditQuery {
    fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("target", &self.target),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// `path` with what was asked for, from before `before`.
    fn link(&self, path: &str, before: Option<i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields() {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The filter, with what may be seen in it, or the form with what is wrong in it.
    fn read(&self, who: &SignedIn) -> Result<Filter, Box<AuditFilter>> {
        let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut form = self.form();
        let mut date = |field: fn(&mut AuditFilter) -> &mut DateField, read: fn(&str) -> _| {
            let field = field(&mut form);
            let read: Result<i64, moment::NoMoment> = match field.typed.as_str() {
                "" => return None,
                typed => read(typed),
            };
            read.inspect_err(|wrong| field.wrong = Some(format!("{wrong}.")))
                .ok()
        };
        let from_ms = date(|form| &mut form.from, moment::since);
        let to_ms = date(|form| &mut form.to, moment::until);
        if from_ms.zip(to_ms).is_some_and(|(from, to)| from >= to) {
            form.to.wrong = Some("The last day is before the first.".to_owned());
        }
        if form.from.wrong.is_some() || form.to.wrong.is_some() {
            return Err(Box::new(form));
        }
        Ok(Filter {
            actor: name(&self.actor),
            action: name(&self.action),
            target: name(&self.target),
            outcome: name(&self.outcome),
            from_ms,
            to_ms,
            scope: who.grants.scope(),
        })
    }

    fn form(&self) -> AuditFilter {
        let date = |typed: &str| DateField {
            typed: typed.to_owned(),
            wrong: None,
            is_day: moment::is_day(typed),
        };
        AuditFilter {
            actor: self.actor.clone(),
            action: self.action.clone(),
            target: self.target.clone(),
            outcome: self.outcome.clone(),
            from: date(&self.from),
            to: date(&self.to),
        }
    }

    fn check(&self) -> Result<(), PageError> {
        let long = |(_, value): &(_, &str)| value.chars().count() > LONGEST;
        match self.fields().iter().find(|field| long(field)) {
            Some((name, _)) => Err(PageError::Bad(format!(
                "{name} has more than {LONGEST} characters"
            ))),
            None => Ok(()),
        }
    }
}

/// `GET /audit`.
pub(super) async fn list(
    who: SignedIn,
    query: web::Query<AuditQuery>,
) -> Result<HttpResponse, PageError> {
    query.check()?;
    let filter = match query.read(&who) {
        Ok(filter) => filter,
        Err(form) => return Ok(refused(&who, &query, *form)),
    };
    let store = &who.app().store;
    let mut entries = audit::page(store, &filter, query.before, ONE_MORE).await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let older = entries
        .last()
        .filter(|_| more)
        .map(|last| query.link("/audit", Some(last.seq)));
    Ok(view::ok(&AuditPage {
        entries: entries.into_iter().map(row).collect(),
        older,
        ..empty(&who, &query, query.form())
    }))
}

/// `GET /audit.jsonl`: what the page would show on all its pages together, oldest first. That it was taken is recorded
/// before it begins, and stands in it where the filter does not hide it.
pub(super) async fn export(
    who: SignedIn,
    query: web::Query<AuditQuery>,
) -> Result<HttpResponse, PageError> {
    query.check()?;
    let filter = match query.read(&who) {
        Ok(filter) => filter,
        Err(form) => return Ok(refused(&who, &query, *form)),
    };
    let app = who.app();
    let detail = if filter.is_empty() {
        "All entries.".to_owned()
    } else {
        format!(
            "Entries with {}",
            query.link("", None).trim_start_matches('?')
        )
    };
    let entry = Entry {
        actor: &who.actor,
        action: "audit.export",
        outcome: "requested",
        place: &who.visit.address,
        detail: &detail,
        ..Entry::default()
    };
    audit::record_alone(&app.store, &app.clock, &entry).await?;
    let export = Export::begin(&app.store, filter).await?;
    let lines = stream::try_unfold(export, async |mut export| match export.next().await {
        Ok(lines) => Ok(lines.map(|lines| (Bytes::from(lines), export))),
        // The answer breaks off where it is, so that nobody takes a part for the whole.
        Err(error) => Err(PageError::from(error)),
    });
    let name = app.clock.now().strftime("audit-%Y-%m-%d-%H%M.jsonl");
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/jsonl; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .streaming(lines))
}

/// The page with what was typed and what is wrong with it.
fn refused(who: &SignedIn, query: &AuditQuery, form: AuditFilter) -> HttpResponse {
    let wrong = [&form.from.wrong, &form.to.wrong];
    let wrong: Vec<&str> = wrong.into_iter().flatten().map(String::as_str).collect();
    who.explain(&Trouble::new(
        wrong.join(" "),
        "Nothing was searched.",
        "Correct the dates and ask again.",
    ));
    view::html(StatusCode::UNPROCESSABLE_ENTITY, &empty(who, query, form))
}

/// The page without entries.
fn empty(who: &SignedIn, query: &AuditQuery, filter: AuditFilter) -> AuditPage {
    let mut layout = who.layout("Audit");
    layout.nav = Nav::Audit;
    let targets = &who.app().resources.targets;
    AuditPage {
        layout,
        filter,
        actions: ACTIONS.to_vec(),
        targets: targets
            .iter()
            .map(|target| target.name.clone())
            .filter(|name| who.grants.may(name, Permission::View))
            .collect(),
        entries: Vec::new(),
        older: None,
        newest: query.before.map(|_| query.link("/audit", None)),
        export: query.link("/audit.jsonl", None),
    }
}

fn row(entry: Recorded) -> AuditRow {
    AuditRow {
        seq: entry.seq,
        at: When::at(entry.at),
        actor: entry.actor,
        what: words(&entry.action, &entry.outcome),
        detail: entry.detail,
        href: entry
            .job
            .map(|job| format!("/jobs/{}", view::segment(&job))),
        target: entry.target,
        outcome: match entry.outcome.as_str() {
            "requested" | "cancel asked" => AuditOutcome::Asked,
            "refused" => AuditOutcome::Refused,
            "failed" | "interrupted" | "reconciled: failed" => AuditOutcome::Failed,
            _ => AuditOutcome::Done,
        },
        from: Some(entry.place),
        changes: changes(entry.before.as_deref(), entry.after.as_deref()),
        hash: entry.hash,
    }
}

/// Actions as they are recorded, and as a person reads them.
const ACTIONS: [(&str, &str); 47] = [
    ("plan.make", "Make a plan"),
    ("plan.approve", "Approve a plan"),
    ("plan.reject", "Reject a plan"),
    ("plan.void", "Void a plan"),
    ("plan.apply", "Apply a plan"),
    ("migration.resolve", "Mark migrations"),
    ("migration.baseline", "Baseline the database"),
    ("backup.take", "Take a backup"),
    ("backup.download", "Download a backup"),
    ("backup.delete", "Delete a backup"),
    ("sign-in", "Sign in"),
    ("sign-out", "Sign out"),
    ("proof", "Prove who one is"),
    ("session.end", "End a session"),
    ("user.setup", "Make the first user"),
    ("user.add", "Add a user"),
    ("user.passwd", "Set a password"),
    ("user.invite", "Invite a user"),
    ("user.link", "Make a new link for a user"),
    ("user.join", "Choose a password by a link"),
    ("user.role", "Change a role"),
    ("user.disable", "Disable a user"),
    ("user.enable", "Enable a user"),
    ("user.reset-factor", "Take a second factor away"),
    ("factor.enrol", "Set up a second factor"),
    ("factor.recovery", "Use or renew recovery codes"),
    ("factor.remove", "Remove one’s second factor"),
    ("factor.guessed", "Guess codes of a second factor"),
    ("token.make", "Make a token"),
    ("token.revoke", "Revoke a token"),
    ("token.use", "Use a token"),
    ("target.check", "Check the target"),
    ("drift.detect", "Compare with the history"),
    ("schedule.create", "Add a schedule"),
    ("schedule.change", "Change a schedule"),
    ("schedule.pause", "Pause a schedule"),
    ("schedule.resume", "Resume a schedule"),
    ("schedule.delete", "Delete a schedule"),
    ("subscription.create", "Add a subscription"),
    ("subscription.change", "Change a subscription"),
    ("subscription.remove", "Remove a subscription"),
    ("subscription.test", "Send a test"),
    ("notification.again", "Send a notification again"),
    ("policy.change", "Change a policy"),
    ("audit.export", "Export the audit"),
    ("store.backup", "Write the store to a file"),
    ("store.restore", "Put the store back from a file"),
];

/// An action as a person reads it; one that is not known here is shown as it was recorded.
fn words(action: &str, outcome: &str) -> String {
    let known = ACTIONS.iter().find(|(name, _)| *name == action);
    let words = known.map_or(action, |(_, words)| words);
    match outcome {
        "interrupted"
        | "cancelled"
        | "cancel asked"
        | "reconciled: failed"
        | "reconciled: succeeded" => format!("{words}: {outcome}"),
        _ => words.to_owned(),
    }
}
