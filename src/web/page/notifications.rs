//! `/notifications`: what people were told, what is still to be sent, what could not be; newest first.

use askama::Template;

use super::jobs::Pick;
use super::pill::Pill;
use super::when::When;
use crate::web::layout::{Layout, Nav, Tone};

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationState {
    /// It is to be sent.
    Waiting,
    /// It was sent.
    Sent,
    /// No try succeeded.
    GivenUp,
}

impl NotificationState {
    /// The state as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Waiting => Pill::new("waiting", "clock", Tone::Info),
            Self::Sent => Pill::new("sent", "check", Tone::Good),
            Self::GivenUp => Pill::new("given up", "cross", Tone::Bad),
        }
    }

    /// Whether it can be tried again by a person.
    #[must_use]
    pub fn is_given_up(self) -> bool {
        self == Self::GivenUp
    }
}

/// One notification.
#[derive(Clone, Debug)]
pub struct NotificationRow {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: NotificationState,
    /// Its subject.
    pub subject: String,
    /// What kind of thing it is about, in words.
    pub kind: String,
    /// The page about that.
    pub href: String,
    /// The target; none: no particular one.
    pub target: Option<String>,
    /// To whom: a mail address, or the name of a webhook.
    pub channel: String,
    /// By what: `mail`, `webhook`.
    pub way: &'static str,
    /// When it became true.
    pub at: When,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next.
    pub next: Option<When>,
    /// When it was sent.
    pub sent: Option<When>,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/notifications.html")]
pub struct NotificationsPage {
    /// What every page shares.
    pub layout: Layout,
    /// How many wait.
    pub waiting: i64,
    /// How many were given up.
    pub given_up: i64,
    /// The states.
    pub states: Vec<Pick>,
    /// The kinds.
    pub kinds: Vec<Pick>,
    /// The targets.
    pub targets: Vec<Pick>,
    /// Whether the filter hides something.
    pub filtered: bool,
    /// At most 25 of them.
    pub rows: Vec<NotificationRow>,
    /// The path of the newest ones, on every page but the first.
    pub newest: Option<String>,
    /// The path of the next ones.
    pub older: Option<String>,
}

impl NotificationsPage {
    /// A full page.
    #[must_use]
    pub fn sample() -> Self {
        let states = [
            NotificationState::Waiting,
            NotificationState::Sent,
            NotificationState::GivenUp,
        ];
        let row = |(n, state): (usize, NotificationState)| NotificationRow {
            id: format!("018f2c9{n}-7a10-7c1e-b3f0-5a2b9d6e4c02"),
            state,
            subject: "The backup failed".to_owned(),
            kind: "A backup failed".to_owned(),
            href: "/jobs/018f2c01".to_owned(),
            target: Some("jarvis".to_owned()),
            channel: "ops".to_owned(),
            way: "webhook",
            at: When::at(1_795_363_533_000),
            tries: 2,
            next: (state == NotificationState::Waiting).then(|| When::at(1_795_363_833_000)),
            sent: (state == NotificationState::Sent).then(|| When::at(1_795_363_534_000)),
            error: (state != NotificationState::Sent)
                .then(|| "hooks.example answered 503 Service Unavailable.".to_owned()),
        };
        let pick = |word: &str| Pick {
            value: word.to_owned(),
            label: word.to_owned(),
            chosen: false,
        };
        Self {
            layout: Layout {
                nav: Nav::None,
                ..Layout::sample("Notifications")
            },
            waiting: 9,
            given_up: 8,
            states: vec![pick("waiting"), pick("sent"), pick("given-up")],
            kinds: vec![pick("backup-failed"), pick("target-down")],
            targets: vec![pick("jarvis")],
            filtered: false,
            rows: (0..25).zip(states.into_iter().cycle()).map(row).collect(),
            newest: None,
            older: Some("/notifications?before=018f2c90".to_owned()),
        }
    }

    /// Nobody was told anything yet.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            waiting: 0,
            given_up: 0,
            rows: Vec::new(),
            older: None,
            ..Self::sample()
        }
    }

    /// What is told attacks.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let name = "<img src=x onerror=alert(1)> \"'\n\u{202e}txt.exe".to_owned();
        let mut page = Self::sample();
        page.rows.truncate(1);
        page.filtered = true;
        for row in &mut page.rows {
            row.subject.clone_from(&name);
            row.kind.clone_from(&name);
            row.target = Some(name.clone());
            row.channel.clone_from(&name);
            row.error = Some(name.clone());
        }
        page
    }
}
