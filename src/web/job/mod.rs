//! `/jobs/{id}`: the page of one job, from the job, its log and its audit. What a person may do to it is in [`decide`],
//! its log in [`log`], what it sends while it runs in [`live`].

pub(super) mod decide;
pub(super) mod live;
pub(super) mod log;

use actix_web::{HttpResponse, web};

use self::log::LogQuery;
use super::error::PageError;
use super::layout::{Link, Nav, Tab};
use super::page::job::{Cancel, JobPage, Moment, Progress};
use super::page::measure::{Bytes, Count, Millis};
use super::page::trouble::TroubleBox;
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::app::App;
use crate::audit;
use crate::guard;
use crate::job::Operation;
use crate::job::presence;
use crate::job::queue::{self, Job, State};
use crate::store::StoreError;

/// `GET /jobs/{id}`.
pub(super) async fn detail(
    who: SignedIn,
    path: web::Path<String>,
    query: web::Query<LogQuery>,
) -> Result<HttpResponse, PageError> {
    let job = load(&who, &path).await?;
    page(&who, &job, &query, None)
        .await
        .map(|page| view::ok(&page))
}

async fn load(who: &SignedIn, id: &str) -> Result<Job, PageError> {
    queue::get(&who.app().store, id)
        .await?
        .ok_or_else(|| PageError::NotFound("job of that id".to_owned()))
}

/// The page; `refused` is what was typed into the form of an interrupted job, and why that was not taken.
async fn page(
    who: &SignedIn,
    job: &Job,
    query: &LogQuery,
    refused: Option<(String, String)>,
) -> Result<JobPage, PageError> {
    let app = who.app();
    let now = app.clock.now_ms();
    let target = job.operation.target();
    let title = format!("{} · {}", job.state.word(), job.operation.words());
    let mut layout = match app.target(target) {
        Some(target) => who.layout_of(&title, target, Tab::None),
        None => who.layout(&title),
    };
    layout.nav = Nav::Jobs;
    layout.role = who.grants.on(target);
    let operates = layout.may_operate();
    layout.crumbs = vec![Link::new("Jobs", "/jobs")];
    layout.refresh = (!job.state.is_over()).then_some(3);
    Ok(JobPage {
        layout,
        id: job.id.clone(),
        operation: job.operation.words().to_owned(),
        state: view::job_state(job.state),
        note: note(job),
        target: target.to_owned(),
        actor: job.actor.clone(),
        took: view::took(job, now),
        ending: ending(job),
        waits: waits(app, job).await?,
        timeline: timeline(app, job).await?,
        progress: progress(job),
        log: log::view(&app.store, job, query, now).await?,
        trouble: job.trouble.as_ref().map(TroubleBox::from),
        result: result(app, job).await?,
        cancel: cancel(job).filter(|_| operates),
        reconcile: match job.state {
            State::Interrupted => Some(decide::panel(who, job, refused).await?),
            _ => None,
        },
    })
}

/// What there is to add to the state of a job.
fn note(job: &Job) -> String {
    match &job.cancel_asked {
        Some((at, by)) if !job.state.is_over() => {
            format!("asked to stop by {by} at {}", When::at(*at).clock)
        }
        _ => String::new(),
    }
}

/// How a job ended about which there is no trouble to tell.
fn ending(job: &Job) -> Option<String> {
    match (job.state, &job.outcome, &job.trouble) {
        (State::Succeeded, Some(outcome), _) => Some(outcome.summary.clone()),
        (State::Cancelled, _, None) if job.started_at.is_none() => {
            Some("It was taken back before it began.".to_owned())
        }
        (State::Cancelled, _, None) => Some("It was stopped, and left nothing behind.".to_owned()),
        _ => None,
    }
}

