//! A job as it happens: a stream of server-sent events, and the same by asking again and again for those whose tunnel
//! holds streams back. Both tell what the page shows, from the same rows.
//!
//! The stream at `/jobs/{id}/events?after={seq}` sends `state` (`{"state":"running","note":""}`) and `progress`
//! (`{"step":"Dump","done":48,"total":null,"unit":"bytes","words":"48 B so far"}`) at once and when they change, `event`
//! (`{"seq":12,"at":"…","level":"info","step":"Dump","text":"…"}`) for every line, and `done` at the end of the job. The
//! `id` of a message is the number of its line, so a browser that reconnects goes on where it was (`Last-Event-ID`).
//! `/jobs/{id}/events.json?after={seq}` answers once: `{"state", "note", "progress", "events", "over",
//! "made"}`, where `made` is the id of the plan or backup that came of it.
//!
//! What must stay true: a stream ends with the job, with the session of whoever watches or their role
//! ([`Follower::still_allowed`]) and with the console; it holds at most one batch of lines at a time, and reads the store only when its job has moved.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{load, note, progress};
use crate::auth::role::Permission;
use crate::clock::timestamp;
use crate::job::feed::Watcher;
use crate::job::queue::{self, Job, Line};
use crate::store::StoreError;
use crate::web::Shared;
use crate::web::bearer::Pass;
use crate::web::error::PageError;
use crate::web::page::shown::shown;
use crate::web::visit::SignedIn;

/// How often a stream asks whether it may go on, and says so when it has said nothing else: proxies cut what is silent.
const CHECK: Duration = Duration::from_secs(5);
/// The least time between two batches of lines.
const PAUSE: Duration = Duration::from_millis(100);
/// At most so many lines in one batch.
const BATCH: i64 = 500;

#[derive(Deserialize)]
pub(in crate::web) struct EventsQuery {
    #[serde(default)]
    after: i64,
}

struct Follower {
    shared: web::Data<Shared>,
    job: String,
    pass: Pass,
    user: String,
    target: String,
    watcher: Watcher,
    seen: i64,
    said: Option<(Value, Value)>,
    look_at: Instant,
    check_at: Instant,
    quiet: bool,
    more: bool,
    over: bool,
}

/// `GET /jobs/{id}/events`.
pub(in crate::web) async fn events(
    who: SignedIn,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<EventsQuery>,
) -> Result<HttpResponse, PageError> {
    let job = load(&who, &path).await?;
    let target = job.operation.target().to_owned();
    let job = job.id;
    let resumed = request
        .headers()
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    let now = Instant::now();
    let follower = Follower {
        watcher: who.visit.shared.feed.watch(&job),
        shared: who.visit.shared.clone(),
        job,
        pass: Pass::of(&who)?,
        user: who.user.id.clone(),
        target,
        seen: resumed.unwrap_or(query.after),
        said: None,
        look_at: now,
        check_at: now + CHECK,
        quiet: true,
        more: true,
        over: false,
    };
    let body = stream::unfold(follower, |mut follower| async move {
        let text = follower.next().await?;
        Some((Ok::<_, actix_web::Error>(Bytes::from(text)), follower))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        // Compressing would hold events back.
        .insert_header(header::ContentEncoding::Identity)
        .streaming(body))
}

/// `GET /jobs/{id}/events.json`.
pub(in crate::web) async fn poll(
    who: SignedIn,
    path: web::Path<String>,
    query: web::Query<EventsQuery>,
) -> Result<HttpResponse, PageError> {
    // The state first: what is logged after it comes with the next answer, and a job that is over logs no more.
    let job = load(&who, &path).await?;
    let lines = queue::lines(&who.app().store, &job.id, query.after, BATCH).await?;
    Ok(HttpResponse::Ok().json(json!({
        "state": job.state.word(),
        "note": note(&job),
        "progress": progress_of(&job),
        "events": lines.iter().map(event).collect::<Vec<_>>(),
        "over": job.state.is_over() && !is_full(&lines),
        "made": job.outcome.as_ref().and_then(|outcome| outcome.made.as_ref()),
    })))
}

impl Follower {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        let stop = self.shared.stop.clone();
        loop {
            if Instant::now() >= self.check_at {
                if !self.still_allowed().await {
                    return None;
                }
                self.check_at = Instant::now() + CHECK;
                if std::mem::replace(&mut self.quiet, true) {
                    return Some(": still here\n\n".to_owned());
                }
            }
            if self.more {
                tokio::select! {
                    () = tokio::time::sleep_until(self.look_at) => {}
                    () = stop.cancelled() => return None,
                }
                let text = match self.look().await {
                    Ok(text) => text,
                    Err(error) => {
                        tracing::warn!(job.id = self.job, %error, "a stream could not be read from the store");
                        return None;
                    }
                };
                self.look_at = Instant::now() + PAUSE;
                if !text.is_empty() {
                    self.quiet = false;
                    return Some(text);
                }
                continue;
            }
            tokio::select! {
                () = self.watcher.moved() => self.more = true,
                () = tokio::time::sleep_until(self.check_at) => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    /// Whether whoever watches may still see this: their session or token is good, and their role.
    async fn still_allowed(&self) -> bool {
        let app = &self.shared.app;
        let asked = async {
            let grants = self.pass.grants(app, &self.user).await?;
            Ok::<_, StoreError>(grants.may(&self.target, Permission::View))
        };
        asked.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a stream could not ask whether it may go on");
            false
        })
    }

    /// Reads what is new, a batch at most.
    async fn look(&mut self) -> Result<String, StoreError> {
        let store = &self.shared.app.store;
        // The state first, as in `poll`.
        let Some(job) = queue::get(store, &self.job).await? else {
            self.over = true;
            return Ok(message("done", None, &json!({})));
        };
        let lines = queue::lines(store, &self.job, self.seen, BATCH).await?;
        let mut text = String::new();
        if self.said.is_none() {
            text.push_str("retry: 3000\n\n");
        }
        let state = json!({"state": job.state.word(), "note": note(&job)});
        let progress = progress_of(&job);
        let (said_state, said_progress) = self.said.take().unzip();
        for line in &lines {
            self.seen = line.seq;
            text.push_str(&message("event", Some(line.seq), &event(line)));
        }
        if said_progress.as_ref() != Some(&progress) {
            text.push_str(&message("progress", None, &progress));
        }
        // After the lines: who is told that the job has moved on reads the page anew.
        if said_state.as_ref() != Some(&state) {
            text.push_str(&message("state", None, &state));
        }
        self.said = Some((state, progress));
        self.more = is_full(&lines);
        if job.state.is_over() && !self.more {
            self.over = true;
            text.push_str(&message("done", None, &json!({})));
        }
        Ok(text)
    }
}

fn is_full(lines: &[Line]) -> bool {
    i64::try_from(lines.len()).is_ok_and(|read| read >= BATCH)
}

fn event(line: &Line) -> Value {
    let event = &line.event;
    json!({
        "seq": line.seq,
        "at": timestamp(event.at).to_string(),
        "level": event.level.word(),
        "step": event.step,
        "text": shown(&event.text),
    })
}

fn progress_of(job: &Job) -> Value {
    let count = job.count.as_ref();
    json!({
        "step": job.step,
        "done": count.map(|count| count.done),
        "total": count.and_then(|count| count.total),
        "unit": count.map(|count| &count.unit),
        "words": progress(job).words,
    })
}

/// One message. JSON holds no line break, which is what would end it early.
fn message(kind: &str, id: Option<i64>, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {kind}\ndata: {data}\n\n")
}
