//! One target in sentences, facts and bars.

use actix_web::{HttpResponse, web};

use super::error::PageError;
use super::layout::Tab;
use super::overview::{Next, gather};
use super::page::chart::Chart;
use super::page::measure::{Bytes, Count};
use super::page::overview::TargetState;
use super::page::size::{Checked, SizeCard};
use super::page::target::{Action, Fact, TableBar, TargetPage};
use super::page::trouble::TroubleBox;
use super::page::when::When;
use super::view;
use super::visit::{SignedIn, StartForm};
use crate::app::watch::Found;
use crate::job::{Operation, queue};
use crate::store::StoreError;
use crate::target::{Target, measurement};

/// How far back the chart of the size goes.
const SHOWN_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// How many points it has at most.
const POINTS: i64 = 60;

/// `GET /t/{target}`.
pub(super) async fn show(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let look = who.visit.shared.watch.look(&target).await?;
    let open = queue::open(&who.app().store).await?;
    let known = gather(&who, &target, &look, &open).await;
    let mut sentences = known.sentences;
    let headline = sentences.first().map_or_else(
        || "Nothing needs you here.".to_owned(),
        |first| match first.state {
            TargetState::Unreachable => format!("{} cannot be looked at now.", target.name),
            _ => first.text.clone(),
        },
    );
    // What the box of the trouble tells in full is not told a second time.
    sentences.retain(|sentence| sentence.state != TargetState::Unreachable);
    let found = look.found.as_ref().ok();
    Ok(view::ok(&TargetPage {
        layout: who.layout_of(&target.name, &target, Tab::Overview),
        headline,
        state: known.state,
        sentences,
        action: match known.next {
            None => Action::None,
            Some(Next::Read(link)) => Action::Link(link),
            Some(Next::Start(link)) => Action::Post(link),
        },
        trouble: look.found.as_ref().err().map(TroubleBox::from),
        facts: facts(&target, found),
        tables: found.map(tables).unwrap_or_default(),
        size: size(&who, &target, found).await?,
    }))
}

/// `POST /t/{target}/check`: looks at it and keeps what was measured.
pub(super) async fn check(
    who: SignedIn,
    path: web::Path<String>,
    form: web::Form<StartForm>,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let operation = Operation::CheckTarget {
        target: target.name.clone(),
    };
    let id = who.enqueue(&operation, &form.key).await?;
    Ok(view::go(&format!("/jobs/{id}")))
}

/// The size now, and what the checks of the last months measured; of older ones the newest.
async fn size(
    who: &SignedIn,
    target: &Target,
    found: Option<&Found>,
) -> Result<SizeCard, StoreError> {
    let (store, now) = (&who.app().store, who.app().clock.now_ms());
    let latest = measurement::latest(store, &target.name).await?;
    let mut shown = measurement::series(store, &target.name, now - SHOWN_MS, POINTS).await?;
    if shown.is_empty() {
        shown.extend(latest.clone());
    }
    let sizes: Vec<(i64, i64)> = shown
        .iter()
        .filter_map(|one| Some((one.at, one.database_bytes?)))
        .collect();
    let checked = latest.map(|latest| Checked {
        at: When::at(latest.at),
        href: format!("/jobs/{}", latest.job),
    });
    Ok(SizeCard::new(
        &target.name,
        &format!("/t/{}", view::segment(&target.name)),
        found
            .and_then(|found| found.survey.facts.size_bytes)
            .map(Bytes),
        Chart::of(&sizes),
        checked,
    ))
}

fn facts(target: &Target, found: Option<&Found>) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
    };
    let mut list = vec![fact("Database", target.url.safe())];
    if let Some(survey) = found.map(|found| &found.survey) {
        let facts = &survey.facts;
        let connections = format!("{} of {}", facts.connections_used, facts.connections_max);
        list.insert(0, fact("Postgres", facts.version_text.clone()));
        list.push(fact("Schema", survey.schema.clone()));
        list.extend(
            facts
                .size_bytes
                .map(|bytes| fact("Size", Bytes(bytes).to_string())),
        );
        list.push(fact("Connections", connections));
    }
    list.push(fact("Migrations", target.migrations.display().to_string()));
    list
}

fn tables(found: &Found) -> Vec<TableBar> {
    let largest = found
        .tables
        .iter()
        .map(|table| table.bytes)
        .max()
        .unwrap_or(0)
        .max(1);
    found
        .tables
        .iter()
        .map(|table| TableBar {
            name: if table.schema == "public" {
                table.name.clone()
            } else {
                format!("{}.{}", table.schema, table.name)
            },
            rows: table.rows_estimate.map(Count),
            bytes: Bytes(table.bytes),
            share: u8::try_from(table.bytes.saturating_mul(100) / largest).unwrap_or(100),
        })
        .collect()
}
