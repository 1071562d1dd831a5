//! Applying a plan: only what was planned, only once it may be, and no further than the first failure.
//!
//! The order matters. The backup comes first, for it takes long. Then the advisory lock of Prisma Migrate, then everything is
//! read again under it: what is pending, the tables it touches and what would be lost must be what the plan says. Only then is
//! the approval used, and only then does the first statement run.

mod alone;
mod ready;
mod trouble;

use crate::backup::manifest::Worth;
use crate::backup::take::Steps;
use crate::backup::{self, Archive, Manifest};
use crate::guard::plan::{Closed, Ending};
use crate::guard::{Plan, Verdict, approval, plan};
use crate::migration::{Survey, deploy};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::store::{Store, StoreError};
use crate::target::catalog::Facts;
use crate::target::{Purpose, Session, Target, watch};

pub use alone::{Allowance, run_alone};
pub use ready::{Readiness, readiness};

/// The steps of applying a plan.
pub const STEPS: &[&str] = &["Preflight", "Backup", "Lock", "Check", "Apply"];

/// Where plans are applied, and from where they are gone back.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// Lockkeeper's own database.
    pub store: &'a Store,
    /// Where the backup is, or will be.
    pub archive: &'a Archive,
    /// What is changed.
    pub target: &'a Target,
}

/// Applies a stored plan. Without a backup only what destroys nothing is applied, and only when `without_backup` says so.
pub async fn run(
    ground: Ground<'_>,
    plan: &Plan,
    without_backup: bool,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let Ground {
        store,
        archive,
        target,
    } = ground;
    let progress = &context.progress;
    progress.step(
        "Preflight",
        format!("Plan {}, {}.", plan.short_digest(), plan.verdict.word()),
    );
    // Whoever waits for a backup of an hour shall not learn only then that somebody else is needed.
    claimable(store, plan, context).await?;
    let earlier = Box::pin(preflight(ground, plan, context)).await?;
    let changed_at = earlier
        .ledger_rows()
        .flat_map(|row| [Some(row.started_at), row.finished_at])
        .flatten()
        .max();
    let ready = readiness(store, &context.clock, archive, plan)
        .await
        .map_err(trouble::store_failed)?;
    // One from before somebody else's migration goes back too far.
    let fresh = ready
        .backup
        .filter(|backup| changed_at.is_none_or(|at| backup.created_at > at));
    back_up(ground, plan, fresh, without_backup, context).await?;
    let locked = Box::pin(locked(target, plan, &earlier, context));
    let (session, survey, changes) = locked.await?;
    if !changes.is_empty() {
        return Err(void(store, plan, &changes, context).await?.into());
    }
    // Until here nothing was left behind; from here on the approval may be used.
    if context.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    if let Some(approved_by) = claim(store, plan, context).await? {
        progress.info(format!(
            "Approved by {approved_by}; the approval is used now."
        ));
    }
    let applying = Box::pin(deploy::apply(&session, &survey, context));
    let applied = watch::during(target, &session, progress, applying)
        .await
        .map_err(|error| match plan.verdict {
            Verdict::Destructive => trouble::approval_is_used(error),
            Verdict::Safe | Verdict::Caution => error,
        })?;
    session.close().await;
    plan::mark_applied(store, &context.clock, plan)
        .await
        .map_err(trouble::store_failed)?;
    Ok(outcome(applied, plan))
}

/// Finds out before the backup what would stand in the way after it: a backup may take an hour. What it saw.
async fn preflight(
    ground: Ground<'_>,
    plan: &Plan,
    context: &Context,
) -> Result<Survey, OperationError> {
    let session = ground.target.connect(Purpose::Look).await?;
    let looked = async {
        let survey = Survey::with(ground.target, &session).await?;
        writable(&survey.facts)?;
        current(&survey, ground.target, plan)?;
        let changes = plan::changes(plan, &survey, &session, context).await?;
        Ok::<_, OperationError>((survey, changes))
    };
    let looked = Box::pin(looked).await;
    session.close().await;
    let (survey, changes) = looked?;
    if !changes.is_empty() {
        return Err(void(ground.store, plan, &changes, context).await?.into());
    }
    Ok(survey)
}

/// Makes sure that there is something to go back to: a fresh backup whose bytes are intact, or one that is taken now.
async fn back_up(
    ground: Ground<'_>,
    plan: &Plan,
    fresh: Option<Manifest>,
    without_backup: bool,
    context: &Context,
) -> Result<(), OperationError> {
    let progress = &context.progress;
    match fresh {
        Some(backup) => {
            progress.step("Backup", "There is a fresh one.");
            check_backup(ground.archive, backup, context).await
        }
        None if without_backup && plan.verdict != Verdict::Destructive => {
            progress.step("Backup", "None is taken, as was asked for.");
            Ok(())
        }
        None => {
            progress.step("Backup", "There is no fresh one, so one is taken now.");
            let note = format!("before plan {}", plan.short_digest());
            let taken = backup::take::run(
                ground.archive,
                ground.target,
                &note,
                Steps::Callers,
                context,
            )
            .await?;
            if plan.verdict == Verdict::Destructive {
                readable(ground, taken).await?;
            }
            Ok(())
        }
    }
}

