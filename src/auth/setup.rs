//! The one-time links: the one that makes the first user, and those by which a user chooses a password.
//!
//! What must stay true: the token is stored as a hash, expires, and is used in the same transaction that makes the user or
//! sets the password, so that two people with one link do it once. The first kind exists only while there is no user; of the
//! second a user has at most one, which is void once they are disabled or their password was set in another way.

use secrecy::SecretString;

use super::user::{self, User, UserError};
use super::{fingerprint, token};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// For how many hours a link is good by which a user chooses a password.
pub const LINK_HOURS: i64 = 24;

/// Makes a new setup token that is valid for `minutes`, and voids older ones. The token itself is returned once.
pub async fn issue(store: &Store, clock: &Clock, minutes: i64) -> Result<String, StoreError> {
    let token = token();
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    sqlx::query("DELETE FROM setup_link WHERE used_at IS NULL AND user_id IS NULL")
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

/// Makes a link by which a user chooses a password, and voids an older one. Until it is used nothing else changes. The
/// caller records it in the audit, in the same transaction.
pub async fn invite(tx: &mut Tx, clock: &Clock, user: &User) -> Result<SecretString, StoreError> {
    let token = token();
    let now = clock.now_ms();
    sqlx::query("DELETE FROM setup_link WHERE used_at IS NULL AND user_id = $1")
        .bind(&user.id)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO setup_link (token_hash, created_at, expires_at, user_id) VALUES ($1, $2, $3, $4)",
    )
    .bind(fingerprint(&token))
    .bind(now)
    .bind(now + LINK_HOURS * 3_600_000)
    .bind(&user.id)
    .execute(&mut **tx)
    .await?;
    Ok(token.into())
}

/// The user who could choose a password with this token now.
pub async fn invited(
    store: &Store,
    clock: &Clock,
    token: &str,
) -> Result<Option<User>, StoreError> {
    let row = sqlx::query(
        "SELECT u.id, u.name, u.created_at, u.disabled_at FROM setup_link l JOIN \"user\" u ON u.id = l.user_id \
         WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND u.disabled_at IS NULL",
    )
    .bind(fingerprint(token))
    .bind(clock.now_ms())
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(user::decode).transpose()
}

/// Uses the token of a user and sets the password; false when it is not good any more. Every session of the user ends.
pub async fn accept(
    tx: &mut Tx,
    clock: &Clock,
    token: &str,
    user: &User,
    password_hash: &str,
) -> Result<bool, UserError> {
    let marked = sqlx::query(
        "UPDATE setup_link SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $1 \
         AND user_id = (SELECT id FROM \"user\" WHERE id = $3 AND disabled_at IS NULL)",
    )
    .bind(clock.now_ms())
    .bind(fingerprint(token))
    .bind(&user.id)
    .execute(&mut **tx)
    .await?;
    if marked.rows_affected() == 0 {
        return Ok(false);
    }
    user::set_password(tx, clock, &user.name, password_hash).await?;
    Ok(true)
}
