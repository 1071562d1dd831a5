//! `GET /t/{target}/backups/{id}/download`: the artifact, whole or from where an earlier download was cut off.
//!
//! What must stay true: what is sent is what the manifest describes, or the connection is cut; a cut download goes on at
//! the same byte; the audit says who took what out, and how far it came. Read [`super::range`] for what a request is for.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::body::SizedStream;
use actix_web::http::header::{self, EntityTag, HttpDate};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use rustix::buffer::spare_capacity;
use tokio::task::JoinHandle;

use super::backups::{blocking, find};
use super::error::PageError;
use super::range::{File, Part};
use super::visit::SignedIn;
use crate::app::App;
use crate::audit;
use crate::backup::Manifest;
use crate::target::size;

/// How much is read at a time. The next piece is read while one is sent.
const PIECE: u64 = 512 * 1024;

/// `GET /t/{target}/backups/{id}/download`.
pub(super) async fn download(
    who: SignedIn,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, id) = path.into_inner();
    let target = who.target(&target)?;
    let manifest = find(&who, &target.name, id).await?;
    let archive = who.app().resources.archive.clone();
    let named = manifest.clone();
    let opened = blocking(move || archive.artifact(&named).map(Opened::open)).await;
    let gone = || PageError::NotFound("backup of that id".to_owned());
    let opened = opened.ok_or_else(gone)?;
    let opened = opened.map_err(|error| PageError::Internal(error.to_string()))?;
    // An artifact of ours is never empty.
    if opened.length != manifest.file.bytes || opened.length == 0 {
        return Err(gone());
    }
    let file = File {
        tag: EntityTag::new_strong(manifest.file.sha256.clone()),
        modified: SystemTime::UNIX_EPOCH
            + Duration::from_secs(
                manifest
                    .finished_at
                    .as_second()
                    .try_into()
                    .unwrap_or_default(),
            ),
        length: opened.length,
    };
    let part = Part::of(&request, &file);
    let (first, last) = match part {
        Part::Whole => (0, file.length - 1),
        Part::Bytes(first, last) => (first, last),
        Part::None | Part::Known | Part::Other => return Ok(without_bytes(part, &file)),
    };
    let mut response = HttpResponse::build(match part {
        Part::Bytes(..) => StatusCode::PARTIAL_CONTENT,
        _ => StatusCode::OK,
    });
    common(&mut response, &file);
    response
        .insert_header((header::CONTENT_TYPE, "application/octet-stream"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            disposition(&manifest.file.name),
        ))
        // The bytes are compressed already, and a range is one of these bytes.
        .insert_header((header::CONTENT_ENCODING, "identity"));
    if let Part::Bytes(..) = part {
        let range = format!("bytes {first}-{last}/{}", file.length);
        response.insert_header((header::CONTENT_RANGE, range));
    }
    if request.method() == Method::HEAD {
        let nothing = stream::empty::<Result<Bytes, io::Error>>();
        return Ok(response.no_chunking(file.length).streaming(nothing));
    }
    let taking = Taking {
        app: who.app().clone(),
        actor: who.actor.clone(),
        place: who.visit.address.clone(),
        target: target.name.clone(),
        what: what(&manifest, part),
    };
    let detail = taking.what.clone();
    taking.record("requested", &detail).await?;
    let sending = Sending::new(opened, first, last, taking);
    let pieces = stream::unfold(sending, Sending::next);
    Ok(response.body(SizedStream::new(last - first + 1, Box::pin(pieces))))
}

/// An answer that sends nothing of the file.
fn without_bytes(part: Part, file: &File) -> HttpResponse {
    let mut response = HttpResponse::build(match part {
        Part::Known => StatusCode::NOT_MODIFIED,
        Part::Other => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::RANGE_NOT_SATISFIABLE,
    });
    common(&mut response, file);
    if part == Part::None {
        let length = format!("bytes */{}", file.length);
        response.insert_header((header::CONTENT_RANGE, length));
    }
    response.finish()
}

fn common(response: &mut actix_web::HttpResponseBuilder, file: &File) {
    response
        .insert_header((header::ETAG, file.tag.to_string()))
        .insert_header((header::LAST_MODIFIED, HttpDate::from(file.modified)))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
}

/// What browsers call the file (RFC 6266). The first name is for those that know only ASCII.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|each| match each {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => each,
            _ => '_',
        })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let exact = super::view::segment(name);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

