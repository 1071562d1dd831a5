//! `/login/code`: the second page of signing in.

use askama::Template;

use crate::web::layout::Layout;

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/sign_in_code.html")]
pub struct CodePage {
    /// What every page shares.
    pub layout: Layout,
    /// Why the last code was refused, and how many tries are left.
    pub error: Option<String>,
}

impl CodePage {
    /// After the password.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                user: None,
                ..Layout::sample("Sign in")
            },
            error: None,
        }
    }

    /// After a wrong code.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            error: Some("This is not the code of your device, nor one of your recovery codes. You have 4 tries left.".to_owned()),
            ..Self::sample()
        }
    }
}
