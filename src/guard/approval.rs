//! Approvals: a person's yes to one digest. It expires, and is used once.

use sqlx::Row;

use super::Plan;
use crate::audit;
use crate::clock::Clock;
use crate::operation::Trouble;
use crate::store::{Store, StoreError, Tx};

/// How long a yes is good for. Long enough to take a backup and read once more, short enough that the data is still
/// what was looked at.
pub const VALID_MS: i64 = 4 * 60 * 60 * 1000;

/// A yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// UUID v7.
    pub id: String,
    /// What was said yes to.
    pub digest: String,
    /// Who said it.
    pub approved_by: String,
    /// Milliseconds since the epoch, as the next two.
    pub approved_at: i64,
    /// When it lapses.
    pub expires_at: i64,
    /// When it was used.
    pub used_at: Option<i64>,
}

impl Approval {
    /// Whether it would open the way now.
    #[must_use]
    pub fn is_open(&self, now_ms: i64) -> bool {
        self.used_at.is_none() && now_ms < self.expires_at
    }
}

/// Why a yes was not taken. Nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The typed name is not the target's.
    #[error("That is not the name of the target. Type {0} to say that you mean this one.")]
    Name(String),
    /// What was on the screen is not what the plan is.
    #[error("The plan on the screen is not this plan. Read it again, then approve.")]
    Digest,
    /// It has a yes already.
    #[error("This plan is approved already.")]
    Already,
    /// It has been applied.
    #[error("This plan has been applied already. There is nothing left to approve.")]
    Applied,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ApprovalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a person typed and was looking at.
#[derive(Clone, Debug)]
pub struct Yes<'a> {
    /// The name of the target as typed.
    pub typed_name: &'a str,
    /// The digest that was on the screen.
    pub digest: &'a str,
    /// The signed-in user.
    pub actor: &'a str,
    /// From where.
    pub place: &'a str,
}

/// Stores a yes to `plan`, with its audit entry.
pub async fn approve(
    store: &Store,
    clock: &Clock,
    plan: &Plan,
    yes: &Yes<'_>,
) -> Result<Approval, ApprovalError> {
    if yes.typed_name.trim() != plan.target {
        return Err(ApprovalError::Name(plan.target.clone()));
    }
    if yes.digest != plan.digest {
        return Err(ApprovalError::Digest);
    }
    let mut tx = store.begin().await?;
    if super::plan::applied_at(&mut tx, &plan.id).await?.is_some() {
        return Err(ApprovalError::Applied);
    }
    let now = clock.now_ms();
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM approval WHERE plan_id = $1 AND used_at IS NULL AND expires_at > $2",
    )
    .bind(&plan.id)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    if open > 0 {
        return Err(ApprovalError::Already);
    }
    let approval = Approval {
        id: clock.id(),
        digest: plan.digest.clone(),
        approved_by: yes.actor.to_owned(),
        approved_at: now,
        expires_at: now + VALID_MS,
        used_at: None,
    };
    sqlx::query(
        "INSERT INTO approval (id, plan_id, digest, approved_by, approved_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&approval.id)
    .bind(&plan.id)
    .bind(&approval.digest)
    .bind(&approval.approved_by)
    .bind(approval.approved_at)
    .bind(approval.expires_at)
    .execute(&mut *tx)
    .await?;
    let detail = format!("plan {} with digest {}", plan.id, plan.digest);
    audit::record(
        &mut tx,
        clock,
        &audit::Entry {
            actor: yes.actor,
            action: "plan.approve",
            target: Some(&plan.target),
            outcome: "succeeded",
            place: yes.place,
            detail: &detail,
            ..audit::Entry::default()
        },
    )
    .await?;
    tx.commit().await?;
    Ok(approval)
}

/// The newest yes to a plan, open or not.
pub async fn latest(store: &Store, plan: &str) -> Result<Option<Approval>, StoreError> {
    let row = sqlx::query(
        "SELECT id, digest, approved_by, approved_at, expires_at, used_at FROM approval \
         WHERE plan_id = $1 ORDER BY id DESC LIMIT 1",
    )
    .bind(plan)
    .fetch_optional(store.read())
    .await?;
    row.map(|row| {
        Ok(Approval {
            id: row.try_get("id")?,
            digest: row.try_get("digest")?,
            approved_by: row.try_get("approved_by")?,
            approved_at: row.try_get("approved_at")?,
            expires_at: row.try_get("expires_at")?,
            used_at: row.try_get("used_at")?,
        })
    })
    .transpose()
}

/// Uses the yes to `plan`, once. The caller has found that the digest still holds, and commits before the first statement runs:
/// a yes that was used for a try is used, whatever became of the try.
pub(super) async fn redeem(
    tx: &mut Tx,
    clock: &Clock,
    plan: &Plan,
    job: &str,
) -> Result<Result<String, Trouble>, StoreError> {
    let now = clock.now_ms();
    let used = sqlx::query(
        "UPDATE approval SET used_at = $1, used_by = $2 WHERE id = ( \
             SELECT id FROM approval WHERE plan_id = $3 AND digest = $4 AND used_at IS NULL AND expires_at > $1 \
             ORDER BY id DESC LIMIT 1) AND used_at IS NULL RETURNING approved_by",
    )
    .bind(now)
    .bind(job)
    .bind(&plan.id)
    .bind(&plan.digest)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(match used {
        Some(row) => Ok(row.try_get("approved_by")?),
        None => Err(Trouble::new(
            "This plan destroys data and has no approval that is still good: none was given, or it has expired, or it \
             was used by an earlier try.",
            "Nothing was applied. The database is as it was.",
            "Open the plan, read what would be lost, and approve it again.",
        )),
    })
}
