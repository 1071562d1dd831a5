//! One target in sentences, facts and bars.

use actix_web::{HttpResponse, web};

use super::error::PageError;
use super::layout::Tab;
use super::overview::{Next, gather};
use super::page::measure::{Bytes, Count};
use super::page::overview::TargetState;
use super::page::target::{Action, Fact, TableBar, TargetPage};
use super::page::trouble::TroubleBox;
use super::view;
use super::visit::SignedIn;
use crate::app::watch::Found;
use crate::job::queue;
use crate::target::Target;

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
    }))
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
