//! Claiming a plan for the job that applies it: the last moment at which nothing has happened.

use sqlx::Row;

use super::Plan;
use crate::auth::policy::SECOND_PERSON;
use crate::auth::policy::person;
use crate::clock::Clock;
use crate::guard::Verdict;
use crate::operation::Trouble;
use crate::store::{StoreError, Tx};

/// Who applies a plan, and through which job.
#[derive(Clone, Copy, Debug)]
pub(in crate::guard) struct By<'a> {
    /// On whose behalf.
    pub actor: &'a str,
    /// The job.
    pub job: &'a str,
}

/// A yes that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::guard) struct Good {
    id: String,
    /// Who said it.
    pub(in crate::guard) approved_by: String,
}

/// Whether `plan` may be claimed now: it must be open, and a destructive one must have a yes that is good. Uses nothing up.
pub(in crate::guard) async fn check(
    tx: &mut Tx,
    clock: &Clock,
    plan: &Plan,
    by: By<'_>,
) -> Result<Result<Option<Good>, Trouble>, StoreError> {
    let ending = "SELECT CASE WHEN applied_at IS NULL THEN closed_as ELSE 'applied' END FROM plan WHERE id = $1";
    let ending: Option<Option<String>> = sqlx::query_scalar(ending)
        .bind(&plan.id)
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(ending) = ending.flatten() {
        return Ok(Err(is_closed(&ending)));
    }
    if plan.verdict != Verdict::Destructive {
        return Ok(Ok(None));
    }
    // Whoever is at a terminal may be anybody, so they may be whoever approved.
    let nobody_known = i64::from(by.actor.starts_with("terminal:"));
    let good = sqlx::query(
        "SELECT id, approved_by FROM approval WHERE plan_id = $1 AND digest = $2 AND used_at IS NULL AND expires_at > $3 \
         AND NOT ((approved_by = $4 OR $5 = 1) AND EXISTS (SELECT 1 FROM policy WHERE policy.name = $6 \
                  AND policy.value = 'true' AND policy.target IN ($7, '*'))) \
         ORDER BY id DESC LIMIT 1",
    )
    .bind(&plan.id)
    .bind(&plan.digest)
    .bind(clock.now_ms())
    .bind(person(by.actor))
    .bind(nobody_known)
    .bind(SECOND_PERSON)
    .bind(&plan.target)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(match good {
        Some(row) => Ok(Some(Good {
            id: row.try_get("id")?,
            approved_by: row.try_get("approved_by")?,
        })),
        None => Err(without_approval()),
    })
}

/// Claims `plan`, once, and uses up the yes that it needs; who gave it. The caller has found that the digest still holds, and
/// commits before the first statement runs: a yes that was used for a try is used, whatever became of the try. Writers of the
/// store never overlap, so what was checked is so until then.
pub(in crate::guard) async fn claim(
    tx: &mut Tx,
    clock: &Clock,
    plan: &Plan,
    by: By<'_>,
) -> Result<Result<Option<String>, Trouble>, StoreError> {
    let good = match check(tx, clock, plan, by).await? {
        Ok(Some(good)) => good,
        Ok(None) => return Ok(Ok(None)),
        Err(trouble) => return Ok(Err(trouble)),
    };
    let used = sqlx::query(
        "UPDATE approval SET used_at = $1, used_by = $2 WHERE id = $3 AND used_at IS NULL",
    )
    .bind(clock.now_ms())
    .bind(by.job)
    .bind(&good.id)
    .execute(&mut **tx)
    .await?;
    Ok(match used.rows_affected() {
        0 => Err(without_approval()),
        _ => Ok(Some(good.approved_by)),
    })
}

fn without_approval() -> Trouble {
    Trouble::new(
        "This plan destroys data and has no approval that is still good: none was given, or it has expired, or it \
         was used by an earlier try; or this target asks for a second person, and the approval is yours or you are at a \
         terminal, where nobody can tell who you are.",
        "Nothing was applied. The database is as it was.",
        "Open the plan, read what would be lost, and approve it again, or let somebody else do it.",
    )
    .refused()
}

fn is_closed(ending: &str) -> Trouble {
    Trouble::new(
        format!("This plan is closed ({ending}): nothing is applied from it."),
        "Nothing was applied. The database is as it was.",
        "Open the plan to read why. Make a new one when what is pending shall be applied after all.",
    )
    .refused()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::policy;
    use crate::guard::approval::{VALID_MS, Yes, approve, latest, reject};
    use crate::guard::plan::{self, Identity};
    use crate::store::Store;

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
            touched: Vec::new(),
            verdict: Verdict::Destructive,
            digest: DIGEST.to_owned(),
        };
        plan::save(&store, &clock, &plan, "a job").await.unwrap();
        let yes = Yes {
            typed_name: "jarvis",
            digest: DIGEST,
            reason: "nobody reads it",
            actor: "bob",
            place: "127.0.0.1",
        };
        approve(&store, &clock, &plan, &yes).await.unwrap();
        (folder, store, clock, plan)
    }

    async fn used_by(
        store: &Store,
        clock: &Clock,
        plan: &Plan,
        by: By<'_>,
    ) -> Result<String, Trouble> {
        let mut tx = store.begin().await.unwrap();
        let used = claim(&mut tx, clock, plan, by).await.unwrap();
        tx.commit().await.unwrap();
        used.map(Option::unwrap_or_default)
    }

    async fn used(store: &Store, clock: &Clock, plan: &Plan, job: &str) -> Result<String, Trouble> {
        let by = By {
            actor: "carol",
            job,
        };
        used_by(store, clock, plan, by).await
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
            reason: "again",
            actor: "eve",
            place: "127.0.0.1",
        };
        approve(&store, &clock, &plan, &yes).await.unwrap();
        assert_eq!(
            used(&store, &clock, &plan, "second try").await.unwrap(),
            "eve"
        );
    }

    #[tokio::test]
    async fn nothing_is_claimed_of_a_plan_that_somebody_rejected() {
        let (_folder, store, clock, plan) = approved().await;
        reject(&store, &clock, &plan, "not now", ("eve", "127.0.0.1"))
            .await
            .unwrap();
        let trouble = used(&store, &clock, &plan, "job").await.unwrap_err();
        assert!(trouble.what.contains("closed (rejected)"), "{trouble:?}");
        let safe = Plan {
            verdict: Verdict::Safe,
            ..plan
        };
        assert!(used(&store, &clock, &safe, "job").await.is_err());
    }

    #[tokio::test]
    async fn where_a_second_person_is_asked_for_nobody_applies_their_own_yes() {
        let (_folder, store, clock, plan) = approved().await;
        let mut tx = store.begin().await.unwrap();
        let value = serde_json::Value::Bool(true);
        policy::set(
            &mut tx,
            &clock,
            "ada",
            ("jarvis", SECOND_PERSON),
            Some(&value),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        for actor in ["bob", "token:ci (bob)", "terminal:root"] {
            let by = By { actor, job: "job" };
            let trouble = used_by(&store, &clock, &plan, by).await.unwrap_err();
            assert!(trouble.what.contains("second person"), "{trouble:?}");
        }
        let by = By {
            actor: "token:ci (ada)",
            job: "job",
        };
        assert_eq!(used_by(&store, &clock, &plan, by).await.unwrap(), "bob");
    }
}
