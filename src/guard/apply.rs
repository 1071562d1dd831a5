//! Applying a plan: only what was planned, only once it may be, and no further than the first failure.
//!
//! The order matters. The advisory lock of Prisma Migrate comes first, then everything is read again under it: what is
//! pending must have the plan's digest. Only then is the approval used, and only then does the first statement run.

use crate::backup::{Archive, Manifest};
use crate::clock::Clock;
use crate::guard::{Plan, Verdict, approval, plan};
use crate::migration::{Survey, deploy};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::store::{Store, StoreError};
use crate::target::{Purpose, Session, Target, catalog};

/// How old a backup may be that a destructive plan is applied on, in milliseconds: as old as an approval may be.
const FRESH_MS: i64 = approval::VALID_MS;

/// The steps of applying a plan.
pub const STEPS: &[&str] = &["Preflight", "Lock", "Check", "Apply"];

/// What stands between a plan and its being applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The backup that would be gone back to.
    pub backup: Option<Manifest>,
    /// Whether a backup is required and missing.
    pub needs_backup: bool,
    /// Whether an approval is required and missing.
    pub needs_approval: bool,
}

/// What a plan still needs. A safe plan needs nothing; a destructive one needs an approval, and a backup of this very
/// database that was taken in the last four hours and since a plan was last applied.
pub async fn readiness(
    store: &Store,
    clock: &Clock,
    archive: &Archive,
    plan: &Plan,
) -> Result<Readiness, StoreError> {
    let (archive, target) = (archive.clone(), plan.target.clone());
    let listing = tokio::task::spawn_blocking(move || archive.list(&target))
        .await
        .unwrap_or_default();
    let since = plan::last_applied(store, &plan.target)
        .await?
        .unwrap_or_default()
        .max(clock.now_ms() - FRESH_MS);
    let backup = listing.backups.into_iter().find(|backup| {
        backup.server.cluster == plan.identity.cluster
            && backup.server.database == plan.identity.database
            && backup.created_at.as_millisecond() > since
    });
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
            "This plan destroys data, and there is no backup of this database from the last four hours and since the \
             last plan was applied.",
            "Nothing was applied. The database is as it was.",
            "Take a backup of the target, then apply the plan.",
        )
        .refused()
        .into());
    }
    if let (Some(backup), Verdict::Destructive) = (ready.backup, plan.verdict) {
        check_backup(archive, backup, context).await?;
    }
    let work = Purpose::Work {
        job: context.job.clone(),
    };
    let session = target.connect(work).await?;
    let survey = locked(&session, target, plan, context).await?;
    // Until here nothing was left behind; from here on the approval may be used.
    if context.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    if plan.verdict == Verdict::Destructive {
        let approved_by = use_approval(store, &context.clock, plan, &context.job).await?;
        progress.info(format!(
            "Approved by {approved_by}; the approval is used now."
        ));
    }
    let applied = deploy::apply(&session, &survey, context)
        .await
        .map_err(|error| match plan.verdict {
            Verdict::Destructive => approval_is_used(error),
            Verdict::Safe | Verdict::Caution => error,
        })?;
    session.close().await;
    plan::mark_applied(store, &context.clock, plan)
        .await
        .map_err(store_failed)?;
    Ok(outcome(applied, plan))
}

/// Reads the backup that would be gone back to: its bytes must still be those that were written.
async fn check_backup(
    archive: &Archive,
    backup: Manifest,
    context: &Context,
) -> Result<(), Trouble> {
    let name = backup.file.name.clone();
    context.progress.info(format!(
        "Reading the backup {name} and comparing its SHA-256."
    ));
    let archive = archive.clone();
    let intact = tokio::task::spawn_blocking(move || archive.is_intact(&backup))
        .await
        .unwrap_or_default();
    if !intact {
        return Err(Trouble::new(
            format!("The backup {name} is damaged: its bytes are not those that were written."),
            "Nothing was applied. The database is as it was; that backup cannot be gone back to.",
            "Look at the disk of the archive, take a new backup, then apply the plan.",
        )
        .refused());
    }
    context
        .progress
        .info("They are the same. It is taken; it has not been restored to prove it.");
    Ok(())
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
        .refused()
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
    if plan.verdict != Verdict::Destructive
        && plan::verdict(session, &survey).await == Verdict::Destructive
    {
        return Err(stricter().into());
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
    Ok(used
        .await
        .map_err(store_failed)?
        .map_err(Trouble::refused)?)
}

/// A job that is stopped after its approval was used has left that behind, at least.
fn approval_is_used(error: OperationError) -> OperationError {
    const USED: &str = "The approval is used.";
    match error {
        OperationError::Cancelled => OperationError::Stopped(Trouble::new(
            "Applying was stopped before the first migration.",
            format!("No migration was begun. {USED}"),
            "Approve the plan again when you want to go on.",
        )),
        OperationError::Stopped(mut trouble) => {
            trouble.data = format!("{} {USED}", trouble.data);
            OperationError::Stopped(trouble)
        }
        other => other,
    }
}

fn stricter() -> Trouble {
    Trouble::new(
        "This plan was made by an earlier version, which called it safe. Today's rules do not.",
        "Nothing was applied. The database is as it was.",
        "Make the plan again and read what is found now.",
    )
    .refused()
}

fn stale() -> Trouble {
    Trouble::new(
        "What is pending now is not what this plan says: a script, the order, or the database itself has changed.",
        "Nothing was applied. The approval was not used.",
        "Make the plan again, read what has changed, and approve the new one.",
    )
    .refused()
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
