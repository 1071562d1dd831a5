//! Running a script statement by statement, so that every error and every notice belongs to one of them.
//!
//! What must stay true: a script of several statements without transaction control is all or nothing; when it fails the
//! session is out of any transaction before anything else is said on it; a script that leaves a transaction open is a
//! failure, never a success, whatever the script has silenced; what a script sets for its session does not reach the next
//! one, nor the ledger: [`reset`] follows each run.

mod error;

use futures_util::future::join;
use tokio_postgres::error::{Severity, SqlState};

use crate::operation::Progress;
use crate::sql::{self, Effect, Statement, SyntaxError};
use crate::target::{Session, failure};

pub use error::{Cause, ScriptError};
use error::{Loss, NOTHING, in_effect, pointed_at};

/// How the statements of a script hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// At most one statement: the server makes it all or nothing by itself.
    Single,
    /// Several in one transaction of ours.
    Together,
    /// The script brings its own BEGIN and COMMIT.
    AsWritten,
    /// One cannot run inside of a transaction, or not in the same as another, so each is in effect as soon as it ends.
    OneByOne,
}

impl Mode {
    fn of(script: &str, statements: &[Statement]) -> Self {
        if statements.len() <= 1 {
            Self::Single
        } else if sql::transaction_control(statements) {
            Self::AsWritten
        } else if statements.iter().any(Statement::cannot_run_in_transaction)
            || sql::uses_added_value(script, statements)
        {
            Self::OneByOne
        } else {
            Self::Together
        }
    }
}

/// A sentence about a script that cannot be undone as a whole when it fails in the middle; `None` when it can.
#[must_use]
pub fn not_atomic(script: &str, statements: &[Statement]) -> Option<String> {
    match Mode::of(script, statements) {
        Mode::Single if statements.iter().any(works_in_parts) => Some(
            "Its statement works outside of one transaction: if it fails, part of its work may stay behind.".to_owned(),
        ),
        Mode::Single | Mode::Together => None,
        Mode::AsWritten => Some(
            "It has its own BEGIN and COMMIT: if it fails, what it has committed by then stays in effect.".to_owned(),
        ),
        Mode::OneByOne if !statements.iter().any(Statement::cannot_run_in_transaction) => Some(
            "It adds a value to an enum and uses it, which takes more than one transaction: its statements run one by one, and if \
             one fails, those before it stay in effect."
                .to_owned(),
        ),
        Mode::OneByOne => Some(
            "It has a statement that cannot run in a transaction: if it fails, the statements before that stay in effect."
                .to_owned(),
        ),
    }
}

/// Runs `script` on `session`. Notices of the server are reported as they come. Nothing else may be said on the session
/// before [`reset`].
pub async fn run(session: &Session, script: &str, progress: &Progress) -> Result<(), ScriptError> {
    let statements = sql::parse(script);
    let ran = run_parsed(session, script, statements.as_deref(), progress).await;
    ran.map(drop)
}

/// [`run`] and then [`reset`], with a script that was parsed before: `parsed` is what [`sql::parse`] says of it.
pub async fn run_and_reset(
    session: &Session,
    script: &str,
    parsed: Result<&[Statement], &SyntaxError>,
    progress: &Progress,
) -> (Result<(), ScriptError>, Result<(), tokio_postgres::Error>) {
    let ran = run_parsed(session, script, parsed, progress).await;
    let ready = match ran {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => reset(session).await,
    };
    (ran.map(drop), ready)
}

