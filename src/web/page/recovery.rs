//! `/me/factor/codes`: the recovery codes, until their owner has kept them.

use askama::Template;

use crate::web::layout::{Layout, Link};

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/recovery.html")]
pub struct RecoveryPage {
    /// What every page shares.
    pub layout: Layout,
    /// The codes, in groups of four letters.
    pub codes: Vec<String>,
}

impl RecoveryPage {
    /// Ten of them.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                crumbs: vec![Link::new("You", "/me")],
                ..Layout::sample("Recovery codes")
            },
            codes: (0..10)
                .map(|at| format!("ABCD-EFGH-IJKL-MN{}{}", at % 6 + 2, at % 5 + 2))
                .collect(),
        }
    }
}
