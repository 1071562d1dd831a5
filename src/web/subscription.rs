//! Who is told of what about a target: add, change, remove, send a test; and how old its newest backup may be.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::error::PageError;
use super::layout::{Layout, Link, Tab};
use super::page::settings::Choice;
use super::page::subscription::{
    KindBox, SubscribeForm, SubscriptionPage, SubscriptionPart, SubscriptionRow,
};
use super::settings::{self, settings_path};
use super::view;
use super::visit::SignedIn;
use crate::app::App;
use crate::notify::subscription::{self, SubscriptionError};
use crate::notify::{Channel, EVERY_TARGET, Kind, Subscription, outbox, policy};
use crate::store::StoreError;
use crate::target::Target;

/// What the form sends for mail, whose address stands in a field of its own.
const MAIL: &str = "mail";
/// How much of what was typed is shown again, in characters.
const ECHO: usize = 254;

/// A form as it was sent: fields of one name may come several times.
type Fields = web::Form<Vec<(String, String)>>;

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    let found = fields.iter().find(|(field, _)| field == name);
    found.map_or("", |(_, value)| value.as_str())
}

fn kinds(fields: &Fields) -> Vec<Kind> {
    let chosen = fields.iter().filter(|(field, _)| field == "kind");
    chosen
        .filter_map(|(_, word)| Kind::from_word(word))
        .collect()
}

/// `POST /t/{target}/settings/notifications`: adds one.
pub(super) async fn add(
    who: SignedIn,
    path: web::Path<String>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let (app, kinds) = (who.app(), kinds(&fields));
    let everywhere = field(&fields, "scope") == "every";
    if everywhere {
        who.manages(EVERY_TARGET)?;
    }
    let mut form = form(app, &kinds).ok_or_else(|| {
        PageError::Bad("the configuration has no channel that could be subscribed".to_owned())
    })?;
    form.everywhere = everywhere;
    field(&fields, "channel").clone_into(&mut form.channel);
    let channel = if form.channel == MAIL && form.address.is_some() {
        let typed = field(&fields, "address");
        form.address = Some(typed.chars().take(ECHO).collect());
        match Channel::mail(typed) {
            Ok(channel) => Some(channel),
            Err(wrong) => {
                form.address_error = Some(wrong.to_string());
                None
            }
        }
    } else {
        let known = form
            .channels
            .iter()
            .any(|choice| choice.value == form.channel);
        if !known {
            form.error = Some("Choose how people are to be told.".to_owned());
        }
        Channel::from_stored(&form.channel).filter(|_| known)
    };
    if let Some(channel) = channel {
        let of = if everywhere {
            EVERY_TARGET
        } else {
            &target.name
        };
        let by = who.by();
        match subscription::create(&app.store, &app.clock, of, &channel, &kinds, by).await {
            Ok(_) => {
                let told = words(app, &channel);
                who.flash(
                    true,
                    &format!("Added: {told}. Send a test to see whether it arrives."),
                );
                return Ok(view::go(&settings_path(&target)));
            }
            Err(SubscriptionError::Store(error)) => return Err(error.into()),
            Err(error) => form.error = Some(error.to_string()),
        }
    }
    let mut page = settings::plain(&who, &target).await?;
    page.told.add = Some(form);
    Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `POST /t/{target}/settings/backup-age`: how old the newest backup may be; empty: not watched.
pub(super) async fn set_backup_age(
    who: SignedIn,
    path: web::Path<String>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    let target = who.target(&path)?;
    let app = who.app();
    let typed = field(&fields, "hours");
    let hours: Option<u32> = match typed.trim() {
        "" => None,
        text => match text.parse() {
            Ok(hours) if (1..=policy::MOST_HOURS).contains(&hours) => Some(hours),
            _ => {
                let mut page = settings::plain(&who, &target).await?;
                page.told.hours = typed.chars().take(8).collect();
                page.told.hours_error = Some(format!(
                    "Write a whole number of hours from 1 to {}, or nothing.",
                    policy::MOST_HOURS
                ));
                return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
            }
        },
    };
    policy::set_backup_age_hours(&app.store, &app.clock, &target.name, hours, who.by()).await?;
    let done = match hours {
        None => "Nobody is told any more when a backup is absent.".to_owned(),
        Some(hours) => format!(
            "Whoever wants to know is told when the newest backup is older than {}.",
            view::plural(usize::try_from(hours).unwrap_or_default(), "hour")
        ),
    };
    who.flash(true, &done);
    Ok(view::go(&settings_path(&target)))
}

/// `GET /t/{target}/settings/notifications/{id}`.
pub(super) async fn show(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, subscription) = load(&who, path).await?;
    let kinds = subscription.kinds.clone();
    Ok(view::ok(&page(&who, &target, &subscription, &kinds, None)))
}

/// `POST /t/{target}/settings/notifications/{id}`: tells of something else from now on.
pub(super) async fn change(
    who: SignedIn,
    path: web::Path<(String, String)>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    let (target, subscription) = load(&who, path).await?;
    let (app, kinds) = (who.app(), kinds(&fields));
    let changed =
        subscription::change(&app.store, &app.clock, &subscription.id, &kinds, who.by()).await;
    if let Err(SubscriptionError::NoKind) = changed {
        let error = Some(SubscriptionError::NoKind.to_string());
        let page = page(&who, &target, &subscription, &kinds, error);
        return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    back(&who, &target, changed, "Changed.")
}

/// `POST …/remove`.
pub(super) async fn remove(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, subscription) = load(&who, path).await?;
    let app = who.app();
    let removed = subscription::remove(&app.store, &app.clock, &subscription.id, who.by()).await;
    let done = format!("Removed: {}.", words(app, &subscription.channel));
    back(&who, &target, removed, &done)
}

