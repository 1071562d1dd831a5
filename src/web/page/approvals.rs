//! `/approvals`: the plans that wait for a person's yes, first those that wait for this person's.

use askama::Template;

use super::when::When;
use crate::web::layout::{Environment, Layout, Link, Nav};

/// A plan that waits.
#[derive(Clone, Debug)]
pub struct WaitingPlan {
    /// The plan, to read it and decide.
    pub plan: Link,
    /// The target's name.
    pub target: String,
    /// What the target is to its owner.
    pub environment: Environment,
    /// The first things that it would destroy.
    pub losses: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: When,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/approvals.html")]
pub struct ApprovalsPage {
    /// What every page shares.
    pub layout: Layout,
    /// How many wait, in one sentence.
    pub summary: String,
    /// What this person may decide, oldest first.
    pub mine: Vec<WaitingPlan>,
    /// What somebody else has to decide: where this person may only look, or made the plan and a second person is asked for.
    pub others: Vec<WaitingPlan>,
}

impl ApprovalsPage {
    /// One for this person, one for somebody else.
    #[must_use]
    pub fn sample() -> Self {
        let plan = |target: &str, environment, losses: &[&str], more| WaitingPlan {
            plan: Link::new(
                "2 migrations, 5 statements",
                format!("/t/{target}/plans/018f2c01"),
            ),
            target: target.to_owned(),
            environment,
            losses: losses.iter().map(|&loss| loss.to_owned()).collect(),
            more,
            made_by: "grace".to_owned(),
            made_at: When::at(1_795_363_533_000),
        };
        let losses = [
            "column phone of \"User\": 41,203 values",
            "table \"LegacyFax\": about 12,000 rows (estimated)",
        ];
        Self {
            layout: Layout {
                nav: Nav::Approvals,
                ..Layout::sample("Approvals")
            },
            summary: "1 plan waits for you.".to_owned(),
            mine: vec![plan("jarvis", Environment::Production, &losses, 2)],
            others: vec![plan("billing", Environment::Staging, &losses[..1], 0)],
        }
    }

    /// Nothing waits.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            summary: "No plan waits for you.".to_owned(),
            mine: Vec::new(),
            others: Vec::new(),
            ..Self::sample()
        }
    }

    /// Names that somebody made up to do harm.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let name = "<script>alert(1)</script>\n\u{202e}w234567890123456789012345678901234567890";
        let mut page = Self::sample();
        for plan in page.mine.iter_mut().chain(&mut page.others) {
            name.clone_into(&mut plan.target);
            name.clone_into(&mut plan.made_by);
            for loss in &mut plan.losses {
                name.clone_into(loss);
            }
        }
        page
    }
}
