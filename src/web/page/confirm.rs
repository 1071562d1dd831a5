//! `/confirm`: is it still you? And the field of forms that ask the same.

use askama::Template;

use crate::web::layout::Layout;

/// What somebody proves with who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmKind {
    /// Their password.
    Password,
    /// A code of their device, or a recovery code.
    Code,
}

impl ConfirmKind {
    /// The label of the field.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Password => "Your password",
            Self::Code => "Code from your device",
        }
    }

    /// The type of the field.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "text",
        }
    }

    /// What a browser may fill in.
    #[must_use]
    pub fn autocomplete(self) -> &'static str {
        match self {
            Self::Password => "current-password",
            Self::Code => "one-time-code",
        }
    }
}

/// The field that asks for a proof.
#[derive(Clone, Debug)]
pub struct ConfirmField {
    /// What is asked for.
    pub kind: ConfirmKind,
    /// Why what was given was not enough.
    pub error: Option<String>,
}

impl ConfirmField {
    /// After a wrong password.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            kind: ConfirmKind::Password,
            error: Some("This is not your password.".to_owned()),
        }
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/confirm.html")]
pub struct ConfirmPage {
    /// What every page shares; it has the field.
    pub layout: Layout,
    /// The path to go on to, checked again by whoever redirects.
    pub next: String,
    /// Where to go back to, when what follows is a file and leaves this page where it is.
    pub back: Option<String>,
}

impl ConfirmPage {
    /// Before a download.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                confirm: Some(ConfirmField {
                    kind: ConfirmKind::Code,
                    error: None,
                }),
                ..Layout::sample("Is it you?")
            },
            next: "/t/jarvis/backups/018f2c01/download".to_owned(),
            back: Some("/t/jarvis/backups".to_owned()),
        }
    }

    /// After a wrong password.
    #[must_use]
    pub fn sample_refused() -> Self {
        let mut page = Self::sample();
        page.layout.confirm = Some(ConfirmField::sample_refused());
        page
    }
}
