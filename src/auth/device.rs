//! Known browsers: those in which a user has signed in before.
//!
//! What must stay true: the cookie opens nothing; it only says to whom the next try in that browser is counted, so that
//! guesses elsewhere do not slow its owner down (OWASP, "device cookies"). Its 256 random bits are stored as a hash.
//! A new password forgets every known browser of its user, and a new second factor all but the one where it was set up.

use super::user::{self, User};
use super::{fingerprint, token};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// How long a browser stays known after the last sign-in, in days.
pub const DAYS: i64 = 180;
/// How many browsers of one user are known: the ones used last.
const OF_ONE_USER: i64 = 50;

/// What a known browser is called in the store: useless as a cookie.
pub type DeviceName = String;

fn oldest(clock: &Clock) -> i64 {
    clock.now_ms() - DAYS * 24 * 60 * 60 * 1000
}

/// The known browser of that cookie, if somebody whose name has the key `name_key` has signed in with it.
pub async fn known(
    store: &Store,
    clock: &Clock,
    cookie: &str,
    name_key: &str,
) -> Result<Option<DeviceName>, StoreError> {
    let name = fingerprint(cookie);
    let found: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM device JOIN \"user\" ON \"user\".id = device.user_id \
         WHERE device.key_hash = $1 AND device.seen_at > $2 AND \"user\".name_key = $3",
    )
    .bind(&name)
    .bind(oldest(clock))
    .bind(name_key)
    .fetch_one(store.read())
    .await?;
    Ok((found == 1).then_some(name))
}

/// The same of a user who is known already.
pub async fn of_user(
    store: &Store,
    clock: &Clock,
    cookie: &str,
    user: &User,
) -> Result<Option<DeviceName>, StoreError> {
    known(store, clock, cookie, &user::key(&user.name)).await
}

/// Knows the browser from now on, and returns the cookie that it is to keep: the one it has, when that is this user's,
/// else a new one in its place.
pub async fn remember(
    store: &Store,
    clock: &Clock,
    cookie: Option<&str>,
    user: &str,
) -> Result<String, StoreError> {
    let mut tx = store.begin().await?;
    if let Some(cookie) = cookie {
        let seen = sqlx::query(
            "UPDATE device SET seen_at = $1 WHERE key_hash = $2 AND user_id = $3 AND seen_at > $4",
        )
        .bind(clock.now_ms())
        .bind(fingerprint(cookie))
        .bind(user)
        .bind(oldest(clock))
        .execute(&mut *tx)
        .await?;
        if seen.rows_affected() == 1 {
            tx.commit().await?;
            return Ok(cookie.to_owned());
        }
        // A browser holds one: of another user, it is of no use to anybody from now on.
        sqlx::query("DELETE FROM device WHERE key_hash = $1")
            .bind(fingerprint(cookie))
            .execute(&mut *tx)
            .await?;
    }
    let fresh = token();
    sqlx::query("INSERT INTO device (key_hash, user_id, seen_at) VALUES ($1, $2, $3)")
        .bind(fingerprint(&fresh))
        .bind(user)
        .bind(clock.now_ms())
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "DELETE FROM device WHERE user_id = $1 AND key_hash NOT IN \
         (SELECT key_hash FROM device WHERE user_id = $1 ORDER BY seen_at DESC, key_hash LIMIT $2)",
    )
    .bind(user)
    .bind(OF_ONE_USER)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(fresh)
}

/// Forgets the browsers of a user but the one of that cookie: in the others the password was enough. The caller commits.
pub async fn forget_others(tx: &mut Tx, user: &str, mine: Option<&str>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM device WHERE user_id = $1 AND key_hash <> $2")
        .bind(user)
        .bind(mine.map(fingerprint).unwrap_or_default())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets the browsers in which nobody has signed in for [`DAYS`].
pub async fn expire(store: &Store, clock: &Clock) -> Result<u64, StoreError> {
    let mut tx = store.begin().await?;
    let gone = sqlx::query("DELETE FROM device WHERE seen_at <= $1")
        .bind(oldest(clock))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}
