//! Jobs: what runs, what ran, and what an interrupted one left to decide.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::{Link, Nav, Tab};
use super::page::job::{EventLevel, EventLine, JobPage, ReleasePanel, StepView};
use super::page::jobs::{JobState, JobsPage};
use super::page::measure::Millis;
use super::page::trouble::TroubleBox;
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::app::{App, Reconciled};
use crate::guard;
use crate::job::queue::{self, Job, Line, State};
use crate::job::{Choice, Operation};
use crate::operation::Level;
use crate::store::StoreError;

const PAGE: usize = 50;
/// Asked for, to know whether there is another page.
const ONE_MORE: i64 = 51;
/// How many lines of a log a page shows; more would be slow to load and slower to read.
const LINES: i64 = 2_000;

#[derive(Deserialize)]
pub(super) struct JobsQuery {
    before: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ReleaseForm {
    token: String,
    finding: String,
}

/// `GET /jobs`.
pub(super) async fn list(
    who: SignedIn,
    query: web::Query<JobsQuery>,
) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let now = app.clock.now_ms();
    let mut jobs = queue::page(&app.store, None, query.before.as_deref(), ONE_MORE).await?;
    let more = jobs.len() > PAGE;
    jobs.truncate(PAGE);
    let older = jobs
        .last()
        .filter(|_| more)
        .map(|last| format!("/jobs?before={}", last.id));
    let open = queue::open(&app.store).await?;
    let count = |state: State| open.iter().filter(|job| job.state == state).count();
    let summary = match (
        count(State::Running),
        count(State::Queued),
        count(State::Interrupted),
    ) {
        (0, 0, 0) => "Nothing runs and nothing waits.".to_owned(),
        (running, queued, 0) => format!("{running} running, {queued} waiting."),
        (running, queued, interrupted) => {
            format!(
                "{running} running, {queued} waiting, {interrupted} interrupted and waiting for a person."
            )
        }
    };
    let mut layout = who.visit.layout("Jobs");
    layout.nav = Nav::Jobs;
    let target = app.resources.targets.first();
    Ok(view::ok(&JobsPage {
        layout,
        summary,
        jobs: jobs.iter().map(|job| view::job_row(job, now)).collect(),
        older,
        example: format!(
            "lockkeeper backup take {}",
            target.map_or("TARGET", |target| &target.name)
        ),
    }))
}

/// `GET /jobs/{id}`.
pub(super) async fn detail(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let job = load(&who, &path).await?;
    page(&who, &job, None).await.map(|page| view::ok(&page))
}

