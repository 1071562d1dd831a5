//! What is decided about a plan, beside what it says: who said yes or no, what there is to go back to, and the one thing to do
//! next.

use super::when::When;
use crate::web::layout::Link;

/// One person's yes.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When.
    pub at: When,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// The form that approves.
#[derive(Clone, Debug, Default)]
pub struct ApproveForm {
    /// The single-use token.
    pub token: String,
    /// The name that was typed before a refusal.
    pub typed: String,
    /// The reason that was typed before.
    pub reason: String,
    /// Why the name was refused, or the whole form.
    pub error: Option<String>,
    /// Why the reason was refused.
    pub reason_error: Option<String>,
}

/// The form that applies.
#[derive(Clone, Debug)]
pub struct ApplyForm {
    /// The single-use token.
    pub token: String,
    /// What happens first: `A backup is taken first …`, or which one there is to go back to.
    pub backup: String,
    /// Whether it may be applied without a backup: there is none, and nothing is destroyed.
    pub may_skip_backup: bool,
}

/// The form that rejects.
#[derive(Clone, Debug, Default)]
pub struct RejectForm {
    /// The reason that was typed before a refusal.
    pub reason: String,
    /// Why it was refused.
    pub error: Option<String>,
}

/// The one thing to do next. There is never more than one, so the page has never more than one primary button.
#[derive(Clone, Debug)]
pub enum Next {
    /// Nothing is applied from it any more, for this reason; make it again.
    MakeAgain {
        /// In two or three words.
        heading: String,
        /// Why, in sentences.
        why: String,
    },
    /// Approve it.
    Approve(ApproveForm),
    /// Apply it.
    Apply(ApplyForm),
    /// Somebody else has to do something.
    Wait(String),
    /// A job has taken over.
    Follow(Link),
}

/// What there is to go back to.
#[derive(Clone, Debug)]
pub struct BackupCard {
    /// In sentences.
    pub text: String,
    /// The backup, to look at and to download.
    pub link: Option<Link>,
    /// Whether one can be taken now.
    pub may_take: bool,
}

/// The decisions about a plan.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What approval it needs, in one sentence.
    pub sentence: String,
    /// Who said yes.
    pub approvals: Vec<Approval>,
    /// What there is to go back to, as long as it may be applied.
    pub backup: Option<BackupCard>,
    /// The one thing to do next.
    pub next: Next,
    /// Saying no, for whoever may.
    pub reject: Option<RejectForm>,
}

impl Decision {
    /// A destructive plan that waits for an approval, with a backup to go back to.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            sentence: "It destroys data, so it needs a person's approval and a backup. Whoever made it cannot approve it."
                .to_owned(),
            approvals: Vec::new(),
            backup: Some(BackupCard {
                text: "There is a fresh one. It is readable; it has not been restored to prove it.".to_owned(),
                link: Some(Link::new("2026-11-22_1703-jarvis.dump", "/t/jarvis/backups/0198")),
                may_take: false,
            }),
            next: Next::Approve(ApproveForm {
                token: "t0k3n".to_owned(),
                ..ApproveForm::default()
            }),
            reject: Some(RejectForm::default()),
        }
    }

    /// After the wrong name was typed, and no reason.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            next: Next::Approve(ApproveForm {
                token: "t0k3n".to_owned(),
                typed: "jarvis-staging".to_owned(),
                reason: String::new(),
                error: Some(
                    "This plan is for jarvis; you typed jarvis-staging. Nothing was approved."
                        .to_owned(),
                ),
                reason_error: Some("Say why: the reason stands in the audit.".to_owned()),
            }),
            ..Self::sample()
        }
    }

    /// Before there is a backup.
    #[must_use]
    pub fn sample_unsaved() -> Self {
        Self {
            backup: Some(BackupCard {
                text: "There is no fresh one. One is taken as the first step of applying; if that fails, nothing is applied."
                    .to_owned(),
                link: None,
                may_take: true,
            }),
            ..Self::sample()
        }
    }

    /// Approved and ready.
    #[must_use]
    pub fn sample_approved() -> Self {
        Self {
            approvals: vec![Approval {
                by: "ada".to_owned(),
                at: When::at(1_795_363_593_000),
                reason: Some("The numbers live in \"Phone\" since March; fax is gone.".to_owned()),
            }],
            sentence: "Good for one try until 2026-11-22 20:06 UTC.".to_owned(),
            next: Next::Apply(ApplyForm {
                token: "t0k3n".to_owned(),
                backup: "The bytes of the backup are read and compared first.".to_owned(),
                may_skip_backup: false,
            }),
            reject: None,
            ..Self::sample()
        }
    }

    /// A plan without losses, ready.
    #[must_use]
    pub fn sample_safe() -> Self {
        Self {
            sentence: "No rule found anything that destroys data, so it needs no approval."
                .to_owned(),
            next: Next::Apply(ApplyForm {
                token: "t0k3n".to_owned(),
                backup: "A backup is taken first; if that fails, nothing is applied.".to_owned(),
                may_skip_backup: true,
            }),
            ..Self::sample_unsaved()
        }
    }

    /// Out of date.
    #[must_use]
    pub fn sample_stale() -> Self {
        Self {
            backup: None,
            next: Next::MakeAgain {
                heading: "This plan is void.".to_owned(),
                why: "The column phone of public.\"User\" was `text` and is `jsonb`. column phone of \"User\": 63,000 values (it \
                      was 41,203 values)"
                    .to_owned(),
            },
            reject: None,
            ..Self::sample()
        }
    }
}
