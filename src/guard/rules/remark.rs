//! What a rule says about one effect.

use super::Question;
use crate::guard::finding::Severity;

/// What a rule says about one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What the statement does to the data, in a sentence or two.
    pub sentence: String,
    /// What to do instead, where there is something.
    pub advice: Option<String>,
    /// What would be lost.
    pub loss: Option<Lost>,
    /// What would make this remark more exact, or silent.
    pub asks: Option<Question>,
}

/// What would be lost, in words, and how to count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// For example `column "phone" of "User"`.
    pub what: String,
    /// `values` or `rows`.
    pub unit: &'static str,
    /// How to count it; `None` where a count of today would not be what is lost then.
    pub question: Option<Question>,
}

impl Remark {
    fn new(rule: &'static str, severity: Severity, sentence: impl Into<String>) -> Self {
        Self {
            rule,
            severity,
            sentence: sentence.into(),
            advice: None,
            loss: None,
            asks: None,
        }
    }

    /// Data is lost or may be.
    pub(super) fn error(rule: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(rule, Severity::Error, sentence)
    }

    /// Nothing is lost, but it needs care.
    pub(super) fn warning(rule: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(rule, Severity::Warning, sentence)
    }

    /// Good to know.
    pub(super) fn note(rule: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(rule, Severity::Note, sentence)
    }

    /// What to do instead.
    #[must_use]
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What would be lost.
    #[must_use]
    pub(super) fn losing(mut self, what: String, question: Question) -> Self {
        self.loss = Some(Lost {
            what,
            unit: question.unit(),
            question: Some(question),
        });
        self
    }

    /// What would make it more exact.
    #[must_use]
    pub(super) fn asking(mut self, question: Option<Question>) -> Self {
        self.asks = question;
        self
    }
}