/// `POST /jobs/{id}/release`: a person has looked and says that an interrupted job is over.
pub(super) async fn release(
    who: SignedIn,
    path: web::Path<String>,
    form: web::Form<ReleaseForm>,
) -> Result<HttpResponse, PageError> {
    let job = load(&who, &path).await?;
    let app = who.app();
    let finding = form.finding.trim();
    let refused = if !who.use_form_token(&form.token) {
        Some("This form was sent before. Read the page again, then release the target.")
    } else if finding.is_empty() || finding.chars().count() > 500 {
        Some("Say in 1 to 500 characters what you found: it stands in the audit.")
    } else {
        None
    };
    if let Some(error) = refused {
        let page = page(&who, &job, Some((form.finding.clone(), error.to_owned()))).await?;
        return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let reconciled = app
        .reconcile(&job, who.by(), Choice::Failed, finding)
        .await?;
    match reconciled {
        Reconciled::Over => who.flash(true, "The target is free again."),
        _ => who.flash(false, "This job cannot be released now."),
    }
    Ok(view::go(&format!("/jobs/{}", job.id)))
}

async fn load(who: &SignedIn, id: &str) -> Result<Job, PageError> {
    queue::get(&who.app().store, id)
        .await?
        .ok_or_else(|| PageError::NotFound("job of that id".to_owned()))
}

async fn page(
    who: &SignedIn,
    job: &Job,
    refused: Option<(String, String)>,
) -> Result<JobPage, PageError> {
    let app = who.app();
    let now = app.clock.now_ms();
    let mut lines = queue::lines(&app.store, &job.id, 0, LINES + 1).await?;
    let cut = i64::try_from(lines.len()).is_ok_and(|read| read > LINES);
    lines.truncate(usize::try_from(LINES).unwrap_or(usize::MAX));
    let target = job.operation.target();
    let title = format!("{} · {}", job.state.word(), job.operation.words());
    let mut layout = match app.target(target) {
        Some(target) => who.layout_of(&title, target, Tab::None),
        None => who.visit.layout(&title),
    };
    layout.nav = Nav::Jobs;
    layout.crumbs = vec![Link::new("Jobs", "/jobs")];
    layout.refresh = (!job.state.is_over()).then_some(3);
    Ok(JobPage {
        layout,
        id: job.id.clone(),
        operation: job.operation.words().to_owned(),
        state: view::job_state(job.state),
        target: target.to_owned(),
        actor: job.actor.clone(),
        started_at: job.started_at.map(When::at),
        took: view::took(job, now),
        waiting: match job.state {
            State::Scheduled => "It waits for its time.".to_owned(),
            State::Queued => format!("It waits until {target} is free."),
            State::Running => "It has just begun.".to_owned(),
            _ => "Nothing was recorded.".to_owned(),
        },
        seq: lines.last().map_or(0, |line| line.seq),
        steps: steps(&lines, job, now),
        dropped: cut.then(|| format!("The first {LINES} lines are shown.")),
        trouble: job.trouble.as_ref().map(TroubleBox::from),
        result: result(app, job).await?,
        can_cancel: false,
        release: match job.state {
            State::Interrupted => Some(release_panel(who, job, &lines, refused)?),
            _ => None,
        },
    })
}

fn release_panel(
    who: &SignedIn,
    job: &Job,
    lines: &[Line],
    refused: Option<(String, String)>,
) -> Result<ReleasePanel, PageError> {
    let last = lines
        .iter()
        .rev()
        .find(|line| line.event.step != "Interrupted")
        .map_or_else(
            || "Nothing was recorded before it vanished.".to_owned(),
            |line| line.event.text.clone(),
        );
    let (typed, error) = refused.unzip();
    Ok(ReleasePanel {
        last,
        look: vec![
            job.operation.after_crash().to_owned(),
            format!(
                "The history of {} shows what the ledger says now; a migration that was under way reads as failed there.",
                job.operation.target()
            ),
            "If Prisma or another console still holds the lock of the migrations, the target's page says so.".to_owned(),
        ],
        can_release: true,
        token: who.form_token()?,
        typed: typed.unwrap_or_default(),
        error,
    })
}

/// The log grouped by step. Each step ends where the next begins; the last one is as the job is.
fn steps(lines: &[Line], job: &Job, now_ms: i64) -> Vec<StepView> {
    let mut steps: Vec<(StepView, i64)> = Vec::new();
    for line in lines {
        let event = &line.event;
        let begins = event.level == Level::Step;
        if begins || steps.last().is_none_or(|(step, _)| step.name != event.step) {
            let view = StepView {
                seq: line.seq,
                name: event.step.clone(),
                text: if begins {
                    event.text.clone()
                } else {
                    event.step.clone()
                },
                state: JobState::Succeeded,
                took: None,
                events: Vec::new(),
            };
            steps.push((view, event.at));
        }
        if !begins && let Some((step, _)) = steps.last_mut() {
            step.events.push(EventLine {
                seq: line.seq,
                at: When::at(event.at),
                level: match event.level {
                    Level::Warn => EventLevel::Warn,
                    Level::Error => EventLevel::Error,
                    Level::Info | Level::Step => EventLevel::Info,
                },
                text: event.text.clone(),
            });
        }
    }
    let ends: Vec<i64> = steps
        .iter()
        .skip(1)
        .map(|(_, at)| *at)
        .chain([job.ended_at.unwrap_or(now_ms)])
        .collect();
    let count = steps.len();
    steps
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(index, ((mut step, began), ended))| {
            step.took = Some(Millis(ended - began));
            if index + 1 == count {
                step.state = view::job_state(job.state);
            }
            step
        })
        .collect()
}

/// Where to see what a job made, or to go on.
async fn result(app: &App, job: &Job) -> Result<Option<Link>, StoreError> {
    let Some(outcome) = &job.outcome else {
        return Ok(None);
    };
    let target = view::segment(job.operation.target());
    Ok(match &job.operation {
        Operation::MakePlan { .. } => outcome
            .made
            .as_ref()
            .map(|plan| Link::new("Read the plan", format!("/t/{target}/plans/{plan}"))),
        Operation::TakeBackup { .. } => {
            let newest = guard::plan::list(&app.store, job.operation.target(), 1).await?;
            let waiting = newest
                .first()
                .filter(|stored| stored.applied_at.is_none() && !stored.plan.migrations.is_empty());
            Some(match waiting {
                Some(stored) => Link::new(
                    "Back to the plan",
                    format!("/t/{target}/plans/{}", stored.plan.id),
                ),
                None => Link::new("See the backups", format!("/t/{target}/backups")),
            })
        }
        Operation::ApplyPlan { .. } => Some(Link::new(
            "See the history",
            format!("/t/{target}/migrations"),
        )),
    })
}
