//! Plans in the store. A plan is stored whole and never changed; only that it was applied is noted beside it.

use sqlx::Row;

use super::Plan;
use crate::audit;
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
        "INSERT INTO plan (id, target, digest, verdict, body, made_by, made_at, job_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&plan.id)
    .bind(&plan.target)
    .bind(&plan.digest)
    .bind(plan.verdict.word())
    .bind(body)
    .bind(&plan.made_by)
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

/// Notes that every statement of a plan is in effect.
pub async fn mark_applied(store: &Store, clock: &Clock, plan: &Plan) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query("UPDATE plan SET applied_at = $1 WHERE id = $2")
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

/// When a plan was applied, if it was.
pub(in crate::guard) async fn applied_at(tx: &mut Tx, id: &str) -> Result<Option<i64>, StoreError> {
    let at = sqlx::query_scalar("SELECT applied_at FROM plan WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(at.flatten())
}

/// A stored plan and when it was applied.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The plan as it was made.
    pub plan: Plan,
    /// Milliseconds since the epoch.
    pub applied_at: Option<i64>,
}

/// One plan of a target. Another target's plan is not found.
pub async fn get(store: &Store, target: &str, id: &str) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query("SELECT body, applied_at FROM plan WHERE id = $1 AND target = $2")
        .bind(id)
        .bind(target)
        .fetch_optional(store.read())
        .await?;
    row.as_ref().map(decode).transpose()
}

/// The newest plans of a target, newest first.
pub async fn list(store: &Store, target: &str, limit: i64) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(
        "SELECT body, applied_at FROM plan WHERE target = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(target)
    .bind(limit)
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
    Ok(Stored {
        plan,
        applied_at: row.try_get("applied_at")?,
    })
}
