//! Who waits for whom: the sessions that keep one session waiting, those that wait for it, and how far its index is.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::{PATIENCE, Unanswered, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;
use crate::target::failure::query_failed;
use crate::target::size::Count;

/// A session on the server. What the role may not see is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The server process; 0 is a prepared transaction, which has none.
    pub pid: i32,
    /// The role.
    pub user: Option<String>,
    /// What the session calls itself.
    pub application: Option<String>,
    /// `active`, `idle in transaction` …
    pub state: Option<String>,
    /// How long its transaction lasts, or its statement, or what it waits for: whole seconds.
    pub seconds: Option<i64>,
    /// The statement that it runs or ran last, with its values: not to be shown as it is.
    pub query: Option<String>,
}

/// How far an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The server's name of the phase.
    pub phase: String,
    /// Blocks or lockers or rows done in this phase, and of how many.
    pub done: i64,
    /// 0 where the phase counts nothing.
    pub total: i64,
}

impl Index {
    /// `The index: building index: scanning table, 12,000 of 90,000.`
    #[must_use]
    pub fn words(&self) -> String {
        if self.total > 0 {
            let (done, total) = (Count(self.done), Count(self.total));
            format!("The index: {}, {done} of {total}.", self.phase)
        } else {
            format!("The index: {}.", self.phase)
        }
    }
}

/// Where a session stands among the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who keeps it waiting.
    pub blockers: Vec<Activity>,
    /// Who waits for it, the longest wait first.
    pub waiting: Vec<Activity>,
    /// How far the index is that it builds.
    pub index: Option<Index>,
}

/// The server process of a session, by the session itself.
pub async fn own_pid(session: &Session) -> Result<i32, Trouble> {
    let row = session
        .client()
        .query_typed("SELECT pg_backend_pid()", &[])
        .await;
    row.and_then(|rows| rows.first().map_or(Ok(0), |row| row.try_get(0)))
        .map_err(|error| query_failed("Asking for the session's process", &error))
}

/// Which parts of `pg_stat_activity` are shown of a session `a`; `$1` is the session that is asked about.
const SHOWN: &str = "nullif(a.usename, '')::text, nullif(a.application_name, '')::text, a.state::text, \
     floor(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)))::int8, \
     nullif(nullif(a.query, ''), '<insufficient privilege>')::text";

/// Where the session of process `pid` stands.
pub async fn standing(session: &Session, pid: i32) -> Result<Standing, Trouble> {
    const DOING: &str = "Looking at who waits for whom";
    let given: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&pid, Type::INT4)];
    let question = format!(
        "SELECT true, b.pid, {SHOWN} FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) b \
           LEFT JOIN pg_stat_activity a ON a.pid = b.pid \
          UNION ALL \
         SELECT false, a.pid, {SHOWN} FROM pg_stat_activity a \
          WHERE a.wait_event_type = 'Lock' AND a.pid <> $1 AND $1 = ANY (pg_blocking_pids(a.pid)) \
          ORDER BY 1, 6 DESC NULLS LAST, 2"
    );
    let index = "SELECT phase::text, CASE WHEN blocks_total > 0 THEN blocks_done WHEN tuples_total > 0 THEN tuples_done \
                        ELSE lockers_done END, greatest(nullif(blocks_total, 0), nullif(tuples_total, 0), lockers_total) \
                   FROM pg_stat_progress_create_index WHERE pid = $1";
    let trouble = |unanswered: Unanswered| unanswered.trouble(DOING);
    let failed = |error| query_failed(DOING, &error);
    let mut found = Standing::default();
    for row in ask(session, PATIENCE, &question, &given)
        .await
        .map_err(trouble)?
    {
        let blocks: bool = row.try_get(0).map_err(failed)?;
        let one = activity(&row).map_err(failed)?;
        if blocks {
            found.blockers.push(one);
        } else {
            found.waiting.push(one);
        }
    }
    let rows = ask(session, PATIENCE, index, &given)
        .await
        .map_err(trouble)?;
    found.index = rows.first().map(progress).transpose().map_err(failed)?;
    Ok(found)
}

fn activity(row: &Row) -> Result<Activity, tokio_postgres::Error> {
    Ok(Activity {
        pid: row.try_get(1)?,
        user: row.try_get(2)?,
        application: row.try_get(3)?,
        state: row.try_get(4)?,
        seconds: row.try_get(5)?,
        query: row.try_get(6)?,
    })
}

fn progress(row: &Row) -> Result<Index, tokio_postgres::Error> {
    Ok(Index {
        phase: row.try_get(0)?,
        done: row.try_get::<_, Option<i64>>(1)?.unwrap_or_default(),
        total: row.try_get::<_, Option<i64>>(2)?.unwrap_or_default(),
    })
}
