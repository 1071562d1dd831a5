//! Applying migrations with the write protocol of `migrate deploy`.
//!
//! The row is inserted before the script runs and finished after it, in statements of their own, so that a crash at any
//! moment leaves what Prisma would have left: a row that is neither finished nor rolled back. A run that is cancelled marks
//! its row as rolled back when nothing of the script is in effect. What must stay true: the
//! advisory lock is held by the very session that runs the scripts, and the first failure stops everything.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::join;
use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;

use super::{ADVISORY_LOCK, Entry, Script, Survey, create_table_sql};
use crate::clock::Clock;
use crate::operation::{Context, OperationError, Trouble};
use crate::target::Session;
use crate::target::script::{self, Cause, ScriptError};

mod record;
mod trouble;

use record::Record;
use trouble::{
    failed, held, in_context, logs, lost, not_begun, stopped, unknown, unlocked, unmarked, unsaid,
    unsaved, unsure,
};

/// How long the lock is waited for, as Prisma does.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often it is asked for. Polling, unlike waiting, leaves no orphan in the server's queue.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// How often the server is asked to cancel.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);
/// How long is waited between tries of a script that met a lock.
const LOCK_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];

/// Takes Prisma's advisory lock for the rest of the session.
pub async fn lock(session: &Session, cancel: &CancellationToken) -> Result<(), OperationError> {
    let deadline = tokio::time::Instant::now() + LOCK_WAIT;
    loop {
        let taken = session
            .client()
            .query_typed_one(
                "SELECT pg_try_advisory_lock($1)",
                &[(&ADVISORY_LOCK, Type::INT8)],
            )
            .await
            .and_then(|row| row.try_get(0))
            .map_err(|error| lost("Asking for the lock of the migrations", &error))?;
        if taken {
            return Ok(());
        }
        if cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(held(session).await.into());
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// Applies what is pending in `survey`, in order, and stops at the first failure. Returns how many were applied. The
/// caller holds the lock ([`lock`]) on `session` and has surveyed under it.
pub async fn apply(
    session: &Session,
    survey: &Survey,
    context: &Context,
) -> Result<usize, OperationError> {
    if context.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    let made = make_ledger(session, survey, context).await?;
    let pending: Vec<&Entry> = survey.history.pending().collect();
    let record = Record::new(session, &survey.schema);
    for (done, entry) in pending.iter().enumerate() {
        if context.cancel.is_cancelled() {
            return Err(stopped(done, pending.len(), None, &made));
        }
        context.progress.step(
            "Apply",
            format!(
                "Migration {} of {}: {}.",
                done + 1,
                pending.len(),
                entry.name
            ),
        );
        context
            .progress
            .count(done as u64, Some(pending.len() as u64), "migrations");
        let script = survey.script(&entry.name)?;
        let is_last = done + 1 == pending.len();
        let locked = match one(&record, &entry.name, script, is_last, context).await {
            Ok(locked) => locked,
            Err(Halt::Failed(trouble)) => return Err(in_context(trouble, done).into()),
            Err(Halt::Unknown(trouble)) => {
                return Err(OperationError::NeedsHuman(in_context(trouble, done)));
            }
            Err(Halt::Undone) => {
                return Err(stopped(done, pending.len(), Some(&entry.name), &made));
            }
        };
        if !locked.map_err(|error| lost("Looking at the lock of the migrations", &error))? {
            return Err(unlocked(&entry.name, done + 1, pending.len()).into());
        }
    }
    Ok(pending.len())
}

/// Why a migration did not run to its end.
enum Halt {
    /// It failed; what is in effect is known.
    Failed(Trouble),
    /// What is in effect is not known.
    Unknown(Trouble),
    /// It was cancelled, all of it is undone, and the ledger has it as rolled back.
    Undone,
}

/// Runs one script between the writes of its record. Whether the lock is still held, which nobody asks behind the last.
async fn one(
    record: &Record<'_>,
    name: &str,
    script: &Script,
    is_last: bool,
    context: &Context,
) -> Result<Result<bool, tokio_postgres::Error>, Halt> {
    let session = record.session;
    let id = uuid::Uuid::new_v4().to_string();
    let started_at = now(&context.clock);
    let row = [id.as_str(), &script.checksum, &started_at, name];
    if let Err(error) = record.begin(row).await {
        return Err(if script::is_lost(session, &error) {
            Halt::Unknown(not_begun(name, &error))
        } else {
            Halt::Failed(lost(WRITING, &error))
        });
    }
    // Whatever is written from here on must not be written under the script's role.
    let (ran, ready) = cancellably(session, script, context).await;
    if let Err(error) = ran {
        return Err(halted(record, &id, name, &error, ready, context).await);
    }
    if let Err(error) = ready {
        return Err(unrecorded(session, name, RESETTING, &error));
    }
    let finished_at = now(&context.clock);
    let recorded = async {
        let written = join(record.count_step(&id), record.finish(&id, &finished_at));
        let still = async {
            if is_last {
                return Ok(true);
            }
            record.is_locked().await
        };
        // In one breath, in this order; what the last says counts only when the row is finished.
        let ((counted, finished), locked) = join(written, still).await;
        counted?;
        finished?;
        Ok(locked)
    };
    let locked = recorded
        .await
        .map_err(|error| unrecorded(session, name, WRITING, &error))?;
    context.progress.info(format!("{name} is applied."));
    Ok(locked)
}

/// Records a script that did not run to its end, where the session is `ready` for it.
async fn halted(
    record: &Record<'_>,
    id: &str,
    name: &str,
    error: &ScriptError,
    ready: Result<(), tokio_postgres::Error>,
    context: &Context,
) -> Halt {
    let logged = match ready {
        Ok(()) => record.fail(id, &logs(name, error)).await,
        Err(error) => Err(error),
    };
    if error.unknown {
        return Halt::Unknown(unknown(name, error));
    }
    if error.undone
        && error.cause == Cause::Interrupt
        && context.cancel.is_cancelled()
        && logged.is_ok()
    {
        // Nothing of it is in effect, so it need not stand in the way of the next try.
        return match record.give_up(id, &now(&context.clock)).await {
            Ok(()) => Halt::Undone,
            Err(error) if script::is_lost(record.session, &error) => {
                Halt::Unknown(unmarked(name, &error))
            }
            Err(error) => Halt::Failed(lost(WRITING, &error)),
        };
    }
    Halt::Failed(failed(name, error, logged.is_ok()))
}

/// A script that ran to its end, but what came after did not.
fn unrecorded(session: &Session, name: &str, doing: &str, error: &tokio_postgres::Error) -> Halt {
    if script::is_lost(session, error) {
        Halt::Unknown(unsaid(name, doing, error))
    } else {
        Halt::Failed(unsaved(name, doing, error))
    }
}

const WRITING: &str = "Writing the ledger";
const RESETTING: &str = "Taking back what the script had set for its session";

/// How a script ended, and whether what it had set for its session is taken back.
type Ran = (Result<(), ScriptError>, Result<(), tokio_postgres::Error>);

/// Runs a script; when the job is asked to stop, the server is asked to interrupt the statement that runs. Asked again and
/// again, for between two statements there is nothing to interrupt.
async fn cancellably(session: &Session, script: &Script, context: &Context) -> Ran {
    tokio::select! {
        ended = patiently(session, script, context) => ended,
        never = interrupt(session, context) => match never {},
    }
}

async fn interrupt(session: &Session, context: &Context) -> Infallible {
    context.cancel.cancelled().await;
    let server = session.cancel_token();
    context
        .progress
        .warn("The statement that runs is being cancelled on the server.");
    loop {
        if let Err(error) = server.cancel().await {
            tracing::debug!(%error, "the server could not be asked to cancel");
        }
        tokio::time::sleep(CANCEL_AGAIN).await;
    }
}

/// Runs a script, and again a few times when all of it was undone because a lock was not free: the app goes on working in
/// between, instead of queueing behind a migration that waits.
async fn patiently(session: &Session, script: &Script, context: &Context) -> Ran {
    let run = || {
        let parsed = script.statements();
        script::run_and_reset(session, &script.text, parsed, &context.progress)
    };
    for pause in LOCK_PAUSES {
        match run().await {
            (Err(error), Ok(())) if error.can_retry() && !context.cancel.is_cancelled() => {
                context.progress.warn(format!(
                    "A lock was not free within 3 seconds at statement {}. Everything of this script is undone; trying \
                     again in {} seconds.",
                    error.statement,
                    pause.as_secs()
                ));
                tokio::time::sleep(pause).await;
            }
            ended => return ended,
        }
    }
    run().await
}

/// Makes the ledger and its schema where they are missing; what was made, a sentence each.
async fn make_ledger(
    session: &Session,
    survey: &Survey,
    context: &Context,
) -> Result<Vec<String>, OperationError> {
    let mut made = Vec::new();
    if survey.has_ledger {
        return Ok(made);
    }
    if create_schema(session, &survey.schema).await? {
        made.push(format!("The schema {} was created.", survey.schema));
    }
    let create = create_table_sql(&survey.schema);
    run_simple(session, &create, "Creating the ledger").await?;
    made.push("The ledger _prisma_migrations was created.".to_owned());
    for line in &made {
        context.progress.info(line.clone());
    }
    Ok(made)
}

/// Makes the schema of the URL when it is missing, as Prisma does when it connects. Asked for first: `IF NOT EXISTS`
/// would need the right to create schemas even where there is nothing to do. Whether it was missing.
async fn create_schema(session: &Session, schema: &str) -> Result<bool, OperationError> {
    let exists = session
        .client()
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
            &[&schema],
        )
        .await
        .map_err(|error| lost("Looking for the schema", &error))?;
    if exists.get(0) {
        return Ok(false);
    }
    let create = format!("CREATE SCHEMA {}", crate::sql::quote_identifier(schema));
    run_simple(session, &create, "Creating the schema").await?;
    Ok(true)
}

/// Prisma writes its client's clock. Everybody reads the rows in the order of their moments, so two must not be the same.
fn now(clock: &Clock) -> String {
    clock.now_exactly().to_string()
}

async fn run_simple(session: &Session, statement: &str, doing: &str) -> Result<(), OperationError> {
    match session.client().simple_query(statement).await {
        Ok(_) => Ok(()),
        Err(error) if script::is_lost(session, &error) => {
            Err(OperationError::NeedsHuman(unsure(doing, &error)))
        }
        Err(error) => Err(lost(doing, &error).into()),
    }
}
