//! `/setup` with the link of a user: they choose a password.

use askama::Template;

use crate::web::layout::Layout;

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/join.html")]
pub struct JoinPage {
    /// What every page shares.
    pub layout: Layout,
    /// The one-time token.
    pub token: String,
    /// Whose password it is.
    pub name: String,
    /// What a password must be, in one sentence.
    pub password_hint: String,
    /// What is wrong with the password.
    pub password_error: Option<String>,
    /// What is wrong with its repetition.
    pub repeat_error: Option<String>,
}

impl JoinPage {
    /// A first visit.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                user: None,
                ..Layout::sample("Choose a password")
            },
            token: "b5f1c2".to_owned(),
            name: "grace <b>hopper</b>".to_owned(),
            password_hint: "At least 15 characters. A few words in a row are fine.".to_owned(),
            password_error: None,
            repeat_error: None,
        }
    }

    /// After a refusal.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            password_error: Some("This has 9 characters; 15 are needed.".to_owned()),
            repeat_error: Some("The two passwords differ.".to_owned()),
            ..Self::sample()
        }
    }
}