/// Refuses to destroy anything on a backup whose table of contents is not whole.
async fn readable(ground: Ground<'_>, taken: Outcome) -> Result<(), Trouble> {
    let (archive, target) = (ground.archive.clone(), ground.target.name.clone());
    let id = taken.made.unwrap_or_default();
    let found = tokio::task::spawn_blocking(move || archive.find(&target, &id))
        .await
        .unwrap_or_default();
    match found {
        Some(backup) if backup.worth() == Worth::Readable => Ok(()),
        _ => Err(trouble::unreadable()),
    }
}

/// Reads the backup that would be gone back to: its bytes must still be those that were written.
async fn check_backup(
    archive: &Archive,
    backup: Manifest,
    context: &Context,
) -> Result<(), OperationError> {
    let (name, worth) = (backup.file.name.clone(), backup.worth().word());
    context.progress.info(format!(
        "Reading the backup {name} and comparing its SHA-256."
    ));
    let (archive, stop) = (archive.clone(), context.cancel.clone());
    let intact = tokio::task::spawn_blocking(move || archive.is_intact(&backup, &stop))
        .await
        .unwrap_or_default();
    if context.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    if !intact {
        return Err(trouble::damaged(&name).into());
    }
    context.progress.info(format!(
        "They are the same. It is {worth}; it has not been restored to prove it."
    ));
    Ok(())
}

/// Takes the lock, in a session that keeps it, and reads everything again under it. What is pending then is what the plan says, or
/// nothing runs; and nothing may have changed for the worse, which is told. `earlier` spares parsing scripts again.
async fn locked(
    target: &Target,
    plan: &Plan,
    earlier: &Survey,
    context: &Context,
) -> Result<(Session, Survey, Vec<String>), OperationError> {
    let progress = &context.progress;
    let work = Purpose::Work {
        job: context.job.clone(),
    };
    let session = target.connect(work).await?;
    progress.step("Lock", "Taking the lock that Prisma Migrate takes too.");
    deploy::lock(&session, &context.cancel).await?;
    progress.step("Check", "Reading folder and ledger again, under the lock.");
    let survey = Survey::again(earlier, target, &session).await?;
    writable(&survey.facts)?;
    current(&survey, target, plan)?;
    let changes = plan::changes(plan, &survey, &session, context).await?;
    Ok((session, survey, changes))
}

/// Refuses what is not what the plan says, or cannot be applied as it is.
fn current(survey: &Survey, target: &Target, plan: &Plan) -> Result<(), Trouble> {
    match survey.blocked() {
        Some(trouble) => Err(trouble),
        None if plan.is_of(survey, target) => Ok(()),
        None => Err(trouble::stale()),
    }
}

/// Refuses a server that takes no writes, before anything is asked of it that it would refuse in fewer words.
fn writable(facts: &Facts) -> Result<(), Trouble> {
    let why = if facts.in_recovery {
        "The server is a standby: it repeats what another server does and takes no writes."
    } else if facts.read_only {
        "Sessions of this role are read-only (default_transaction_read_only)."
    } else {
        return Ok(());
    };
    Err(trouble::unwritable(why))
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

/// Refuses a plan that could not be claimed after the backup either.
async fn claimable(store: &Store, plan: &Plan, context: &Context) -> Result<(), OperationError> {
    let check = async {
        let mut tx = store.begin().await?;
        approval::check(&mut tx, &context.clock, plan, by(context)).await
    };
    check.await.map_err(trouble::store_failed)??;
    Ok(())
}

/// Claims the plan, and uses up the approval that it needs; who gave it.
async fn claim(
    store: &Store,
    plan: &Plan,
    context: &Context,
) -> Result<Option<String>, OperationError> {
    let claim = async {
        let mut tx = store.begin().await?;
        let claimed = approval::claim(&mut tx, &context.clock, plan, by(context)).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed)
    };
    Ok(claim.await.map_err(trouble::store_failed)??)
}

fn by(context: &Context) -> approval::By<'_> {
    approval::By {
        actor: &context.actor,
        job: &context.job,
    }
}

/// Closes a plan that rests on what is not so any more, and says what has changed.
async fn void(
    store: &Store,
    plan: &Plan,
    changes: &[String],
    context: &Context,
) -> Result<Trouble, OperationError> {
    let closed = Closed {
        at: context.clock.now_ms(),
        ending: Ending::Void,
        by: context.actor.clone(),
        reason: changes.join(" "),
    };
    let close = async {
        let mut tx = store.begin().await?;
        plan::close(&mut tx, &context.clock, plan, &closed, "worker").await?;
        tx.commit().await?;
        Ok::<_, StoreError>(())
    };
    close.await.map_err(trouble::store_failed)?;
    Ok(trouble::changed(&closed.reason))
}