/// `POST …/test`: sends a test, the way everything else goes.
pub(super) async fn test(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (_, subscription) = load(&who, path).await?;
    let app = who.app();
    outbox::test(&app.store, &app.clock, &subscription, who.by()).await?;
    let told = words(app, &subscription.channel);
    who.flash(
        true,
        &format!("A test is on its way: {told}. This page says what became of it."),
    );
    Ok(view::go("/notifications"))
}

/// To the settings, with what has been done, or with what somebody else has done meanwhile.
fn back(
    who: &SignedIn,
    target: &Target,
    result: Result<(), SubscriptionError>,
    done: &str,
) -> Result<HttpResponse, PageError> {
    match result {
        Ok(()) => who.flash(true, done),
        Err(SubscriptionError::Store(error)) => return Err(error.into()),
        Err(error) => who.flash(false, &error.to_string()),
    }
    Ok(view::go(&settings_path(target)))
}

async fn load(
    who: &SignedIn,
    path: web::Path<(String, String)>,
) -> Result<(Arc<Target>, Subscription), PageError> {
    let (target, id) = path.into_inner();
    let target = who.target(&target)?;
    let there = subscription::list(&who.app().store, &target.name).await?;
    let found = there.into_iter().find(|one| one.id == id);
    let found = found.ok_or_else(|| PageError::NotFound("subscription of that id".to_owned()))?;
    // One for every target stands on each one's page.
    who.manages(&found.target)?;
    Ok((target, found))
}

fn page(
    who: &SignedIn,
    target: &Target,
    subscription: &Subscription,
    kinds: &[Kind],
    error: Option<String>,
) -> SubscriptionPage {
    let path = settings_path(target);
    SubscriptionPage {
        layout: Layout {
            crumbs: vec![Link::new("Settings", &path)],
            ..who.layout_of("Subscription", target, Tab::Settings)
        },
        path: format!("{path}/notifications/{}", subscription.id),
        channel: words(who.app(), &subscription.channel),
        everywhere: subscription.target == EVERY_TARGET,
        kinds: boxes(kinds),
        error,
    }
}

/// The part of a target's settings.
pub(super) async fn part(app: &App, target: &Target) -> Result<SubscriptionPart, StoreError> {
    let there = subscription::list(&app.store, &target.name).await?;
    let hours = policy::backup_age_hours(&app.store, &target.name).await?;
    let usual = [
        Kind::BackupFailed,
        Kind::BackupAbsent,
        Kind::JobInterrupted,
        Kind::TargetDown,
    ];
    Ok(SubscriptionPart {
        rows: there.iter().map(|one| row(app, target, one)).collect(),
        add: form(app, &usual),
        hours: hours.map_or_else(String::new, |hours| hours.to_string()),
        hours_error: None,
    })
}

fn row(app: &App, target: &Target, one: &Subscription) -> SubscriptionRow {
    let kinds: Vec<&str> = one.kinds.iter().map(|kind| kind.words()).collect();
    let missing = match &one.channel {
        Channel::Webhook(name) if app.config.webhook(name).is_none() => {
            Some("The configuration has no webhook of this name.")
        }
        Channel::Mail(_) if app.config.smtp.is_none() => {
            Some("The configuration has no mail server.")
        }
        _ => None,
    };
    SubscriptionRow {
        path: format!("{}/notifications/{}", settings_path(target), one.id),
        channel: words(app, &one.channel),
        everywhere: one.target == EVERY_TARGET,
        kinds: kinds.join(", "),
        missing: missing.map(str::to_owned),
    }
}

/// The empty form; none when the configuration has no channel.
fn form(app: &App, chosen: &[Kind]) -> Option<SubscribeForm> {
    let webhooks = app.config.webhooks.iter().map(|webhook| {
        let channel = Channel::Webhook(webhook.name.clone());
        Choice::new(channel.to_string(), words(app, &channel))
    });
    let mail = app.config.smtp.is_some();
    let mut channels: Vec<Choice> = webhooks.collect();
    channels.extend(mail.then(|| Choice::new(MAIL, "Mail")));
    let first = channels.first()?.value.clone();
    Some(SubscribeForm {
        channels,
        channel: first,
        address: mail.then(String::new),
        address_error: None,
        everywhere: false,
        kinds: boxes(chosen),
        error: None,
    })
}

fn boxes(chosen: &[Kind]) -> Vec<KindBox> {
    let one = |kind: Kind| KindBox {
        word: kind.word().to_owned(),
        label: kind.words().to_owned(),
        chosen: chosen.contains(&kind),
    };
    Kind::TOPICS.map(one).to_vec()
}

/// A channel as people read it: of a webhook its name, and its host at most.
fn words(app: &App, channel: &Channel) -> String {
    match channel {
        Channel::Mail(address) => format!("Mail to {address}"),
        Channel::Webhook(name) => match app.config.webhook(name) {
            Some(webhook) => format!("Webhook {name} ({})", webhook.host),
            None => format!("Webhook {name}"),
        },
    }
}
