//! How often a session has given a wrong password or code in a row: after a few it has to begin anew.
//!
//! The count is in the store, not in the session's own state: of two tries at once both count.

use crate::auth::session::SessionName;
use crate::clock::Clock;
use crate::store::{StoreError, Tx};

/// How many tries a session has.
pub const MOST: i64 = 5;

/// Counts a try before it is made; how many are left after it, negative when it may not be made.
pub(super) async fn count(
    tx: &mut Tx,
    clock: &Clock,
    session: &SessionName,
) -> Result<i64, StoreError> {
    let made: i64 = sqlx::query_scalar(
        "INSERT INTO throttle (name, failures, last_at) VALUES ($1, 1, $2) \
         ON CONFLICT (name) DO UPDATE SET failures = throttle.failures + 1, last_at = $2 RETURNING failures",
    )
    .bind(name(session))
    .bind(clock.now_ms())
    .fetch_one(&mut **tx)
    .await?;
    Ok(MOST - made)
}

/// Takes the last count back.
pub(super) async fn uncount(tx: &mut Tx, session: &SessionName) -> Result<(), StoreError> {
    sqlx::query("UPDATE throttle SET failures = failures - 1 WHERE name = $1 AND failures > 0")
        .bind(name(session))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Begins anew after a try that was right.
pub(super) async fn forget(tx: &mut Tx, session: &SessionName) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM throttle WHERE name = $1")
        .bind(name(session))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn name(session: &SessionName) -> String {
    format!("session:{session}")
}
