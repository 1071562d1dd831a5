//! The backups of a target: list, take, download.

use actix_files::NamedFile;
use actix_web::http::header::{
    ContentDisposition, ContentEncoding, DispositionParam, DispositionType,
};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::Tab;
use super::page::backups::{BackupRow, BackupState, BackupsPage};
use super::page::measure::{Bytes, Millis};
use super::page::trouble::TroubleBox;
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::audit;
use crate::auth::role::Permission;
use crate::backup::archive::Listing;
use crate::backup::{Archive, Manifest};
use crate::job::Operation;
use crate::operation::Trouble;
use crate::target::Target;

const PAGE: usize = 50;
const LONGEST_NOTE: usize = 200;

#[derive(Deserialize)]
pub(super) struct TakeForm {
    #[serde(default)]
    note: String,
    #[serde(default)]
    key: String,
}

#[derive(Deserialize)]
pub(super) struct BackupsQuery {
    before: Option<String>,
}

/// `GET /t/{target}/backups`.
pub(super) async fn list(
    who: SignedIn,
    path: web::Path<String>,
    query: web::Query<BackupsQuery>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let page = page(&who, &target, query.before.as_deref(), String::new(), None).await;
    Ok(view::ok(&page))
}

/// `POST /t/{target}/backups`: takes one.
pub(super) async fn take(
    who: SignedIn,
    path: web::Path<String>,
    form: web::Form<TakeForm>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let TakeForm { note, key } = form.into_inner();
    if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
        let trouble = Trouble::new(
            format!("A note has at most {LONGEST_NOTE} characters, on one line."),
            "No backup was started.",
            "Shorten the note and take the backup again.",
        );
        who.explain(&trouble);
        let page = page(&who, &target, None, note, Some(trouble)).await;
        return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let operation = Operation::TakeBackup {
        target: target.name.clone(),
        note: note.trim().to_owned(),
    };
    let id = who.enqueue(&operation, &key).await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

/// `GET /t/{target}/backups/{id}/download`: the artifact, with ranges, so that an interrupted download goes on.
pub(super) async fn download(
    who: SignedIn,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, id) = path.into_inner();
    let target = who.target(&target)?;
    let archive = who.app().resources.archive.clone();
    let name = target.name.clone();
    let found = blocking(move || {
        let manifest = archive.find(&name, &id)?;
        let artifact = archive.artifact(&manifest)?;
        Some((manifest, artifact))
    })
    .await;
    let (manifest, artifact) =
        found.ok_or_else(|| PageError::NotFound("backup of that id".to_owned()))?;
    let range = request
        .headers()
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok())
        .unwrap_or("whole");
    let detail = format!("{} ({range})", manifest.file.name);
    let entry = audit::Entry {
        actor: &who.actor,
        action: "backup.download",
        target: Some(&target.name),
        outcome: "requested",
        place: &who.visit.address,
        detail: &detail,
        ..audit::Entry::default()
    };
    audit::record_alone(&who.app().store, &who.app().clock, &entry).await?;
    let file =
        NamedFile::open(&artifact).map_err(|error| PageError::Internal(error.to_string()))?;
    let mut response = file
        .use_etag(true)
        .set_content_disposition(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(manifest.file.name.clone())],
        })
        .into_response(&request);
    // The bytes are compressed already, and a range is one of these bytes.
    response.headers_mut().insert(
        header::CONTENT_ENCODING,
        header::HeaderValue::from_static(ContentEncoding::Identity.as_str()),
    );
    Ok(response)
}

async fn page(
    who: &SignedIn,
    target: &Target,
    before: Option<&str>,
    note: String,
    refused: Option<Trouble>,
) -> BackupsPage {
    let archive = who.app().resources.archive.clone();
    let name = target.name.clone();
    let (listing, free) = blocking(move || (archive.list(&name), archive.free_bytes())).await;
    let archive = &who.app().resources.archive;
    let start = before
        .and_then(|before| {
            listing
                .backups
                .iter()
                .position(|backup| backup.id == before)
        })
        .map_or(0, |at| at + 1);
    let shown: Vec<&Manifest> = listing.backups.iter().skip(start).take(PAGE).collect();
    let more = listing.backups.len() > start + PAGE;
    let path = format!("/t/{}/backups", view::segment(&target.name));
    let may_download = who.grants.may(&target.name, Permission::Download);
    BackupsPage {
        layout: who.layout_of("Backups", target, Tab::Backups),
        target: target.name.clone(),
        summary: summary(&listing),
        older: shown
            .last()
            .filter(|_| more)
            .map(|last| format!("{path}?before={}", last.id)),
        backups: shown
            .into_iter()
            .map(|backup| BackupRow {
                download: may_download.then(|| format!("{path}/{}/download", backup.id)),
                ..row(backup)
            })
            .collect(),
        note,
        archive: place(archive, free),
        trouble: refused.as_ref().map(TroubleBox::from).or_else(|| {
            listing.problems.first().map(|problem| {
                TroubleBox::new(
                    problem,
                    "The other backups are not touched by this.",
                    "Look at the archive folder; a manifest and its artifact belong together.",
                )
            })
        }),
        example: format!("lockkeeper backup take {}", target.name),
    }
}

fn summary(listing: &Listing) -> String {
    match listing.backups.first() {
        None => "There is no backup yet: nothing to go back to.".to_owned(),
        Some(newest) => format!(
            "The newest is of {}. It is taken: the dump ended well and its bytes are recorded. It has not been restored \
             to prove it.",
            newest.created_at.strftime("%Y-%m-%d %H:%M UTC")
        ),
    }
}

fn place(archive: &Archive, free: Option<u64>) -> String {
    let folder = archive.folder().display();
    match free.and_then(|free| i64::try_from(free).ok()) {
        Some(free) => format!("Backups go to {folder}, where {} are free.", Bytes(free)),
        None => format!("Backups go to {folder}."),
    }
}

fn row(backup: &Manifest) -> BackupRow {
    let applied = backup
        .migrations
        .iter()
        .filter(|row| row.state == "applied")
        .count();
    BackupRow {
        name: backup.file.name.clone(),
        note: (!backup.note.is_empty()).then(|| backup.note.clone()),
        state: BackupState::Taken,
        taken_at: When::at(backup.created_at.as_millisecond()),
        size: Bytes(i64::try_from(backup.file.bytes).unwrap_or(i64::MAX)),
        took: Millis(backup.duration_ms()),
        sha256: backup.file.sha256.clone(),
        server_version: backup.server.version(),
        contents: view::plural(applied, "migration"),
        download: None,
    }
}

/// Runs what touches the disk away from the threads that serve pages.
async fn blocking<T: Default + Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}
