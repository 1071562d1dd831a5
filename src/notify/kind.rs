//! What people can be told of.

/// A kind of notification. The words are those of the store and of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A backup did not succeed.
    BackupFailed,
    /// The newest backup is older than the target's policy allows.
    BackupAbsent,
    /// A job that is no backup failed.
    JobFailed,
    /// A job ended without anybody knowing what is in effect: a person has to look.
    JobInterrupted,
    /// A destructive plan waits for somebody's yes.
    ApprovalWaiting,
    /// A target has not answered for a while.
    TargetDown,
    /// It answers again.
    TargetBack,
    /// Wrong codes of a second factor were given after a right password.
    CodesGuessed,
    /// Somebody has asked for it, to see whether it arrives.
    Test,
}

impl Kind {
    /// What a subscription can name.
    pub const TOPICS: [Self; 7] = [
        Self::BackupFailed,
        Self::BackupAbsent,
        Self::JobFailed,
        Self::JobInterrupted,
        Self::ApprovalWaiting,
        Self::TargetDown,
        Self::CodesGuessed,
    ];

    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::BackupFailed,
        Self::BackupAbsent,
        Self::JobFailed,
        Self::JobInterrupted,
        Self::ApprovalWaiting,
        Self::TargetDown,
        Self::TargetBack,
        Self::CodesGuessed,
        Self::Test,
    ];

    /// The word of the store, of forms and of what is sent.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::BackupFailed => "backup-failed",
            Self::BackupAbsent => "backup-absent",
            Self::JobFailed => "job-failed",
            Self::JobInterrupted => "job-interrupted",
            Self::ApprovalWaiting => "approval-waiting",
            Self::TargetDown => "target-down",
            Self::TargetBack => "target-back",
            Self::CodesGuessed => "codes-guessed",
            Self::Test => "test",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What it means, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BackupFailed => "A backup failed",
            Self::BackupAbsent => "A backup is absent",
            Self::JobFailed => "Another job failed",
            Self::JobInterrupted => "A job is interrupted",
            Self::ApprovalWaiting => "A plan waits for an approval",
            Self::TargetDown => "The target is down",
            Self::TargetBack => "The target is back",
            Self::CodesGuessed => "Somebody with a password guesses codes",
            Self::Test => "Test",
        }
    }

    /// What a subscription names to be told of it: who is told of a beginning is told of its end.
    #[must_use]
    pub fn topic(self) -> Self {
        match self {
            Self::TargetBack => Self::TargetDown,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_leads_back_to_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
            let can_be_chosen = Kind::TOPICS.contains(&kind.topic());
            assert_eq!(can_be_chosen, kind != Kind::Test, "{kind:?}");
        }
    }
}
