//! Plans in the store. A plan is stored whole and never changed; what became of it is noted beside it.

use sqlx::{AssertSqlSafe, Row};

use super::Plan;
use crate::audit;
use crate::auth::policy::person;
use crate::clock::Clock;
use crate::guard::finding::Verdict;
use crate::notify::{self, Kind, News};
use crate::store::{Store, StoreError, Tx};

/// Stores a plan, with its audit entry, and tells people of one that waits for an approval.
pub async fn save(store: &Store, clock: &Clock, plan: &Plan, job: &str) -> Result<(), StoreError> {
    let body = serde_json::to_string(plan).map_err(|error| StoreError::Value {
        what: "plan",
        reason: error.to_string(),
    })?;
    let mut tx = store.begin().await?;
    sqlx::query(
        "INSERT INTO plan (id, target, digest, verdict, body, made_by, author, made_at, job_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&plan.id)
    .bind(&plan.target)
    .bind(&plan.digest)
    .bind(plan.verdict.word())
    .bind(body)
    .bind(&plan.made_by)
    .bind(person(&plan.made_by))
    .bind(plan.made_at)
    .bind(job)
    .execute(&mut *tx)
    .await?;
    let detail = format!(
        "plan {}, {}, digest {}",
        plan.id,
        plan.verdict.word(),
        plan.digest
    );
    audit::record(
        &mut tx,
        clock,
        &audit::Entry {
            actor: &plan.made_by,
            action: "plan.make",
            target: Some(&plan.target),
            job: Some(job),
            outcome: "succeeded",
            place: "worker",
            detail: &detail,
            ..audit::Entry::default()
        },
    )
    .await?;
    if plan.verdict == Verdict::Destructive {
        let (text, losses) = (waits(plan), plan.losses().len());
        let news = News {
            event: &format!("plan:{}:waits", plan.id),
            kind: Kind::ApprovalWaiting,
            target: &plan.target,
            job: None,
            subject: &format!("A plan waits for an approval ({losses} to look at)"),
            text: &text,
        };
        notify::announce(&mut tx, clock, &news).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What people are told of a plan that waits: what would be lost, the first of it.
fn waits(plan: &Plan) -> String {
    const SHOWN: usize = 10;
    let losses = plan.losses();
    let mut text = format!(
        "{} has made a plan of {} that destroys data, or may. Nothing of it is applied before somebody has approved it.\n",
        plan.made_by,
        match plan.migrations.len() {
            1 => "1 migration".to_owned(),
            n => format!("{n} migrations"),
        }
    );
    for loss in losses.iter().take(SHOWN) {
        text.push_str("\n- ");
        text.push_str(loss);
    }
    if losses.len() > SHOWN {
        let more = losses.len() - SHOWN;
        text.push_str("\n- and more: ");
        text.push_str(&more.to_string());
    }
    text
}

/// Notes that every statement of a plan is in effect, whoever closed it while it ran.
pub async fn mark_applied(store: &Store, clock: &Clock, plan: &Plan) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "UPDATE plan SET applied_at = $1, closed_at = NULL, closed_as = NULL, closed_by = NULL, closed_reason = NULL \
         WHERE id = $2",
    )
    .bind(clock.now_ms())
    .bind(&plan.id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// When a plan of the target was last applied: a backup from before that goes back too far.
pub(in crate::guard) async fn last_applied(
    store: &Store,
    target: &str,
) -> Result<Option<i64>, StoreError> {
    let at = sqlx::query_scalar("SELECT max(applied_at) FROM plan WHERE target = $1")
        .bind(target)
        .fetch_one(store.read())
        .await?;
    Ok(at)
}

/// Why a plan will not be applied any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A person said no.
    Rejected,
    /// What it rests on has changed.
    Void,
}

impl Ending {
    /// The word of the store, the pages and the terminal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Void => "void",
        }
    }
}

/// That a plan was closed: nothing is applied from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Milliseconds since the epoch.
    pub at: i64,
    /// How.
    pub ending: Ending,
    /// Who said no, or on whose behalf it was found out.
    pub by: String,
    /// Why, in their words or in sentences.
    pub reason: String,
}

