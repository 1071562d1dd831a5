//! Holding a target: an advisory lock on the target itself, kept for as long as an exclusive job runs.
//!
//! The queue keeps the exclusive jobs of one store apart. Two consoles with two stores know nothing of each other, so the
//! target has to keep them apart. What must stay true: the lock is in a session of its own, so that nothing a migration
//! does to its session lets go of it; when that session ends in the middle, the work is stopped.
//! Postgres docs: 13.3.5 Advisory Locks.

use std::time::Duration;

use tokio_postgres::types::Type;

use super::catalog::session;
use super::{Purpose, Session, Target, failure};
use crate::operation::{Context, OperationError, Outcome, Trouble};

/// The key of the lock, within the target's database. The number is arbitrary; it only has to be the same in every
/// Lockkeeper, and another than that of Prisma Migrate.
pub const HOLD_LOCK: i64 = 707_833_100;
/// How long another console's job is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the lock is asked for, and the session looked after.
const POLL: Duration = Duration::from_millis(500);

/// A held target, or one that cannot be held. Dropping it lets go.
#[derive(Debug)]
pub struct Hold {
    /// None through a pooler, which would not keep the session.
    session: Option<Session>,
}

impl Hold {
    /// Takes the lock. When another console works on the target, waits for a minute, then fails and says who holds it.
    pub async fn take(target: &Target, context: &Context) -> Result<Self, OperationError> {
        if target.url.pooler.is_some() {
            context.progress.warn(
                "The target is reached through a connection pooler, which cannot keep a lock for this job: another console \
                 with another store would not be kept out.",
            );
            return Ok(Self { session: None });
        }
        let purpose = Purpose::Work {
            job: context.job.clone(),
        };
        let session = target.connect(purpose).await?;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut said = false;
        while !try_lock(&session).await? {
            if context.cancel.is_cancelled() {
                return Err(OperationError::Cancelled);
            }
            let holder = session::lock_holder(&session, HOLD_LOCK).await?;
            let holder = holder.map_or_else(|| "another session".to_owned(), |it| it.words());
            if tokio::time::Instant::now() >= deadline {
                return Err(held(&holder).into());
            }
            if !said {
                context.progress.info(format!(
                    "Another console works on this database ({holder}); waiting for it to end."
                ));
                said = true;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = context.cancel.cancelled() => {}
            }
        }
        Ok(Self {
            session: Some(session),
        })
    }

    /// Runs `work` while the target is held, and lets go. When the lock is lost in the middle the work is told to stop, and
    /// what it says is in effect then is passed on.
    pub async fn during(
        self,
        context: &Context,
        work: impl Future<Output = Result<Outcome, OperationError>>,
    ) -> Result<Outcome, OperationError> {
        let Some(session) = self.session else {
            return work.await;
        };
        let work = std::pin::pin!(work);
        let lost = async {
            while !session.client().is_closed() {
                tokio::time::sleep(POLL).await;
            }
        };
        let ended = match futures_util::future::select(work, std::pin::pin!(lost)).await {
            futures_util::future::Either::Left((ended, _)) => ended,
            futures_util::future::Either::Right(((), work)) => {
                let why = session.lost().unwrap_or_default();
                context.progress.warn(format!(
                    "The session that holds the target for this job has ended ({why}). The job is stopped."
                ));
                context.cancel.cancel();
                work.await.map_err(|error| match error {
                    OperationError::Cancelled => let_go("Nothing was left behind.").into(),
                    OperationError::Stopped(trouble) => let_go(&trouble.data).into(),
                    other => other,
                })
            }
        };
        session.close().await;
        ended
    }
}

async fn try_lock(session: &Session) -> Result<bool, Trouble> {
    let question = "SELECT pg_try_advisory_lock($1)";
    let answer = session
        .client()
        .query_typed(question, &[(&HOLD_LOCK, Type::INT8)])
        .await;
    match answer {
        Ok(rows) => Ok(rows.first().is_some_and(|row| row.get(0))),
        Err(error) => Err(Trouble::new(
            format!(
                "Taking the lock of the target failed: {}.",
                failure::describe(&error)
            ),
            "Nothing was done. The database is as it was.",
            "Look at the server, then try again.",
        )),
    }
}

fn held(holder: &str) -> Trouble {
    Trouble::new(
        format!(
            "Another console works on this database: {holder}. It did not end within a minute."
        ),
        "Nothing was done. The database is as it was.",
        "Wait until that job has ended, or end its session if it is a leftover; then try again.",
    )
}

fn let_go(in_effect: &str) -> Trouble {
    Trouble::new(
        "The session that held the target for this job ended in the middle, so the job was stopped.",
        in_effect,
        "Look at the server: did it restart, or did somebody end the session? Then try again.",
    )
}
