//! The survey: folder, ledger and facts of a target at one moment.
//!
//! It takes no lock, creates nothing and changes nothing, so looking is always safe.

mod verdict;

use std::path::PathBuf;

use futures_util::future::join;

use super::contract::take_packages;
use super::mark::Past;
use super::{
    Contract, Folder, History, Ledger, LedgerRow, Oddity, Package, PrismaStatus, Script, Trace,
};
use crate::operation::Trouble;
use crate::target::catalog::session::LockHolder;
use crate::target::catalog::{self, Facts};
use crate::target::{Purpose, Session, Target};

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
    /// Whether that schema exists.
    pub has_schema: bool,
    /// Whether the ledger exists, or something else of its name.
    pub has_ledger: bool,
    /// What is odd about it.
    pub oddities: Vec<Oddity>,
    /// The schemas that have a ledger where this one has none.
    pub elsewhere: Vec<String>,
    /// Who else holds the lock of Prisma Migrate.
    pub lock_holder: Option<LockHolder>,
    /// What can be seen of migrations that failed; looked for by [`Survey::seeing`] only.
    pub traces: Vec<Trace>,
    /// What there is of Prisma 8, in the folder or in the database.
    pub contract: Option<Contract>,
    /// The one of [`Survey::elsewhere`] that Prisma finds when it looks whether there is a ledger, and then cannot read: its
    /// schema is not on the search path.
    stray: Option<String>,
    /// Whether there are tables though there is no ledger: the database was not made by Prisma Migrate (P3005).
    needs_baseline: bool,
}

impl Survey {
    /// Looks at `target` over a session of its own.
    pub async fn of(target: &Target) -> Result<Self, Trouble> {
        let session = target.connect(Purpose::Look).await?;
        let survey = Self::seeing(target, &session).await;
        session.close().await;
        survey
    }

    /// Looks at `target` over `session`, for a person: also for what can be seen of migrations that failed.
    pub async fn seeing(target: &Target, session: &Session) -> Result<Self, Trouble> {
        let mut survey = Self::with(target, session).await?;
        survey.traces = Trace::all(&survey, session).await;
        Ok(survey)
    }

    /// Looks at `target` over `session`.
    pub async fn with(target: &Target, session: &Session) -> Result<Self, Trouble> {
        let read = read_folder(target.migrations.clone());
        // On the heap, like what follows: questions that are asked together are large.
        let facts = Box::pin(catalog::facts(session));
        let (read, facts) = join(read, facts).await;
        Box::pin(Self::joined(read, facts?, target, session)).await
    }

    /// Looks at `target` once more. What was read earlier is read again; only scripts that have not changed are not parsed again.
    pub async fn again(
        earlier: &Self,
        target: &Target,
        session: &Session,
    ) -> Result<Self, Trouble> {
        let mut survey = Self::with(target, session).await?;
        survey.folder.keep_parsed(&earlier.folder);
        Ok(survey)
    }

    /// Looks at folder and ledger of `target` over `session`, whose facts are known already.
    pub async fn knowing(
        facts: Facts,
        target: &Target,
        session: &Session,
    ) -> Result<Self, Trouble> {
        let read = read_folder(target.migrations.clone()).await;
        Box::pin(Self::joined(read, facts, target, session)).await
    }

    async fn joined(
        (folder, packages): (Folder, Vec<Package>),
        facts: Facts,
        target: &Target,
        session: &Session,
    ) -> Result<Self, Trouble> {
        let (found, bearer) = join(
            catalog::contract::contracts(session),
            catalog::ledger::bearer(session),
        )
        .await;
        let (found, bearer) = (found?, bearer?);
        let has_ledger = bearer.is_some();
        let rows = async {
            match &bearer {
                Some(bearer) => Ledger::read(session, bearer).await,
                None => Ok(Ledger::default()),
            }
        };
        // In one breath, for together they tell what runs.
        let (ledger, lock_holder) = join(rows, catalog::ledger::lock_holder(session)).await;
        let (ledger, lock_holder) = (ledger?, lock_holder?);
        let mut checked = folder.schemas.clone();
        checked.push(target.url.checked_schema().to_owned());
        let elsewhere = if has_ledger {
            Vec::new()
        } else {
            catalog::ledger::elsewhere(session).await?
        };
        let stray = elsewhere.iter().find(|schema| checked.contains(schema));
        let is_table = bearer.is_some_and(|bearer| bearer.is_table());
        let needs_baseline = !is_table
            && stray.is_none()
            && catalog::ledger::has_tables_besides_ledger(session, &checked).await?;
        Ok(Self {
            history: History::new(&folder, &ledger.rows, lock_holder.is_some()),
            stray: stray.cloned(),
            elsewhere,
            oddities: ledger.oddities,
            folder,
            facts,
            schema: session.schema().to_owned(),
            has_schema: has_ledger || catalog::ledger::schema_exists(session).await?,
            has_ledger,
            lock_holder,
            traces: Vec::new(),
            contract: Contract::of(packages, found, has_ledger),
            needs_baseline,
        })
    }

    /// What has to be known before it is marked.
    #[must_use]
    pub fn past(&self) -> Past<'_> {
        Past {
            folder: &self.folder,
            history: &self.history,
            schema: &self.schema,
            has_ledger: self.has_ledger,
            oddities: &self.oddities,
        }
    }

    /// What the real `prisma migrate status` says of this.
    #[must_use]
    pub fn prisma_status(&self) -> PrismaStatus {
        PrismaStatus::of(self.past())
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
                .map_err(|problem| broken(format!("{problem} (P3015)"))),
        }
    }

    /// Every row of the ledger, grouped by migration.
    pub fn ledger_rows(&self) -> impl Iterator<Item = &LedgerRow> {
        self.history.entries.iter().flat_map(|entry| &entry.rows)
    }
}

pub(super) async fn read_folder(path: PathBuf) -> (Folder, Vec<Package>) {
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
