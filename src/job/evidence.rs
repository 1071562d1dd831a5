//! What can be seen of an interrupted job now: its sessions on the server, the ledger, what it was to make. From that
//! follows what a person may decide.
//!
//! Nothing here changes anything but [`Operation::end_sessions`]. What cannot be seen is said, never guessed.

use super::queue::{Job, Verdict};
use super::{Operation, Resources, marked};
use crate::backup::{self, Archive};
use crate::clock::Clock;
use crate::guard;
use crate::migration::{State, Survey};
use crate::operation::{Outcome, Trouble};
use crate::store::{Store, StoreError};
use crate::target::catalog::session::{self, JobSession};
use crate::target::{Purpose, Target};

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Whether it is in order; none: it could not be told.
    pub is_well: Option<bool>,
    /// One sentence.
    pub text: String,
}

impl Fact {
    pub(super) fn new(is_well: impl Into<Option<bool>>, text: impl Into<String>) -> Self {
        Self {
            is_well: is_well.into(),
            text: text.into(),
        }
    }
}

/// What a person may decide about an interrupted job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// End the sessions that the job still has on the server. The job stays interrupted.
    EndSessions,
    /// It did all it was to do.
    Succeeded,
    /// It did not; the target is free again.
    Failed,
}

impl Choice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EndSessions, Self::Succeeded, Self::Failed];

    /// The word of forms and of the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::EndSessions => "end-sessions",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// What was seen, and what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In the order in which they are worth reading.
    pub facts: Vec<Fact>,
    /// What may be decided. Empty: not before something else has happened, as the facts say.
    pub choices: Vec<Choice>,
}

/// What is left of a migration that the job was to apply.
enum Left {
    Applied,
    Not,
    Unsure,
}

impl Operation {
    /// Looks at what an interrupted job left behind.
    pub async fn evidence(&self, resources: &Resources, job: &str) -> Result<Evidence, StoreError> {
        let Some(target) = resources.target(self.target()) else {
            return Ok(Evidence {
                facts: vec![Fact::new(
                    None,
                    format!("The configuration has no target named {}.", self.target()),
                )],
                choices: vec![Choice::Failed],
            });
        };
        let mut evidence = Evidence::default();
        let alive = sessions(target, job, &mut evidence.facts).await;
        let (mut complete, mut held) = (false, false);
        match self {
            Self::ApplyPlan { plan, .. } => {
                (complete, held) =
                    migrations(&resources.store, target, plan, &mut evidence.facts).await?;
            }
            Self::ResolveMigrations { mark, names, .. } => {
                (complete, held) = marked::look(target, *mark, names, &mut evidence.facts).await;
            }
            Self::Baseline { last, .. } => {
                (complete, held) = marked::look_up_to(target, last, &mut evidence.facts).await;
            }
            Self::TakeBackup { target, .. } => {
                files(&resources.archive, target, job, &mut evidence.facts).await;
            }
            Self::MakePlan { .. } | Self::CheckTarget { .. } | Self::DetectDrift { .. } => {}
        }
        evidence.choices = match alive {
            Some(true) => vec![Choice::EndSessions],
            _ if held => Vec::new(),
            _ if complete => vec![Choice::Succeeded, Choice::Failed],
            _ => vec![Choice::Failed],
        };
        Ok(evidence)
    }

    /// Ends what sessions the job still has on the server.
    pub async fn end_sessions(&self, resources: &Resources, job: &str) -> Result<(), Trouble> {
        let Some(target) = resources.target(self.target()) else {
            return Ok(());
        };
        let look = target.connect(Purpose::Look).await?;
        session::end_sessions_of(&look, job).await;
        look.close().await;
        Ok(())
    }

    /// How a person's decision says that the job ended; none for the one that does not end it.
    #[must_use]
    pub fn verdict(&self, job: &Job, choice: Choice, finding: &str) -> Option<Verdict> {
        match choice {
            Choice::EndSessions => None,
            Choice::Failed => {
                let what = job.trouble.as_ref().map_or(
                    "The program that ran this job went away before it ended.",
                    |trouble| trouble.what.as_str(),
                );
                Some(Verdict::Failed(Trouble::new(
                    what,
                    finding,
                    "What is pending now is on the page of the history.",
                )))
            }
            Choice::Succeeded => Some(Verdict::Succeeded(Outcome {
                summary: finding.to_owned(),
                made: match self {
                    Self::ApplyPlan { plan, .. } => Some(plan.clone()),
                    _ => None,
                },
            })),
        }
    }

    /// Removes what an interrupted job left in the archive when it went away during the backup that it began with.
    pub(crate) async fn clear(&self, resources: &Resources, job: &str) {
        if let Self::ApplyPlan { target, .. } = self {
            let target = resources.target(target).cloned();
            backup::take::clean_up(&resources.archive, target.as_deref(), job).await;
        }
    }

