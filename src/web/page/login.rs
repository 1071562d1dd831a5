//! `/login`: who are you?

use askama::Template;

use crate::web::layout::Layout;

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/login.html")]
pub struct LoginPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name as typed, kept after a refusal.
    pub name: String,
    /// The path to go on to, checked again by whoever redirects.
    pub next: String,
    /// Whether nobody can sign in yet, because there is no user.
    pub nobody: bool,
    /// Why the last try was refused; the same sentence for every reason that could tell a name from a password.
    pub error: Option<String>,
}

impl LoginPage {
    /// A first visit.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                user: None,
                ..Layout::sample("Sign in")
            },
            name: String::new(),
            next: "/t/jarvis/plans".to_owned(),
            nobody: false,
            error: None,
        }
    }

    /// Before there is a user.
    #[must_use]
    pub fn sample_nobody() -> Self {
        Self {
            nobody: true,
            ..Self::sample()
        }
    }

    /// After a refusal.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            name: "ada".to_owned(),
            error: Some("Name or password is wrong. Nothing was changed; try again.".to_owned()),
            ..Self::sample()
        }
    }
}
