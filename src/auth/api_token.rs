//! API tokens: what a program shows to do something in a user's name, without a browser and without the password.
//!
//! What must stay true: a token is shown once, and only its SHA-256 is kept; it opens nothing once it was revoked, has
//! expired, or its owner is disabled; it may never do more than its owner may at that moment, and never more than an operator
//! ([`ApiToken::narrow`]): a program approves nothing.

use secrecy::SecretString;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::role::{EVERYWHERE, Grants, Role};
use super::user::{User, is_name};
use super::{fingerprint, token};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// What every token begins with: whoever finds one somewhere can tell what it is.
pub const PREFIX: &str = "lk_";
/// For how many days a token may be good.
pub const DAYS: std::ops::RangeInclusive<i64> = 1..=365;
/// For how many days it is good unless said otherwise.
pub const USUAL_DAYS: i64 = 90;
/// How many tokens somebody may have that are good.
pub const MOST: i64 = 20;
/// How many of somebody's tokens are listed; of those that are good none is left out.
const LISTED: i64 = 60;
/// How many characters of a token are kept in the clear, to tell one from another.
const HINT: usize = 8;
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// UUID v7.
    pub id: String,
    /// The id of whoever made it.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// The name of a target, or [`EVERYWHERE`]: wherever its owner has a role.
    pub target: String,
    /// Viewer or operator.
    pub role: Role,
    /// Milliseconds since the epoch, as all times here.
    pub created_at: i64,
    /// From when on it opens nothing.
    pub expires_at: i64,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
    /// From which address.
    pub last_used_from: Option<String>,
    /// Set: opens nothing any more.
    pub revoked_at: Option<i64>,
}

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// What it is for.
    pub name: &'a str,
    /// The name of a target, or [`EVERYWHERE`].
    pub target: &'a str,
    /// What it may do there.
    pub role: Role,
    /// For how many days.
    pub days: i64,
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name cannot be shown in a row.
    #[error(
        "A name has 1 to 64 characters, starts and ends with a visible one, and holds no control characters."
    )]
    Name,
    /// It would be good for no time, or for too long.
    #[error("A token is good for 1 to 365 days.")]
    Days,
    /// Its owner is less than that there, or nothing; or it would approve.
    #[error("A token may be viewer or operator, and no more than you are there yourself.")]
    Role,
    /// There are as many as there may be.
    #[error("There are 20 tokens that are good already. Revoke one that is not needed any more.")]
    Many,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for TokenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What became of a token that somebody has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is good, and this is its owner.
    Good(ApiToken, User),
    /// It was good once, or its owner is disabled: why not now.
    Over(ApiToken, User, &'static str),
    /// There is none like it.
    Unknown,
}

impl ApiToken {
    /// Who does something with it, as jobs and the audit name them.
    #[must_use]
    pub fn actor(&self, owner: &User) -> String {
        format!("token:{} ({})", self.name, owner.name)
    }

    /// What it may do, of what its owner may do now.
    #[must_use]
    pub fn narrow(&self, grants: &Grants) -> Grants {
        // Whatever stands in the store: a program approves nothing.
        grants.narrowed(&self.target, self.role.min(Role::Operator))
    }

    /// Why it opens nothing now, if it does not: `revoked` or `expired`.
    #[must_use]
    pub fn over(&self, now_ms: i64) -> Option<&'static str> {
        if self.revoked_at.is_some() {
            Some("revoked")
        } else if self.expires_at <= now_ms {
            Some("expired")
        } else {
            None
        }
    }
}

