//! `/audit`: who did what to what, from where, and how it ended; newest first.

use askama::Template;

use super::pill::Pill;
use super::when::When;
use crate::web::layout::{Layout, Nav, Tone};

/// How the thing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was asked for, and a job or a download began.
    Asked,
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It was tried and failed.
    Failed,
}

impl AuditOutcome {
    /// The outcome as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Asked => Pill::new("asked for", "queue", Tone::Calm),
            Self::Done => Pill::new("done", "check", Tone::Good),
            Self::Refused => Pill::new("refused", "ban", Tone::Warn),
            Self::Failed => Pill::new("failed", "cross", Tone::Bad),
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// Its number in the chain; also its anchor, `#a41`.
    pub seq: i64,
    /// When.
    pub at: When,
    /// Who.
    pub actor: String,
    /// What, in words: `Take a backup`.
    pub what: String,
    /// What was recorded about it.
    pub detail: String,
    /// Where to see it: the job, the plan.
    pub href: Option<String>,
    /// To which target.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The address it came from, or `terminal`.
    pub from: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/audit.html")]
pub struct AuditPage {
    /// What every page shares.
    pub layout: Layout,
    /// Whether the chain holds, in one sentence.
    pub summary: String,
    /// At most 50 of them, newest first.
    pub entries: Vec<AuditRow>,
    /// The path of the next ones.
    pub older: Option<String>,
}

impl AuditPage {
    /// A full page.
    #[must_use]
    pub fn sample() -> Self {
        let outcomes = [
            AuditOutcome::Asked,
            AuditOutcome::Done,
            AuditOutcome::Refused,
            AuditOutcome::Failed,
            AuditOutcome::Done,
        ];
        let whats = ["Approve a plan", "Take a backup", "Sign in"];
        let entry = |(seq, (outcome, what)): (i64, (AuditOutcome, &str))| AuditRow {
            seq,
            at: When::at(1_795_363_533_000 - seq * 600_000),
            actor: "ada".to_owned(),
            what: what.to_owned(),
            detail: "jarvis-2026-11-22.dump was taken.".to_owned(),
            href: (what == whats[1]).then(|| "/jobs/018f2c90".to_owned()),
            target: (what != whats[2]).then(|| "jarvis".to_owned()),
            outcome,
            from: Some("203.0.113.7".to_owned()),
        };
        let many = outcomes.into_iter().cycle().zip(whats.into_iter().cycle());
        Self {
            layout: Layout {
                nav: Nav::Audit,
                ..Layout::sample("Audit")
            },
            summary: "Append-only; each entry is chained to the one before by its hash.".to_owned(),
            entries: (0..50).zip(many).map(entry).collect(),
            older: Some("/audit?before=0".to_owned()),
        }
    }
}
