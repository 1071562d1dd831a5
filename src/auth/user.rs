//! Users: the people who may sign in.

use secrecy::SecretString;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::password::{Busy, Caller, Passwords, Verified};
use super::{role, throttle};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// UUID v7.
    pub id: String,
    /// As typed when the user was made.
    pub name: String,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Set: may not sign in.
    pub disabled_at: Option<i64>,
}

/// Why a user could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The name is empty, too long, or holds characters that no page can show safely in a row.
    #[error(
        "A name has 1 to 64 characters, starts and ends with a visible one, and holds no control characters."
    )]
    Name,
    /// There is one already.
    #[error("There is already a user of that name.")]
    Taken,
    /// Names of that kind stand for programs in the audit.
    #[error(
        "Names that begin with `token:` or `terminal:`, and `lockkeeper` and `somebody`, are not given to people: the audit uses them."
    )]
    Reserved,
    /// There is none.
    #[error("There is no user of that name.")]
    Unknown,
    /// Nobody would be left who can give roles.
    #[error(
        "Nobody else is admin everywhere and can sign in. Make somebody else admin of every target first."
    )]
    LastAdmin,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for UserError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Names that differ only in case or in surrounding blanks are one name.
pub(super) fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The name as it will be kept, if it may be one.
pub fn check_name(name: &str) -> Result<String, UserError> {
    let name = name.trim();
    if !is_name(name) {
        return Err(UserError::Name);
    }
    Ok(name.to_owned())
}

/// Whether something may be called so: 1 to 64 characters, none of which controls anything, hides, or turns the text
/// around: two names that look alike would be one in the audit.
pub(super) fn is_name(name: &str) -> bool {
    let hides = |letter: char| {
        matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let sly = |letter: char| letter.is_control() || hides(letter);
    (1..=64).contains(&name.chars().count()) && !name.chars().any(sly)
}

/// Whether the audit would take a user of that name for a program.
fn is_reserved(name: &str) -> bool {
    let key = key(name);
    ["token:", "terminal:", "schedule:"]
        .iter()
        .any(|prefix| key.starts_with(prefix))
        || matches!(key.as_str(), "lockkeeper" | "somebody")
}

/// Makes a user whose password hash is `password_hash`; an empty one is no password, and lets nobody in. The caller records
/// it in the audit, in the same transaction.
pub async fn add(
    tx: &mut Tx,
    clock: &Clock,
    name: &str,
    password_hash: &str,
) -> Result<User, UserError> {
    let name = check_name(name)?;
    if is_reserved(&name) {
        return Err(UserError::Reserved);
    }
    let taken: i64 = sqlx::query_scalar("SELECT count(*) FROM \"user\" WHERE name_key = $1")
        .bind(key(&name))
        .fetch_one(&mut **tx)
        .await?;
    if taken > 0 {
        return Err(UserError::Taken);
    }
    let user = User {
        id: clock.id(),
        name,
        created_at: clock.now_ms(),
        disabled_at: None,
    };
    sqlx::query(
        "INSERT INTO \"user\" (id, name, name_key, password_hash, created_at, password_changed_at) \
         VALUES ($1, $2, $3, $4, $5, $5)",
    )
    .bind(&user.id)
    .bind(&user.name)
    .bind(key(&user.name))
    .bind(password_hash)
    .bind(user.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(user)
}

/// Replaces a password, ends every session of the user and forgets their known browsers, and what codes were tried with
/// the old one. A disabled user is enabled again by it.
pub async fn set_password(
    tx: &mut Tx,
    clock: &Clock,
    name: &str,
    password_hash: &str,
) -> Result<(), UserError> {
    let changed = sqlx::query(
        "UPDATE \"user\" SET password_hash = $1, password_changed_at = $2, disabled_at = NULL WHERE name_key = $3",
    )
    .bind(password_hash)
    .bind(clock.now_ms())
    .bind(key(name))
    .execute(&mut **tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(UserError::Unknown);
    }
    sqlx::query("DELETE FROM device WHERE user_id = (SELECT id FROM \"user\" WHERE name_key = $1)")
        .bind(key(name))
        .execute(&mut **tx)
        .await?;
    throttle::forget_codes(tx, &key(name)).await?;
    end_sessions(tx, clock, name).await
}

/// When the password of a user was last changed, and until when all their sessions have ended, both in milliseconds since
/// the epoch; nothing where there is no such user, or where they are disabled.
pub async fn stamps(store: &Store, id: &str) -> Result<Option<(i64, i64)>, StoreError> {
    let row = sqlx::query(
        "SELECT password_changed_at, sessions_ended_at FROM \"user\" WHERE id = $1 AND disabled_at IS NULL",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .transpose()
}

/// Replaces one's own password, as [`set_password`] does; false when the one that was last changed at `seen` is not the
/// password any more, or when the user was disabled meanwhile: somebody else has decided, and that stands.
pub async fn change_password(
    tx: &mut Tx,
    clock: &Clock,
    user: &User,
    seen: i64,
    password_hash: &str,
) -> Result<bool, UserError> {
    let still: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM \"user\" WHERE id = $1 AND disabled_at IS NULL AND password_changed_at = $2",
    )
    .bind(&user.id)
    .bind(seen)
    .fetch_one(&mut **tx)
    .await?;
    if still == 0 {
        return Ok(false);
    }
    set_password(tx, clock, &user.name, password_hash).await?;
    Ok(true)
}

/// Disables a user and ends every session of theirs, unless nobody would be left who can give roles.
pub async fn disable(tx: &mut Tx, clock: &Clock, name: &str) -> Result<(), UserError> {
    if role::is_last_admin(tx, &key(name)).await? {
        return Err(UserError::LastAdmin);
    }
    let changed = sqlx::query("UPDATE \"user\" SET disabled_at = $1 WHERE name_key = $2")
        .bind(clock.now_ms())
        .bind(key(name))
        .execute(&mut **tx)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(UserError::Unknown);
    }
    end_sessions(tx, clock, name).await
}

/// Lets a disabled user sign in again, with the password of before.
pub async fn enable(tx: &mut Tx, name: &str) -> Result<(), UserError> {
    let changed = sqlx::query("UPDATE \"user\" SET disabled_at = NULL WHERE name_key = $1")
        .bind(key(name))
        .execute(&mut **tx)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(UserError::Unknown);
    }
    Ok(())
}

