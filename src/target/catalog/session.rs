//! Sessions on the server: those of a job of ours, recognised by their application name, and whoever holds a lock.

use tokio_postgres::types::Type;

use super::{PATIENCE, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;

/// Who holds an advisory lock. What the role may not see is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// The server process of the session.
    pub pid: i32,
    /// The role that signed in.
    pub user: Option<String>,
    /// What the session calls itself.
    pub application_name: Option<String>,
    /// When the session began, in milliseconds since the epoch; Postgres does not record when a lock was taken.
    pub since: Option<i64>,
}

impl LockHolder {
    /// The session, for people: `"prisma" (process 4711 of the server)`.
    #[must_use]
    pub fn words(&self) -> String {
        let name = self
            .application_name
            .as_deref()
            .unwrap_or("a session without a name");
        format!("{name} (process {} of the server)", self.pid)
    }
}

/// A session of a job of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSession {
    /// The server process of the session.
    pub pid: i32,
    /// `active`, `idle`, `idle in transaction` … as the server calls it.
    pub state: String,
    /// The statement that it runs, or ran last.
    pub query: String,
}

/// Who else holds the advisory lock `key` in this database, if anybody does. Keys are below 2³², as Prisma's and ours are:
/// Postgres shows the upper half as `classid`.
pub async fn lock_holder(session: &Session, key: i64) -> Result<Option<LockHolder>, Trouble> {
    let question = "SELECT l.pid, nullif(a.application_name, '')::text, \
                           (extract(epoch FROM a.backend_start) * 1000)::int8, \
                           a.usename::text \
                      FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
                     WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid::int8 = $1 AND l.objsubid = 1 \
                       AND l.granted AND l.pid <> pg_backend_pid() \
                       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1";
    let rows = ask(session, PATIENCE, question, &[(&key, Type::INT8)])
        .await
        .map_err(|unanswered| unanswered.trouble("Looking at who holds a lock"))?;
    Ok(rows.first().and_then(|row| {
        Some(LockHolder {
            pid: row.try_get(0).ok()?,
            application_name: row.try_get(1).ok()?,
            since: row.try_get(2).ok()?,
            user: row.try_get(3).ok()?,
        })
    }))
}

/// The sessions that `job` has on the server now. A role sees its own sessions whole.
pub async fn sessions_of(session: &Session, job: &str) -> Result<Vec<JobSession>, Trouble> {
    let name = application_name(job);
    let question = "SELECT pid, coalesce(state, 'unknown')::text, coalesce(query, '')::text FROM pg_stat_activity \
                     WHERE application_name = $1 AND pid <> pg_backend_pid() ORDER BY pid";
    let rows = ask(session, PATIENCE, question, &[(&name, Type::TEXT)])
        .await
        .map_err(|unanswered| unanswered.trouble("Looking for sessions of the job"))?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            Some(JobSession {
                pid: row.try_get(0).ok()?,
                state: row.try_get(1).ok()?,
                query: row.try_get(2).ok()?,
            })
        })
        .collect())
}

/// Ends the sessions that a run of `job` left on the server. A role may always end its own sessions; that it could not is
/// no reason to stop, for the server ends them itself once it notices that nobody listens.
pub async fn end_sessions_of(session: &Session, job: &str) {
    let name = application_name(job);
    let question = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = $1 AND pid <> pg_backend_pid()";
    if ask(session, PATIENCE, question, &[(&name, Type::TEXT)])
        .await
        .is_err()
    {
        tracing::debug!(job.id = job, "the sessions of a job could not be ended");
    }
}

pub(super) fn application_name(job: &str) -> String {
    format!("lockkeeper:{job}")
}
