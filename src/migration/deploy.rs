//! Applying migrations with the write protocol of `migrate deploy`.
//!
//! The row is inserted before the script runs and finished after it, in statements of their own, so that a crash at any
//! moment leaves what Prisma would have left: a row that is neither finished nor rolled back. What must stay true: the
//! advisory lock is held by the very session that runs the scripts, and the first failure stops everything.

use std::time::Duration;

use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;

use super::{
    ADVISORY_LOCK, Entry, Script, Survey, count_step_sql, create_table_sql, insert_sql,
    set_finished_sql, set_logs_sql,
};
use crate::clock::Clock;
use crate::operation::{Context, OperationError, Trouble};
use crate::target::script::{self, ScriptError};
use crate::target::{Session, catalog, describe};

/// How long the lock is waited for, as Prisma does.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often it is asked for. Polling, unlike waiting, leaves no orphan in the server's queue.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// How long is waited between tries of a script that met a lock.
const LOCK_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];

/// Takes Prisma's advisory lock for the rest of the session.
pub async fn lock(session: &Session, cancel: &CancellationToken) -> Result<(), OperationError> {
    let deadline = tokio::time::Instant::now() + LOCK_WAIT;
    loop {
        let row = session
            .client()
            .query_one("SELECT pg_try_advisory_lock($1)", &[&ADVISORY_LOCK])
            .await
            .map_err(|error| lost("Asking for the lock of the migrations", &error))?;
        if row.get::<_, bool>(0) {
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

async fn held(session: &Session) -> Trouble {
    let holder = catalog::ledger::lock_holder(session)
        .await
        .unwrap_or_default();
    let who = holder.map_or_else(
        || "somebody".to_owned(),
        |holder| {
            let name = holder
                .application_name
                .unwrap_or_else(|| "a session without a name".to_owned());
            format!("{name} (process {} of the server)", holder.pid)
        },
    );
    Trouble::new(
        format!(
            "The lock of the migrations is held by {who}, and was not free within 10 seconds (P1002)."
        ),
        "Nothing was applied. The database is as it was.",
        "If somebody deploys right now, wait for them. If that session is a leftover, end it; then try again.",
    )
}

/// Applies what is pending in `survey`, in order, and stops at the first failure. Returns how many were applied. The
/// caller holds the lock ([`lock`]) on `session` and has surveyed under it.
pub async fn apply(
    session: &Session,
    survey: &Survey,
    context: &Context,
) -> Result<usize, OperationError> {
    if !survey.has_ledger {
        create_schema(session, &survey.schema).await?;
        run_simple(
            session,
            &create_table_sql(&survey.schema),
            "Creating the ledger",
        )
        .await?;
        context
            .progress
            .info("The ledger _prisma_migrations was created.");
    }
    let pending: Vec<&Entry> = survey.history.pending().collect();
    for (done, entry) in pending.iter().enumerate() {
        if context.cancel.is_cancelled() {
            return Err(stopped(done, pending.len()).into());
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
        let script = survey.script(&entry.name)?;
        one(session, &survey.schema, &entry.name, script, context)
            .await
            .map_err(|trouble| in_context(trouble, done))?;
        if done + 1 < pending.len() && !still_locked(session).await? {
            return Err(unlocked(&entry.name, done + 1, pending.len()).into());
        }
    }
    Ok(pending.len())
}

async fn one(
    session: &Session,
    schema: &str,
    name: &str,
    script: &Script,
    context: &Context,
) -> Result<(), Trouble> {
    let id = uuid::Uuid::new_v4().to_string();
    let started_at = now(&context.clock);
    let insert = insert_sql(schema);
    write(
        session,
        &insert,
        &[&id, &script.checksum, &started_at, name],
    )
    .await?;
    if let Err(error) = patiently(session, script, context).await {
        let logged = write(session, &set_logs_sql(schema), &[&id, &logs(name, &error)]).await;
        return Err(failed(name, &error, logged.is_ok()));
    }
    let recorded = async {
        write(session, &count_step_sql(schema), &[&id]).await?;
        write(
            session,
            &set_finished_sql(schema),
            &[&id, &now(&context.clock)],
        )
        .await
    };
    recorded.await.map_err(|trouble| {
        Trouble::new(
            format!("{} ({name})", trouble.what),
            format!(
                "The script of {name} ran to its end and is in effect, but the ledger does not say so: it reads as failed."
            ),
            format!("Mark it: `npx prisma migrate resolve --applied {name}`. Then make the plan again."),
        )
    })?;
    context.progress.info(format!("{name} is applied."));
    Ok(())
}

/// Runs a script, and again a few times when all of it was undone because a lock was not free: the app goes on working in
/// between, instead of queueing behind a migration that waits.
async fn patiently(
    session: &Session,
    script: &Script,
    context: &Context,
) -> Result<(), ScriptError> {
    for pause in LOCK_PAUSES {
        match script::run(session, &script.text, &context.progress).await {
            Err(error) if error.can_retry && !context.cancel.is_cancelled() => {
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
    script::run(session, &script.text, &context.progress).await
}

/// Makes the schema of the URL when it is missing, as Prisma does when it connects. Asked for first: `IF NOT EXISTS`
/// would need the right to create schemas even where there is nothing to do.
async fn create_schema(session: &Session, schema: &str) -> Result<(), Trouble> {
    let exists = session
        .client()
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
            &[&schema],
        )
        .await
        .map_err(|error| lost("Looking for the schema", &error))?;
    if exists.get(0) {
        return Ok(());
    }
    let create = format!("CREATE SCHEMA {}", crate::sql::quote_identifier(schema));
    run_simple(session, &create, "Creating the schema").await
}

/// Whether the session still holds the lock: a script may have let go of it.
async fn still_locked(session: &Session) -> Result<bool, Trouble> {
    let question = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 \
                    AND objid::int8 = $1 AND objsubid = 1 AND granted AND pid = pg_backend_pid())";
    session
        .client()
        .query_one(question, &[&ADVISORY_LOCK])
        .await
        .map(|row| row.get(0))
        .map_err(|error| lost("Looking at the lock of the migrations", &error))
}

fn unlocked(name: &str, done: usize, of: usize) -> Trouble {
    Trouble::new(
        format!(
            "The script of {name} let go of the lock of the migrations. Nothing more was run without it."
        ),
        format!("{done} of {of} migrations are in effect and recorded; the others are untouched."),
        "Take DISCARD ALL or pg_advisory_unlock_all out of that script. Make a plan of the rest to go on.",
    )
}

/// What is kept in the ledger's `logs`: as much as a person with only the table needs.
fn logs(name: &str, error: &ScriptError) -> String {
    format!(
        "A migration failed to apply.\n\nMigration name: {name}\nStatement {} of {}, line {}\n\n{}\n\n{}",
        error.statement, error.of, error.line, error.message, error.in_effect
    )
}

fn failed(name: &str, error: &ScriptError, logged: bool) -> Trouble {
    let place = match error.of {
        0 | 1 => format!("line {}", error.line),
        of => format!("statement {} of {of}, line {}", error.statement, error.line),
    };
    let recorded = if logged {
        "The ledger has it as failed, with this error."
    } else {
        "The ledger has it as failed; the error could not be written there."
    };
    Trouble::new(
        format!(
            "The migration {name} failed at {place} (P3018): {}",
            error.message
        ),
        format!("{} {recorded}", error.in_effect),
        format!(
            "Correct the cause. When nothing of it is in effect: `npx prisma migrate resolve --rolled-back {name}`, then \
             make a plan again."
        ),
    )
}

/// Says what came before a failure, which is in effect.
fn in_context(mut trouble: Trouble, done: usize) -> Trouble {
    let before = match done {
        0 => return trouble,
        1 => "The migration before it is in effect.".to_owned(),
        n => format!("The {n} migrations before it are in effect."),
    };
    trouble.data = format!("{before} {}", trouble.data);
    trouble
}

fn stopped(done: usize, of: usize) -> Trouble {
    Trouble::new(
        format!("Applying was stopped between two migrations, after {done} of {of}."),
        "The migrations that were applied are in effect and recorded; the others are untouched.",
        "Make a plan of the rest when you want to go on.",
    )
}

/// Prisma writes its client's clock; microseconds are the column's precision.
fn now(clock: &Clock) -> String {
    clock.now().to_string()
}

async fn write(session: &Session, statement: &str, values: &[&str]) -> Result<(), Trouble> {
    let values: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = values
        .iter()
        .map(|value| {
            (
                value as &(dyn tokio_postgres::types::ToSql + Sync),
                Type::TEXT,
            )
        })
        .collect();
    match session.client().query_typed(statement, &values).await {
        Ok(_) => Ok(()),
        Err(error) => Err(lost("Writing the ledger", &error)),
    }
}

async fn run_simple(session: &Session, statement: &str, doing: &str) -> Result<(), Trouble> {
    match session.client().simple_query(statement).await {
        Ok(_) => Ok(()),
        Err(error) => Err(lost(doing, &error)),
    }
}

fn lost(doing: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!("{doing} failed: {}.", describe(error)),
        "What the log above says is in effect is in effect; this step is not.",
        "Look at the server and at the rights of the role, then look at the history before you try again.",
    )
}