/// Ends every session of a user, and voids the link that would begin another.
pub async fn end_sessions(tx: &mut Tx, clock: &Clock, name: &str) -> Result<(), UserError> {
    // One that is under way is refused when it wants to go on under another key, or when its code comes.
    sqlx::query("UPDATE \"user\" SET sessions_ended_at = $1 WHERE name_key = $2")
        .bind(clock.now_ms())
        .bind(key(name))
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "DELETE FROM setup_link WHERE used_at IS NULL \
         AND user_id = (SELECT id FROM \"user\" WHERE name_key = $1)",
    )
    .bind(key(name))
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "DELETE FROM session WHERE user_id = (SELECT id FROM \"user\" WHERE name_key = $1)",
    )
    .bind(key(name))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Every user, by name.
pub async fn list(store: &Store) -> Result<Vec<User>, StoreError> {
    let rows =
        sqlx::query("SELECT id, name, created_at, disabled_at FROM \"user\" ORDER BY name_key")
            .fetch_all(store.read())
            .await?;
    rows.iter().map(decode).collect()
}

/// Whether nobody can sign in yet: then, and only then, a setup link is worth printing.
pub async fn none_yet(store: &Store) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM \"user\"")
        .fetch_one(store.read())
        .await?;
    Ok(count == 0)
}

/// The user of a session, unless disabled meanwhile.
pub async fn enabled(store: &Store, id: &str) -> Result<Option<User>, StoreError> {
    let row = sqlx::query(
        "SELECT id, name, created_at, disabled_at FROM \"user\" WHERE id = $1 AND disabled_at IS NULL",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The user of that name if the password is theirs and they are not disabled. Takes the same time in every case in which
/// the answer is no. A hash that is weaker than those that are made now is replaced.
pub async fn sign_in(
    store: &Store,
    passwords: &Passwords,
    caller: Caller,
    name: &str,
    password: SecretString,
) -> Result<Result<Option<User>, Busy>, StoreError> {
    let known = sqlx::query(
        "SELECT id, name, created_at, disabled_at, password_hash FROM \"user\" \
         WHERE name_key = $1 AND disabled_at IS NULL AND password_hash <> ''",
    );
    // A name that nobody can have is not asked for: Postgres would refuse one with a NUL with an error of its own.
    let row = match check_name(name) {
        Ok(name) => known.bind(key(&name)).fetch_optional(store.read()).await?,
        Err(_) => None,
    };
    let stored: Option<String> = row
        .as_ref()
        .map(|row| row.try_get("password_hash"))
        .transpose()?;
    let verified = passwords.verify(caller, password.clone(), stored.clone());
    let verified = match verified.await {
        Ok(verified) => verified,
        Err(busy) => return Ok(Err(busy)),
    };
    let user = row.as_ref().map(decode).transpose()?;
    if let (Verified::YesButWeak, Some(user), Some(stored)) = (verified, &user, &stored)
        && let Ok(fresh) = passwords.hash(password).await
    {
        replace_hash(store, user, stored, &fresh).await?;
    }
    Ok(Ok(user.filter(|_| verified != Verified::No)))
}

/// Puts another hash of the same password in the place of `stored`, unless the password was changed meanwhile.
async fn replace_hash(
    store: &Store,
    user: &User,
    stored: &str,
    fresh: &str,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query("UPDATE \"user\" SET password_hash = $1 WHERE id = $2 AND password_hash = $3")
        .bind(fresh)
        .bind(&user.id)
        .bind(stored)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

pub(super) fn decode(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}
