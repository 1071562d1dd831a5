//! The settings of a target: its schedules, who is told of what, and what the configuration says.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use super::error::PageError;
use super::layout::Tab;
use super::page::settings::{
    AddForm, Choice, LastRun, NextRun, ScheduleRow, SettingsPage, TimingFields, ahead,
};
use super::page::target::Fact;
use super::page::when::When;
use super::proof::Asking;
use super::subscription;
use super::view;
use super::visit::SignedIn;
use crate::auth::policy;
use crate::job::schedule::{self, CreateError, Schedule, Timing, TimingError};
use crate::store::StoreError;
use crate::target::Target;

/// Usual times; the second is the one that is proposed.
const PRESETS: [(&str, &str); 4] = [
    ("0 * * * *", "Every hour"),
    (NIGHTLY, "Every night at 03:30"),
    ("30 3 * * 0", "Every Sunday at 03:30"),
    ("30 3 1 * *", "On the first of every month at 03:30"),
];
const NIGHTLY: &str = "30 3 * * *";
/// How much of what was typed is shown again, in characters.
const ECHO: usize = 200;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AddBody {
    operation: String,
    preset: String,
    cron: String,
    zone: String,
}

#[derive(Deserialize)]
pub(super) struct RequireBody {
    required: bool,
}

/// `GET /t/{target}/settings`.
pub(super) async fn show(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    Ok(view::ok(&plain(&who, &target).await?))
}

/// The page before anything was typed.
pub(super) async fn plain(who: &SignedIn, target: &Target) -> Result<SettingsPage, PageError> {
    let there = schedule::list(&who.app().store, &target.name).await?;
    // Whoever adds another one lives on the same clocks.
    let zone = there.last().map_or("UTC", |last| last.timing.zone());
    let body = AddBody {
        preset: NIGHTLY.to_owned(),
        zone: zone.to_owned(),
        ..AddBody::default()
    };
    let form = form(target, body, TimingError::default(), None);
    page(who, target, &there, form).await
}

