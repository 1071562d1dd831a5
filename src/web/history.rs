//! The history of a target: its migrations, and each one in full.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::error::PageError;
use super::layout::{Link, Tab};
use super::page::measure::{Count, Millis};
use super::page::migration::{LedgerRow, MigrationPage};
use super::page::migrations::{MigrationRow, MigrationState, MigrationsPage};
use super::page::trouble::TroubleBox;
use super::page::when::When;
use super::visit::SignedIn;
use super::{contract, drift, view};
use crate::app::watch::Found;
use crate::migration::{self, Entry, Script, State, Trace};
use crate::target::Target;

const PAGE: usize = 50;

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    after: Option<String>,
}

/// `GET /t/{target}/migrations`.
pub(super) async fn list(
    who: SignedIn,
    path: web::Path<String>,
    query: web::Query<HistoryQuery>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let look = who.visit.shared.watch.look(&target).await?;
    let mut page = MigrationsPage {
        layout: who.layout_of("Migrations", &target, Tab::Migrations),
        target: target.name.clone(),
        counts: String::new(),
        rows: Vec::new(),
        older: None,
        can_plan: false,
        drift: None,
        contract: None,
        trouble: None,
        folder: target.migrations.display().to_string(),
        example_baseline: "lockkeeper migrate baseline --up-to 0_init".to_owned(),
    };
    match &look.found {
        Err(trouble) => page.trouble = Some(TroubleBox::from(trouble)),
        Ok(found) => {
            page.trouble = found.survey.trouble().as_ref().map(TroubleBox::from);
            page.contract = found.survey.contract.as_ref().map(contract::card);
            page.counts = found.survey.sentences().join(" ");
            page.can_plan =
                found.survey.blocked().is_none() && found.survey.history.pending().next().is_some();
            fill(&mut page, &target, found, query.after.as_deref());
            // What Prisma 8 made is not described by scripts.
            if found.survey.has_ledger && found.survey.contract.is_none() {
                page.drift = Some(drift::card(&who.app().store, &target, found).await?);
            }
        }
    }
    Ok(view::ok(&page))
}

/// Trouble first, then what is pending, then the past, newest first. `after` is the name of the last row of the page
/// before.
fn fill(page: &mut MigrationsPage, target: &Target, found: &Found, after: Option<&str>) {
    let mut entries: Vec<&Entry> = found.survey.history.entries.iter().rev().collect();
    entries.sort_by_key(|entry| match shown_state(entry) {
        MigrationState::Failed | MigrationState::BrokenFolder | MigrationState::Running => 0,
        MigrationState::Pending | MigrationState::RolledBack => 1,
        MigrationState::Applied | MigrationState::Edited | MigrationState::Missing => 2,
    });
    let start = after
        .and_then(|after| entries.iter().position(|entry| entry.name == after))
        .map_or(0, |at| at + 1);
    let shown: Vec<&Entry> = entries.iter().skip(start).take(PAGE).copied().collect();
    if entries.len() > start + PAGE {
        page.older = shown.last().map(|last| {
            format!(
                "/t/{}/migrations?after={}",
                view::segment(&target.name),
                view::segment(&last.name)
            )
        });
    }
    page.rows = shown.into_iter().map(row).collect();
}

fn row(entry: &Entry) -> MigrationRow {
    let applied = entry.applied_row();
    MigrationRow {
        name: entry.name.clone(),
        state: shown_state(entry),
        applied_at: applied
            .and_then(|row| row.finished_at)
            .map(|at| When::at(at.as_millisecond())),
        took: applied.and_then(|row| {
            let finished = row.finished_at?;
            Some(Millis(
                finished.as_millisecond() - row.started_at.as_millisecond(),
            ))
        }),
        note: entry.note.clone(),
    }
}

fn shown_state(entry: &Entry) -> MigrationState {
    match entry.state {
        State::Pending => MigrationState::Pending,
        State::Applied if entry.edited => MigrationState::Edited,
        State::Applied => MigrationState::Applied,
        State::Failed => MigrationState::Failed,
        State::Running => MigrationState::Running,
        State::RolledBack => MigrationState::RolledBack,
        State::Missing => MigrationState::Missing,
        State::Broken => MigrationState::BrokenFolder,
    }
}

/// `GET /t/{target}/migrations/{name}`.
pub(super) async fn detail(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, name) = path.into_inner();
    let target = who.target(&target)?;
    let look = who.visit.shared.watch.look(&target).await?;
    let found = look
        .found
        .as_ref()
        .map_err(|trouble| PageError::Target(trouble.clone()))?;
    let entry = found
        .survey
        .history
        .entries
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| PageError::NotFound("migration of that name".to_owned()))?;
    let script = found.survey.script(&entry.name);
    let mut layout = who.layout_of(&entry.name, &target, Tab::Migrations);
    layout.crumbs = vec![Link::new(
        "Migrations",
        format!("/t/{}/migrations", view::segment(&target.name)),
    )];
    Ok(view::ok(&MigrationPage {
        layout,
        name: entry.name.clone(),
        state: shown_state(entry),
        meaning: meaning(entry, &found.survey.traces),
        command: None,
        trouble: match &script {
            Err(trouble) if entry.state != State::Missing => Some(TroubleBox::from(trouble)),
            _ => None,
        },
        ledger: entry.rows.iter().rev().map(ledger_row).collect(),
        lines: script
            .map(|script: &Script| view::code(&script.text))
            .unwrap_or_default(),
    }))
}

fn meaning(entry: &Entry, traces: &[Trace]) -> Vec<String> {
    let mut sentences = vec![
        match entry.state {
            State::Pending => "It is in the folder and not in the ledger: applying a plan runs it.",
            State::Applied => "It ran to its end, and the ledger says so.",
            State::Failed => {
                "It was started and did not end. Prisma and Lockkeeper apply nothing more until somebody has decided \
                 what is in effect, and has said so: `lockkeeper migrate resolve --applied` if all of it is, `--rolled-back` if \
                 nothing is, or the same with `prisma migrate resolve`."
            }
            State::Running => "It was started, and a session still holds the lock of the migrations: it runs now.",
            State::RolledBack => "A try of it was marked as rolled back, so it is pending again: applying a plan runs it.",
            State::Missing => "The ledger knows it, but its folder is gone. What it did is still in the database.",
            State::Broken => "Its folder has no readable migration.sql, so it cannot be applied.",
        }
        .to_owned(),
    ];
    sentences.extend(entry.note.clone());
    let trace = traces.iter().find(|trace| trace.name == entry.name);
    sentences.extend(trace.map(Trace::sentence));
    sentences
}

fn ledger_row(row: &migration::LedgerRow) -> LedgerRow {
    LedgerRow {
        id: row.id.clone(),
        checksum: row.checksum.clone(),
        started_at: When::at(row.started_at.as_millisecond()),
        finished_at: row.finished_at.map(|at| When::at(at.as_millisecond())),
        rolled_back_at: row.rolled_back_at.map(|at| When::at(at.as_millisecond())),
        applied_steps_count: Count(i64::from(row.applied_steps_count)),
        logs: row.logs.clone().filter(|logs| !logs.is_empty()),
    }
}
