//! The list of jobs, newest first, and the filter in its address.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::error::PageError;
use super::layout::{Link, Nav};
use super::page::jobs::{JobFilter, JobsPage, Pick};
use super::page::measure::Count;
use super::view;
use super::visit::SignedIn;
use crate::auth::role::Permission;
use crate::job::Operation;
use crate::job::queue::{self, Filter, State, Which};

const PAGE: usize = 50;
/// Asked for, to know whether there is another page.
const ONE_MORE: i64 = 51;
/// The word for all states that are not an end.
const OPEN: &str = "open";

/// The filter as it stands in the address; an empty field narrows nothing.
#[derive(Deserialize)]
pub(super) struct JobsQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    actor: String,
    before: Option<String>,
}

impl JobsQuery {
    fn filter<'a>(&'a self, scope: Option<&'a str>) -> Filter<'a> {
        fn some(text: &str) -> Option<&str> {
            Some(text.trim()).filter(|text| !text.is_empty())
        }
        Filter {
            which: match self.state.as_str() {
                OPEN => Some(Which::Open),
                word => State::from_word(word).map(Which::In),
            },
            kind: some(&self.kind),
            target: some(&self.target),
            actor: some(&self.actor),
            scope,
        }
    }

    /// The path of the same list before another job, or from the newest on.
    fn path(&self, before: Option<&str>) -> String {
        let fields = [
            ("state", self.state.as_str()),
            ("kind", &self.kind),
            ("target", &self.target),
            ("actor", &self.actor),
            ("before", before.unwrap_or_default()),
        ];
        let query = Serializer::new(String::new())
            .extend_pairs(fields.into_iter().filter(|(_, text)| !text.is_empty()))
            .finish();
        match query.as_str() {
            "" => "/jobs".to_owned(),
            query => format!("/jobs?{query}"),
        }
    }
}

/// `GET /jobs`.
pub(super) async fn list(
    who: SignedIn,
    query: web::Query<JobsQuery>,
) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let now = app.clock.now_ms();
    let scope = who.grants.scope();
    let filter = query.filter(scope.as_deref());
    let before = query.before.as_deref();
    let mut jobs = queue::page(&app.store, &filter, before, ONE_MORE).await?;
    let more = jobs.len() > PAGE;
    jobs.truncate(PAGE);
    let older = jobs
        .last()
        .filter(|_| more)
        .map(|last| query.path(Some(&last.id)));
    let open = queue::open_counts(&app.store, scope.as_deref()).await?;
    let kinds = queue::kinds(&app.store).await?;
    let mut targets: Vec<&str> = app
        .resources
        .targets
        .iter()
        .map(|target| target.name.as_str())
        .filter(|name| who.grants.may(name, Permission::View))
        .collect();
    // One that has left the configuration may still have jobs.
    if let Some(other) = filter.target.filter(|name| !targets.contains(name)) {
        targets.push(other);
    }
    let mut layout = who.layout("Jobs");
    layout.nav = Nav::Jobs;
    let example = targets.first().copied().unwrap_or("TARGET");
    Ok(view::ok(&JobsPage {
        layout,
        open: open_links(&open),
        filter: JobFilter {
            states: states(&filter),
            kinds: kinds
                .iter()
                .map(|kind| pick(kind.kind(), kind.words(), filter.kind))
                .collect(),
            targets: targets
                .into_iter()
                .map(|name| pick(name, name, filter.target))
                .collect(),
            actor: query.actor.clone(),
            shows: shows(&filter, &kinds),
        },
        jobs: jobs.iter().map(|job| view::job_row(job, now)).collect(),
        newest: before.map(|_| query.path(None)),
        older,
        example: format!("lockkeeper backup take {example}"),
    }))
}

fn pick(value: &str, label: &str, chosen: Option<&str>) -> Pick {
    Pick {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: chosen == Some(value),
    }
}

fn states(filter: &Filter<'_>) -> Vec<Pick> {
    let chosen = match filter.which {
        Some(Which::Open) => Some(OPEN),
        Some(Which::In(state)) => Some(state.word()),
        None => None,
    };
    std::iter::once(OPEN)
        .chain(State::ALL.map(State::word))
        .map(|word| pick(word, word, chosen))
        .collect()
}

/// What is under way, most urgent first, each with the way to it.
fn open_links(counts: &[(State, i64)]) -> Vec<Link> {
    let words = [
        (State::Interrupted, "interrupted and waiting for a person"),
        (State::Running, "running"),
        (State::Queued, "waiting"),
        (State::Scheduled, "scheduled"),
    ];
    let link = |(state, words): (State, &str)| {
        let (_, n) = counts.iter().find(|(counted, _)| *counted == state)?;
        let path = format!("/jobs?state={}", state.word());
        Some(Link::new(format!("{} {words}", Count(*n)), path))
    };
    words.into_iter().filter_map(link).collect()
}

/// What a filter that narrows anything shows, in one sentence.
fn shows(filter: &Filter<'_>, kinds: &[Operation]) -> Option<String> {
    let mut parts = Vec::new();
    match filter.which {
        Some(Which::Open) => parts.push("that are not over".to_owned()),
        Some(Which::In(state)) => parts.push(format!("that are {}", state.word())),
        None => {}
    }
    if let Some(kind) = filter.kind {
        let known = kinds.iter().find(|operation| operation.kind() == kind);
        let words = known.map_or(kind, |operation| operation.words());
        parts.push(format!("that do this: {words}"));
    }
    if let Some(target) = filter.target {
        parts.push(format!("on {target}"));
    }
    if let Some(actor) = filter.actor {
        parts.push(format!("asked for by {actor}"));
    }
    (!parts.is_empty()).then(|| format!("Only jobs {} are shown.", parts.join(", ")))
}
