//! The scratch database: an empty one beside the target, on the same server and read in the same way, for the time of one
//! comparison.
//!
//! What must stay true: nobody else gets into it; it is dropped whatever happens to the work in it, an error, a cancellation and a
//! panic included, and the work has an end.
//! What a killed program leaves behind is known by its name, which holds the id of the job and with it the time, and is
//! dropped by the next comparison once nobody is connected to it. Nothing but a database of such a name is ever dropped.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::likeness::Likeness;
use super::trouble;
use crate::clock::Clock;
use crate::operation::{Context, OperationError, Trouble};
use crate::sql::quote_identifier;
use crate::target::{DatabaseUrl, Purpose, Session, Target, describe};

/// How the name of every scratch database begins; the id of its job follows, 32 hexadecimal digits.
const PREFIX: &str = "lockkeeper_drift_";
/// How old a scratch database is before another comparison takes it for left behind. One that is in use has a session, but
/// for moments after it was made.
const LEFT_BEHIND_MS: i64 = 10 * 60 * 1000;

/// How old it is before its sessions are no reason to keep it: no comparison lasts half as long.
const ABANDONED_MS: i64 = 30 * 60 * 1000;
/// How long the work in one may take. Scripts on empty tables take seconds; what does not end must not stay on the server.
const LONGEST: Duration = Duration::from_mins(10);

/// A scratch database. Dropping the value drops the database too, a little later; [`Scratch::during`] does it at once.
pub(super) struct Scratch {
    name: String,
    home: DatabaseUrl,
    job: String,
    /// A session beside it, from which it is dropped: at the limit of connections there might be no other. None once it is gone.
    keeper: Option<Session>,
}

impl Scratch {
    /// Makes one beside `target`, after dropping what earlier comparisons left behind.
    pub(super) async fn create(target: &Target, context: &Context) -> Result<Self, Trouble> {
        let keeper = open(&target.url, &context.job).await?;
        let likeness = Likeness::of(&keeper).await?;
        likeness.must_allow_databases()?;
        drop_left_behind(&keeper, context).await;
        let name = name_of(&context.job).unwrap_or_else(|| {
            let id = context.clock.id();
            name_of(&id).unwrap_or(id)
        });
        let made = make(&keeper, &likeness, &name).await;
        // From here on: a CREATE whose answer never came may have made it.
        let scratch = Self {
            name,
            home: target.url.clone(),
            job: context.job.clone(),
            keeper: Some(keeper),
        };
        if let Err(error) = made {
            let trouble = trouble::not_made(&scratch.name, &error);
            // What was refused was not made, and there is nothing to say of that.
            if let Some(left) = scratch.remove().await {
                tracing::debug!(left, "after a database that could not be made");
            }
            return Err(trouble);
        }
        let settled = async {
            let session = open(&scratch.url(), &scratch.job).await?;
            likeness.settle(&session, &scratch.name).await?;
            session.close().await;
            Ok(())
        };
        if let Err(trouble) = settled.await {
            if let Some(left) = scratch.remove().await {
                context.progress.warn(left);
            }
            return Err(trouble);
        }
        Ok(scratch)
    }

    /// The way into it: as into the target, with the same role and parameters.
    pub(super) fn url(&self) -> DatabaseUrl {
        DatabaseUrl {
            database: self.name.clone(),
            ..self.home.clone()
        }
    }

    /// Does `work` in it and drops it, whether the work ended, was cancelled or panicked. Returns with the result a sentence about
    /// what is left of it, if anything is.
    pub(super) async fn during<T>(
        self,
        context: &Context,
        work: impl Future<Output = Result<T, OperationError>>,
    ) -> Result<(T, Option<String>), OperationError> {
        let ended = tokio::select! {
            // What the work holds is dropped with it, its session first of all.
            biased;
            () = context.cancel.cancelled() => Ok(Err(OperationError::Cancelled)),
            ended = AssertUnwindSafe(work).catch_unwind() => ended,
            () = tokio::time::sleep(LONGEST) => Ok(Err(trouble::too_long(LONGEST).into())),
        };
        let left = self.remove().await;
        if let Some(left) = &left {
            context.progress.warn(left.clone());
        }
        let ended = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended.map(|made| (made, left))
    }

    /// Drops it. What there is to know where that failed.
    async fn remove(mut self) -> Option<String> {
        let keeper = self.keeper.take()?;
        let dropped = drop_from(&keeper, &self.home, &self.job, &self.name).await;
        keeper.close().await;
        let trouble = dropped.err()?;
        Some(format!(
            "The scratch database {} could not be dropped: {} A later comparison drops it.",
            self.name, trouble.what
        ))
    }
}

