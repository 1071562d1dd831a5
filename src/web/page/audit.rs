//! `/audit`: who did what to what, from where, and how it ended; newest first.

use askama::Template;

use super::change::{Change, changes};
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
    /// Of a changed setting: what it was and what it became.
    pub changes: Vec<Change>,
    /// Its hash.
    pub hash: String,
}

impl AuditRow {
    /// Enough of the hash to compare it by eye.
    #[must_use]
    pub fn short_hash(&self) -> &str {
        self.hash.get(..12).unwrap_or(&self.hash)
    }
}

/// One end of the time that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DateField {
    /// What was typed.
    pub typed: String,
    /// Why that is no date.
    pub wrong: Option<String>,
    /// Whether it is a plain day; a browser's date field shows nothing else.
    pub is_day: bool,
}

impl DateField {
    /// The kind of field that keeps what was typed.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.typed.is_empty() || self.is_day {
            "date"
        } else {
            "text"
        }
    }
}

/// What the entries on the page were chosen by, as it was typed; empty is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who.
    pub actor: String,
    /// What, as it is recorded: `backup.take`.
    pub action: String,
    /// On which target.
    pub target: String,
    /// How it ended, as it is recorded: `succeeded`.
    pub outcome: String,
    /// The first day.
    pub from: DateField,
    /// The last day.
    pub to: DateField,
}

/// The outcomes that are recorded.
const OUTCOMES: [&str; 7] = [
    "requested",
    "succeeded",
    "failed",
    "refused",
    "cancelled",
    "interrupted",
    "released",
];

impl AuditFilter {
    /// Whether anything was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The outcomes to choose from; one that is not known and was asked for is among them.
    #[must_use]
    pub fn outcomes(&self) -> Vec<&str> {
        let mut outcomes = OUTCOMES.to_vec();
        if !self.outcome.is_empty() && !outcomes.contains(&self.outcome.as_str()) {
            outcomes.push(&self.outcome);
        }
        outcomes
    }
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/audit.html")]
pub struct AuditPage {
    /// What every page shares.
    pub layout: Layout,
    /// What the entries were chosen by.
    pub filter: AuditFilter,
    /// What can be looked for, as it is recorded and in words.
    pub actions: Vec<(&'static str, &'static str)>,
    /// The targets that can be looked for.
    pub targets: Vec<String>,
    /// At most 50 of them, newest first.
    pub entries: Vec<AuditRow>,
    /// The path of the next ones.
    pub older: Option<String>,
    /// The path of the newest ones, on pages of older ones.
    pub newest: Option<String>,
    /// The path of the export of what was chosen.
    pub export: String,
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
            changes: changes(
                (seq == 3).then_some(r#"{"cron":"0 3 * * *","zone":"UTC"}"#),
                (seq == 3).then_some(r#"{"cron":"0 4 * * *","zone":"UTC"}"#),
            ),
            hash: format!("{seq:02x}").repeat(32),
        };
        let many = outcomes.into_iter().cycle().zip(whats.into_iter().cycle());
        Self {
            layout: Layout {
                nav: Nav::Audit,
                ..Layout::sample("Audit")
            },
            filter: AuditFilter::default(),
            actions: vec![("backup.take", whats[1]), ("sign-in", whats[2])],
            targets: vec!["jarvis".to_owned()],
            entries: (0..50).zip(many).map(entry).collect(),
            older: Some("/audit?before=0".to_owned()),
            newest: None,
            export: "/audit.jsonl".to_owned(),
        }
    }

    /// Nothing was recorded yet.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            entries: Vec::new(),
            older: None,
            ..Self::sample()
        }
    }

    /// Chosen by what attacks, with a date that is none.
    #[must_use]
    pub fn sample_refused() -> Self {
        let hostile = "\"><script>alert(1)</script>".to_owned();
        Self {
            filter: AuditFilter {
                actor: hostile.clone(),
                action: hostile.clone(),
                target: hostile.clone(),
                outcome: hostile,
                from: DateField {
                    typed: "yester\"day".to_owned(),
                    wrong: Some("“yester\"day” is not a date.".to_owned()),
                    is_day: false,
                },
                to: DateField {
                    typed: "2026-11-22".to_owned(),
                    wrong: None,
                    is_day: true,
                },
            },
            ..Self::sample_empty()
        }
    }

    /// What was recorded attacks: the names of everything, and the settings.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let name = "<img src=x onerror=alert(1)> \"'\n\u{202e}txt.exe 🚀".to_owned();
        let setting = serde_json::json!({ name.clone(): name }).to_string();
        let mut page = Self::sample();
        page.entries.truncate(1);
        for entry in &mut page.entries {
            entry.actor.clone_from(&name);
            entry.what.clone_from(&name);
            entry.detail.clone_from(&name);
            entry.target = Some(name.clone());
            entry.from = Some(name.clone());
            entry.changes = changes(Some(&setting), Some(&name));
        }
        page
    }
}