/// Closes a plan that is neither applied nor closed, with its audit entry; whether it was open. A no is said to a digest, so it
/// closes every open plan of the same one, and comes too late while a job applies this one. The caller commits.
pub(in crate::guard) async fn close(
    tx: &mut Tx,
    clock: &Clock,
    plan: &Plan,
    closed: &Closed,
    place: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE plan SET closed_at = $1, closed_as = $2, closed_by = $3, closed_reason = $4 \
         WHERE id = $5 AND applied_at IS NULL AND closed_at IS NULL AND NOT ($2 = 'rejected' AND EXISTS ( \
             SELECT 1 FROM job WHERE job.target = $6 AND job.kind = 'plan.apply' \
             AND job.state IN ('running', 'interrupted') AND job.payload LIKE '%' || plan.id || '%'))",
    )
    .bind(closed.at)
    .bind(closed.ending.word())
    .bind(&closed.by)
    .bind(&closed.reason)
    .bind(&plan.id)
    .bind(&plan.target)
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if closed.ending == Ending::Rejected {
        sqlx::query(
            "UPDATE plan SET closed_at = $1, closed_as = $2, closed_by = $3, closed_reason = $4 \
             WHERE target = $5 AND digest = $6 AND applied_at IS NULL AND closed_at IS NULL",
        )
        .bind(closed.at)
        .bind(closed.ending.word())
        .bind(&closed.by)
        .bind(&closed.reason)
        .bind(&plan.target)
        .bind(&plan.digest)
        .execute(&mut **tx)
        .await?;
    }
    let action = match closed.ending {
        Ending::Rejected => "plan.reject",
        Ending::Void => "plan.void",
    };
    let detail = format!("plan {}: {}", plan.id, closed.reason);
    let entry = audit::Entry {
        actor: &closed.by,
        action,
        target: Some(&plan.target),
        outcome: "succeeded",
        place,
        detail: &detail,
        ..audit::Entry::default()
    };
    audit::record(tx, clock, &entry).await?;
    Ok(true)
}

/// A stored plan and what became of it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The plan as it was made.
    pub plan: Plan,
    /// When it was applied, in milliseconds since the epoch.
    pub applied_at: Option<i64>,
    /// That it will not be applied.
    pub closed: Option<Closed>,
}

impl Stored {
    /// Whether it may still be applied, if nothing has changed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ending().is_none()
    }

    /// How it has ended, in a word; `None` while it is open.
    #[must_use]
    pub fn ending(&self) -> Option<&'static str> {
        match (&self.applied_at, &self.closed) {
            (Some(_), _) => Some("applied"),
            (None, closed) => closed.as_ref().map(|closed| closed.ending.word()),
        }
    }
}

const READ: &str =
    "SELECT body, applied_at, closed_at, closed_as, closed_by, closed_reason FROM plan";

/// One plan of a target. Another target's plan is not found.
pub async fn get(store: &Store, target: &str, id: &str) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "{READ} WHERE id = $1 AND target = $2"
    )))
    .bind(id)
    .bind(target)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The newest plans of a target, newest first.
pub async fn list(store: &Store, target: &str, limit: i64) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "{READ} WHERE target = $1 ORDER BY id DESC LIMIT $2"
    )))
    .bind(target)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// The newest plan of each target, where it waits for an approval: it destroys data, is open, and has no yes that is good now.
pub async fn waiting(store: &Store, clock: &Clock) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "{READ} WHERE verdict = 'destructive' AND applied_at IS NULL AND closed_at IS NULL \
         AND id = (SELECT max(newest.id) FROM plan newest WHERE newest.target = plan.target) \
         AND NOT EXISTS (SELECT 1 FROM approval WHERE approval.plan_id = plan.id AND used_at IS NULL AND expires_at > $1) \
         ORDER BY id"
    )))
    .bind(clock.now_ms())
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

fn decode(row: &sqlx::any::AnyRow) -> Result<Stored, StoreError> {
    let body: String = row.try_get("body")?;
    let plan = serde_json::from_str(&body).map_err(|error| StoreError::Value {
        what: "plan",
        reason: error.to_string(),
    })?;
    let ending: Option<String> = row.try_get("closed_as")?;
    let closed = match ending.as_deref() {
        None => None,
        Some(word) => Some(Closed {
            at: row.try_get("closed_at")?,
            ending: match word {
                "rejected" => Ending::Rejected,
                _ => Ending::Void,
            },
            by: row.try_get("closed_by")?,
            reason: row.try_get("closed_reason")?,
        }),
    };
    Ok(Stored {
        plan,
        applied_at: row.try_get("applied_at")?,
        closed,
    })
}
