//! What a dump of ours is doing on the server right now: the table that it reads, and whom it waits for.
//!
//! Both are read from another session, from statistics and lock tables only, so asking never waits behind a lock.

use tokio_postgres::types::Type;

use super::ask;
use super::session::{LockHolder, application_name};
use crate::target::connect::Session;

/// How long such a question may take: it is asked every few seconds, and nothing depends on it.
const BRIEFLY: std::time::Duration = std::time::Duration::from_secs(1);

/// A table that is being copied out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    /// The table.
    pub oid: u32,
    /// How many of its rows have been read.
    pub rows: i64,
}

/// The table that `job` copies out, if it does. Servers before 14 do not tell.
pub async fn copying(session: &Session, job: &str) -> Option<Copying> {
    if session.major() < 14 {
        return None;
    }
    let name = application_name(job);
    let question = "SELECT p.relid, p.tuples_processed FROM pg_stat_progress_copy p \
                      JOIN pg_stat_activity a ON a.pid = p.pid \
                     WHERE a.application_name = $1 AND p.command = 'COPY TO' LIMIT 1";
    let rows = ask(session, BRIEFLY, question, &[(&name, Type::TEXT)])
        .await
        .ok()?;
    let row = rows.first()?;
    Some(Copying {
        oid: row.try_get(0).ok()?,
        rows: row.try_get(1).ok()?,
    })
}

/// Who holds a lock that a session of `job` waits for, if one does.
pub async fn blocker(session: &Session, job: &str) -> Option<LockHolder> {
    let name = application_name(job);
    let question = "SELECT b.pid, nullif(b.application_name, '')::text, \
                           (extract(epoch FROM b.backend_start) * 1000)::int8, \
                           b.usename::text \
                      FROM pg_stat_activity a \
                     CROSS JOIN LATERAL unnest(pg_blocking_pids(a.pid)) AS blocking (pid) \
                      JOIN pg_stat_activity b ON b.pid = blocking.pid \
                     WHERE a.application_name = $1 AND a.wait_event_type = 'Lock' \
                       AND coalesce(b.application_name, '') <> $1 LIMIT 1";
    let rows = ask(session, BRIEFLY, question, &[(&name, Type::TEXT)])
        .await
        .ok()?;
    let row = rows.first()?;
    Some(LockHolder {
        pid: row.try_get(0).ok()?,
        application_name: row.try_get(1).ok()?,
        since: row.try_get(2).ok()?,
        user: row.try_get(3).ok()?,
    })
}
