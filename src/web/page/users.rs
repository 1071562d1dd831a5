//! `/users`: everybody who may sign in, and the form that invites somebody.

use askama::Template;

use super::pill::Pill;
use super::settings::Choice;
use super::when::When;
use crate::web::layout::{Layout, Tone};

/// Whether somebody can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They can.
    Active,
    /// They have a link, and no password yet.
    Invited,
    /// They have neither a password nor a link that is good.
    Without,
    /// They were disabled.
    Disabled,
}

impl Standing {
    /// As shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Active => Pill::new("active", "check", Tone::Good),
            Self::Invited => Pill::new("invited", "clock", Tone::Info),
            Self::Without => Pill::new("no password", "warn", Tone::Warn),
            Self::Disabled => Pill::new("disabled", "ban", Tone::Calm),
        }
    }
}

/// One user.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Their page.
    pub href: String,
    /// Their name.
    pub name: String,
    /// Their roles in words.
    pub roles: String,
    /// Whether they can sign in.
    pub standing: Standing,
    /// Whether they show a second factor.
    pub has_factor: bool,
    /// When they last signed in.
    pub last: Option<When>,
}

/// A role on a target, to be chosen.
#[derive(Clone, Debug)]
pub struct GrantFields {
    /// Every target, and each of them.
    pub targets: Vec<Choice>,
    /// What was chosen of them.
    pub target: String,
    /// The roles.
    pub roles: Vec<Choice>,
    /// What was chosen of them.
    pub role: String,
}

impl GrantFields {
    /// As the samples have it.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            targets: vec![
                Choice::new("*", "Every target"),
                Choice::new("jarvis", "jarvis"),
            ],
            target: "jarvis".to_owned(),
            roles: ["viewer", "operator", "approver", "admin"]
                .map(|role| Choice::new(role, role))
                .to_vec(),
            role: "viewer".to_owned(),
        }
    }
}

/// A role, as the page explains it.
#[derive(Clone, Debug)]
pub struct Rung {
    /// Its word.
    pub role: &'static str,
    /// What it may do.
    pub sentence: &'static str,
    /// Whether whoever has it needs a second factor.
    pub needs_factor: bool,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/users.html")]
pub struct UsersPage {
    /// What every page shares.
    pub layout: Layout,
    /// Everybody, by name.
    pub users: Vec<UserRow>,
    /// The name as typed.
    pub name: String,
    /// What they are to be, and where.
    pub grant: GrantFields,
    /// What is wrong with the name.
    pub name_error: Option<String>,
    /// The roles and what each may do.
    pub ladder: Vec<Rung>,
    /// For how many hours a link is good.
    pub hours: i64,
}

impl UsersPage {
    /// Four people.
    #[must_use]
    pub fn sample() -> Self {
        let row = |name: &str, roles: &str, standing, has_factor, last: Option<i64>| UserRow {
            href: "/users/018f2c01".to_owned(),
            name: name.to_owned(),
            roles: roles.to_owned(),
            standing,
            has_factor,
            last: last.map(When::at),
        };
        let now = 1_795_363_533_000;
        Self {
            layout: Layout {
                path: "/users".to_owned(),
                ..Layout::sample("Users")
            },
            users: vec![
                row("ada", "admin everywhere", Standing::Active, true, Some(now)),
                row(
                    "grace",
                    "viewer everywhere, approver on jarvis",
                    Standing::Active,
                    false,
                    Some(now - 90_000_000),
                ),
                row(
                    "linus",
                    "operator on jarvis",
                    Standing::Invited,
                    false,
                    None,
                ),
                row("old-hand", "no role", Standing::Disabled, false, None),
            ],
            name: String::new(),
            grant: GrantFields::sample(),
            name_error: None,
            ladder: crate::auth::role::Role::ALL
                .map(|role| Rung {
                    role: role.word(),
                    sentence: role.sentence(),
                    needs_factor: role == crate::auth::role::Role::Admin,
                })
                .to_vec(),
            hours: 24,
        }
    }

    /// After a name that is taken, among hostile ones.
    #[must_use]
    pub fn sample_refused() -> Self {
        let mut page = Self::sample();
        "<script>alert(1)</script>\u{202e}ada".clone_into(&mut page.users[1].name);
        "<b>ada</b>".clone_into(&mut page.name);
        page.name_error = Some("There is already a user of that name.".to_owned());
        page
    }
}
