//! One schedule: change it, pause it, run what it asks for now, delete it.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::{Layout, Link, Tab};
use super::page::schedule::SchedulePage;
use super::settings::{fields, settings_path};
use super::view;
use super::visit::{SignedIn, StartForm};
use crate::job::schedule::{self, Schedule, Timing, TimingError};
use crate::target::Target;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChangeBody {
    cron: String,
    zone: String,
}

/// `GET /t/{target}/settings/schedules/{id}`.
pub(super) async fn show(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, schedule) = load(&who, path).await?;
    let body = ChangeBody {
        cron: schedule.timing.cron().to_owned(),
        zone: schedule.timing.zone().to_owned(),
    };
    let page = page(&who, &target, &schedule, &body, TimingError::default());
    Ok(view::ok(&page))
}

/// `POST /t/{target}/settings/schedules/{id}`: gives it another time.
pub(super) async fn change(
    who: SignedIn,
    path: web::Path<(String, String)>,
    body: web::Form<ChangeBody>,
) -> Result<HttpResponse, PageError> {
    let (target, schedule) = load(&who, path).await?;
    let app = who.app();
    let timing = match Timing::parse(&body.cron, &body.zone, app.clock.now()) {
        Ok(timing) => timing,
        Err(wrong) => {
            let page = page(&who, &target, &schedule, &body, wrong);
            return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let changed = schedule::change(&app.store, &app.clock, &schedule.id, &timing, who.by()).await?;
    let done = format!(
        "{} runs {} now.",
        schedule.operation.words(),
        timing.words()
    );
    Ok(back(&who, &target, changed, &done))
}

/// `POST …/pause`.
pub(super) async fn pause(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    set_enabled(&who, path, false, "Paused. Its next run is cancelled.").await
}

/// `POST …/resume`.
pub(super) async fn resume(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    set_enabled(&who, path, true, "On again.").await
}

/// `POST …/run`: asks for the same once, now, on behalf of whoever clicked.
pub(super) async fn run(
    who: SignedIn,
    path: web::Path<(String, String)>,
    form: web::Form<StartForm>,
) -> Result<HttpResponse, PageError> {
    let (_, schedule) = load(&who, path).await?;
    let id = who.enqueue(&schedule.operation, &form.key).await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

/// `POST …/delete`.
pub(super) async fn delete(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, schedule) = load(&who, path).await?;
    let app = who.app();
    let deleted = schedule::delete(&app.store, &app.clock, &schedule.id, who.by()).await?;
    let done = format!(
        "Deleted: {}, {}.",
        schedule.operation.words(),
        schedule.timing.words()
    );
    Ok(back(&who, &target, deleted, &done))
}

async fn set_enabled(
    who: &SignedIn,
    path: web::Path<(String, String)>,
    enabled: bool,
    done: &str,
) -> Result<HttpResponse, PageError> {
    let (target, schedule) = load(who, path).await?;
    let app = who.app();
    let set =
        schedule::set_enabled(&app.store, &app.clock, &schedule.id, enabled, who.by()).await?;
    Ok(back(who, &target, set, done))
}

/// To the list, with what has been done, or with what somebody else has done meanwhile.
fn back(who: &SignedIn, target: &Target, is_there: bool, done: &str) -> HttpResponse {
    if is_there {
        who.flash(true, done);
    } else {
        who.flash(false, "Somebody has deleted this schedule meanwhile.");
    }
    view::go(&settings_path(target))
}

async fn load(
    who: &SignedIn,
    path: web::Path<(String, String)>,
) -> Result<(Arc<Target>, Schedule), PageError> {
    let (target, id) = path.into_inner();
    let target = who.target(&target)?;
    let schedule = schedule::get(&who.app().store, &target.name, &id)
        .await?
        .ok_or_else(|| PageError::NotFound("schedule of that id".to_owned()))?;
    Ok((target, schedule))
}

fn page(
    who: &SignedIn,
    target: &Target,
    schedule: &Schedule,
    body: &ChangeBody,
    wrong: TimingError,
) -> SchedulePage {
    let path = settings_path(target);
    SchedulePage {
        layout: Layout {
            crumbs: vec![Link::new("Settings", &path)],
            ..who.layout_of(schedule.operation.words(), target, Tab::Settings)
        },
        path: format!("{path}/schedules/{}", schedule.id),
        operation: schedule.operation.words().to_owned(),
        words: schedule.timing.words(),
        timing: fields(&body.cron, &body.zone, wrong),
    }
}
