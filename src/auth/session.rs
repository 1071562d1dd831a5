//! Sessions in the store, behind actix-session's `SessionStore`.
//!
//! What must stay true: the cookie's key is stored only as its SHA-256; a session ends at a fixed time after it began, also
//! under a new key, and earlier when it is not used; deleting the row ends it at once, whatever the browser still holds.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{fingerprint, token};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// The name under which the signed-in user's id stands in a session's state.
pub const USER_KEY: &str = "user";
/// The name under which a loaded session finds its own [`Standing`]; the state that is stored does not hold it.
pub const STANDING_KEY: &str = "standing";
/// How long a use of a session goes without being written down, in milliseconds.
const SEEN_MS: i64 = 60_000;
/// How much of what a browser calls itself is kept, in characters.
const AGENT: usize = 200;

/// What a session is called in the store: enough to ask whether it is still there, useless as a cookie.
pub type SessionName = String;

/// What the store knows of a session besides its state. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What it is called; empty: it is not stored yet.
    pub name: SessionName,
    /// When it began; 0: now.
    pub created_at: i64,
    /// When it ends at the latest; 0: as the settings say.
    pub expires_at: i64,
    /// Its last use, to the minute.
    pub seen_at: i64,
    /// When its user last gave a password or a code.
    pub proven_at: i64,
    /// Where it was used last.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// What a browser calls itself, as it is kept: cut, and without what commands a terminal.
#[must_use]
pub fn agent(header: &str) -> String {
    let plain = header.chars().filter(|letter| !letter.is_control());
    plain.take(AGENT).collect()
}

/// What actix-session keeps; its own name for this is not exported.
type State = HashMap<String, String>;

/// Sessions as rows of the store.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    clock: Clock,
    idle_ms: i64,
}

impl Sessions {
    /// Sessions in `store` that end when they are not used for `idle_minutes`.
    #[must_use]
    pub fn new(store: Store, clock: Clock, idle_minutes: u32) -> Self {
        Self {
            store,
            clock,
            idle_ms: i64::from(idle_minutes) * 60_000,
        }
    }

    /// The last use that still keeps a session, exclusive.
    fn idle_since(&self) -> i64 {
        self.clock.now_ms() - self.idle_ms
    }

