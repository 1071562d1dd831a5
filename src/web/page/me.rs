//! `/me`: what somebody may do, their second factor, where they are signed in, and their password.

use askama::Template;

use super::factor::FactorState;
use super::tokens::TokenCount;
use super::when::When;
use crate::auth::role::Role;
use crate::web::layout::Layout;

/// One place where somebody is signed in.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// What the session is called; it opens nothing.
    pub name: String,
    /// Whether it is the one that looks.
    pub is_this: bool,
    /// The browser, in words.
    pub browser: String,
    /// Where it was used last.
    pub address: String,
    /// Since when.
    pub since: When,
    /// Its last use, to the minute.
    pub seen: When,
}

/// Wrong codes that were given after the right password.
#[derive(Clone, Debug)]
pub struct Guesses {
    /// How many, in words.
    pub what: String,
    /// Where the last came from.
    pub place: String,
    /// When that was.
    pub at: When,
}

/// What is wrong with a new password.
#[derive(Clone, Debug, Default)]
pub struct PasswordErrors {
    /// With the one that is to be replaced.
    pub current: Option<String>,
    /// With the new one.
    pub password: Option<String>,
    /// With its repetition.
    pub repeat: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/me.html")]
pub struct MePage {
    /// What every page shares.
    pub layout: Layout,
    /// Their name.
    pub name: String,
    /// Their roles, `operator on app`, each with what it may do.
    pub roles: Vec<(String, &'static str)>,
    /// What somebody has tried who may know their password.
    pub guesses: Option<Guesses>,
    /// Their second factor.
    pub factor: FactorState,
    /// Their API tokens.
    pub tokens: TokenCount,
    /// Where they are signed in, the one used last first.
    pub sessions: Vec<SessionRow>,
    /// What a password must be, in one sentence.
    pub password_hint: String,
    /// What is wrong with the form.
    pub errors: PasswordErrors,
}

impl MePage {
    /// Somebody with two sessions.
    #[must_use]
    pub fn sample() -> Self {
        let row = |name: &str, browser: &str, address: &str| SessionRow {
            name: name.to_owned(),
            is_this: false,
            browser: browser.to_owned(),
            address: address.to_owned(),
            since: When::at(1_795_360_000_000),
            seen: When::at(1_795_363_533_000),
        };
        Self {
            layout: Layout::sample("You"),
            name: "ada".to_owned(),
            roles: vec![
                ("viewer everywhere".to_owned(), Role::Viewer.sentence()),
                ("approver on jarvis".to_owned(), Role::Approver.sentence()),
            ],
            guesses: None,
            factor: FactorState::InForce {
                since: When::at(1_795_363_533_000),
                codes: 10,
            },
            tokens: TokenCount { good: 3, older: 2 },
            sessions: vec![
                SessionRow {
                    is_this: true,
                    ..row("a1", "Firefox on Linux", "192.0.2.7")
                },
                row("b2", "Safari on iPhone", "2001:db8::1"),
            ],
            password_hint: "At least 15 characters. A few words in a row are fine.".to_owned(),
            errors: PasswordErrors::default(),
        }
    }

    /// After somebody has tried codes.
    #[must_use]
    pub fn sample_guessed() -> Self {
        Self {
            guesses: Some(Guesses {
                what: "10 wrong codes after the right password".to_owned(),
                place: "203.0.113.9".to_owned(),
                at: When::at(1_795_363_533_000),
            }),
            ..Self::sample()
        }
    }

    /// Without a second factor and with one session, after a password that was refused.
    #[must_use]
    pub fn sample_refused() -> Self {
        let mut page = Self::sample();
        page.factor = FactorState::None;
        page.tokens = TokenCount::default();
        page.sessions.truncate(1);
        page.errors = PasswordErrors {
            current: Some("This is not your password.".to_owned()),
            password: Some("The password needs at least 15 characters.".to_owned()),
            repeat: Some("The two passwords differ.".to_owned()),
        };
        page
    }

    /// A name and a browser that somebody made up to do harm.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let mut page = Self::sample();
        let name = "<script>alert(1)</script>w234567890123456789012345678901234567890";
        name.clone_into(&mut page.name);
        for session in &mut page.sessions {
            name.clone_into(&mut session.browser);
        }
        page
    }
}
