//! The backups of a target: list them, take one. One of them is [`super::backup`]'s, its bytes are [`super::download`]'s.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::Tab;
use super::page::backups::{BackupRow, BackupState, BackupsPage};
use super::page::measure::{Bytes, Millis};
use super::page::trouble::TroubleBox;
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::auth::role::Permission;
use crate::backup::archive::Listing;
use crate::backup::manifest::Worth;
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

/// The backup of that id, or not found.
pub(super) async fn find(who: &SignedIn, target: &str, id: String) -> Result<Manifest, PageError> {
    let (archive, target) = (who.app().resources.archive.clone(), target.to_owned());
    let found = blocking(move || archive.find(&target, &id)).await;
    found.ok_or_else(|| PageError::NotFound("backup of that id".to_owned()))
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
                href: format!("{path}/{}", backup.id),
                download: may_download.then(|| format!("{path}/{}/download", backup.id)),
                ..row(backup)
            })
            .collect(),
        note,
        archive: place(archive, free),
        trouble: refused
            .as_ref()
            .map(TroubleBox::from)
            .or_else(|| trouble(&listing.problems)),
        example: format!("lockkeeper backup take {}", target.name),
    }
}

/// What looks like a backup and is none. The terminal names all of them.
fn trouble(problems: &[String]) -> Option<TroubleBox> {
    let (first, more) = problems.split_first()?;
    let more = match more.len() {
        0 => String::new(),
        1 => " There is 1 more like this.".to_owned(),
        n => format!(" There are {n} more like this."),
    };
    Some(TroubleBox::new(
        format!("{first}{more}"),
        "It is not among the backups below. Those are not touched by it.",
        "Look at the archive folder; a manifest and its artifact belong together. `lockkeeper backup list` names everything \
         that is wrong there.",
    ))
}

fn summary(listing: &Listing) -> String {
    match listing.backups.first() {
        None => "There is no backup yet: nothing to go back to.".to_owned(),
        Some(newest) => format!(
            "The newest is of {} and is {}. {}",
            newest.created_at.strftime("%Y-%m-%d %H:%M UTC"),
            newest.worth().word(),
            newest.worth().sentence()
        ),
    }
}

/// The word for what is known of a backup.
pub(super) fn state(backup: &Manifest) -> BackupState {
    match backup.worth() {
        Worth::Taken => BackupState::Taken,
        Worth::Readable => BackupState::Readable,
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
        href: String::new(),
        name: backup.name().to_owned(),
        note: (!backup.note.is_empty()).then(|| backup.note.clone()),
        state: state(backup),
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
pub(super) async fn blocking<T: Default + Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}
