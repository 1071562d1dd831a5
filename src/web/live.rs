//! The live stream of a job (server-sent events), from the same rows that the page shows.
//!
//! An event's `id` is its number in the log, so a browser that reconnects goes on where it was (`Last-Event-ID`). The
//! stream ends with the job, with the session of whoever watches, and with the console.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::error::PageError;
use super::page::shown::shown;
use super::visit::SignedIn;
use crate::auth::user;
use crate::clock::timestamp;
use crate::job::queue::{self, Line, State};
use crate::store::StoreError;

/// How often a comment is sent when nothing happens: proxies cut silent connections.
const PING: Duration = Duration::from_secs(15);
/// How often the store is asked even when nobody rang: another process may run the job.
const POLL: Duration = Duration::from_secs(1);
/// At most so many lines in one message.
const BATCH: i64 = 200;

#[derive(Deserialize)]
pub(super) struct EventsQuery {
    #[serde(default)]
    after: i64,
}

struct Follower {
    shared: web::Data<Shared>,
    job: String,
    user: String,
    seen: i64,
    said: Option<State>,
    quiet: Duration,
    over: bool,
}

/// `GET /jobs/{id}/events`.
pub(super) async fn events(
    who: SignedIn,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<EventsQuery>,
) -> Result<HttpResponse, PageError> {
    let job = path.into_inner();
    if queue::get(&who.app().store, &job).await?.is_none() {
        return Err(PageError::NotFound("job of that id".to_owned()));
    }
    let resumed = request
        .headers()
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    let follower = Follower {
        shared: who.visit.shared.clone(),
        job,
        user: who.user.id.clone(),
        seen: resumed.unwrap_or(query.after),
        said: None,
        quiet: Duration::ZERO,
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

impl Follower {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        let shared = self.shared.clone();
        loop {
            // Armed before the look, so that what happens in between is not slept over.
            let woken = shared.app.store.woken();
            match self.look().await {
                Ok(text) if !text.is_empty() => {
                    self.quiet = Duration::ZERO;
                    return Some(text);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(job.id = self.job, %error, "a stream could not be read from the store");
                    return None;
                }
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(POLL) => self.quiet += POLL,
                () = shared.stop.cancelled() => return None,
            }
            if self.quiet >= PING {
                self.quiet = Duration::ZERO;
                let still = user::enabled(&shared.app.store, &self.user).await;
                return matches!(still, Ok(Some(_))).then(|| ": still here\n\n".to_owned());
            }
        }
    }

    async fn look(&mut self) -> Result<String, StoreError> {
        let store = &self.shared.app.store;
        // The state first: what is logged after it comes with the next look, and a job that is over logs no more.
        let Some(job) = queue::get(store, &self.job).await? else {
            self.over = true;
            return Ok("event: done\ndata: {}\n\n".to_owned());
        };
        let lines = queue::lines(store, &self.job, self.seen, BATCH).await?;
        let mut text = String::new();
        if self.said.is_none() {
            text.push_str("retry: 3000\n\n");
        }
        if self.said != Some(job.state) {
            self.said = Some(job.state);
            text.push_str(&message("state", None, &json!({"state": job.state.word()})));
        }
        for line in &lines {
            self.seen = line.seq;
            text.push_str(&message("event", Some(line.seq), &event(line)));
        }
        if job.state.is_over() && i64::try_from(lines.len()).is_ok_and(|read| read < BATCH) {
            self.over = true;
            text.push_str(&message("done", None, &json!({})));
        }
        Ok(text)
    }
}

fn event(line: &Line) -> serde_json::Value {
    let event = &line.event;
    json!({
        "seq": line.seq,
        "at": timestamp(event.at).to_string(),
        "level": event.level.word(),
        "step": event.step,
        "text": shown(&event.text),
    })
}

/// One message. JSON holds no line break, which is what would end it early.
fn message(kind: &str, id: Option<i64>, data: &serde_json::Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {kind}\ndata: {data}\n\n")
}
