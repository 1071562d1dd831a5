//! `/setup`: a console without users makes its first user, for whoever holds the one-time token.

use askama::Template;

use crate::web::layout::Layout;

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/setup.html")]
pub struct SetupPage {
    /// What every page shares.
    pub layout: Layout,
    /// The one-time token that proves access to the server's log.
    pub token: String,
    /// The name as typed, kept after a refusal.
    pub name: String,
    /// What a password must be, in one sentence.
    pub password_hint: String,
    /// What is wrong with the name.
    pub name_error: Option<String>,
    /// What is wrong with the password.
    pub password_error: Option<String>,
    /// What is wrong with its repetition.
    pub repeat_error: Option<String>,
    /// What is wrong with the whole, such as a token that was used already.
    pub error: Option<String>,
}

impl SetupPage {
    /// A first visit.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                user: None,
                ..Layout::sample("Make the first user")
            },
            token: "b5f1c2".to_owned(),
            name: String::new(),
            password_hint: "At least 15 characters. Any characters; a sentence is good.".to_owned(),
            name_error: None,
            password_error: None,
            repeat_error: None,
            error: None,
        }
    }

    /// After a refusal.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            name: "<b>ada</b>".to_owned(),
            name_error: Some("Use letters, digits, dots and dashes only.".to_owned()),
            password_error: Some("This has 9 characters; 15 are needed.".to_owned()),
            repeat_error: Some("The two passwords differ.".to_owned()),
            ..Self::sample()
        }
    }
}
