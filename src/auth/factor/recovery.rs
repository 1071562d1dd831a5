//! Recovery codes: each lets a person in once without the device.

use rand::Rng;

use super::code::groups;
use crate::auth::fingerprint;
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// How many there are.
const CODES: usize = 10;
/// How many random bytes one has: 80 bits, so that a plain hash of it cannot be searched.
const BYTES: usize = 10;
/// How many letters that makes.
const LETTERS: usize = 16;

/// Makes ten new ones in place of those that there are. They can be read only here; the store keeps their hashes.
pub(super) async fn renew(tx: &mut Tx, user: &str) -> Result<Vec<String>, StoreError> {
    forget(tx, user).await?;
    let mut codes = Vec::with_capacity(CODES);
    for _ in 0..CODES {
        let mut bytes = [0_u8; BYTES];
        rand::rng().fill_bytes(&mut bytes);
        sqlx::query("INSERT INTO recovery_code (user_id, code_hash) VALUES ($1, $2)")
            .bind(user)
            .bind(fingerprint(&groups(&bytes, "")))
            .execute(&mut **tx)
            .await?;
        codes.push(groups(&bytes, "-"));
    }
    Ok(codes)
}

/// Takes all of them away.
pub(super) async fn forget(tx: &mut Tx, user: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_code WHERE user_id = $1")
        .bind(user)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Uses a code, once; false when it is none of the user's, or was used before. Blanks, dashes and small letters are fine.
pub(super) async fn take(
    tx: &mut Tx,
    clock: &Clock,
    user: &str,
    typed: &str,
) -> Result<bool, StoreError> {
    let letters: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    if letters.len() != LETTERS {
        return Ok(false);
    }
    let taken = sqlx::query(
        "UPDATE recovery_code SET used_at = $1 WHERE user_id = $2 AND code_hash = $3 AND used_at IS NULL",
    )
    .bind(clock.now_ms())
    .bind(user)
    .bind(fingerprint(&letters))
    .execute(&mut **tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// How many are left.
pub(super) async fn left(store: &Store, user: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM recovery_code WHERE user_id = $1 AND used_at IS NULL",
    )
    .bind(user)
    .fetch_one(store.read())
    .await?)
}
