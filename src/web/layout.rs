//! What every page shares: the head, the bar at the top, the band of the target, the notices and the footer.
//!
//! Plain data only, so that a page can be rendered in a test from nothing. `templates/base.html` is its other half.

use askama::filters::Safe;

use super::page::confirm::ConfirmField;
use super::prose::Prose;
use crate::auth::role::{Permission, Role};

/// Where the browser finds the static files: content-hashed URLs, so that they can be cached for ever.
#[derive(Clone, Debug)]
pub struct Assets {
    /// The URL of `app.css`.
    pub css: String,
    /// The URL of `app.js`.
    pub js: String,
    /// The URL of the sprite `icons.svg`, to which templates add `#name`.
    pub icons: String,
    /// The URL of `favicon.svg`.
    pub favicon: String,
}

/// The colours a person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All themes, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in `data-theme`, in the cookie and in the form.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a word from outside; an unknown one reads as [`Theme::Auto`].
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    /// The label on the switch.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// What a target is to its owner. It decides the band on every page about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// People depend on it: striped, inverted and spelled out.
    Production,
    /// A copy that is tried before production.
    Staging,
    /// Anything goes.
    Development,
}

impl Environment {
    /// The word that is shown; the band prints it in capitals.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
        }
    }
}

/// The part of the console a page belongs to, marked in the bar at the top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nav {
    /// None of them: signing in, errors.
    #[default]
    None,
    /// The targets and everything below one.
    Targets,
    /// The jobs.
    Jobs,
    /// What waits for a person's yes.
    Approvals,
    /// The audit.
    Audit,
}

/// The part of a target a page belongs to, marked in the tabs of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// None of them: a job about the target, say.
    None,
    /// `/t/{target}`.
    Overview,
    /// `/t/{target}/migrations`.
    Migrations,
    /// `/t/{target}/plans`.
    Plans,
    /// `/t/{target}/backups`.
    Backups,
    /// `/t/{target}/settings`.
    Settings,
}

/// The target a page is about.
#[derive(Clone, Debug)]
pub struct Band {
    /// Its name, as in `/t/{name}`.
    pub name: String,
    /// What it is to its owner.
    pub environment: Environment,
    /// The tab to mark.
    pub tab: Tab,
}

/// A label and where it leads.
#[derive(Clone, Debug)]
pub struct Link {
    /// What is read.
    pub label: String,
    /// A path of this console, already encoded.
    pub href: String,
}

impl Link {
    /// A link.
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            href: href.into(),
        }
    }
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something is wrong.
    Bad,
    /// Nothing to feel about it.
    Calm,
}

impl Tone {
    /// The class that colours it.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Calm => "calm",
        }
    }

    /// The symbol in front of a message, so that colour never speaks alone.
    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Info | Self::Calm => "info",
            Self::Warn => "warn",
            Self::Bad => "stop",
        }
    }
}

/// A message above the page: the result of the last form, or something that concerns every page.
#[derive(Clone, Debug)]
pub struct Message {
    /// How it is meant.
    pub tone: Tone,
    /// One or two sentences.
    pub text: String,
    /// Where to act on it.
    pub link: Option<Link>,
}

/// What every page shares.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The title of the page, without the name of the program.
    pub title: String,
    /// Where the static files are.
    pub assets: Assets,
    /// The signed-in person; without one the bar has no navigation.
    pub user: Option<String>,
    /// What they are on the target of this page, or everywhere when it has none: a page offers nobody what they may not do.
    pub role: Option<Role>,
    /// Whether they are admin everywhere, and so of the console itself.
    pub administers: bool,
    /// Whether they may approve somewhere.
    pub approves: bool,
    /// The colours they chose.
    pub theme: Theme,
    /// The path and query of this page, to which the theme form returns.
    pub path: String,
    /// The part of the console to mark.
    pub nav: Nav,
    /// The way here, without this page itself.
    pub crumbs: Vec<Link>,
    /// The target this page is about.
    pub target: Option<Band>,
    /// The result of the last form, shown once.
    pub flash: Option<Message>,
    /// What concerns every page, worst first.
    pub notices: Vec<Message>,
    /// The version in the footer.
    pub version: String,
    /// What a form of this page that starts a job sends along: the same page again is the same request.
    pub key: String,
    /// Seconds after which a browser without JavaScript asks again, while something is running.
    pub refresh: Option<u32>,
    /// Set where the last proof is too old for what is dangerous: forms that do it carry this field.
    pub confirm: Option<ConfirmField>,
}

impl Layout {
    /// A sentence that may have code between backticks.
    #[must_use]
    pub fn prose<'a>(&self, text: &'a str) -> Safe<Prose<'a>> {
        Safe(Prose(text))
    }

    /// Whether they may start work on the target of this page.
    #[must_use]
    pub fn may_operate(&self) -> bool {
        self.may(Permission::Operate)
    }

    /// Whether they may approve what loses data there.
    #[must_use]
    pub fn may_approve(&self) -> bool {
        self.may(Permission::Approve)
    }

    /// Whether they may decide policies there.
    #[must_use]
    pub fn may_manage(&self) -> bool {
        self.may(Permission::Manage)
    }

    fn may(&self, permission: Permission) -> bool {
        self.role.is_some_and(|role| role.may(permission))
    }

    /// Whether the tab is this page's.
    #[must_use]
    pub fn tab_is(&self, tab: Tab) -> bool {
        self.target.as_ref().is_some_and(|band| band.tab == tab)
    }

    /// A layout for a signed-in person.
    #[must_use]
    pub fn sample(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            assets: Assets {
                css: "/static/0f3a9c2e41b7/app.css".to_owned(),
                js: "/static/5b81d7e0c9a2/app.js".to_owned(),
                icons: "/static/c4d2e8f1a630/icons.svg".to_owned(),
                favicon: "/static/71e9b0d35c84/favicon.svg".to_owned(),
            },
            user: Some("ada".to_owned()),
            role: Some(Role::Admin),
            administers: true,
            approves: true,
            theme: Theme::Auto,
            path: "/".to_owned(),
            nav: Nav::Targets,
            crumbs: Vec::new(),
            target: None,
            flash: None,
            notices: Vec::new(),
            version: "0.1.0".to_owned(),
            key: "0193f2c9-7a10-7c1e-b3f0-5a2b9d6e4c02".to_owned(),
            refresh: None,
            confirm: None,
        }
    }

    /// A layout for a page about the target `name`.
    #[must_use]
    pub fn sample_target(title: &str, name: &str, environment: Environment, tab: Tab) -> Self {
        Self {
            target: Some(Band {
                name: name.to_owned(),
                environment,
                tab,
            }),
            ..Self::sample(title)
        }
    }
}
