//! Who is told of what: the part of a target's settings, and `/t/{target}/settings/notifications/{id}`, one subscription to
//! be changed or removed.

use askama::Template;

use super::settings::Choice;
use crate::web::layout::{Environment, Layout, Link, Tab};

/// One subscription.
#[derive(Clone, Debug)]
pub struct SubscriptionRow {
    /// Its path, to which `/test` and the like are added.
    pub path: String,
    /// How people are told: `Webhook ops (hooks.example)`.
    pub channel: String,
    /// Whether it is to every target.
    pub everywhere: bool,
    /// Of what, in words.
    pub kinds: String,
    /// Why nothing can be sent there, if so.
    pub missing: Option<String>,
}

/// A kind of notification, to be chosen.
#[derive(Clone, Debug)]
pub struct KindBox {
    /// Its word.
    pub word: String,
    /// What is read.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// The form that adds a subscription.
#[derive(Clone, Debug)]
pub struct SubscribeForm {
    /// The channels of the configuration.
    pub channels: Vec<Choice>,
    /// What was chosen of them.
    pub channel: String,
    /// The mail address, where there is a mail server.
    pub address: Option<String>,
    /// What is wrong with the address.
    pub address_error: Option<String>,
    /// Whether it is to be for every target.
    pub everywhere: bool,
    /// Of what.
    pub kinds: Vec<KindBox>,
    /// What is wrong with all of it.
    pub error: Option<String>,
}

/// The part of a target's settings.
#[derive(Clone, Debug)]
pub struct SubscriptionPart {
    /// The subscriptions that concern the target, oldest first.
    pub rows: Vec<SubscriptionRow>,
    /// The form for another one; none while the configuration has no channel.
    pub add: Option<SubscribeForm>,
    /// How many hours old the newest backup may be, as typed.
    pub hours: String,
    /// What is wrong with that.
    pub hours_error: Option<String>,
}

impl SubscriptionPart {
    /// How many hours old the newest backup may be, where that is watched.
    #[must_use]
    pub fn watched(&self) -> Option<&str> {
        Some(self.hours.as_str()).filter(|hours| !hours.is_empty())
    }
}

fn kinds() -> Vec<KindBox> {
    [
        ("backup-failed", "A backup failed", true),
        ("backup-absent", "A backup is absent", true),
        ("job-failed", "Another job failed", false),
        ("job-interrupted", "A job is interrupted", true),
        ("approval-waiting", "A plan waits for an approval", false),
        ("target-down", "The target is down", true),
        (
            "codes-guessed",
            "Somebody with a password guesses codes",
            false,
        ),
    ]
    .map(|(word, label, chosen)| KindBox {
        word: word.to_owned(),
        label: label.to_owned(),
        chosen,
    })
    .to_vec()
}

impl SubscriptionPart {
    /// A webhook for every target, and mail whose server has left the configuration.
    #[must_use]
    pub fn sample() -> Self {
        let row = |id: &str, channel: &str| SubscriptionRow {
            path: format!("/t/jarvis/settings/notifications/{id}"),
            channel: channel.to_owned(),
            everywhere: false,
            kinds: "A backup failed, A backup is absent, The target is down".to_owned(),
            missing: None,
        };
        Self {
            rows: vec![
                SubscriptionRow {
                    everywhere: true,
                    ..row("1", "Webhook ops (hooks.example)")
                },
                SubscriptionRow {
                    missing: Some("The configuration has no webhook of this name.".to_owned()),
                    ..row("2", "Webhook pager")
                },
            ],
            add: Some(SubscribeForm {
                channels: vec![
                    Choice::new("webhook:ops", "Webhook ops (hooks.example)"),
                    Choice::new("mail", "Mail"),
                ],
                channel: "webhook:ops".to_owned(),
                address: Some(String::new()),
                address_error: None,
                everywhere: false,
                kinds: kinds(),
                error: None,
            }),
            hours: "26".to_owned(),
            hours_error: None,
        }
    }

    /// The configuration has no channel.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            rows: Vec::new(),
            add: None,
            hours: String::new(),
            hours_error: None,
        }
    }

    /// After forms that could not be used.
    #[must_use]
    pub fn sample_refused() -> Self {
        let mut part = Self::sample();
        "<b>two</b>".clone_into(&mut part.hours);
        part.hours_error = Some("Write a whole number of hours from 1 to 8760.".to_owned());
        if let Some(add) = &mut part.add {
            "mail".clone_into(&mut add.channel);
            add.address = Some("\"><script>alert(1)</script>".to_owned());
            add.address_error = Some("This is not a mail address.".to_owned());
            add.error = Some("Choose at least one thing to be told of.".to_owned());
        }
        part
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/subscription.html")]
pub struct SubscriptionPage {
    /// What every page shares.
    pub layout: Layout,
    /// Its path.
    pub path: String,
    /// How people are told.
    pub channel: String,
    /// Whether it is to every target.
    pub everywhere: bool,
    /// Of what.
    pub kinds: Vec<KindBox>,
    /// What is wrong with the choice.
    pub error: Option<String>,
}

impl SubscriptionPage {
    /// A webhook for every target.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                crumbs: vec![Link::new("Settings", "/t/jarvis/settings")],
                ..Layout::sample_target(
                    "Subscription",
                    "jarvis",
                    Environment::Production,
                    Tab::Settings,
                )
            },
            path: "/t/jarvis/settings/notifications/1".to_owned(),
            channel: "Webhook ops (hooks.example)".to_owned(),
            everywhere: true,
            kinds: kinds(),
            error: None,
        }
    }

    /// Nothing was chosen.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            error: Some("Choose at least one thing to be told of.".to_owned()),
            ..Self::sample()
        }
    }
}