/// Makes a token for a user who has these grants, and returns it with its secret, which is told once. The caller records it
/// in the audit, in the same transaction.
pub async fn make(
    tx: &mut Tx,
    clock: &Clock,
    user: &str,
    grants: &Grants,
    wish: &Wish<'_>,
) -> Result<(ApiToken, SecretString), TokenError> {
    let name = wish.name.trim();
    // In the audit the owner stands in parentheses behind it.
    if !is_name(name) || name.contains(['(', ')']) {
        return Err(TokenError::Name);
    }
    if !DAYS.contains(&wish.days) {
        return Err(TokenError::Days);
    }
    let own = match wish.target {
        EVERYWHERE => grants.iter().map(|(_, role)| role).max(),
        target => grants.on(target),
    };
    if wish.role > Role::Operator || own.is_none_or(|own| own < wish.role) {
        return Err(TokenError::Role);
    }
    let now = clock.now_ms();
    let good: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM api_token WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2",
    )
    .bind(user)
    .bind(now)
    .fetch_one(&mut **tx)
    .await?;
    if good >= MOST {
        return Err(TokenError::Many);
    }
    let secret = format!("{PREFIX}{}", token());
    let made = ApiToken {
        id: clock.id(),
        user: user.to_owned(),
        name: name.to_owned(),
        hint: secret.chars().take(HINT).collect(),
        target: wish.target.to_owned(),
        role: wish.role,
        created_at: now,
        expires_at: now + wish.days * DAY_MS,
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
    };
    sqlx::query(
        "INSERT INTO api_token (id, user_id, name, token_hash, hint, target, role, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&made.id)
    .bind(user)
    .bind(&made.name)
    .bind(fingerprint(&secret))
    .bind(&made.hint)
    .bind(&made.target)
    .bind(made.role.word())
    .bind(now)
    .bind(made.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok((made, secret.into()))
}

/// Revokes a token of a user; none when there is no such token, or when it was revoked before. The caller records it in
/// the audit, in the same transaction.
pub async fn revoke(
    tx: &mut Tx,
    clock: &Clock,
    user: &str,
    id: &str,
) -> Result<Option<ApiToken>, StoreError> {
    let revoked = sqlx::query(
        "UPDATE api_token SET revoked_at = $1 WHERE id = $2 AND user_id = $3 AND revoked_at IS NULL",
    )
    .bind(clock.now_ms())
    .bind(id)
    .bind(user)
    .execute(&mut **tx)
    .await?;
    if revoked.rows_affected() == 0 {
        return Ok(None);
    }
    let row = sqlx::query("SELECT * FROM api_token WHERE id = $1")
        .bind(id)
        .fetch_one(&mut **tx)
        .await?;
    decode(&row).map(Some)
}

/// The tokens of a user, the newest first, and those that are good before the others.
pub async fn list(store: &Store, clock: &Clock, user: &str) -> Result<Vec<ApiToken>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM api_token WHERE user_id = $1 \
         ORDER BY CASE WHEN revoked_at IS NULL AND expires_at > $2 THEN 0 ELSE 1 END, id DESC LIMIT $3",
    )
    .bind(user)
    .bind(clock.now_ms())
    .bind(LISTED)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// What becomes of a token that is shown. It is looked up by its hash: what the store's index compares tells nothing of
/// any token, because nobody can choose what their guess hashes to.
pub async fn open(store: &Store, clock: &Clock, secret: &str) -> Result<Opened, StoreError> {
    let query = "SELECT t.*, u.name AS user_name, u.created_at AS user_created_at, u.disabled_at AS user_disabled_at \
                 FROM api_token t JOIN \"user\" u ON u.id = t.user_id WHERE t.token_hash = $1";
    find(store, clock, query, &fingerprint(secret)).await
}

/// Whether the token of that id is still good: what a stream asks as long as it is open.
pub async fn again(store: &Store, clock: &Clock, id: &str) -> Result<Opened, StoreError> {
    let query = "SELECT t.*, u.name AS user_name, u.created_at AS user_created_at, u.disabled_at AS user_disabled_at \
                 FROM api_token t JOIN \"user\" u ON u.id = t.user_id WHERE t.id = $1";
    find(store, clock, query, id).await
}

async fn find(
    store: &Store,
    clock: &Clock,
    query: &'static str,
    value: &str,
) -> Result<Opened, StoreError> {
    let row = sqlx::query(query)
        .bind(value)
        .fetch_optional(store.read())
        .await?;
    let Some(row) = row else {
        return Ok(Opened::Unknown);
    };
    let token = decode(&row)?;
    let owner = User {
        id: token.user.clone(),
        name: row.try_get("user_name")?,
        created_at: row.try_get("user_created_at")?,
        disabled_at: row.try_get("user_disabled_at")?,
    };
    Ok(match token.over(clock.now_ms()) {
        Some(why) => Opened::Over(token, owner, why),
        None if owner.disabled_at.is_some() => Opened::Over(token, owner, "its owner is disabled"),
        None => Opened::Good(token, owner),
    })
}

/// Notes that a token was used, at most once a minute.
pub async fn note_use(
    store: &Store,
    clock: &Clock,
    token: &ApiToken,
    address: &str,
) -> Result<(), StoreError> {
    let now = clock.now_ms();
    let minute = now - now % MINUTE_MS;
    if token.last_used_at.is_some_and(|at| at >= minute) {
        return Ok(());
    }
    let mut tx = store.begin().await?;
    sqlx::query(
        "UPDATE api_token SET last_used_at = $1, last_used_from = $2 \
         WHERE id = $3 AND (last_used_at IS NULL OR last_used_at < $1)",
    )
    .bind(minute)
    .bind(address)
    .bind(&token.id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// A token as it is written about, without its secret: what it is for, what it may do, and until when.
#[must_use]
pub fn words(token: &ApiToken) -> String {
    let place = match token.target.as_str() {
        EVERYWHERE => "wherever its owner has a role".to_owned(),
        target => format!("on {target}"),
    };
    format!(
        "token {} ({}…), {} {place}",
        token.name,
        token.hint,
        token.role.word()
    )
}

fn decode(row: &AnyRow) -> Result<ApiToken, StoreError> {
    let role: String = row.try_get("role")?;
    Ok(ApiToken {
        id: row.try_get("id")?,
        user: row.try_get("user_id")?,
        name: row.try_get("name")?,
        hint: row.try_get("hint")?,
        target: row.try_get("target")?,
        role: Role::from_word(&role).ok_or_else(|| StoreError::Value {
            what: "role of a token",
            reason: role,
        })?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        last_used_from: row.try_get("last_used_from")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
