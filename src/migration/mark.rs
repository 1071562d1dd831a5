//! A mark: rows of the ledger that say what a person knows about migrations, written without running a script.
//!
//! What must stay true: everything that one mark changes is written in one transaction, under the advisory lock, by the
//! session that holds it; the rows are those that `prisma migrate resolve` writes. What is to be changed is worked out by
//! [`super::resolve`] and [`super::baseline`], which are pure; this file reads before and writes after.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::{ToSql, Type};

use super::history::words::printable;
use super::resolve::Refusal;
use super::{
    Folder, History, LedgerRow, LockFile, Oddity, Survey, TABLE, create_table_sql, deploy,
    insert_marked_sql, set_rolled_back_sql,
};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::sql::quote_identifier;
use crate::target::{Purpose, Session, Target, describe, script};

/// The steps of marking.
pub const STEPS: &[&str] = &["Lock", "Check", "Write"];

/// What a person says of migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Everything of them is in effect.
    Applied,
    /// What had begun is given up, so that it can be applied again.
    RolledBack,
}

impl Mark {
    /// The words after `marked as`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::RolledBack => "rolled back",
        }
    }
}

/// What is known of one database before it is marked.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The folder.
    pub folder: &'a Folder,
    /// The folder joined with the ledger.
    pub history: &'a History,
    /// The schema in which the ledger is, or would be made.
    pub schema: &'a str,
    /// Whether there is a ledger.
    pub has_ledger: bool,
    /// What is odd about it.
    pub oddities: &'a [Oddity],
}

/// A row that says of a migration that it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The migration's name.
    pub name: String,
    /// The checksum of its script now.
    pub checksum: String,
    /// When it began and finished: one moment for both, as Prisma writes it.
    pub at: Timestamp,
}

/// What a mark changes in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// What is said.
    pub mark: Mark,
    /// Of which migrations.
    pub names: Vec<String>,
    /// The ledger is made first, for there is none.
    pub makes_ledger: bool,
    /// The rows that are given up at [`Changes::at`].
    pub given_up: Vec<LedgerRow>,
    /// The rows that are added, in this order.
    pub added: Vec<Marked>,
    /// When.
    pub at: Timestamp,
}

impl Changes {
    /// What is done, one line each; none where everything is as it was to be.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.makes_ledger {
            lines.push(format!("Make the ledger {TABLE}, which is not there."));
        }
        for row in &self.given_up {
            lines.push(format!(
                "Mark as rolled back: the row of {} that began {}.",
                printable(&row.migration_name),
                row.started_at
            ));
        }
        for row in &self.added {
            lines.push(format!(
                "Add a row: {} is applied. Its script is not run.",
                printable(&row.name)
            ));
        }
        lines
    }

    /// What was done, in one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| printable(name)).collect();
        let was = self.mark.words();
        match names.as_slice() {
            [name] if self.lines().is_empty() => {
                format!("{name} is {was} already; nothing was changed.")
            }
            [name] => format!("{name} was marked as {was}."),
            names if self.lines().is_empty() => {
                format!(
                    "All of them are {was} already; nothing was changed: {}.",
                    names.join(", ")
                )
            }
            names => format!(
                "{} migrations were marked as {was}: {}.",
                names.len(),
                names.join(", ")
            ),
        }
    }
}

/// Rows that are added `at` and right after it, so that the order by time is this order.
pub(super) fn in_order(scripts: Vec<(String, String)>, at: Timestamp) -> Vec<Marked> {
    scripts
        .into_iter()
        .zip(0..)
        .map(|((name, checksum), index)| Marked {
            name,
            checksum,
            // The column holds microseconds. A clock at the end of the calendar stands still.
            at: at
                .checked_add(SignedDuration::from_micros(index))
                .unwrap_or(at),
        })
        .collect()
}

