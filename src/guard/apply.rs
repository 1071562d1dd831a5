//! Applying a plan: only what was planned, only once it may be, and no further than the first failure.
//!
//! The order matters. The advisory lock of Prisma Migrate comes first, then everything is read again under it: what is
//! pending must have the plan's digest. Only then is the approval used, and only then does the first statement run.

use crate::backup::Archive;
use crate::clock::Clock;
use crate::guard::{Plan, Verdict, approval, plan};
use crate::migration::{Survey, deploy};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::store::{Store, StoreError};
use crate::target::{Purpose, Session, Target, catalog};

/// How old a backup may be that was taken before the plan was made, in milliseconds.
const FRESH_MS: i64 = 60 * 60 * 1000;

/// What stands between a plan and its being applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The backup that would be gone back to, as its id and file name.
    pub backup: Option<(String, String)>,
    /// Whether a backup is required and missing.
    pub needs_backup: bool,
    /// Whether an approval is required and missing.
    pub needs_approval: bool,
}

impl Readiness {
    /// Whether nothing stands in the way.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.needs_backup && !self.needs_approval
    }
}

/// What a plan still needs. A safe plan needs nothing; a destructive one needs a backup that was taken since, or at
/// most an hour before, the plan was made, and an approval.
pub async fn readiness(
    store: &Store,
    clock: &Clock,
    archive: &Archive,
    plan: &Plan,
) -> Result<Readiness, StoreError> {
    let (archive, target) = (archive.clone(), plan.target.clone());
    let newest =
        tokio::task::spawn_blocking(move || archive.list(&target).backups.into_iter().next())
            .await
            .unwrap_or_default();
    let backup = newest
        .filter(|backup| backup.created_at.as_millisecond() >= plan.made_at - FRESH_MS)
        .map(|backup| (backup.id, backup.file.name));
    let destructive = plan.verdict == Verdict::Destructive;
    let approved = approval::latest(store, &plan.id)
        .await?
        .is_some_and(|approval| approval.digest == plan.digest && approval.is_open(clock.now_ms()));
    Ok(Readiness {
        needs_backup: destructive && backup.is_none(),
        needs_approval: destructive && !approved,
        backup,
    })
}

/// Applies a stored plan.
pub async fn run(
    store: &Store,
    archive: &Archive,
    target: &Target,
    plan: &Plan,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let progress = &context.progress;
    progress.step(
        "Preflight",
        format!("Plan {}, {}.", plan.short_digest(), plan.verdict.word()),
    );
    let ready = readiness(store, &context.clock, archive, plan)
        .await
        .map_err(store_failed)?;
    if ready.needs_backup {
        return Err(Trouble::new(
            "This plan destroys data, and no backup has been taken for it.",
            "Nothing was applied. The database is as it was.",
            "Take a backup of the target, then apply the plan.",
        )
        .into());
    }
    if let Some((_, name)) = &ready.backup {
        progress.info(format!(
            "The newest backup is {name}. It is taken; it has not been restored to prove it."
        ));
    }
    let work = Purpose::Work {
        job: context.job.clone(),
    };
    let session = target.connect(work).await?;
    let survey = locked(&session, target, plan, context).await?;
    if plan.verdict == Verdict::Destructive {
        let approved_by = use_approval(store, &context.clock, plan, &context.job).await?;
        progress.info(format!(
            "Approved by {approved_by}; the approval is used now."
        ));
    }
    let applied = deploy::apply(&session, &survey, context).await?;
    session.close().await;
    plan::mark_applied(store, &context.clock, plan)
        .await
        .map_err(store_failed)?;
    Ok(outcome(applied, plan))
}

/// Applies a plan that was just made, where there is no store to record it in. Only a safe one: without a store nobody
/// can have approved it.
pub async fn run_alone(
    target: &Target,
    plan: &Plan,
    context: &Context,
) -> Result<Outcome, OperationError> {
    if plan.verdict == Verdict::Destructive {
        return Err(Trouble::new(
            "This plan destroys data, and without a store there is no approval.",
            "Nothing was applied. The database is as it was.",
            "Approve and apply it where the console's store can be reached.",
        )
        .into());
    }
    let work = Purpose::Work {
        job: context.job.clone(),
    };
    let session = target.connect(work).await?;
    let survey = locked(&session, target, plan, context).await?;
    let applied = deploy::apply(&session, &survey, context).await?;
    session.close().await;
    Ok(outcome(applied, plan))
}

/// Takes the lock and reads everything again under it. What is pending then is what the plan says, or nothing runs.
async fn locked(
    session: &Session,
    target: &Target,
    plan: &Plan,
    context: &Context,
) -> Result<Survey, OperationError> {
    let progress = &context.progress;
    writable(session).await?;
    progress.step("Lock", "Taking the lock that Prisma Migrate takes too.");
    deploy::lock(session, &context.cancel).await?;
    progress.step("Check", "Reading folder and ledger again, under the lock.");
    let survey = Survey::with(target, session).await?;
    if let Some(trouble) = survey.blocked() {
        return Err(trouble.into());
    }
    if plan::digest_now(&survey, target) != plan.digest {
        return Err(stale().into());
    }
    Ok(survey)
}

/// Refuses a server that takes no writes, before anything is asked of it that it would refuse in fewer words.
async fn writable(session: &Session) -> Result<(), Trouble> {
    let facts = catalog::facts(session).await?;
    let why = if facts.in_recovery {
        "The server is a standby: it repeats what another server does and takes no writes."
    } else if facts.read_only {
        "Sessions of this role are read-only (default_transaction_read_only)."
    } else {
        return Ok(());
    };
    Err(Trouble::new(
        why,
        "Nothing was applied. The database is as it was.",
        "Let the target's URL lead to the primary server, with a role that may change the schema.",
    ))
}

fn outcome(applied: usize, plan: &Plan) -> Outcome {
    Outcome {
        summary: match applied {
            1 => "1 migration was applied.".to_owned(),
            n => format!("{n} migrations were applied."),
        },
        made: Some(plan.id.clone()),
    }
}

async fn use_approval(
    store: &Store,
    clock: &Clock,
    plan: &Plan,
    job: &str,
) -> Result<String, OperationError> {
    let used = async {
        let mut tx = store.begin().await?;
        let used = approval::redeem(&mut tx, clock, plan, job).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(used)
    };
    Ok(used.await.map_err(store_failed)??)
}

fn stale() -> Trouble {
    Trouble::new(
        "What is pending now is not what this plan says: a script, the order, or the database itself has changed.",
        "Nothing was applied. The approval was not used.",
        "Make the plan again, read what has changed, and approve the new one.",
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err asks for"
)]
fn store_failed(error: StoreError) -> OperationError {
    Trouble::new(
        format!("Lockkeeper's own store failed: {error}."),
        "What the steps above say is in effect on the target is in effect; nothing else is.",
        "Look at the free space and the health of the store with `lockkeeper doctor`, then look at the history.",
    )
    .into()
}
