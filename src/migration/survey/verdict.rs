//! What follows from a survey: why nothing may be applied, and what a person should know.

use super::Survey;
use crate::clock;
use crate::migration::history::words::printable;
use crate::migration::{Blocker, Contract, LockFile, Oddity, TABLE, Trace};
use crate::operation::Trouble;

const AS_IT_WAS: &str = "Nothing was applied. The database is as it was.";

impl Survey {
    /// Why nothing may be applied: Prisma 8, or a trouble.
    #[must_use]
    pub fn blocked(&self) -> Option<Trouble> {
        self.blocked_with_code().map(|(_, trouble)| trouble)
    }

    /// The same, with the code that `migrate deploy` stops with where it has one.
    #[must_use]
    pub fn blocked_with_code(&self) -> Option<(Option<&'static str>, Trouble)> {
        let contract = self.contract.as_ref().map(|found| (None, found.refusal()));
        contract.or_else(|| self.trouble_with_code())
    }

    /// What stands in the way and has to be put right, in the order in which `migrate deploy` would find out.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble_with_code().map(|(_, trouble)| trouble)
    }

    /// The same, with the code that `migrate deploy` stops with where it has one.
    fn trouble_with_code(&self) -> Option<(Option<&'static str>, Trouble)> {
        if let Some(problem) = &self.folder.problem {
            let trouble = Trouble::new(
                problem.to_string(),
                "Nothing was applied. What is pending cannot be told without the folder.",
                "Correct `migrations` of this target (or --migrations), or mount the folder where it is expected.",
            );
            return Some((None, trouble));
        }
        let blocker = self.history.deploy_blocker();
        let is_lock_file = matches!(self.history.lock_file, LockFile::Refused { .. });
        match blocker {
            Some(blocker) if is_lock_file => Some(Self::blocked_by(&blocker)),
            blocker => self
                .blocked_by_table()
                .or_else(|| blocker.map(|blocker| Self::blocked_by(&blocker))),
        }
    }

    /// That the ledger is where this connection does not find it, so that a second one would be made.
    #[must_use]
    pub fn misplaced(&self) -> Option<Trouble> {
        let stray = self.stray.as_ref()?;
        Some(Trouble::new(
            format!(
                "The ledger is in the schema {}, which is not on the search path; this connection looks for it in {}.",
                printable(stray),
                printable(&self.schema)
            ),
            AS_IT_WAS,
            "Add ?schema= with the ledger's schema to the database URL, or set the search path of the role.",
        ))
    }

    /// What stands in the way before any row is read.
    fn blocked_by_table(&self) -> Option<(Option<&'static str>, Trouble)> {
        if let Some(trouble) = self.misplaced() {
            return Some((None, trouble));
        }
        if self.needs_baseline && self.contract.is_none() {
            let trouble = Trouble::new(
                format!(
                    "The schema {} has tables but no ledger: this database was not made by Prisma Migrate (P3005).",
                    printable(&self.schema)
                ),
                AS_IT_WAS,
                "Baseline it first: `lockkeeper migrate baseline --up-to NAME` with the last migration whose effects are \
                 there already (as `resolve --applied` for each of them, oldest first).",
            );
            return Some((Some("P3005"), trouble));
        }
        let odd = self.oddities.iter().find(|odd| odd.stops_deploy())?;
        Some((None, Trouble::new(odd.to_string(), AS_IT_WAS, Oddity::NEXT)))
    }

    fn blocked_by(blocker: &Blocker) -> (Option<&'static str>, Trouble) {
        let next = match blocker {
            Blocker::LockFile { .. } => Blocker::LOCK_FILE_NEXT,
            Blocker::Running { .. } => {
                "Wait until it ends. If nobody is at work, the session that holds the lock is shown on this page; \
                 ending it frees the lock."
            }
            Blocker::Failed { .. } => {
                "Compare the database with the script. If all of it is in effect: `lockkeeper migrate resolve \
                 --applied NAME`. If nothing is: `lockkeeper migrate resolve --rolled-back NAME`, and it becomes pending \
                 again."
            }
        };
        let code = blocker.code();
        let what = format!("{blocker} ({code})");
        (Some(code), Trouble::new(what, AS_IT_WAS, next))
    }

    /// Whether there are tables though there is no ledger: the database was not made by Prisma Migrate (P3005).
    #[must_use]
    pub fn needs_baseline(&self) -> bool {
        self.needs_baseline
    }

    /// The state in sentences, the most pressing first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = self.surroundings();
        match &self.contract {
            Some(contract) if self.history.entries.is_empty() => sentences.extend(contract.calm()),
            _ => sentences.extend(self.history.sentences()),
        }
        sentences.extend(self.traces.iter().map(Trace::sentence));
        sentences
    }

    /// Whether nothing is left to do: nothing is pending, and nothing stands in the way.
    #[must_use]
    pub fn is_up_to_date(&self) -> bool {
        let packages = self.contract.iter().flat_map(Contract::pending);
        self.history.pending().next().is_none() && packages.count() == 0 && self.trouble().is_none()
    }

    /// What is peculiar though nothing stands in the way, one sentence each; often none.
    #[must_use]
    pub fn oddities(&self) -> Vec<String> {
        let mut sentences = self.surroundings();
        sentences.extend(self.history.oddities());
        sentences.extend(self.traces.iter().map(Trace::sentence));
        sentences
    }

    /// What is peculiar about folder, server, ledger and lock.
    fn surroundings(&self) -> Vec<String> {
        let mut sentences = self.folder.warnings.clone();
        sentences.extend(self.contract.iter().flat_map(Contract::oddities));
        if self.facts.in_recovery {
            sentences.push(
                "The server is a standby: it can be looked at, but nothing can be applied here."
                    .to_owned(),
            );
        } else if self.facts.read_only {
            sentences.push(
                "Sessions of this role are read-only: nothing can be applied with it.".to_owned(),
            );
        }
        sentences.extend(self.oddities.iter().map(Oddity::to_string));
        if !self.elsewhere.is_empty() && self.stray.is_none() {
            let schemas: Vec<String> = self.elsewhere.iter().map(|name| printable(name)).collect();
            sentences.push(format!(
                "There is no {TABLE} in the schema {}, but there is one in: {}. If that is this app's, add ?schema= to the \
                 database URL.",
                printable(&self.schema),
                schemas.join(", ")
            ));
        }
        if let Some(holder) = &self.lock_holder {
            let user = match &holder.user {
                Some(user) => format!(" of role {}", printable(user)),
                None => String::new(),
            };
            let since = match holder.since {
                Some(ms) => format!(", whose session began {}", clock::timestamp(ms)),
                None => String::new(),
            };
            sentences.push(format!(
                "The lock of the migrations is held by {}{user}{since}: deploy would wait 10 seconds for it, then stop \
                 (P1002).",
                holder.words()
            ));
        }
        sentences
    }
}