/// Looks at `target` without the lock and says what a mark would change now.
pub async fn preview(
    target: &Target,
    at: Timestamp,
    work_out: impl FnOnce(Past<'_>, Timestamp) -> Result<Changes, Refusal>,
) -> Result<Changes, Trouble> {
    let survey = Survey::of(target).await?;
    if let Some(trouble) = unmarkable(&survey) {
        return Err(trouble);
    }
    Ok(work_out(survey.past(), at)?)
}

/// Why nothing may be marked, whatever it is: what Prisma 8 has is its own, and a second ledger would only mislead.
fn unmarkable(survey: &Survey) -> Option<Trouble> {
    let contract = survey.contract.as_ref().map(|contract| Trouble {
        data: "Nothing was marked. The database is as it was.".to_owned(),
        ..contract.refusal()
    });
    contract.or_else(|| survey.misplaced())
}

/// Marks: takes the lock, reads folder and ledger under it, and writes what follows.
pub(super) async fn run(
    target: &Target,
    context: &Context,
    needs_folder: bool,
    work_out: impl FnOnce(Past<'_>, Timestamp) -> Result<Changes, Refusal>,
) -> Result<Outcome, OperationError> {
    let progress = &context.progress;
    if needs_folder
        && let LockFile::Refused { found } = super::survey::read_folder(target.migrations.clone())
            .await
            .0
            .lock_file
    {
        // Prisma says so before it asks for the lock.
        return Err(Trouble::from(Refusal::LockFile { found }).into());
    }
    let work = Purpose::Work {
        job: context.job.clone(),
    };
    let session = target.connect(work).await?;
    progress.step("Lock", "Taking the lock that Prisma Migrate takes too.");
    deploy::lock(&session, &context.cancel).await?;
    progress.step("Check", "Reading folder and ledger under the lock.");
    let survey = Survey::with(target, &session).await?;
    if let Some(trouble) = unmarkable(&survey) {
        return Err(trouble.into());
    }
    let changes = work_out(survey.past(), context.clock.now()).map_err(Trouble::from)?;
    let lines = changes.lines();
    progress.step(
        "Write",
        if lines.is_empty() {
            "There is nothing to write."
        } else {
            "Writing the ledger, all or nothing."
        },
    );
    if !lines.is_empty() {
        write(&session, &survey, &changes, context).await?;
    }
    for line in lines {
        progress.info(line);
    }
    session.close().await;
    Ok(Outcome {
        summary: changes.summary(),
        made: None,
    })
}

/// Writes everything in one transaction.
async fn write(
    session: &Session,
    survey: &Survey,
    changes: &Changes,
    context: &Context,
) -> Result<(), OperationError> {
    let wrote = async {
        let client = session.client();
        client.batch_execute("BEGIN").await?;
        if changes.makes_ledger {
            if !survey.has_schema {
                let create = format!("CREATE SCHEMA {}", quote_identifier(&survey.schema));
                client.batch_execute(&create).await?;
            }
            client
                .batch_execute(&create_table_sql(&survey.schema))
                .await?;
        }
        let give_up = set_rolled_back_sql(&survey.schema);
        for row in &changes.given_up {
            execute(session, &give_up, &[&row.id, &changes.at.to_string()]).await?;
        }
        let add = insert_marked_sql(&survey.schema);
        for row in &changes.added {
            let id = uuid::Uuid::new_v4().to_string();
            let values = [&id, &row.checksum, &row.at.to_string(), &row.name];
            execute(session, &add, &values).await?;
        }
        Ok::<_, tokio_postgres::Error>(())
    };
    let wrote = wrote.await;
    if wrote.is_ok() && !context.cancel.is_cancelled() {
        return match session.client().batch_execute("COMMIT").await {
            Ok(()) => Ok(()),
            Err(error) if script::is_lost(session, &error) => {
                Err(OperationError::NeedsHuman(unsure(&error)))
            }
            Err(error) => Err(unwritten(&error).into()),
        };
    }
    // The transaction goes with the session in any case; this only says so earlier.
    if let Err(error) = session.client().batch_execute("ROLLBACK").await {
        tracing::debug!(%error, "the transaction of a mark ends with its session");
    }
    match wrote {
        Ok(()) => Err(OperationError::Cancelled),
        Err(error) => Err(unwritten(&error).into()),
    }
}

async fn execute(
    session: &Session,
    statement: &str,
    values: &[&String],
) -> Result<(), tokio_postgres::Error> {
    let values: Vec<(&(dyn ToSql + Sync), Type)> = values
        .iter()
        .map(|value| (*value as &(dyn ToSql + Sync), Type::TEXT))
        .collect();
    session
        .client()
        .query_typed(statement, &values)
        .await
        .map(drop)
}

fn unwritten(error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!("The ledger could not be written: {}.", describe(error)),
        "Nothing was marked. The database is as it was.",
        "Look at the server's answer and at the rights of the role (INSERT and UPDATE on _prisma_migrations, CREATE in its \
         schema where the ledger is not there yet), then try again.",
    )
}

fn unsure(error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "The connection was lost while the mark was committed: {}.",
            describe(error)
        ),
        "Either all of its rows are written or none; which of the two is not known. No script was run.",
        "Look at what the database shows below, then say how it ended.",
    )
}
