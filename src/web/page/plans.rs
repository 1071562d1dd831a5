//! `/t/{target}/plans`: the plans that were made, newest first, and the button that makes one.

use askama::Template;

use super::pill::Pill;
use super::when::When;
use crate::web::layout::{Environment, Layout, Tab, Tone};

/// What the guard says about a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule found more than notes.
    Safe,
    /// Nothing in it destroys data, but something in it needs care.
    Caution,
    /// Something in it destroys data.
    Destructive,
}

impl Verdict {
    /// The verdict as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Safe => Pill::new("safe", "shield", Tone::Good),
            Self::Caution => Pill::new("caution", "warn", Tone::Warn),
            Self::Destructive => Pill::new("destructive", "trash", Tone::Bad),
        }
    }
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanState {
    /// It waits for an approval, or for being applied when it needs none.
    Open,
    /// Somebody said yes to its digest.
    Approved,
    /// A job applies it now.
    Applying,
    /// It is in effect.
    Applied,
    /// What it rests on has changed.
    Void,
    /// Somebody said no.
    Rejected,
    /// A newer plan took its place.
    Superseded,
}

impl PlanState {
    /// The state as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Open => Pill::new("open", "clock", Tone::Info),
            Self::Approved => Pill::new("approved", "lock", Tone::Good),
            Self::Applying => Pill::new("applying", "run", Tone::Info),
            Self::Applied => Pill::new("applied", "check", Tone::Good),
            Self::Void => Pill::new("void", "pencil", Tone::Warn),
            Self::Rejected => Pill::new("rejected", "cross", Tone::Calm),
            Self::Superseded => Pill::new("superseded", "layers", Tone::Calm),
        }
    }
}

/// One plan.
#[derive(Clone, Debug)]
pub struct PlanRow {
    /// Its id.
    pub id: String,
    /// The first characters of its digest.
    pub short: String,
    /// `2 migrations, 5 statements`.
    pub summary: String,
    /// When it was made.
    pub made_at: When,
    /// Who made it.
    pub made_by: String,
    /// What the guard says.
    pub verdict: Verdict,
    /// What became of it.
    pub state: PlanState,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/plans.html")]
pub struct PlansPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name of the target.
    pub target: String,
    /// At most 50 of them, newest first.
    pub plans: Vec<PlanRow>,
    /// The path of the next ones.
    pub older: Option<String>,
    /// What to know when there is none: `Nothing is pending` or `2 migrations are pending`.
    pub empty: String,
    /// The command that makes one.
    pub example: String,
}

impl PlansPage {
    /// A few plans.
    #[must_use]
    pub fn sample() -> Self {
        let plan = |(n, state): (usize, PlanState)| PlanRow {
            id: format!("018f2c{n:02}"),
            short: format!("9f86d0{n:02}"),
            summary: "2 migrations, 5 statements".to_owned(),
            made_at: When::at(1_795_363_533_000),
            made_by: "ada".to_owned(),
            verdict: match n % 3 {
                0 => Verdict::Destructive,
                1 => Verdict::Safe,
                _ => Verdict::Caution,
            },
            state,
        };
        let states = [
            PlanState::Open,
            PlanState::Approved,
            PlanState::Applying,
            PlanState::Applied,
            PlanState::Void,
            PlanState::Rejected,
            PlanState::Superseded,
        ];
        Self {
            layout: Layout::sample_target("Plans", "jarvis-staging", Environment::Staging, Tab::Plans),
            target: "jarvis-staging".to_owned(),
            plans: states.into_iter().enumerate().map(plan).collect(),
            older: None,
            empty: "2 migrations are pending. Making a plan reads the database and the folder; it changes nothing.".to_owned(),
            example: "lockkeeper plan make jarvis-staging".to_owned(),
        }
    }

    /// None yet.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            plans: Vec::new(),
            ..Self::sample()
        }
    }
}