/// How far the step is that runs now; nothing once none does.
fn progress(job: &Job) -> Progress {
    let (State::Running, Some(count)) = (job.state, &job.count) else {
        return Progress::default();
    };
    let say = |n: i64| match count.unit.as_str() {
        "bytes" => Bytes(n).to_string(),
        _ => Count(n).to_string(),
    };
    let unit = match count.unit.as_str() {
        "bytes" => String::new(),
        unit => format!(" {unit}"),
    };
    Progress {
        words: match count.total {
            Some(total) => format!("{} of {}{unit}", say(count.done), say(total)),
            None => format!("{}{unit} so far", say(count.done)),
        },
        share: count.total.map(|total| (count.done, total)),
    }
}

/// How the job can be stopped now; asking once is enough.
fn cancel(job: &Job) -> Option<Cancel> {
    let (label, effect) = match job.state {
        State::Scheduled => ("Skip this run", None),
        State::Queued => ("Withdraw", None),
        State::Running if job.cancel_asked.is_none() => {
            ("Stop the job", Some(job.operation.when_cancelled()))
        }
        _ => return None,
    };
    Some(Cancel { label, effect })
}

/// What a job waits for.
async fn waits(app: &App, job: &Job) -> Result<Option<(String, Option<Link>)>, StoreError> {
    let target = job.operation.target();
    match job.state {
        State::Scheduled => Ok(job.run_at.map(|at| {
            (
                format!("It runs at {}, not before.", When::at(at).text),
                None,
            )
        })),
        State::Queued => {
            let other = if job.operation.is_exclusive() {
                queue::in_the_way(&app.store, target).await?
            } else {
                None
            };
            let alive = presence::any(&app.store, &app.clock).await?;
            let worker = if alive {
                "It waits for a worker."
            } else {
                "No worker is alive. It starts when `lockkeeper serve` or `lockkeeper worker` runs again."
            };
            Ok(Some(other.map_or_else(
                || (worker.to_owned(), None),
                |other| {
                    let text = match other.state {
                        State::Interrupted => {
                            format!("It waits until somebody has decided about an interrupted job on {target}:")
                        }
                        _ => format!("It waits until {target} is free; there runs:"),
                    };
                    let link = Link::new(other.operation.words(), format!("/jobs/{}", other.id));
                    (text, Some(link))
                },
            )))
        }
        _ => Ok(None),
    }
}

/// What happened to the job itself, in the order of time.
async fn timeline(app: &App, job: &Job) -> Result<Vec<Moment>, StoreError> {
    let place = audit::place_of_request(&app.store, &job.id).await?;
    let from = match place.as_deref() {
        None => String::new(),
        Some("terminal") => ", from a terminal".to_owned(),
        Some("schedule") => ", on schedule".to_owned(),
        Some(place) => format!(", from {place}"),
    };
    let mut moments = vec![(
        job.created_at,
        "Requested",
        format!("by {}{from}", job.actor),
    )];
    if let Some(at) = job.run_at {
        moments.push((at, "Due", String::new()));
    }
    if let Some(at) = job.started_at {
        moments.push((at, "Started", String::new()));
    }
    if let Some((at, by)) = &job.cancel_asked {
        moments.push((*at, "Asked to stop", format!("by {by}")));
    }
    if let Some(at) = job.ended_at {
        moments.push((at, "Ended", job.state.word().to_owned()));
    }
    moments.sort_by_key(|(at, ..)| *at);
    let mut before = None;
    Ok(moments
        .into_iter()
        .map(|(at, label, note)| Moment {
            label,
            at: When::at(at),
            note,
            after: before.replace(at).map(|before| Millis(at - before)),
        })
        .collect())
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
        Operation::ApplyPlan { .. }
        | Operation::ResolveMigrations { .. }
        | Operation::Baseline { .. }
        | Operation::DetectDrift { .. } => Some(Link::new(
            "See the history",
            format!("/t/{target}/migrations"),
        )),
        Operation::CheckTarget { .. } => Some(Link::new("See the target", format!("/t/{target}"))),
    })
}