    /// Notes elsewhere that the job did all it was to do.
    pub(crate) async fn settle(
        &self,
        resources: &Resources,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        if let Self::ApplyPlan { plan, target, .. } = self
            && let Some(stored) = guard::plan::get(&resources.store, target, plan).await?
        {
            guard::plan::mark_applied(&resources.store, clock, &stored.plan).await?;
        }
        Ok(())
    }
}

/// Whether sessions of the job are alive; none when that cannot be told.
async fn sessions(target: &Target, job: &str, facts: &mut Vec<Fact>) -> Option<bool> {
    let looked = async {
        let look = target.connect(Purpose::Look).await?;
        let found = session::sessions_of(&look, job).await;
        look.close().await;
        found
    };
    match looked.await {
        Err(trouble) => {
            facts.push(Fact::new(
                None,
                format!(
                    "The database could not be asked: {} What is in effect there is not known, and a session may still be \
                     at work.",
                    trouble.what
                ),
            ));
            None
        }
        Ok(found) if found.is_empty() => {
            facts.push(Fact::new(
                true,
                "No session of this job is left on the server.",
            ));
            Some(false)
        }
        Ok(found) => {
            facts.extend(found.iter().map(alive));
            facts.push(Fact::new(
                false,
                "As long as a session is there, what is in effect may still change: end it first, or wait.",
            ));
            Some(true)
        }
    }
}

fn alive(found: &JobSession) -> Fact {
    let query: String = found.query.chars().take(200).collect();
    let doing = if query.is_empty() {
        String::new()
    } else {
        format!(": {query}")
    };
    Fact::new(
        false,
        format!(
            "A session of this job is still on the server (process {}, {}){doing}",
            found.pid, found.state
        ),
    )
}

/// What the ledger says of the plan's migrations: whether all of them are applied, and whether somebody holds the lock, who
/// may be the job under another name.
async fn migrations(
    store: &Store,
    target: &Target,
    plan: &str,
    facts: &mut Vec<Fact>,
) -> Result<(bool, bool), StoreError> {
    let Some(stored) = guard::plan::get(store, &target.name, plan).await? else {
        facts.push(Fact::new(None, "Its plan is not in the store any more."));
        return Ok((false, false));
    };
    let Ok(survey) = Survey::of(target).await else {
        // That the database does not answer has been said.
        return Ok((false, false));
    };
    let mut complete = true;
    for migration in &stored.plan.migrations {
        let entry = survey
            .history
            .entries
            .iter()
            .find(|entry| entry.name == migration.name);
        let (left, text) = match entry.map(|entry| entry.state) {
            Some(State::Applied) => (Left::Applied, "is applied: the ledger has its end."),
            Some(State::Pending) => (
                Left::Not,
                "was not begun: the ledger has no row of it, so nothing of it is in effect.",
            ),
            Some(State::Running) => (
                Left::Unsure,
                "has begun, and somebody holds the lock of the migrations: it may still be running.",
            ),
            Some(State::RolledBack) => (Left::Not, "is recorded as rolled back."),
            Some(State::Failed) => (
                Left::Unsure,
                "was begun, and the ledger has no end of it. If it was cut off before its COMMIT nothing of it is in \
                 effect; look for what it makes or drops.",
            ),
            _ => (Left::Unsure, "is not as it was planned: look at its page."),
        };
        complete &= matches!(left, Left::Applied);
        let well = match left {
            Left::Applied => Some(true),
            Left::Not => Some(false),
            Left::Unsure => None,
        };
        facts.push(Fact::new(well, format!("{} {text}", migration.name)));
    }
    Ok((complete, held(&survey, facts)))
}

/// Whether somebody holds the lock of the migrations.
pub(super) fn held(survey: &Survey, facts: &mut Vec<Fact>) -> bool {
    if let Some(holder) = &survey.lock_holder {
        facts.push(Fact::new(
            false,
            format!(
                "The lock of the migrations is held by {}. As long as it is, a migration may still be running, and nothing \
                 can be decided: wait for that session, or end it with SELECT pg_terminate_backend({}).",
                holder.words(),
                holder.pid
            ),
        ));
    }
    survey.lock_holder.is_some()
}

/// Whether the backup was published after all.
async fn files(archive: &Archive, target: &str, job: &str, facts: &mut Vec<Fact>) {
    facts.push(match backup::take::published(archive, target, job).await {
        Some(backup) => Fact::new(
            true,
            format!(
                "{} was published before the program went away.",
                backup.file.name
            ),
        ),
        None => Fact::new(false, "There is no backup of this job in the archive."),
    });
}
