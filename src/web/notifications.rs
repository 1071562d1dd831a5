//! What people were told: found by filters, newest first; what was given up can be tried again.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::error::PageError;
use super::page::jobs::Pick;
use super::page::notifications::{NotificationRow, NotificationState, NotificationsPage};
use super::page::when::When;
use super::view;
use super::visit::SignedIn;
use crate::auth::role::Permission;
use crate::notify::notification::{self, Filter};
use crate::notify::{Channel, EVERY_TARGET, Kind, Notification, State, outbox};

const PAGE: usize = 25;
/// Asked for, to know whether there is another page.
const ONE_MORE: i64 = 26;
/// How much of an error is shown, in characters.
const ERROR: usize = 200;

/// What to look for. Fields that are empty, as a form sends them, or that say nothing we know, do not matter.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct NotificationsQuery {
    state: String,
    kind: String,
    target: String,
    before: Option<String>,
}

impl NotificationsQuery {
    fn filter<'a>(&'a self, targets: &[&str], scope: Option<&'a str>) -> Filter<'a> {
        let target = self.target.as_str();
        Filter {
            state: State::from_word(&self.state),
            kind: Kind::from_word(&self.kind),
            target: targets.contains(&target).then_some(target),
            scope,
        }
    }
}

/// The path of the page from before `before`, narrowed as it is.
fn path(filter: &Filter<'_>, before: Option<&str>) -> String {
    let fields = [
        ("state", filter.state.map(State::word)),
        ("kind", filter.kind.map(Kind::word)),
        ("target", filter.target),
        ("before", before),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let query = Serializer::new(String::new()).extend_pairs(given).finish();
    match query.as_str() {
        "" => "/notifications".to_owned(),
        query => format!("/notifications?{query}"),
    }
}

/// `GET /notifications`.
pub(super) async fn list(
    who: SignedIn,
    query: web::Query<NotificationsQuery>,
) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let names = app.resources.targets.iter();
    let names: Vec<&str> = names
        .map(|target| target.name.as_str())
        .filter(|name| who.grants.may(name, Permission::View))
        .collect();
    let scope = who.grants.scope();
    let filter = query.filter(&names, scope.as_deref());
    let before = query.before.as_deref();
    let mut found = notification::page(&app.store, &filter, before, ONE_MORE).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let older = found
        .last()
        .filter(|_| more)
        .map(|last| path(&filter, Some(&last.id)));
    let (waiting, given_up) = notification::counts(&app.store, scope.as_deref()).await?;
    let pick = |value: &str, label: &str, chosen: bool| Pick {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen,
    };
    Ok(view::ok(&NotificationsPage {
        layout: who.layout("Notifications"),
        waiting,
        given_up,
        states: State::ALL
            .map(|state| pick(state.word(), state.word(), filter.state == Some(state)))
            .to_vec(),
        kinds: Kind::ALL
            .map(|kind| pick(kind.word(), kind.words(), filter.kind == Some(kind)))
            .to_vec(),
        targets: names
            .iter()
            .map(|name| pick(name, name, filter.target == Some(*name)))
            .collect(),
        filtered: filter.state.is_some() || filter.kind.is_some() || filter.target.is_some(),
        rows: found.into_iter().map(row).collect(),
        newest: before.map(|_| path(&filter, None)),
        older,
    }))
}

/// `POST /notifications/{id}/again`.
pub(super) async fn again(
    who: SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let found = notification::get(&app.store, &path).await?;
    let found = found.ok_or_else(|| PageError::NotFound("notification of that id".to_owned()))?;
    if outbox::again(&app.store, &app.clock, &found, who.by()).await? {
        who.flash(true, "It is tried again now.");
    } else {
        who.flash(false, "This one is not given up any more.");
    }
    Ok(view::go("/notifications"))
}

fn row(one: Notification) -> NotificationRow {
    let state = match one.state {
        State::Waiting => NotificationState::Waiting,
        State::Sent => NotificationState::Sent,
        State::GivenUp => NotificationState::GivenUp,
    };
    let kind = Kind::from_word(&one.kind);
    let (way, channel) = match &one.channel {
        Channel::Mail(address) => ("mail", address.as_str()),
        Channel::Webhook(name) => ("webhook", name.as_str()),
    };
    NotificationRow {
        href: one.path(),
        state,
        kind: kind.map_or_else(|| one.kind.clone(), |kind| kind.words().to_owned()),
        target: Some(one.target).filter(|target| !target.is_empty() && target != EVERY_TARGET),
        channel: channel.to_owned(),
        way,
        at: When::at(one.created_at),
        tries: one.tries,
        next: (one.state == State::Waiting && one.tries > 0).then(|| When::at(one.next_try_at)),
        sent: one.sent_at.map(When::at),
        error: one.error.map(|error| error.chars().take(ERROR).collect()),
        id: one.id,
        subject: one.subject,
    }
}
