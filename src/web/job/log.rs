//! The log of a job: on its page in steps and pieces, and whole as a download.

use actix_web::http::header::{self, ContentDisposition, DispositionParam, DispositionType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::load;
use crate::clock::timestamp;
use crate::job::queue::{self, Job, Line, Part, State};
use crate::operation::Level;
use crate::store::{Store, StoreError};
use crate::web::error::PageError;
use crate::web::page::jobs::JobState;
use crate::web::page::log::{EventLevel, EventLine, LogPages, LogView, StepView};
use crate::web::page::measure::{Count, Millis};
use crate::web::page::shown::shown;
use crate::web::page::when::When;
use crate::web::view;
use crate::web::visit::SignedIn;

/// How many lines one page shows; more would be slow to load and slower to read.
const LINES: i64 = 500;
/// How many lines of a download are read at a time.
const CHUNK: i64 = 1_000;

/// Which piece of the log a page shows.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct LogQuery {
    from: Option<i64>,
    before: Option<i64>,
    level: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::web) struct DownloadQuery {
    format: Option<String>,
}

/// The piece of the log that was asked for; the end of it unless something was.
pub(super) async fn view(
    store: &Store,
    job: &Job,
    query: &LogQuery,
    now_ms: i64,
) -> Result<LogView, StoreError> {
    let loud = query.level.as_deref() == Some("warn");
    let part = match (query.from, query.before) {
        (Some(from), _) => Part::From(from),
        (None, Some(before)) => Part::Before(before),
        (None, None) => Part::End,
    };
    let piece = queue::piece(store, &job.id, part, loud, LINES).await?;
    let path = format!("/jobs/{}", job.id);
    let level = if loud { "&level=warn" } else { "" };
    let (first, last) = match (piece.lines.first(), piece.lines.last()) {
        (Some(first), Some(last)) => (first.seq, last.seq),
        _ => (0, 0),
    };
    let pages = (piece.earlier || piece.later).then(|| LogPages {
        shown: format!("Lines {} to {}", Count(first), Count(last)),
        here: format!("{path}?from={first}{level}"),
        first: piece.earlier.then(|| format!("{path}?from=1{level}")),
        earlier: piece
            .earlier
            .then(|| format!("{path}?before={first}{level}")),
        later: piece
            .later
            .then(|| format!("{path}?from={}{level}", last + 1)),
        last: piece.later.then(|| {
            if loud {
                format!("{path}?level=warn")
            } else {
                path.clone()
            }
        }),
    });
    Ok(LogView {
        steps: steps(&piece.lines, job, piece.earlier, piece.later, now_ms),
        seq: last,
        follows: !job.state.is_over() && !loud && !piece.later,
        loud,
        empty: empty(job, loud),
        pages,
    })
}

fn empty(job: &Job, loud: bool) -> String {
    if let Some(at) = job.log_removed_at {
        return format!(
            "The log was removed on {}, for its age. What became of the job stays.",
            When::at(at).text
        );
    }
    match job.state {
        _ if loud => "No warning and no error so far.",
        State::Scheduled | State::Queued => "Nothing has happened yet.",
        State::Running => "It has just begun.",
        _ => "Nothing was recorded.",
    }
    .to_owned()
}

/// The log grouped by step. Each step ends where the next begins; the last one of the log is as the job is. What began
/// before this piece of the log, or ends after it, has no duration here.
fn steps(
    lines: &[Line],
    job: &Job,
    cut_before: bool,
    cut_after: bool,
    now_ms: i64,
) -> Vec<StepView> {
    let mut steps: Vec<(StepView, i64)> = Vec::new();
    for line in lines {
        let event = &line.event;
        let begins = event.level == Level::Step;
        if begins || steps.last().is_none_or(|(step, _)| step.name != event.step) {
            let view = StepView {
                seq: begins.then_some(line.seq),
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
            let is_last = index + 1 == count;
            let is_whole = !(index == 0 && cut_before || is_last && cut_after);
            step.took = is_whole.then_some(Millis(ended - began));
            if is_last && (!cut_after || job.step.as_ref() == Some(&step.name)) {
                step.state = view::job_state(job.state);
            }
            step
        })
        .collect()
}

/// `GET /jobs/{id}/log`: the whole log as text, or as one JSON object a line.
pub(in crate::web) async fn download(
    who: SignedIn,
    path: web::Path<String>,
    query: web::Query<DownloadQuery>,
) -> Result<HttpResponse, PageError> {
    let job = load(&who, &path).await?.id;
    let (print, kind, ending): (fn(&Line) -> String, _, _) = match query.format.as_deref() {
        Some("jsonl") => (as_json, "application/jsonl; charset=utf-8", "jsonl"),
        _ => (as_text, "text/plain; charset=utf-8", "log"),
    };
    let name = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(format!("job-{job}.{ending}"))],
    };
    let store = who.app().store.clone();
    let body = stream::unfold(Some((store, job, 0)), move |state| async move {
        let (store, job, seen) = state?;
        match queue::lines(&store, &job, seen, CHUNK).await {
            Ok(lines) => {
                let last = lines.last()?.seq;
                let text: String = lines.iter().map(print).collect();
                Some((Ok(Bytes::from(text)), Some((store, job, last))))
            }
            // The connection breaks, so that half a log does not pass for a whole one.
            Err(error) => {
                tracing::warn!(job.id = job, %error, "a log could not be read to its end");
                Some((
                    Err(actix_web::error::ErrorInternalServerError(
                        "the store failed",
                    )),
                    None,
                ))
            }
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header(name)
        .streaming(body))
}

/// One line of text for a line of the log: what would break it, or drive a terminal, is spelled out.
fn as_text(line: &Line) -> String {
    let event = &line.event;
    let text = event.text.replace(['\n', '\r'], " ");
    format!(
        "{} {} {} {}\n",
        timestamp(event.at),
        event.level.word().to_uppercase(),
        shown(&event.step),
        shown(&text)
    )
}

fn as_json(line: &Line) -> String {
    let event = &line.event;
    let object = json!({
        "seq": line.seq,
        "at": timestamp(event.at).to_string(),
        "level": event.level.word(),
        "step": event.step,
        "text": event.text,
    });
    format!("{object}\n")
}
