//! Read-only facts about a target, each within a time that is known beforehand.
//!
//! Every question runs in a short read-only transaction of its own with `SET LOCAL` limits, which hold through a pooler too;
//! **never ask within a transaction of yours, it would be rolled back**. Only the system catalogues are read, except by the
//! counts in [`table`], which say so. Read [`table`] for sizes and counts,
//! [`relation`] for the shape of tables, [`ledger`] for what Prisma has left behind.

pub mod blocking;
pub mod contract;
pub mod dependents;
pub mod dumping;
pub mod ledger;
pub mod relation;
pub mod session;
pub mod shape;
pub mod standing;
pub mod table;
pub mod trace;

use std::time::Duration;

use futures_util::future::join3;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::connect::Session;
use super::failure::{describe, query_failed};
use super::url::DatabaseUrl;
use crate::operation::Trouble;

/// How long a catalogue question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a question waits for a lock: longer than a passing one, shorter than anybody notices.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// What is known of a server and its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// 150018 is 15.18.
    pub version_num: i32,
    /// The version as the server prints it, without its packager's words: `15.18`.
    pub version_text: String,
    /// The name of the database.
    pub database: String,
    /// Its size on disk in bytes; `None` when it could not be measured in time.
    pub size_bytes: Option<i64>,
    /// The number that a cluster keeps for life; `None` when the role may not see it.
    pub system_identifier: Option<String>,
    /// The server is a standby.
    pub in_recovery: bool,
    /// Writing is off by default: it is a standby, or `default_transaction_read_only` is on for this role (providers do
    /// that when the disk is full).
    pub read_only: bool,
    /// Client sessions of the whole server.
    pub connections_used: i64,
    /// `max_connections`.
    pub connections_max: i32,
    /// The database's encoding, `UTF8` as a rule.
    pub encoding: String,
}

impl Facts {
    /// What tells this cluster from others: its system identifier, or the address of `url` where the role may not read
    /// that.
    #[must_use]
    pub fn cluster(&self, url: &DatabaseUrl) -> String {
        let identifier = self.system_identifier.clone();
        identifier.unwrap_or_else(|| url.address())
    }
}

/// Asks for the facts.
pub async fn facts(session: &Session) -> Result<Facts, Trouble> {
    // Without the rights of pg_read_all_stats, backend_type is hidden, but background workers have no database.
    let question = "SELECT current_setting('server_version_num')::int4, split_part(current_setting('server_version'), ' ', 1), current_database()::text, \
           pg_is_in_recovery(), \
           (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only'), \
           (SELECT count(*) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)), \
           current_setting('max_connections')::int4, \
           (SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database())";
    let doing = "Reading the server's facts";
    // The last may take long where a database has many files, so nothing waits behind it.
    let (rows, identifier, size) = join3(
        ask(session, PATIENCE, question, &[]),
        ask(
            session,
            PATIENCE,
            "SELECT system_identifier::text FROM pg_control_system()",
            &[],
        ),
        ask(
            session,
            PATIENCE,
            "SELECT pg_database_size(current_database())",
            &[],
        ),
    )
    .await;
    let rows = rows.map_err(|unanswered| unanswered.trouble(doing))?;
    let row = rows.first().ok_or_else(|| empty(doing))?;
    let failed = |error| query_failed(doing, &error);
    let in_recovery: bool = row.try_get(3).map_err(failed)?;
    let read_only: bool = row.try_get(4).map_err(failed)?;
    // Identifier and size may be forbidden or late without anything being wrong.
    Ok(Facts {
        version_num: row.try_get(0).map_err(failed)?,
        version_text: row.try_get(1).map_err(failed)?,
        database: row.try_get(2).map_err(failed)?,
        size_bytes: size.ok().and_then(|rows| rows.first()?.try_get(0).ok()),
        system_identifier: identifier
            .ok()
            .and_then(|rows| rows.first()?.try_get(0).ok()),
        in_recovery,
        read_only: in_recovery || read_only,
        connections_used: row.try_get(5).map_err(failed)?,
        connections_max: row.try_get(6).map_err(failed)?,
        encoding: row.try_get(7).map_err(failed)?,
    })
}

/// An identifier as it stands in SQL: in double quotes, with those inside doubled.
#[must_use]
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Why a question has no answer.
#[derive(Debug)]
enum Unanswered {
    /// It took too long.
    Late,
    /// Somebody holds a lock.
    Locked,
    /// The role may not.
    Denied(String),
    /// Anything else.
    Failed(tokio_postgres::Error),
}

impl Unanswered {
    fn trouble(self, doing: &str) -> Trouble {
        match self {
            Self::Failed(error) => query_failed(doing, &error),
            other => Trouble::new(
                format!("{doing} failed: {}.", other.reason()),
                "Only reading was tried; nothing was changed.",
                "Try again; if it stays so, look at what keeps the server busy, or at the role's rights.",
            ),
        }
    }

    /// Words that end a sentence.
    fn reason(&self) -> String {
        match self {
            Self::Late => "the server took too long".to_owned(),
            Self::Locked => "somebody else holds a lock".to_owned(),
            Self::Denied(said) => format!("the role may not: {said}"),
            Self::Failed(error) => describe(error),
        }
    }
}

impl From<tokio_postgres::Error> for Unanswered {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) if *said.code() == SqlState::QUERY_CANCELED => Self::Late,
            Some(said) if *said.code() == SqlState::LOCK_NOT_AVAILABLE => Self::Locked,
            Some(said) if *said.code() == SqlState::INSUFFICIENT_PRIVILEGE => {
                Self::Denied(said.message().to_owned())
            }
            _ => Self::Failed(error),
        }
    }
}

fn empty(doing: &str) -> Trouble {
    Trouble::new(
        format!("{doing} failed: the server answered with nothing."),
        "Only reading was tried; nothing was changed.",
        "Check that the URL leads to a Postgres server.",
    )
}

/// Asks one question in a read-only transaction that ends itself after `patience`, and is rolled back in any case.
///
/// `row_security` is off: a role that may see only some rows gets an error instead of a count that is too small.
async fn ask(
    session: &Session,
    patience: Duration,
    question: &str,
    given: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, Unanswered> {
    let client = session.client();
    let limits = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; SET LOCAL row_security = off",
        patience.as_millis(),
        LOCK_PATIENCE.as_millis()
    );
    // Sent at once, and answered one after the other. Where BEGIN fails the question is still asked, for nothing; it only reads.
    // On the heap: every future that asks would be as large as three questions.
    let asked = Box::pin(async {
        let (begun, answer, ended) = join3(
            client.batch_execute(&limits),
            client.query_typed(question, given),
            client.batch_execute("ROLLBACK"),
        )
        .await;
        begun?;
        ended?;
        answer
    });
    // The server keeps the time; ours only counts when the server has vanished.
    match tokio::time::timeout(patience + Duration::from_secs(2), asked).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(Unanswered::Late),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(quote_ident("plain"), "\"plain\"");
        assert_eq!(
            quote_ident("a\"; DROP TABLE x; --"),
            "\"a\"\"; DROP TABLE x; --\""
        );
    }
}
