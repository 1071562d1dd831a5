//! The survey: folder, ledger and facts of a target at one moment.
//!
//! It takes no lock, creates nothing and changes nothing, so looking is always safe.

use std::path::PathBuf;

use tokio_postgres::SimpleQueryMessage;

use super::contract::take_packages;
use super::{Blocker, Contract, Folder, History, LedgerRow, Package, Script, select_sql};
use crate::operation::Trouble;
use crate::target::catalog::session::LockHolder;
use crate::target::catalog::{self, Facts};
use crate::target::{Purpose, Session, Target, describe};

/// What was found.
#[derive(Debug)]
pub struct Survey {
    /// The folder as it was read.
    pub folder: Folder,
    /// Folder joined with ledger.
    pub history: History,
    /// Facts of the server and the database.
    pub facts: Facts,
    /// The schema in which the ledger is, or would be made.
    pub schema: String,
    /// Whether the ledger exists.
    pub has_ledger: bool,
    /// Who else holds the lock of Prisma Migrate.
    pub lock_holder: Option<LockHolder>,
    /// What there is of Prisma 8, in the folder or in the database.
    pub contract: Option<Contract>,
    /// Whether there are tables though there is no ledger: the database was not made by Prisma Migrate (P3005).
    needs_baseline: bool,
}

impl Survey {
    /// Looks at `target` over a session of its own.
    pub async fn of(target: &Target) -> Result<Self, Trouble> {
        let session = target.connect(Purpose::Look).await?;
        let survey = Self::with(target, &session).await;
        session.close().await;
        survey
    }

    /// Looks at `target` over `session`.
    pub async fn with(target: &Target, session: &Session) -> Result<Self, Trouble> {
        let facts = catalog::facts(session).await?;
        Self::knowing(facts, target, session).await
    }

    /// Looks at folder and ledger of `target` over `session`, whose facts are known already.
    pub async fn knowing(
        facts: Facts,
        target: &Target,
        session: &Session,
    ) -> Result<Self, Trouble> {
        let (folder, packages) = read_folder(target.migrations.clone()).await;
        let has_ledger = catalog::ledger::ledger_exists(session).await?;
        let found = catalog::contract::contracts(session).await?;
        let rows = if has_ledger {
            read_ledger(session).await?
        } else {
            Vec::new()
        };
        let needs_baseline = !has_ledger
            && catalog::ledger::has_tables_besides_ledger(session, target.url.checked_schema())
                .await?;
        let lock_holder = catalog::ledger::lock_holder(session).await?;
        Ok(Self {
            history: History::new(&folder, &rows, lock_holder.is_some()),
            folder,
            facts,
            schema: session.schema().to_owned(),
            has_ledger,
            lock_holder,
            contract: Contract::of(packages, found, has_ledger),
            needs_baseline,
        })
    }

    /// What tells this database's cluster from others: its system identifier, or the address where the role may not read
    /// that.
    #[must_use]
    pub fn cluster(&self, target: &Target) -> String {
        self.facts.cluster(&target.url)
    }

    /// The script of a migration of the folder.
    pub fn script(&self, name: &str) -> Result<&Script, Trouble> {
        let broken = |why: String| {
            Trouble::new(
                format!("The migration {name} cannot be read. {why}"),
                "Nothing was applied.",
                "Restore its migration.sql from version control, or delete its folder if it was never meant to be there.",
            )
        };
        match self.folder.migration(name) {
            None => Err(broken("Its folder is gone.".to_owned())),
            Some(migration) => migration
                .script
                .as_ref()
                .map_err(|problem| broken(problem.to_string())),
        }
    }

    /// Every row of the ledger, grouped by migration.
    pub fn ledger_rows(&self) -> impl Iterator<Item = &LedgerRow> {
        self.history.entries.iter().flat_map(|entry| &entry.rows)
    }

    /// Why nothing may be applied: Prisma 8, or a trouble.
    #[must_use]
    pub fn blocked(&self) -> Option<Trouble> {
        let contract = self.contract.as_ref().map(Contract::refusal);
        contract.or_else(|| self.trouble())
    }

    /// What stands in the way and has to be put right, in the order in which `migrate deploy` would find out.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        const AS_IT_WAS: &str = "Nothing was applied. The database is as it was.";
        if let Some(problem) = &self.folder.problem {
            return Some(Trouble::new(
                problem.to_string(),
                "Nothing was applied. What is pending cannot be told without the folder.",
                "Correct `migrations` of this target (or --migrations), or mount the folder where it is expected.",
            ));
        }
        if self.needs_baseline && self.contract.is_none() {
            return Some(Trouble::new(
                format!(
                    "The schema {} has tables but no ledger: this database was not made by Prisma Migrate (P3005).",
                    self.schema
                ),
                AS_IT_WAS,
                "Baseline it first: `npx prisma migrate resolve --applied NAME` for each migration whose tables are \
                 there already, oldest first.",
            ));
        }
        let blocker = self.history.deploy_blocker()?;
        let next = match &blocker {
            Blocker::LockFile { .. } => {
                "Correct migration_lock.toml: it needs the line `provider = \"postgresql\"`."
            }
            Blocker::Running { .. } => {
                "Wait until it ends. If nobody is at work, the session that holds the lock is shown on this page; \
                 ending it frees the lock."
            }
            Blocker::Failed { .. } => {
                "Compare the database with the script. If all of it is in effect: `npx prisma migrate resolve --applied \
                 NAME`. If nothing is: `npx prisma migrate resolve --rolled-back NAME`, and it becomes pending again."
            }
        };
        Some(Trouble::new(
            format!("{blocker} ({})", blocker.code()),
            AS_IT_WAS,
            next,
        ))
    }

    /// The state in sentences, the most pressing first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = self.surroundings();
        match &self.contract {
            Some(contract) if self.history.entries.is_empty() => sentences.extend(contract.calm()),
            _ => sentences.extend(self.history.sentences()),
        }
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
        sentences
    }

    /// What is peculiar about folder, server and lock.
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
        if let Some(holder) = &self.lock_holder {
            let name = holder
                .application_name
                .as_deref()
                .unwrap_or("a session without a name");
            sentences.push(format!(
                "The lock of the migrations is held by {name} (process {}).",
                holder.pid
            ));
        }
        sentences
    }
}

async fn read_folder(path: PathBuf) -> (Folder, Vec<Package>) {
    let read = move || {
        let mut folder = Folder::read(&path);
        let packages = take_packages(&mut folder);
        (folder, packages)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The rows, by the simple protocol: it is safe through a pooler, and every column is read as text anyway.
async fn read_ledger(session: &Session) -> Result<Vec<LedgerRow>, Trouble> {
    let answer = session
        .client()
        .simple_query(&select_sql(session.schema()))
        .await
        .map_err(|error| {
            Trouble::new(
                format!("The ledger _prisma_migrations cannot be read: {}.", describe(&error)),
                "Nothing was changed. Without the ledger nobody can say what is applied.",
                "Grant the role SELECT on it; if a long statement holds the table, wait and load the page again.",
            )
        })?;
    let mut rows = Vec::new();
    for message in answer {
        if let SimpleQueryMessage::Row(row) = message {
            let columns = std::array::from_fn(|index| row.get(index).map(str::to_owned));
            rows.push(LedgerRow::from_texts(columns)?);
        }
    }
    Ok(rows)
}