/// Makes the database, with nobody in it before it is closed to others.
async fn make(
    session: &Session,
    likeness: &Likeness,
    name: &str,
) -> Result<(), tokio_postgres::Error> {
    let create = likeness.create(name);
    let client = session.client();
    match client.simple_query(&create).await {
        // An earlier comparison of this very job could not drop it.
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => {
            client.simple_query(&dropping(name)).await?;
            client.simple_query(&create).await?;
        }
        made => drop(made?),
    }
    // What others may not see of the target they may not see here either.
    let name = quote_identifier(name);
    for close in [
        format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
        format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"),
    ] {
        client.simple_query(&close).await?;
    }
    Ok(())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if let Some(keeper) = self.keeper.take() {
            let (home, job, name) = (self.home.clone(), self.job.clone(), self.name.clone());
            runtime.spawn(async move {
                if let Err(error) = drop_from(&keeper, &home, &job, &name).await {
                    tracing::warn!(%error, database = name, "a scratch database could not be dropped");
                }
            });
        }
    }
}

/// Drops it from a session that was kept for that, or from another where that one is gone.
async fn drop_from(
    keeper: &Session,
    home: &DatabaseUrl,
    job: &str,
    name: &str,
) -> Result<(), Trouble> {
    match keeper.client().simple_query(&dropping(name)).await {
        Ok(_) => Ok(()),
        Err(error) if keeper.client().is_closed() => {
            tracing::debug!(%error, "the session beside a scratch database was lost");
            drop_database(home, job, name).await
        }
        Err(error) => Err(trouble::not_dropped(name, &error)),
    }
}

/// Drops the scratch database that a run of `job` has left on the server of `target`, if there is one.
pub(super) async fn clean_up(target: &Target, job: &str) -> Result<(), Trouble> {
    match name_of(job) {
        Some(name) => drop_database(&target.url, job, &name).await,
        None => Ok(()),
    }
}

/// Opens a session of `job` for work.
async fn open(url: &DatabaseUrl, job: &str) -> Result<Session, Trouble> {
    let job = job.to_owned();
    Session::open(url, Purpose::Work { job }).await
}

/// Opens a session of `job` in which no statement outlives its program for long.
pub(super) async fn open_for_replay(url: &DatabaseUrl, job: &str) -> Result<Session, Trouble> {
    let job = job.to_owned();
    Session::open(url, Purpose::Replay { job }).await
}

fn name_of(job: &str) -> Option<String> {
    let id = Uuid::parse_str(job).ok()?;
    Some(format!("{PREFIX}{}", id.simple()))
}

/// When the job began whose scratch database has this name, in milliseconds since the epoch.
fn begun(name: &str) -> Option<i64> {
    let id = Uuid::parse_str(name.strip_prefix(PREFIX)?).ok()?;
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    i64::try_from(seconds * 1000 + u64::from(nanos) / 1_000_000).ok()
}

/// The sessions that are still in it are ours: its name holds our job.
fn dropping(name: &str) -> String {
    format!(
        "DROP DATABASE IF EXISTS {} WITH (FORCE)",
        quote_identifier(name)
    )
}

async fn drop_database(home: &DatabaseUrl, job: &str, name: &str) -> Result<(), Trouble> {
    let session = open(home, job).await?;
    let dropped = session.client().simple_query(&dropping(name)).await;
    session.close().await;
    dropped
        .map(drop)
        .map_err(|error| trouble::not_dropped(name, &error))
}

/// That something could not be dropped is no reason not to compare; the next comparison tries again.
async fn drop_left_behind(session: &Session, context: &Context) {
    for name in left_behind(session, &context.clock).await {
        if context.cancel.is_cancelled() {
            return;
        }
        match session.client().simple_query(&dropping(&name)).await {
            Ok(_) => context.progress.info(format!(
                "{name}, which an earlier comparison left behind, was dropped."
            )),
            Err(error) => {
                tracing::debug!(error = describe(&error), database = name, "not dropped");
            }
        }
    }
}

/// Names of scratch databases of our role that are old enough and not in use, or so old that no comparison uses them.
async fn left_behind(session: &Session, clock: &Clock) -> Vec<String> {
    let question = "SELECT d.datname::text, EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) \
        FROM pg_database d WHERE d.datname ~ ('^' || $1 || '[0-9a-f]{32}$') AND pg_has_role(d.datdba, 'USAGE')";
    let rows = session
        .client()
        .query_typed(question, &[(&PREFIX, Type::TEXT)])
        .await;
    let now = clock.now_ms();
    rows.unwrap_or_default()
        .iter()
        .filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)))
        .filter(|(name, is_used): &(String, bool)| {
            let age = if *is_used {
                ABANDONED_MS
            } else {
                LEFT_BEHIND_MS
            };
            begun(name).is_some_and(|begun| begun < now - age)
        })
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_its_job_and_its_time() {
        let clock = Clock::fixed(1_795_363_533_123);
        let name = name_of(&clock.id()).unwrap();
        assert!(name.len() < 64, "{name}");
        assert_eq!(begun(&name), Some(1_795_363_533_123));
        assert_eq!(name_of("a-job"), None);
        assert_eq!(begun("lockkeeper_drift_mine"), None);
        assert_eq!(begun("app"), None);
    }
}