    /// Deletes sessions whose time is over.
    pub async fn expire(&self) -> Result<u64, StoreError> {
        let mut tx = self.store.begin().await?;
        let gone = sqlx::query("DELETE FROM session WHERE expires_at <= $1 OR seen_at <= $2")
            .bind(self.clock.now_ms())
            .bind(self.idle_since())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Whether the session is still there and its user may still use it: what a stream asks as long as it is open.
    pub async fn is_alive(&self, name: &SessionName) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM session JOIN \"user\" ON \"user\".id = session.user_id \
             WHERE session.key_hash = $1 AND session.expires_at > $2 AND session.seen_at > $3 \
             AND \"user\".disabled_at IS NULL",
        )
        .bind(name)
        .bind(self.clock.now_ms())
        .bind(self.idle_since())
        .fetch_one(self.store.read())
        .await?;
        Ok(found == 1)
    }

    /// Writes down that a session is used, from where and by what: at most once a minute.
    pub async fn seen(
        &self,
        last: &Standing,
        address: &str,
        agent: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now_ms();
        if now - last.seen_at < SEEN_MS {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        sqlx::query(
            "UPDATE session SET seen_at = $1, address = $2, agent = $3 WHERE key_hash = $4 AND seen_at < $1",
        )
        .bind(now)
        .bind(address)
        .bind(agent)
        .bind(&last.name)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The sessions of a user, the one used last first.
    pub async fn of_user(&self, user: &str) -> Result<Vec<Standing>, StoreError> {
        let rows = sqlx::query(
            "SELECT key_hash, created_at, expires_at, seen_at, proven_at, address, agent FROM session \
             WHERE user_id = $1 AND expires_at > $2 AND seen_at > $3 ORDER BY seen_at DESC, key_hash",
        )
        .bind(user)
        .bind(self.clock.now_ms())
        .bind(self.idle_since())
        .fetch_all(self.store.read())
        .await?;
        rows.iter().map(|row| Ok(standing(row)?)).collect()
    }

    /// The key that signs cookies, made at the first start and kept in the store, so that a restart signs nobody out.
    pub async fn cookie_key(&self) -> Result<Vec<u8>, StoreError> {
        let mut tx = self.store.begin().await?;
        let fresh = format!("{}{}", token(), token());
        sqlx::query(
            "INSERT INTO setting (name, value, updated_at) VALUES ('cookie_key', $1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(fresh)
        .bind(self.clock.now_ms())
        .execute(&mut *tx)
        .await?;
        let kept: String =
            sqlx::query_scalar("SELECT value FROM setting WHERE name = 'cookie_key'")
                .fetch_one(&mut *tx)
                .await?;
        tx.commit().await?;
        base16ct::lower::decode_vec(kept).map_err(|error| StoreError::Value {
            what: "cookie key",
            reason: error.to_string(),
        })
    }

    /// Inserts a new session, or updates one that is still there. An update never brings a row back: a session that was
    /// ended while a request was under way stays ended.
    async fn write(
        &self,
        key: &SessionKey,
        state: &State,
        fresh: Option<&Duration>,
    ) -> anyhow::Result<()> {
        let now = self.clock.now_ms();
        let mut state = state.clone();
        let mut standing: Standing = state
            .remove(STANDING_KEY)
            .map(|json| serde_json::from_str(&json))
            .transpose()?
            .unwrap_or_default();
        // actix-session keeps every value as JSON, so the id stands in quotes.
        let user: Option<String> = state
            .get(USER_KEY)
            .map(|json| serde_json::from_str(json))
            .transpose()?;
        let statement = match fresh {
            Some(ttl) => {
                // One that goes on under a new key had to be proven after all sessions of its user were last ended.
                let since = match standing.created_at {
                    0 => i64::MAX,
                    _ => standing.proven_at,
                };
                let ends = now.saturating_add(i64::try_from(ttl.whole_milliseconds())?);
                // Under a new key the same session goes on: it ends when it would have ended.
                if standing.created_at == 0 {
                    (standing.created_at, standing.expires_at) = (now, ends);
                }
                sqlx::query(
                    "INSERT INTO session (key_hash, user_id, state, created_at, expires_at, seen_at, proven_at, address, agent) \
                     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE CAST($2 AS TEXT) IS NULL OR EXISTS \
                     (SELECT 1 FROM \"user\" WHERE id = $2 AND disabled_at IS NULL AND sessions_ended_at <= $10)",
                )
                .bind(fingerprint(key.as_ref()))
                .bind(user)
                .bind(serde_json::to_string(&state)?)
                .bind(standing.created_at)
                .bind(standing.expires_at.min(ends))
                .bind(now)
                .bind(standing.proven_at)
                .bind(standing.address)
                .bind(standing.agent)
                .bind(since)
            }
            None => sqlx::query("UPDATE session SET user_id = $2, state = $3 WHERE key_hash = $1")
                .bind(fingerprint(key.as_ref()))
                .bind(user)
                .bind(serde_json::to_string(&state)?),
        };
        let mut tx = self.store.begin().await?;
        statement.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl SessionStore for Sessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let row = sqlx::query(
            "SELECT key_hash, created_at, expires_at, seen_at, proven_at, address, agent, state FROM session \
             WHERE key_hash = $1 AND expires_at > $2 AND seen_at > $3",
        )
        .bind(fingerprint(key.as_ref()))
        .bind(self.clock.now_ms())
        .bind(self.idle_since())
        .fetch_optional(self.store.read())
        .await
        .context("reading the session")
        .map_err(LoadError::Other)?;
        let Some(row) = row else { return Ok(None) };
        let named = || -> anyhow::Result<State> {
            let mut state: State = serde_json::from_str(&row.try_get::<String, _>("state")?)?;
            let standing = serde_json::to_string(&standing(&row)?)?;
            state.insert(STANDING_KEY.to_owned(), standing);
            Ok(state)
        };
        named()
            .context("reading the session's state")
            .map(Some)
            .map_err(LoadError::Deserialization)
    }

    async fn save(&self, state: State, ttl: &Duration) -> Result<SessionKey, SaveError> {
        let key = SessionKey::try_from(token())
            .context("making a session key")
            .map_err(SaveError::Other)?;
        self.write(&key, &state, Some(ttl))
            .await
            .map_err(SaveError::Other)?;
        Ok(key)
    }

    async fn update(
        &self,
        key: SessionKey,
        state: State,
        _ttl: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        self.write(&key, &state, None)
            .await
            .map_err(UpdateError::Other)?;
        Ok(key)
    }

    async fn update_ttl(&self, _key: &SessionKey, _ttl: &Duration) -> anyhow::Result<()> {
        // The end of a session is fixed when it begins.
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        sqlx::query("DELETE FROM session WHERE key_hash = $1")
            .bind(fingerprint(key.as_ref()))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Ends a session of a user; false when they have none of that name. The caller commits.
pub async fn end(tx: &mut Tx, user: &str, name: &SessionName) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM session WHERE user_id = $1 AND key_hash = $2")
        .bind(user)
        .bind(name)
        .execute(&mut **tx)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// Ends every session of a user but the one of that name; how many there were. The caller commits.
pub async fn end_others(tx: &mut Tx, user: &str, mine: &SessionName) -> Result<u64, StoreError> {
    let gone = sqlx::query("DELETE FROM session WHERE user_id = $1 AND key_hash <> $2")
        .bind(user)
        .bind(mine)
        .execute(&mut **tx)
        .await?;
    Ok(gone.rows_affected())
}

fn standing(row: &AnyRow) -> Result<Standing, sqlx::Error> {
    Ok(Standing {
        name: row.try_get("key_hash")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        seen_at: row.try_get("seen_at")?,
        proven_at: row.try_get("proven_at")?,
        address: row.try_get("address")?,
        agent: row.try_get("agent")?,
    })
}
