//! The one-time link that makes the first user.
//!
//! It exists only while there is no user; the token is stored as a hash, expires, and is used in the same transaction
//! that makes the user, so two people with the link make one user.

use super::{fingerprint, token};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// Makes a new setup token that is valid for `minutes`, and voids older ones. The token itself is returned once.
pub async fn issue(store: &Store, clock: &Clock, minutes: i64) -> Result<String, StoreError> {
    let token = token();
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    sqlx::query("DELETE FROM setup_link WHERE used_at IS NULL")
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO setup_link (token_hash, created_at, expires_at) VALUES ($1, $2, $3)")
        .bind(fingerprint(&token))
        .bind(now)
        .bind(now + minutes * 60_000)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(token)
}

/// Whether the token would open the setup page now.
pub async fn valid(store: &Store, clock: &Clock, token: &str) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM setup_link WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 \
         AND NOT EXISTS (SELECT 1 FROM \"user\")",
    )
    .bind(fingerprint(token))
    .bind(clock.now_ms())
    .fetch_one(store.read())
    .await?;
    Ok(count > 0)
}

/// Uses the token; false when it is unknown, expired, used already, or when there is a user by now.
pub async fn redeem(tx: &mut Tx, clock: &Clock, token: &str) -> Result<bool, StoreError> {
    let used = sqlx::query(
        "UPDATE setup_link SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $1 \
         AND NOT EXISTS (SELECT 1 FROM \"user\")",
    )
    .bind(clock.now_ms())
    .bind(fingerprint(token))
    .execute(&mut **tx)
    .await?;
    Ok(used.rows_affected() == 1)
}
