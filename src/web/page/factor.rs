//! `/me/factor`: whether there is a second factor, and what can be done about it.

use askama::Template;

use super::when::When;
use crate::web::layout::{Layout, Link};

/// What somebody has.
#[derive(Clone, Debug)]
pub enum FactorState {
    /// Nothing yet.
    None,
    /// One that is asked for.
    InForce {
        /// Since when.
        since: When,
        /// How many recovery codes are left.
        codes: i64,
    },
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/factor.html")]
pub struct FactorPage {
    /// What every page shares.
    pub layout: Layout,
    /// What they have.
    pub state: FactorState,
    /// Whether they need one.
    pub required: bool,
    /// Why the last form was refused.
    pub error: Option<String>,
}

impl FactorPage {
    /// Before there is one.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            layout: Layout {
                crumbs: vec![Link::new("You", "/me")],
                ..Layout::sample("Second factor")
            },
            state: FactorState::None,
            required: true,
            error: None,
        }
    }

    /// In force.
    #[must_use]
    pub fn sample_in_force() -> Self {
        Self {
            state: FactorState::InForce {
                since: When::at(1_795_363_533_000),
                codes: 2,
            },
            error: Some("This is not your password.".to_owned()),
            ..Self::sample()
        }
    }
}
