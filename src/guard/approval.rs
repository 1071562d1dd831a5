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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Verdict;
    use crate::guard::plan::{self, Identity};

    const DIGEST: &str = "0123456789abcdef";

    /// A stored plan that has been approved.
    async fn approved() -> (tempfile::TempDir, Store, Clock, Plan) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let store = Store::open(&url.into()).await.unwrap();
        let clock = Clock::fixed(1_700_000_000_000);
        let plan = Plan {
            id: clock.id(),
            target: "jarvis".to_owned(),
            made_at: clock.now_ms(),
            made_by: "ada".to_owned(),
            identity: Identity {
                cluster: "7300".to_owned(),
                database: "jarvis".to_owned(),
                schema: "public".to_owned(),
            },
            migrations: Vec::new(),
            verdict: Verdict::Destructive,
            digest: DIGEST.to_owned(),
        };
        plan::save(&store, &clock, &plan, "a job").await.unwrap();
        let yes = Yes {
            typed_name: "jarvis",
            digest: DIGEST,
            actor: "bob",
            place: "127.0.0.1",
        };
        approve(&store, &clock, &plan, &yes).await.unwrap();
        (folder, store, clock, plan)
    }

    async fn used(store: &Store, clock: &Clock, plan: &Plan, job: &str) -> Result<String, Trouble> {
        let mut tx = store.begin().await.unwrap();
        let used = redeem(&mut tx, clock, plan, job).await.unwrap();
        tx.commit().await.unwrap();
        used
    }

    #[tokio::test]
    async fn a_yes_is_used_once_however_many_want_it() {
        let (_folder, store, clock, plan) = approved().await;
        let wanting = (0..20).map(|n| {
            let (store, clock, plan) = (store.clone(), clock.clone(), plan.clone());
            tokio::spawn(async move { used(&store, &clock, &plan, &format!("job {n}")).await })
        });
        let mut good = Vec::new();
        for task in wanting.collect::<Vec<_>>() {
            good.extend(task.await.unwrap().ok());
        }
        assert_eq!(good, ["bob"]);
        let kept = latest(&store, &plan.id).await.unwrap().unwrap();
        assert_eq!(kept.used_at, Some(clock.now_ms()));
        assert!(!kept.is_open(clock.now_ms()));
    }

    #[tokio::test]
    async fn a_yes_that_has_lapsed_opens_nothing() {
        let (_folder, store, clock, plan) = approved().await;
        clock.advance(VALID_MS);
        let trouble = used(&store, &clock, &plan, "job").await.unwrap_err();
        assert!(trouble.data.starts_with("Nothing was applied"));
        assert_eq!(
            latest(&store, &plan.id).await.unwrap().unwrap().used_at,
            None
        );
    }

    #[tokio::test]
    async fn a_yes_is_good_for_its_digest_only() {
        let (_folder, store, clock, plan) = approved().await;
        let mut changed = plan.clone();
        changed.digest = "another".to_owned();
        assert!(used(&store, &clock, &changed, "job").await.is_err());
        let mut other = plan.clone();
        other.id = clock.id();
        assert!(used(&store, &clock, &other, "job").await.is_err());
        assert_eq!(used(&store, &clock, &plan, "job").await.unwrap(), "bob");
    }

    #[tokio::test]
    async fn after_a_used_yes_a_new_one_may_be_given() {
        let (_folder, store, clock, plan) = approved().await;
        used(&store, &clock, &plan, "first try").await.unwrap();
        clock.advance(1);
        let yes = Yes {
            typed_name: " jarvis ",
            digest: DIGEST,
            actor: "eve",
            place: "127.0.0.1",
        };
        approve(&store, &clock, &plan, &yes).await.unwrap();
        assert_eq!(
            used(&store, &clock, &plan, "second try").await.unwrap(),
            "eve"
        );
    }
}
