//! Sessions in the store, behind actix-session's `SessionStore`.
//!
//! What must stay true: the cookie's key is stored only as its SHA-256; a session ends at a fixed time after it began;
//! deleting the row ends it at once, whatever the browser still holds.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use anyhow::Context as _;
use sqlx::Row;

use super::{fingerprint, token};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// The name under which the signed-in user's id stands in a session's state.
pub const USER_KEY: &str = "user";
/// The name under which a loaded session finds its own [`SessionName`]; it is not stored with it.
pub const NAME_KEY: &str = "name";

/// What a session is called in the store: enough to ask whether it is still there, useless as a cookie.
pub type SessionName = String;

/// What actix-session keeps; its own name for this is not exported.
type State = HashMap<String, String>;

/// Sessions as rows of the store.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    clock: Clock,
}

impl Sessions {
    /// Sessions in `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Deletes sessions whose time is over.
    pub async fn expire(&self) -> Result<u64, StoreError> {
        let mut tx = self.store.begin().await?;
        let gone = sqlx::query("DELETE FROM session WHERE expires_at <= $1")
            .bind(self.clock.now_ms())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Whether the session is still there and its user may still use it: what a stream asks as long as it is open.
    pub async fn is_alive(&self, name: &SessionName) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM session JOIN \"user\" ON \"user\".id = session.user_id \
             WHERE session.key_hash = $1 AND session.expires_at > $2 AND \"user\".disabled_at IS NULL",
        )
        .bind(name)
        .bind(self.clock.now_ms())
        .fetch_one(self.store.read())
        .await?;
        Ok(found == 1)
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
        state.remove(NAME_KEY);
        // actix-session keeps every value as JSON, so the id stands in quotes.
        let user: Option<String> = state
            .get(USER_KEY)
            .map(|json| serde_json::from_str(json))
            .transpose()?;
        let statement = match fresh {
            Some(ttl) => sqlx::query(
                "INSERT INTO session (key_hash, user_id, state, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(fingerprint(key.as_ref()))
            .bind(user)
            .bind(serde_json::to_string(&state)?)
            .bind(now)
            .bind(now.saturating_add(i64::try_from(ttl.whole_milliseconds())?)),
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
        let name: SessionName = fingerprint(key.as_ref());
        let row = sqlx::query("SELECT state FROM session WHERE key_hash = $1 AND expires_at > $2")
            .bind(&name)
            .bind(self.clock.now_ms())
            .fetch_optional(self.store.read())
            .await
            .context("reading the session")
            .map_err(LoadError::Other)?;
        let Some(row) = row else { return Ok(None) };
        let state: String = row
            .try_get("state")
            .context("reading the session")
            .map_err(LoadError::Other)?;
        let named = || -> anyhow::Result<State> {
            let mut state: State = serde_json::from_str(&state)?;
            state.insert(NAME_KEY.to_owned(), serde_json::to_string(&name)?);
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