/// `POST /t/{target}/settings/schedules`: adds one.
pub(super) async fn add(
    who: SignedIn,
    path: web::Path<String>,
    body: web::Form<AddBody>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let (app, body) = (who.app(), body.into_inner());
    let choices = schedule::choices(&target.name);
    let operation = choices
        .iter()
        .find(|choice| choice.kind() == body.operation);
    let cron = if body.cron.trim().is_empty() {
        &body.preset
    } else {
        &body.cron
    };
    let (wrong, error) = match (operation, Timing::parse(cron, &body.zone, app.clock.now())) {
        (Some(operation), Ok(timing)) => {
            match schedule::create(&app.store, &app.clock, operation, &timing, who.by()).await {
                Ok(_) => {
                    let words = timing.words();
                    who.flash(true, &format!("Added: {}, {words}.", operation.words()));
                    return Ok(view::go(&settings_path(&target)));
                }
                Err(CreateError::Store(error)) => return Err(error.into()),
                Err(error) => (TimingError::default(), Some(error.to_string())),
            }
        }
        (Some(_), Err(wrong)) => (wrong, None),
        (None, timing) => (
            timing.err().unwrap_or_default(),
            Some("Choose what is to be done.".to_owned()),
        ),
    };
    let there = schedule::list(&app.store, &target.name).await?;
    let form = form(&target, body, wrong, error);
    let page = page(&who, &target, &there, form).await?;
    Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `POST /t/{target}/settings/second-factor`: whether everybody with a role here needs one.
pub(super) async fn require_factor(
    asking: Asking,
    path: web::Path<String>,
    form: web::Form<RequireBody>,
) -> Result<HttpResponse, PageError> {
    let said = if form.required {
        "Everybody with a role on this target needs a second factor now."
    } else {
        "A second factor is not required on this target any more."
    };
    require(asking, &path, policy::SECOND_FACTOR, form.required, said).await
}

/// `POST /t/{target}/settings/second-person`: whether nobody approves here what they made, nor applies what they approved.
pub(super) async fn require_second_person(
    asking: Asking,
    path: web::Path<String>,
    form: web::Form<RequireBody>,
) -> Result<HttpResponse, PageError> {
    let said = if form.required {
        "A second person is required on this target now."
    } else {
        "A second person is not required on this target any more."
    };
    require(asking, &path, policy::SECOND_PERSON, form.required, said).await
}

async fn require(
    asking: Asking,
    path: &str,
    policy: &str,
    required: bool,
    said: &str,
) -> Result<HttpResponse, PageError> {
    let back = format!("/t/{}/settings", view::segment(path));
    let who = asking.prove_on(&back).await?;
    let target = who.target(path)?;
    let value = required.then_some(Value::Bool(true));
    who.app()
        .decide(who.by(), (&target.name, policy), value.as_ref())
        .await?;
    who.flash(true, said);
    Ok(view::go(&settings_path(&target)))
}

pub(super) fn settings_path(target: &Target) -> String {
    format!("/t/{}/settings", view::segment(&target.name))
}

/// The fields that say when, with what was typed.
pub(super) fn fields(cron: &str, zone: &str, wrong: TimingError) -> TimingFields {
    TimingFields {
        cron: cron.chars().take(ECHO).collect(),
        zone: zone.chars().take(ECHO).collect(),
        cron_error: wrong.cron,
        zone_error: wrong.zone,
    }
}

fn form(target: &Target, body: AddBody, wrong: TimingError, error: Option<String>) -> AddForm {
    AddForm {
        operations: schedule::choices(&target.name)
            .iter()
            .map(|choice| Choice::new(choice.kind(), choice.words()))
            .collect(),
        operation: body.operation,
        presets: PRESETS
            .into_iter()
            .map(|(cron, label)| Choice::new(cron, label))
            .collect(),
        preset: body.preset,
        timing: fields(&body.cron, &body.zone, wrong),
        error,
    }
}

async fn page(
    who: &SignedIn,
    target: &Target,
    there: &[Schedule],
    form: AddForm,
) -> Result<SettingsPage, PageError> {
    let mut schedules = Vec::new();
    for schedule in there {
        schedules.push(row(who, target, schedule).await?);
    }
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
    };
    let policy = policy::second_factor(&who.app().store).await?;
    let archive = who.app().resources.archive.folder().display();
    Ok(SettingsPage {
        layout: who.layout_of("Settings", target, Tab::Settings),
        target: target.name.clone(),
        schedules,
        factor_required: policy.is_on(&target.name),
        second_person: policy::second_person(&who.app().store, &target.name).await?,
        add: (there.len() < schedule::MOST).then_some(form),
        told: subscription::part(who.app(), target).await?,
        facts: vec![
            fact(
                "Environment",
                view::environment(target.environment).word().to_owned(),
            ),
            fact("Migrations", target.migrations.display().to_string()),
            fact("Backups go to", archive.to_string()),
        ],
    })
}

async fn row(
    who: &SignedIn,
    target: &Target,
    schedule: &Schedule,
) -> Result<ScheduleRow, StoreError> {
    let app = who.app();
    let standing = schedule::standing(&app.store, schedule).await?;
    let job_path = |id: &str| format!("/jobs/{id}");
    let next = standing.next.and_then(|job| {
        let at = job.run_at?;
        Some(NextRun {
            face: schedule.timing.face(at),
            ahead: ahead(at - app.clock.now_ms()),
            when: When::at(at),
            href: job_path(&job.id),
        })
    });
    Ok(ScheduleRow {
        path: format!("{}/schedules/{}", settings_path(target), schedule.id),
        operation: schedule.operation.words().to_owned(),
        words: schedule.timing.words(),
        cron: schedule.timing.cron().to_owned(),
        enabled: schedule.enabled,
        next,
        last: standing.last.map(|job| LastRun {
            state: view::job_state(job.state),
            began: job.started_at.map(When::at),
            href: job_path(&job.id),
        }),
    })
}