fn what(manifest: &Manifest, part: Part) -> String {
    let (name, length) = (&manifest.file.name, manifest.file.bytes);
    match part {
        Part::Bytes(first, last) => format!("{name}, bytes {first} to {last} of {length}"),
        _ => format!("{name}, all {length} bytes"),
    }
}

/// An artifact that is open: whoever deletes it meanwhile does not take it from whoever reads it.
struct Opened {
    file: std::fs::File,
    length: u64,
    modified: Option<SystemTime>,
}

impl Opened {
    fn open(path: std::path::PathBuf) -> io::Result<Self> {
        let file = std::fs::File::open(path)?;
        let facts = file.metadata()?;
        Ok(Self {
            length: facts.len(),
            modified: facts.modified().ok(),
            file,
        })
    }

    /// The bytes from `at` on.
    fn read(&self, at: u64, length: u64) -> io::Result<Bytes> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut piece: Vec<u8> = Vec::with_capacity(length);
        while piece.len() < length {
            let from = at + piece.len() as u64;
            // Into what is not written yet, so that it need not be cleared before.
            if rustix::io::pread(&self.file, spare_capacity(&mut piece), from)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Bytes::from(piece))
    }

    fn is_as_it_was(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|facts| facts.len() == self.length && facts.modified().ok() == self.modified)
    }
}

/// Who takes what, for the audit.
struct Taking {
    app: App,
    actor: String,
    place: String,
    target: String,
    what: String,
}

impl Taking {
    async fn record(&self, outcome: &str, detail: &str) -> Result<(), crate::store::StoreError> {
        let entry = audit::Entry {
            actor: &self.actor,
            action: "backup.download",
            target: Some(&self.target),
            outcome,
            place: &self.place,
            detail,
            ..audit::Entry::default()
        };
        audit::record_alone(&self.app.store, &self.app.clock, &entry).await
    }
}

/// Bytes on their way. Dropping it is the end, however it came, and is recorded.
struct Sending {
    opened: Arc<Opened>,
    /// The next byte to be read, and the one after the last.
    at: u64,
    end: u64,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    sent: u64,
    asked: u64,
    began: Instant,
    taking: Option<Taking>,
}

impl Sending {
    fn new(opened: Opened, first: u64, last: u64, taking: Taking) -> Self {
        let mut sending = Self {
            opened: Arc::new(opened),
            at: first,
            end: last + 1,
            ahead: None,
            sent: 0,
            asked: last + 1 - first,
            began: Instant::now(),
            taking: Some(taking),
        };
        sending.read_ahead();
        sending
    }

    /// Begins to read the next piece. The last one is given out only if the file is still what it was.
    fn read_ahead(&mut self) {
        let length = PIECE.min(self.end - self.at);
        if length == 0 {
            return;
        }
        let (opened, at) = (self.opened.clone(), self.at);
        self.at += length;
        let is_last = self.at == self.end;
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            let piece = opened.read(at, length)?;
            if is_last && !opened.is_as_it_was() {
                return Err(io::Error::other(
                    "the artifact was changed while it was sent",
                ));
            }
            Ok(piece)
        }));
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let reading = self.ahead.take()?;
        let piece = reading.await.map_err(io::Error::other).flatten();
        match &piece {
            Ok(piece) => {
                self.sent += piece.len() as u64;
                self.read_ahead();
            }
            Err(error) => tracing::error!(%error, "a download was cut off"),
        }
        Some((piece, self))
    }

    /// The outcome, and how far it came. What the connection had taken may not have arrived.
    fn outcome(&self, taking: &Taking) -> (&'static str, String) {
        let took = super::page::measure::Millis(
            i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX),
        );
        if self.sent == self.asked {
            return (
                "succeeded",
                format!("{}: handed over in {took}", taking.what),
            );
        }
        let sent = size::Count(i64::try_from(self.sent).unwrap_or(i64::MAX));
        let cut = format!(
            "{}: cut off after {sent} bytes at most, in {took}",
            taking.what
        );
        ("failed", cut)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(taking) = self.taking.take() else {
            return;
        };
        let (outcome, detail) = self.outcome(&taking);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = taking.record(outcome, &detail).await {
                tracing::error!(%error, "the end of a download could not be recorded");
            }
        });
    }
}
