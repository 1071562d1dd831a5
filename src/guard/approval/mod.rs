//! Approvals: a person's yes to one digest. It expires, and is used once. And their no, which closes the plan.
//!
//! What must stay true, and is held by the SQL that stores a yes or uses it: one good yes at a time, none to a plan that is
//! applied or closed; where the target's policy asks for a second person, nobody approves what they have made, nor applies what
//! they have approved. Read [`approve`], then `claim.rs`.

mod claim;

use sqlx::Row;

use super::Plan;
use super::plan::{self, Closed, Ending};
use crate::audit;
use crate::auth::policy::SECOND_PERSON;
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

pub(super) use claim::{By, check, claim};

/// How long a yes is good for. Long enough to take a backup and read once more, short enough that the data is still
/// what was looked at.
pub const VALID_MS: i64 = 4 * 60 * 60 * 1000;
/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

/// A yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// UUID v7.
    pub id: String,
    /// What was said yes to.
    pub digest: String,
    /// Why, in their words; empty when it was given before reasons were asked for.
    pub reason: String,
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

/// Why a yes or a no was not taken. Nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The typed name is not the target's.
    #[error("That is not the name of the target. Type {0} to say that you mean this one.")]
    Name(String),
    /// What was on the screen is not what the plan is.
    #[error("The plan on the screen is not this plan. Read it again, then approve.")]
    Digest,
    /// There is no reason, or one that is too long or holds control characters.
    #[error(
        "Say why, in 1 to {LONGEST_REASON} characters on one line: the reason stands in the audit."
    )]
    Reason,
    /// The target's policy asks for a second person.
    #[error(
        "You made this plan, and on this target somebody else approves. Nothing was stored; ask another approver."
    )]
    SecondPerson,
    /// It has a yes already.
    #[error("This plan is approved already.")]
    Already,
    /// A job applies it now.
    #[error(
        "A job applies this plan now, or was interrupted while it did: stop or reconcile that job. Nothing was stored."
    )]
    Applying,
    /// It has been applied.
    #[error("This plan has been applied already. There is nothing left to approve.")]
    Applied,
    /// It will not be applied.
    #[error("This plan is closed ({0}): nothing is applied from it. Make a new one.")]
    Closed(&'static str),
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
    /// Why, in their words.
    pub reason: &'a str,
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
    let reason = checked(yes.reason)?;
    let mut tx = store.begin().await?;
    let now = clock.now_ms();
    let approval = Approval {
        id: clock.id(),
        digest: plan.digest.clone(),
        reason: reason.to_owned(),
        approved_by: yes.actor.to_owned(),
        approved_at: now,
        expires_at: now + VALID_MS,
        used_at: None,
    };
    let stored = sqlx::query(
        "INSERT INTO approval (id, plan_id, digest, reason, approved_by, approved_at, expires_at) \
         SELECT $1, plan.id, plan.digest, $2, $3, $4, $5 FROM plan \
         WHERE plan.id = $6 AND plan.digest = $7 AND plan.applied_at IS NULL AND plan.closed_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM approval good \
                         WHERE good.plan_id = plan.id AND good.used_at IS NULL AND good.expires_at > $4) \
         AND NOT (plan.author = $3 AND EXISTS (SELECT 1 FROM policy WHERE policy.name = $8 AND policy.value = 'true' \
                                               AND policy.target IN (plan.target, '*')))",
    )
    .bind(&approval.id)
    .bind(&approval.reason)
    .bind(&approval.approved_by)
    .bind(approval.approved_at)
    .bind(approval.expires_at)
    .bind(&plan.id)
    .bind(&approval.digest)
    .bind(SECOND_PERSON)
    .execute(&mut *tx)
    .await?;
    if stored.rows_affected() == 0 {
        return Err(why_not(&mut tx, plan, now).await?);
    }
    let detail = format!("plan {} with digest {}: {reason}", plan.id, plan.digest);
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

/// Why a plan takes no yes now.
async fn why_not(tx: &mut Tx, plan: &Plan, now: i64) -> Result<ApprovalError, StoreError> {
    let row = sqlx::query(
        "SELECT applied_at, closed_as, (SELECT count(*) FROM approval WHERE approval.plan_id = plan.id \
         AND approval.used_at IS NULL AND approval.expires_at > $1) FROM plan WHERE id = $2 AND digest = $3",
    )
    .bind(now)
    .bind(&plan.id)
    .bind(&plan.digest)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Ok(ApprovalError::Digest);
    };
    let (applied, closed): (Option<i64>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match closed.as_deref() {
        Some("rejected") => ApprovalError::Closed("rejected"),
        Some(_) => ApprovalError::Closed("void"),
        None if applied.is_some() => ApprovalError::Applied,
        None if row.try_get::<i64, _>(2)? > 0 => ApprovalError::Already,
        None => ApprovalError::SecondPerson,
    })
}

/// Stores a no to `plan`: nothing is applied from it any more, whatever it had been approved for.
pub async fn reject(
    store: &Store,
    clock: &Clock,
    plan: &Plan,
    reason: &str,
    (actor, place): (&str, &str),
) -> Result<(), ApprovalError> {
    let closed = Closed {
        at: clock.now_ms(),
        ending: Ending::Rejected,
        by: actor.to_owned(),
        reason: checked(reason)?.to_owned(),
    };
    let mut tx = store.begin().await?;
    if !plan::close(&mut tx, clock, plan, &closed, place).await? {
        return Err(match why_not(&mut tx, plan, closed.at).await? {
            // Neither stands in the way of a no.
            ApprovalError::SecondPerson | ApprovalError::Already => ApprovalError::Applying,
            other => other,
        });
    }
    tx.commit().await?;
    Ok(())
}

/// A reason as it is kept: one line.
fn checked(reason: &str) -> Result<&str, ApprovalError> {
    let reason = reason.trim();
    let length = reason.chars().count();
    if length == 0 || length > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(ApprovalError::Reason);
    }
    Ok(reason)
}

/// The newest yes to a plan, open or not.
pub async fn latest(store: &Store, plan: &str) -> Result<Option<Approval>, StoreError> {
    let row = sqlx::query(
        "SELECT id, digest, reason, approved_by, approved_at, expires_at, used_at FROM approval \
         WHERE plan_id = $1 ORDER BY id DESC LIMIT 1",
    )
    .bind(plan)
    .fetch_optional(store.read())
    .await?;
    row.map(|row| {
        Ok(Approval {
            id: row.try_get("id")?,
            digest: row.try_get("digest")?,
            reason: row.try_get("reason")?,
            approved_by: row.try_get("approved_by")?,
            approved_at: row.try_get("approved_at")?,
            expires_at: row.try_get("expires_at")?,
            used_at: row.try_get("used_at")?,
        })
    })
    .transpose()
}
