//! Any answer that is not what was asked for: what happened, what it means for the data, what to do next.

use askama::Template;

use super::trouble::TroubleBox;
use crate::web::layout::{Layout, Link, Nav};

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/error.html")]
pub struct ErrorPage {
    /// What every page shares.
    pub layout: Layout,
    /// The HTTP status.
    pub status: u16,
    /// Its reason phrase.
    pub reason: String,
    /// The three sentences.
    pub trouble: TroubleBox,
    /// Ways back, best first.
    pub links: Vec<Link>,
    /// The id under which the server logged it.
    pub request: Option<String>,
}

impl ErrorPage {
    /// A page that is not there.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                nav: Nav::None,
                ..Layout::sample("Not found")
            },
            status: 404,
            reason: "Not found".to_owned(),
            trouble: TroubleBox::new(
                "There is no plan with this address.",
                "Nothing was changed.",
                "It may have been made for another target. Look for it in the list of plans.",
            ),
            links: vec![Link::new("All targets", "/"), Link::new("Jobs", "/jobs")],
            request: Some("0193f2c9-7a10".to_owned()),
        }
    }
}