/// Whether the session is reset already, in the same breath as the commit.
async fn run_parsed(
    session: &Session,
    script: &str,
    parsed: Result<&[Statement], &SyntaxError>,
    progress: &Progress,
) -> Result<bool, ScriptError> {
    let statements = parsed.map_err(|error| ScriptError {
        statement: error.statement.unwrap_or(1),
        of: 0,
        line: error.line.unwrap_or(1),
        column: None,
        message: error.message.clone(),
        in_effect: NOTHING.to_owned(),
        undone: true,
        unknown: false,
        cause: Cause::Other,
    })?;
    let mode = Mode::of(script, statements);
    // Notices of whatever was before do not belong to this script.
    drop(session.notices());
    let ran = execute(session, script, statements, mode, progress).await;
    // Its statements have all ended well: only a transaction of its own could still be open.
    if ran.is_ok() && !sql::transaction_control(statements) {
        return ran;
    }
    let left_open = leave_transaction(session).await;
    ran?;
    let last = statements.len();
    let at_the_end = |message: String| ScriptError {
        statement: last,
        of: last,
        line: statements.last().map_or(1, |statement| statement.line),
        column: None,
        message,
        in_effect: "What it had committed before its last BEGIN is in effect; the rest is not."
            .to_owned(),
        undone: false,
        unknown: false,
        cause: Cause::Other,
    };
    match left_open {
        Ok(false) => Ok(false),
        Ok(true) => Err(at_the_end(
            "The script ended with an open transaction, which was rolled back.".to_owned(),
        )),
        Err(error) => Err(ScriptError {
            in_effect: in_effect(mode, last, Loss::Undecided, false),
            unknown: true,
            ..at_the_end(failure::describe(&error))
        }),
    }
}

/// Whether the session is reset already.
async fn execute(
    session: &Session,
    script: &str,
    statements: &[Statement],
    mode: Mode,
    progress: &Progress,
) -> Result<bool, ScriptError> {
    let together = mode == Mode::Together;
    let last_line = statements.last().map_or(1, |statement| statement.line);
    let failed = |index: usize, line: usize, error: &tokio_postgres::Error| {
        // A transaction of ours that was cut off before its COMMIT was sent is undone as soon as the server has noticed,
        // and it has noticed when it says so itself.
        let decided = together && index < statements.len();
        let loss = match (is_lost(session, error), decided) {
            (false, _) => Loss::None,
            (true, true) if server_ended(error) => Loss::None,
            (true, true) => Loss::Unnoticed,
            (true, false) => Loss::Undecided,
        };
        let pointed = statements
            .get(index)
            .and_then(|statement| pointed_at(script, statement, error));
        let index = index.min(statements.len().saturating_sub(1));
        let hidden = statements.get(index).is_some_and(works_in_parts);
        let undone = loss == Loss::None && !hidden && (together || mode == Mode::Single);
        ScriptError {
            statement: index + 1,
            of: statements.len(),
            line: pointed.map_or(line, |(line, _)| line),
            column: pointed.map(|(_, column)| column),
            message: match session.lost() {
                Some(why) => format!("{} ({why})", failure::describe(error)),
                None => failure::describe(error),
            },
            in_effect: in_effect(mode, index, loss, hidden),
            undone,
            unknown: loss != Loss::None,
            cause: Cause::of(error),
        }
    };
    if together {
        session
            .client()
            .simple_query("BEGIN")
            .await
            .map_err(|error| failed(0, 1, &error))?;
    }
    for (index, statement) in statements.iter().enumerate() {
        if statements.len() > 1 {
            progress.info(format!(
                "Statement {} of {} (line {}): {}",
                index + 1,
                statements.len(),
                statement.line,
                statement.summary()
            ));
        }
        // Building beside the running app waits for every transaction that is open; its own timeout would only leave an
        // invalid index behind.
        let patient = statement.runs_beside_others() && !script.contains("lock_timeout");
        if patient {
            set_quietly(session, "SET lock_timeout = 0").await;
        }
        // The extended protocol takes one statement and no more, whatever the text turns out to be for the server.
        let ran = session
            .client()
            .query_typed(statement.text(script), &[])
            .await;
        if patient {
            set_quietly(session, "RESET lock_timeout").await;
        }
        for notice in session.notices() {
            progress.info(format!("{}: {}", notice.severity, notice.message));
        }
        ran.map_err(|error| failed(index, statement.line, &error))?;
    }
    if !together {
        return Ok(false);
    }
    // Whether it is committed or not, nothing is open behind it that would take the reset back.
    let commit = session.client().simple_query("COMMIT");
    let (committed, reset) = join(commit, take_back(session)).await;
    // Deferred constraints are checked here, so this too can fail for a reason in the script.
    committed.map_err(|error| failed(statements.len(), last_line, &error))?;
    Ok(reset.is_ok())
}

