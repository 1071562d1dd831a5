//! What a session is for, and the settings that follow from it.

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading a few facts for a page: read-only, statements end after 5 s, locks are waited for 1 s.
    Look,
    /// The work of a job: locks are waited for 3 s, statements take as long as they take.
    Work {
        /// The job's id; the server shows the session as `lockkeeper:<job>`.
        job: String,
    },
    /// The same for scripts that are run again on empty tables: statements end after two minutes, so that none outlives its
    /// program for long.
    Replay {
        /// The job's id.
        job: String,
    },
}

impl Purpose {
    /// How long one statement of a replay may take, as the server reads it.
    const LONGEST_REPLAY: &str = "2min";

    /// Whether it changes something, which no pooler may stand in between of.
    pub(super) fn is_work(&self) -> bool {
        !matches!(self, Self::Look)
    }

    pub(super) fn application_name(&self) -> String {
        match self {
            Self::Look => "lockkeeper".to_owned(),
            Self::Work { job } | Self::Replay { job } => format!("lockkeeper:{job}"),
        }
    }

    /// As the server prints it back.
    pub(super) fn lock_timeout(&self) -> &'static str {
        match self {
            Self::Look => "1s",
            Self::Work { .. } | Self::Replay { .. } => "3s",
        }
    }

    pub(super) fn startup_settings(&self) -> [(&'static str, &'static str); 4] {
        let (statement, idle) = match self {
            Self::Look => ("5s", "60s"),
            Self::Work { .. } => ("0", "0"),
            Self::Replay { .. } => (Self::LONGEST_REPLAY, "0"),
        };
        [
            // Under `off` the server would end strings elsewhere than the guard's parser does.
            ("standard_conforming_strings", "on"),
            ("lock_timeout", self.lock_timeout()),
            ("statement_timeout", statement),
            ("idle_in_transaction_session_timeout", idle),
        ]
    }

    /// What is set once it is known that the session is ours alone. `default_transaction_read_only` comes this late so
    /// that `pg_settings.reset_val` still tells the server's own; the other timeouts are unknown to older servers.
    pub(super) fn settings_after_greeting(&self, version_num: i32) -> String {
        let mut settings = Vec::new();
        match self {
            Self::Look => settings.push("SET default_transaction_read_only = on"),
            Self::Work { .. } | Self::Replay { .. } => {
                // With `off` a crash of the server may undo what it has said to be committed: a migration that was called
                // applied. `local` waits for the server's own disk, and for no standby.
                settings.push(
                    "SELECT set_config('synchronous_commit', 'local', false) \
                     WHERE current_setting('synchronous_commit') = 'off'",
                );
                if version_num >= 140_000 {
                    settings.push("SET idle_session_timeout = 0");
                }
                if version_num >= 170_000 {
                    settings.push("SET transaction_timeout = 0");
                }
            }
        }
        settings.join("; ")
    }
}
