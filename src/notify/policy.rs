//! How old the newest backup of a target may be before people are told.

use crate::audit::{self, By};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// The name of the policy in the store.
const NAME: &str = "backup_age_hours";
/// The most hours that can be chosen: a year.
pub const MOST_HOURS: u32 = 8_760;

/// After how many hours without a new backup of the target people are told; none: never.
pub async fn backup_age_hours(store: &Store, target: &str) -> Result<Option<u32>, StoreError> {
    let value: Option<String> =
        sqlx::query_scalar("SELECT value FROM policy WHERE target = $1 AND name = $2")
            .bind(target)
            .bind(NAME)
            .fetch_optional(store.read())
            .await?;
    // What this program did not write says nothing.
    Ok(value
        .and_then(|value| serde_json::from_str(&value).ok())
        .filter(|hours| (1..=MOST_HOURS).contains(hours)))
}

/// Sets it, or with none switches it off, with its audit entry. What changes nothing is not recorded.
pub async fn set_backup_age_hours(
    store: &Store,
    clock: &Clock,
    target: &str,
    hours: Option<u32>,
    by: By<'_>,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let before: Option<String> =
        sqlx::query_scalar("SELECT value FROM policy WHERE target = $1 AND name = $2")
            .bind(target)
            .bind(NAME)
            .fetch_optional(&mut *tx)
            .await?;
    let after = hours.map(|hours| hours.to_string());
    if before == after {
        return Ok(());
    }
    match &after {
        None => {
            sqlx::query("DELETE FROM policy WHERE target = $1 AND name = $2")
                .bind(target)
                .bind(NAME)
                .execute(&mut *tx)
                .await?;
        }
        Some(value) => {
            sqlx::query(
                "INSERT INTO policy (target, name, value, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (target, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, \
                 updated_by = excluded.updated_by",
            )
            .bind(target)
            .bind(NAME)
            .bind(value)
            .bind(clock.now_ms())
            .bind(by.actor)
            .execute(&mut *tx)
            .await?;
        }
    }
    let facts = |value: Option<String>| value.map(|hours| format!("{{\"{NAME}\":{hours}}}"));
    let (before, after) = (facts(before), facts(after));
    let entry = audit::Entry {
        actor: by.actor,
        action: "policy.change",
        target: Some(target),
        outcome: "succeeded",
        place: by.place,
        detail: NAME,
        before: before.as_deref(),
        after: after.as_deref(),
        ..audit::Entry::default()
    };
    audit::record(&mut tx, clock, &entry).await?;
    tx.commit().await?;
    Ok(())
}
