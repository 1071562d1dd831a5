//! What differs between a target and its migrations, as a card of their page, and the button that compares.

use actix_web::{HttpResponse, web};

use super::error::PageError;
use super::page::drift::{Compared, DriftCard, DriftPart, DriftThing};
use super::page::when::When;
use super::view;
use super::visit::{SignedIn, StartForm};
use crate::app::watch::Found;
use crate::job::Operation;
use crate::migration::drift::{Difference, Drift, Extent, Replay, Value, stored};
use crate::store::{Store, StoreError};
use crate::target::Target;

/// `POST /t/{target}/drift`: holds the database against what its migrations make.
pub(super) async fn compare(
    who: SignedIn,
    path: web::Path<String>,
    form: web::Form<StartForm>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let operation = Operation::DetectDrift {
        target: target.name.clone(),
        replay: Replay::default(),
        extent: Extent::default(),
    };
    let id = who.enqueue(&operation, &form.key).await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

/// The newest comparison, and whether a migration was applied after it.
pub(super) async fn card(
    store: &Store,
    target: &Target,
    found: &Found,
) -> Result<DriftCard, StoreError> {
    let newest = found.survey.ledger_rows().filter_map(|row| row.finished_at);
    let newest = newest.max().map(jiff::Timestamp::as_millisecond);
    let latest = stored::latest(store, &target.name).await?;
    let compared = latest.map(|(drift, job)| compared(&drift, &job, newest));
    let path = format!("/t/{}", view::segment(&target.name));
    Ok(DriftCard::new(&target.name, &path, compared))
}

fn compared(drift: &Drift, job: &str, newest: Option<i64>) -> Compared {
    const THINGS: usize = 50;
    let words = |values: &[Value]| values.iter().map(Value::words).collect();
    let part = |part: &Difference| {
        let remark = part.remark();
        DriftPart {
            title: part.title(),
            // What is on one side only has been told whole by its remark.
            values: if remark.is_empty() {
                words(&part.values)
            } else {
                Vec::new()
            },
            remark,
        }
    };
    let shown = drift.differences.iter().take(THINGS);
    Compared {
        at: When::at(drift.at),
        href: format!("/jobs/{job}"),
        is_none: drift.is_none(),
        words: drift.summary(),
        is_outdated: newest.is_some_and(|newest| newest > drift.at),
        things: shown
            .map(|thing| DriftThing {
                title: thing.title(),
                remark: thing.remark(),
                values: words(&thing.values),
                parts: thing.parts.iter().map(part).collect(),
            })
            .collect(),
        more: drift.differences.len().saturating_sub(THINGS),
        notes: drift.notes.clone(),
    }
}
