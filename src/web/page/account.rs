//! `/users/{id}`: one user, as an admin sees and changes them.

use askama::Template;

use super::settings::Choice;
use super::tokens::TokenRow;
use super::users::{GrantFields, Standing};
use super::when::When;
use crate::web::layout::{Layout, Link};

/// A role on a target.
#[derive(Clone, Debug)]
pub struct RoleRow {
    /// The name of the target, or `*`.
    pub target: String,
    /// The same for people.
    pub place: String,
    /// The role.
    pub role: String,
    /// What it may do.
    pub sentence: &'static str,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/account.html")]
pub struct AccountPage {
    /// What every page shares.
    pub layout: Layout,
    /// Its path, to which `/roles` and the like are added.
    pub path: String,
    /// The user's name.
    pub name: String,
    /// Whether this is whoever looks.
    pub is_me: bool,
    /// Whether they can sign in.
    pub standing: Standing,
    /// Whether they show a second factor.
    pub has_factor: bool,
    /// When they were made.
    pub since: When,
    /// When they last signed in.
    pub last: Option<When>,
    /// What they are, and where.
    pub roles: Vec<RoleRow>,
    /// Another role, or another in its place.
    pub grant: GrantFields,
    /// The link that was made just now: it is shown this once.
    pub link: Option<String>,
    /// For how many hours it is good.
    pub hours: i64,
    /// Until when the link is good that was made before.
    pub link_until: Option<When>,
    /// Their tokens.
    pub tokens: Vec<TokenRow>,
    /// Why the last form was refused.
    pub error: Option<String>,
}

impl AccountPage {
    /// The roles to choose from.
    #[must_use]
    pub fn choices(&self) -> &[Choice] {
        &self.grant.roles
    }

    /// Somebody with two roles and a token.
    #[must_use]
    pub fn sample() -> Self {
        let row = |target: &str, place: &str, role: crate::auth::role::Role| RoleRow {
            target: target.to_owned(),
            place: place.to_owned(),
            role: role.word().to_owned(),
            sentence: role.sentence(),
        };
        Self {
            layout: Layout {
                path: "/users/018f2c01".to_owned(),
                crumbs: vec![Link::new("Users", "/users")],
                ..Layout::sample("grace")
            },
            path: "/users/018f2c01".to_owned(),
            name: "grace".to_owned(),
            is_me: false,
            standing: Standing::Active,
            has_factor: true,
            since: When::at(1_790_000_000_000),
            last: Some(When::at(1_795_363_533_000)),
            roles: vec![
                row("*", "Every target", crate::auth::role::Role::Viewer),
                row("jarvis", "jarvis", crate::auth::role::Role::Approver),
            ],
            grant: GrantFields::sample(),
            link: None,
            hours: 24,
            link_until: None,
            tokens: TokenRow::samples("/users/018f2c01/tokens"),
            error: None,
        }
    }

    /// Somebody who was invited just now.
    #[must_use]
    pub fn sample_invited() -> Self {
        Self {
            standing: Standing::Invited,
            has_factor: false,
            last: None,
            link: Some(format!("/setup?token={}", "5f0c9be2".repeat(8))),
            link_until: Some(When::at(1_795_449_933_000)),
            tokens: Vec::new(),
            ..Self::sample()
        }
    }

    /// The last admin, who may not be disabled.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            name: "<b>ada</b>\u{202e}".to_owned(),
            is_me: true,
            error: Some(
                "Nobody else is admin everywhere and can sign in. Make somebody else admin of every target first."
                    .to_owned(),
            ),
            ..Self::sample()
        }
    }

    /// Somebody who was disabled and has no role.
    #[must_use]
    pub fn sample_disabled() -> Self {
        Self {
            standing: Standing::Disabled,
            roles: Vec::new(),
            ..Self::sample()
        }
    }
}
