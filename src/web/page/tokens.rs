//! `/tokens`: the API tokens of whoever looks.

use askama::Template;

use super::pill::Pill;
use super::users::GrantFields;
use super::when::When;
use crate::web::layout::{Layout, Tone};

/// One token, without its secret.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// What it may do, and where.
    pub may: String,
    /// Until when, or why not any more.
    pub state: Pill,
    /// When it expires, or has expired.
    pub expires: When,
    /// When it was last used, to the minute, and from where.
    pub last: Option<(When, String)>,
    /// Where it is revoked, if it still can be.
    pub revoke: Option<String>,
    /// Whether it is good, and was made before the password or the second factor that its owner has now.
    pub is_older: bool,
}

/// How many tokens somebody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// How many are good.
    pub good: usize,
    /// How many of them were made before the password or the second factor that they have now.
    pub older: usize,
}

impl TokenRow {
    /// A state as shown; `over` is why a token opens nothing any more.
    #[must_use]
    pub fn pill(over: Option<&str>) -> Pill {
        match over {
            None => Pill::new("good", "check", Tone::Good),
            Some("expired") => Pill::new("expired", "clock", Tone::Calm),
            Some(_) => Pill::new("revoked", "ban", Tone::Calm),
        }
    }

    /// One that is used every night, one that is new, and one that was revoked.
    #[must_use]
    pub fn samples(path: &str) -> Vec<Self> {
        let row = |name: &str, may: &str, over: Option<&str>| Self {
            name: name.to_owned(),
            hint: "lk_5f0c9".to_owned(),
            may: may.to_owned(),
            state: Self::pill(over),
            expires: When::at(1_803_000_000_000),
            last: None,
            revoke: over.is_none().then(|| format!("{path}/018f2c01/revoke")),
            is_older: false,
        };
        let last = (When::at(1_795_314_600_000), "203.0.113.7".to_owned());
        vec![
            Self {
                last: Some(last),
                is_older: true,
                ..row("nightly copy", "operator on jarvis", None)
            },
            row("<i>dashboard</i>", "viewer wherever you have a role", None),
            row("old laptop", "viewer on jarvis", Some("revoked")),
        ]
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/tokens.html")]
pub struct TokensPage {
    /// What every page shares.
    pub layout: Layout,
    /// The tokens, those that are good first.
    pub tokens: Vec<TokenRow>,
    /// The token that was made just now: it is shown this once.
    pub made: Option<String>,
    /// What it may do, and where; without targets whoever looks has no role anywhere.
    pub grant: GrantFields,
    /// The name as typed.
    pub name: String,
    /// The days as typed.
    pub days: String,
    /// What is wrong with the name.
    pub name_error: Option<String>,
    /// What is wrong with the days.
    pub days_error: Option<String>,
    /// What is wrong with the whole.
    pub error: Option<String>,
}

impl TokensPage {
    /// Three tokens.
    #[must_use]
    pub fn sample() -> Self {
        let mut grant = GrantFields::sample();
        grant.roles.truncate(2);
        Self {
            layout: Layout {
                path: "/tokens".to_owned(),
                ..Layout::sample("API tokens")
            },
            tokens: TokenRow::samples("/tokens"),
            made: None,
            grant,
            name: String::new(),
            days: "90".to_owned(),
            name_error: None,
            days_error: None,
            error: None,
        }
    }

    /// Before the first.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            tokens: Vec::new(),
            ..Self::sample()
        }
    }

    /// Just after one was made.
    #[must_use]
    pub fn sample_made() -> Self {
        Self {
            made: Some(format!("lk_{}", "5f0c9be2".repeat(8))),
            ..Self::sample()
        }
    }

    /// After a form that could not be used.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            name: "\"><b>x".to_owned(),
            days: "1000".to_owned(),
            name_error: Some("A name has 1 to 64 characters.".to_owned()),
            days_error: Some("A token is good for 1 to 365 days.".to_owned()),
            error: Some(
                "A token may be viewer or operator, and no more than you are there yourself."
                    .to_owned(),
            ),
            ..Self::sample()
        }
    }
}