/// Statements that may do part of their work and keep it when they fail: procedures that commit, and what builds or
/// cleans outside of a transaction.
fn works_in_parts(statement: &Statement) -> bool {
    let calls = |effect: &Effect| match effect {
        Effect::Opaque { .. } => true,
        Effect::Other { kind, .. } => *kind == "call",
        _ => false,
    };
    statement.cannot_run_in_transaction() || statement.effects.iter().any(calls)
}

/// Whether a statement of ours was interrupted: a request to cancel that was meant for the statement before may come late.
/// Trying again is right then, for nothing else interrupts a session of work.
#[must_use]
pub fn was_cancelled(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::QUERY_CANCELED)
}

/// Whether the session ended: then the server's last word is not known, and the statement may have taken effect.
#[must_use]
pub fn is_lost(session: &Session, error: &tokio_postgres::Error) -> bool {
    let broken = |code: &SqlState| code.code().starts_with("08");
    session.lost().is_some()
        || error.is_closed()
        || server_ended(error)
        || error.code().is_some_and(broken)
}

/// Whether the server itself said that it ended the session: then it works on nothing of it any more, and an open
/// transaction is undone. Postgres docs: Appendix A, class 57, and 20.8 for the severities.
fn server_ended(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        let fatal = [Some(Severity::Fatal), Some(Severity::Panic)];
        said.code().code().starts_with("57P0") || fatal.contains(&said.parsed_severity())
    })
}

/// Rolls back, and says whether there was something to roll back. Asked of the server in two steps: in an aborted
/// transaction the first fails with 25P02; without a transaction the second gives the warning 25P01, which the first has
/// made sure is sent, whatever the script has set.
async fn leave_transaction(session: &Session) -> Result<bool, tokio_postgres::Error> {
    let aborted = match insist(session, "SET client_min_messages = warning").await {
        Ok(()) => false,
        Err(error) if error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => true,
        Err(error) => return Err(error),
    };
    drop(session.notices());
    insist(session, "ROLLBACK").await?;
    let said = session.notices();
    Ok(aborted || !said.iter().any(|notice| notice.code == "25P01"))
}

/// Undoes what a script may have set for the session: roles, search path, timeouts go back to what the session began
/// with. When this fails, the session must not be used any further: it may still act under the script's role.
pub async fn reset(session: &Session) -> Result<(), tokio_postgres::Error> {
    match take_back(session).await {
        Err(error) if was_cancelled(&error) => {}
        ended => return ended,
    }
    // One by one, so that each has to be lucky only for itself.
    for statement in RESETS {
        insist(session, statement).await?;
    }
    session.set_up_again().await;
    Ok(())
}

/// The same in one breath, tried once. What sets the session up does no harm where the rest fails.
async fn take_back(session: &Session) -> Result<(), tokio_postgres::Error> {
    let resets = RESETS.join("; ");
    let reset = session.client().simple_query(&resets);
    let (reset, ()) = join(reset, session.set_up_again()).await;
    reset.map(drop)
}

/// The statements that take it back.
const RESETS: [&str; 3] = ["RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL"];

/// Runs a statement, again when it was interrupted: by a late request to cancel, or by a `statement_timeout` that the
/// script has set.
async fn insist(session: &Session, statement: &str) -> Result<(), tokio_postgres::Error> {
    let mut tries = 1;
    loop {
        match session.client().simple_query(statement).await {
            Err(error) if was_cancelled(&error) && tries < TRIES => tries += 1,
            ended => return ended.map(drop),
        }
    }
}

/// How often a statement that ends a script's session is tried when it is interrupted.
const TRIES: u32 = 5;

async fn set_quietly(session: &Session, statement: &str) {
    if let Err(error) = insist(session, statement).await {
        tracing::debug!(%error, statement, "the session could not be set up");
    }
}
