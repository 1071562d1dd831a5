//! What a plan still needs before it can be applied.

use crate::backup::manifest::Worth;
use crate::backup::{Archive, Manifest};
use crate::clock::Clock;
use crate::guard::{Plan, Verdict, approval, plan};
use crate::store::{Store, StoreError};

/// How old a backup may be that a plan is applied on, in milliseconds: as old as an approval may be.
const FRESH_MS: i64 = approval::VALID_MS;

/// What stands between a plan and its being applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The backup that would be gone back to. None: one is taken before anything is applied.
    pub backup: Option<Manifest>,
    /// Whether an approval is required and missing.
    pub needs_approval: bool,
}

/// What a plan still needs. Only a destructive one needs an approval. A backup is fresh when it is of this very database, taken in
/// the last four hours and since a plan was last applied; for a destructive one also since the plan was made, so that what it
/// counted as lost is in it, and readable.
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
    let destructive = plan.verdict == Verdict::Destructive;
    let since = if destructive {
        since.max(plan.made_at)
    } else {
        since
    };
    let backup = listing.backups.into_iter().find(|backup| {
        let at = backup.created_at.as_millisecond();
        backup.server.cluster == plan.identity.cluster
            && backup.server.database == plan.identity.database
            && at > since
            && at <= clock.now_ms()
            && (!destructive || backup.worth() == Worth::Readable)
    });
    let approved = approval::latest(store, &plan.id)
        .await?
        .is_some_and(|approval| approval.digest == plan.digest && approval.is_open(clock.now_ms()));
    Ok(Readiness {
        needs_approval: destructive && !approved,
        backup,
    })
}
