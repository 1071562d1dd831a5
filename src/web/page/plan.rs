//! `/t/{target}/plans/{id}`: what would run, what it would destroy, who said yes, and the one thing to do next.

use askama::Template;

use super::confirm::ConfirmField;
use super::decision::{Decision, Next};
use super::plans::{PlanState, Verdict};
use super::statement::PlanStatement;
use super::when::When;
use crate::web::layout::{Environment, Layout, Link, Tab};

/// Something a plan would destroy.
#[derive(Clone, Debug)]
pub struct Loss {
    /// `column phone of "User"`.
    pub what: String,
    /// `41,203 values, counted` or `≈ 41,000 values, estimated`.
    pub amount: String,
}

/// One migration of the plan.
#[derive(Clone, Debug)]
pub struct PlanMigration {
    /// The name of its folder.
    pub name: String,
    /// What to know about running it: that it cannot be undone as a whole.
    pub note: Option<String>,
    /// Its statements in order.
    pub statements: Vec<PlanStatement>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/plan.html")]
pub struct PlanPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name of the target, which an approver types.
    pub target: String,
    /// What the target is to its owner; the buttons say it.
    pub environment: Environment,
    /// The id of the plan.
    pub id: String,
    /// The plan in one line: `2 migrations, 5 statements`.
    pub headline: String,
    /// The first characters of the digest.
    pub short: String,
    /// The digest, in hex.
    pub digest: String,
    /// When it was made.
    pub made_at: When,
    /// Who made it.
    pub made_by: String,
    /// What the guard says.
    pub verdict: Verdict,
    /// What became of it.
    pub state: PlanState,
    /// What was found, in numbers: `1 error, 2 warnings`; empty when nothing was.
    pub tally: String,
    /// What it would destroy.
    pub losses: Vec<Loss>,
    /// When and how the losses were counted.
    pub losses_note: String,
    /// The migrations in order.
    pub migrations: Vec<PlanMigration>,
    /// How far what would be lost may grow before an approval is void.
    pub tolerance: &'static str,
    /// Who said yes, and the one thing to do next.
    pub decision: Decision,
}

impl PlanPage {
    /// A destructive plan for production that waits for an approval.
    #[must_use]
    pub fn sample() -> Self {
        let statements = vec![
            PlanStatement::sample(
                1,
                "CREATE TABLE \"Phone\" (\n    \"id\" SERIAL NOT NULL,\n    \"number\" TEXT NOT NULL\n)",
                "create table \"Phone\"",
            ),
            PlanStatement::sample_dropped(2),
        ];
        let later = vec![PlanStatement::sample_indexed(3)];
        Self {
            layout: Layout {
                crumbs: vec![Link::new("Plans", "/t/jarvis/plans")],
                ..Layout::sample_target(
                    "Plan 9f86d081",
                    "jarvis",
                    Environment::Production,
                    Tab::Plans,
                )
            },
            target: "jarvis".to_owned(),
            environment: Environment::Production,
            id: "018f2c01".to_owned(),
            headline: "2 migrations, 3 statements".to_owned(),
            short: "9f86d081".to_owned(),
            digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            made_at: When::at(1_795_363_533_000),
            made_by: "grace".to_owned(),
            verdict: Verdict::Destructive,
            state: PlanState::Open,
            tally: "1 error, 1 warning, 1 note".to_owned(),
            losses: vec![
                Loss {
                    what: "column phone of \"User\"".to_owned(),
                    amount: "41,203 values, counted".to_owned(),
                },
                Loss {
                    what: "table \"LegacyFax\"".to_owned(),
                    amount: "≈ 12,000 rows, estimated".to_owned(),
                },
            ],
            losses_note: "As of 2026-11-22 16:05 UTC".to_owned(),
            migrations: vec![
                PlanMigration {
                    name: "20261120093000_add_phone".to_owned(),
                    note: None,
                    statements,
                },
                PlanMigration {
                    name: "20261121101500_message_index".to_owned(),
                    note: None,
                    statements: later,
                },
            ],
            tolerance: crate::guard::plan::TOLERANCE,
            decision: Decision::sample(),
        }
    }

    /// After the wrong name was typed.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            decision: Decision::sample_refused(),
            ..Self::sample()
        }
    }

    /// When the last proof is too old: the form asks again, and keeps what was typed.
    #[must_use]
    pub fn sample_unproven() -> Self {
        let mut page = Self::sample();
        page.layout.confirm = Some(ConfirmField::sample_refused());
        if let Next::Approve(form) = &mut page.decision.next {
            "jarvis".clone_into(&mut form.typed);
        }
        page
    }

    /// Before there is a backup.
    #[must_use]
    pub fn sample_unsaved() -> Self {
        Self {
            decision: Decision::sample_unsaved(),
            ..Self::sample()
        }
    }

    /// Approved and ready.
    #[must_use]
    pub fn sample_approved() -> Self {
        Self {
            state: PlanState::Approved,
            decision: Decision::sample_approved(),
            ..Self::sample()
        }
    }

    /// Nothing in it destroys data.
    #[must_use]
    pub fn sample_safe() -> Self {
        Self {
            verdict: Verdict::Safe,
            tally: "1 note".to_owned(),
            losses: Vec::new(),
            migrations: vec![PlanMigration {
                name: "20261121101500_message_index".to_owned(),
                note: None,
                statements: vec![PlanStatement::sample_indexed(1)],
            }],
            decision: Decision::sample_safe(),
            ..Self::sample()
        }
    }

    /// Out of date.
    #[must_use]
    pub fn sample_stale() -> Self {
        Self {
            state: PlanState::Void,
            decision: Decision::sample_stale(),
            ..Self::sample()
        }
    }

    /// Names that somebody made up to do harm, in every place of the page that shows one.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let name = "<script>alert(1)</script>\n\u{202e}w234567890123456789012345678901234567890";
        let mut page = Self::sample();
        page.layout = Layout::sample_target(name, name, Environment::Production, Tab::Plans);
        name.clone_into(&mut page.target);
        name.clone_into(&mut page.made_by);
        for loss in &mut page.losses {
            name.clone_into(&mut loss.what);
        }
        for migration in &mut page.migrations {
            name.clone_into(&mut migration.name);
            for statement in &mut migration.statements {
                statement.rename_all(name);
            }
        }
        page
    }
}
