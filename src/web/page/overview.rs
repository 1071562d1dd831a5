//! `/`: every target in one line of words, the one that needs somebody first.

use askama::Template;

use super::pill::Pill;
use crate::web::layout::{Environment, Layout, Link, Tone};

/// How a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetState {
    /// Something is broken: a failed migration, an interrupted job.
    Trouble,
    /// It does not answer.
    Unreachable,
    /// Something waits for a decision: pending migrations, an old backup.
    Attention,
    /// Nothing to do.
    Ok,
}

impl TargetState {
    /// The state as shown. The order of the variants is the order of the list: worst first.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Trouble => Pill::new("trouble", "stop", Tone::Bad),
            Self::Unreachable => Pill::new("unreachable", "cut", Tone::Bad),
            Self::Attention => Pill::new("attention", "warn", Tone::Warn),
            Self::Ok => Pill::new("ok", "check", Tone::Good),
        }
    }

    /// Whether a person has something to do here.
    #[must_use]
    pub fn needs_somebody(self) -> bool {
        self != Self::Ok
    }
}

/// One target.
#[derive(Clone, Debug)]
pub struct TargetRow {
    /// Its name.
    pub name: String,
    /// What it is to its owner.
    pub environment: Environment,
    /// How it is.
    pub state: TargetState,
    /// Why, in one sentence: `2 migrations are pending; 1 drops data.`
    pub sentence: String,
    /// The last backup in words: `Last backup 3 hours ago, taken.`
    pub backup: String,
    /// The job that runs on it now.
    pub job: Option<Link>,
    /// The one thing to do next.
    pub action: Option<Link>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/overview.html")]
pub struct OverviewPage {
    /// What every page shares.
    pub layout: Layout,
    /// How all of them are, in one sentence.
    pub summary: String,
    /// The targets, worst first.
    pub targets: Vec<TargetRow>,
    /// The path of the configuration file, for the empty page.
    pub config_path: String,
    /// The lines to add to it.
    pub example_toml: String,
    /// The line for the environment.
    pub example_env: String,
    /// The command that checks the connection.
    pub example_check: String,
}

impl OverviewPage {
    /// Four targets, one in each state.
    #[must_use]
    pub fn sample() -> Self {
        let row = |name: &str, environment, state, sentence: &str, backup: &str| TargetRow {
            name: name.to_owned(),
            environment,
            state,
            sentence: sentence.to_owned(),
            backup: backup.to_owned(),
            job: None,
            action: None,
        };
        let mut targets = vec![
            row(
                "jarvis",
                Environment::Production,
                TargetState::Trouble,
                "The migration 20261120_add_phone failed halfway; nothing can be deployed before it is resolved.",
                "Last backup 3 hours ago, taken.",
            ),
            row(
                "billing",
                Environment::Production,
                TargetState::Unreachable,
                "It does not answer at db.internal:5432: connection refused.",
                "Last backup 9 days ago, taken.",
            ),
            row(
                "jarvis-staging",
                Environment::Staging,
                TargetState::Attention,
                "2 migrations are pending; 1 drops data.",
                "No backup was ever taken.",
            ),
            row(
                "sandbox",
                Environment::Development,
                TargetState::Ok,
                "All 41 migrations are applied.",
                "Last backup 20 minutes ago, taken.",
            ),
        ];
        targets[0].action = Some(Link::new(
            "See the failed migration",
            "/t/jarvis/migrations/20261120_add_phone",
        ));
        targets[2].action = Some(Link::new("Review the plan", "/t/jarvis-staging/plans/7"));
        targets[2].job = Some(Link::new("Backup is running", "/jobs/018f"));
        Self {
            layout: Layout::sample("Targets"),
            summary: "3 of 4 targets need somebody.".to_owned(),
            targets,
            config_path: "./lockkeeper.toml".to_owned(),
            example_toml: "[targets.jarvis]\nenvironment = \"production\"\nurl_env = \"DATABASE_URL\"\nmigrations = \"prisma/migrations\"".to_owned(),
            example_env: "DATABASE_URL=postgresql://user:password@db:5432/jarvis".to_owned(),
            example_check: "lockkeeper target check jarvis".to_owned(),
        }
    }

    /// Nothing configured.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            targets: Vec::new(),
            ..Self::sample()
        }
    }
}
