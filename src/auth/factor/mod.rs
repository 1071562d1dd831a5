//! Second factors: codes of a person's device, and recovery codes for when it is lost.
//!
//! What must stay true: a secret stands in the store only sealed ([`key`]), a recovery code only as its hash; no code is
//! taken twice, also not by two requests at once; a factor is asked for from the moment its first code was given, not
//! before. Who has to have one is in [`super::policy`].

pub mod code;
pub mod key;
pub mod recovery;
pub mod tries;

use std::path::PathBuf;

use sqlx::Row;

use self::code::Secret;
use self::key::{KeyError, KeyFile};
use super::session::SessionName;
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// The second factors of a console's users.
#[derive(Clone, Debug)]
pub struct Factors {
    store: Store,
    clock: Clock,
    file: KeyFile,
}

/// What somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No factor, or one that is only being set up.
    None,
    /// One that is asked for.
    InForce {
        /// Since when, in milliseconds since the epoch.
        since: i64,
        /// How many recovery codes are left.
        codes: i64,
    },
}

/// What became of a code that somebody gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was the device's.
    Code,
    /// It was a recovery code, and is used up.
    Recovery,
    /// It was the device's, but it, or one after it, was given before.
    Before,
    /// It was neither.
    Wrong,
}

/// How the stored factors and the key file fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The file of the key.
    pub file: PathBuf,
    /// The name of the key in it, when it is there.
    pub key: Option<String>,
    /// How many factors in force it opens.
    pub ours: i64,
    /// How many it does not.
    pub others: i64,
}

/// Why nothing can be said about a code.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The key is the trouble.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for FactorError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Factors {
    /// The factors in `store`, sealed with the key in `file`.
    #[must_use]
    pub fn new(store: Store, clock: Clock, file: KeyFile) -> Self {
        Self { store, clock, file }
    }

    /// Whether a factor is asked for of that user.
    pub async fn in_force(&self, user: &str) -> Result<bool, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM second_factor WHERE user_id = $1 AND confirmed_at IS NOT NULL",
        )
        .bind(user)
        .fetch_one(self.store.read())
        .await?;
        Ok(count == 1)
    }

    /// What that user has.
    pub async fn standing(&self, user: &str) -> Result<Standing, StoreError> {
        let since: Option<i64> = sqlx::query_scalar(
            "SELECT confirmed_at FROM second_factor WHERE user_id = $1 AND confirmed_at IS NOT NULL",
        )
        .bind(user)
        .fetch_optional(self.store.read())
        .await?;
        Ok(match since {
            None => Standing::None,
            Some(since) => Standing::InForce {
                since,
                codes: recovery::left(&self.store, user).await?,
            },
        })
    }

    /// Begins to set one up, with a new secret. One that is in force stays as it is.
    pub async fn begin(&self, user: &str) -> Result<(), FactorError> {
        let key = self.file.read_or_make()?;
        let sealed = key.seal(user, Secret::random().bytes())?;
        let mut tx = self.store.begin().await?;
        sqlx::query(
            "INSERT INTO second_factor (user_id, secret, key_name, last_step, created_at) VALUES ($1, $2, $3, 0, $4) \
             ON CONFLICT (user_id) DO UPDATE SET secret = $2, key_name = $3, created_at = $4 \
             WHERE second_factor.confirmed_at IS NULL",
        )
        .bind(user)
        .bind(sealed)
        .bind(key.name())
        .bind(self.clock.now_ms())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The secret that is being set up, for the page that shows it to its owner.
    pub async fn pending(&self, user: &str) -> Result<Option<Secret>, FactorError> {
        let mut tx = self.store.begin().await?;
        self.secret(&mut tx, user, false).await
    }

    /// Puts what is being set up in force, when `code` is the device's, and returns the recovery codes: they can be read
    /// only now. None: the code is wrong, or nothing is being set up.
    pub async fn confirm(
        &self,
        tx: &mut Tx,
        user: &str,
        code: &str,
    ) -> Result<Option<Vec<String>>, FactorError> {
        let now = self.clock.now_ms();
        let secret = self.secret(tx, user, false).await?;
        let Some(step) = secret.and_then(|secret| secret.step_of(&squeezed(code), now)) else {
            return Ok(None);
        };
        sqlx::query(
            "UPDATE second_factor SET confirmed_at = $1, last_step = $2 WHERE user_id = $3",
        )
        .bind(now)
        .bind(step)
        .bind(user)
        .execute(&mut **tx)
        .await?;
        Ok(Some(recovery::renew(tx, user).await?))
    }

    /// Takes a code, or a recovery code, of a user whose factor is in force: each once. The caller commits.
    pub async fn take(&self, tx: &mut Tx, user: &str, typed: &str) -> Result<Taken, FactorError> {
        let typed = squeezed(typed);
        if !is_digits(&typed) {
            // Known by their hashes: they let somebody in even where the key is lost.
            let is_recovery = recovery::take(tx, &self.clock, user, &typed).await?;
            return Ok(if is_recovery {
                Taken::Recovery
            } else {
                Taken::Wrong
            });
        }
        let Some(secret) = self.secret(tx, user, true).await? else {
            return Ok(Taken::Wrong);
        };
        let Some(step) = secret.step_of(&typed, self.clock.now_ms()) else {
            return Ok(Taken::Wrong);
        };
        // The condition is in the statement: of two who give the same code at once, one is right.
        let taken = sqlx::query(
            "UPDATE second_factor SET last_step = $1 \
             WHERE user_id = $2 AND confirmed_at IS NOT NULL AND last_step < $1",
        )
        .bind(step)
        .bind(user)
        .execute(&mut **tx)
        .await?;
        Ok(match taken.rows_affected() {
            1 => Taken::Code,
            _ => Taken::Before,
        })
    }

    /// How many recovery codes are left.
    pub async fn codes_left(&self, user: &str) -> Result<i64, StoreError> {
        recovery::left(&self.store, user).await
    }

    /// Makes new recovery codes in place of the old ones, and returns them. The caller records it and commits.
    pub async fn renew_codes(&self, tx: &mut Tx, user: &str) -> Result<Vec<String>, StoreError> {
        recovery::renew(tx, user).await
    }

    /// Takes the factor and the recovery codes away; false when there was none. The caller records it and commits.
    pub async fn remove(&self, tx: &mut Tx, user: &str) -> Result<bool, StoreError> {
        recovery::forget(tx, user).await?;
        let gone = sqlx::query("DELETE FROM second_factor WHERE user_id = $1")
            .bind(user)
            .execute(&mut **tx)
            .await?;
        Ok(gone.rows_affected() == 1)
    }

    /// Counts a try of a session before it is made; how many are left after it, negative when this one may not be made.
    pub async fn count_try(&self, session: &SessionName) -> Result<i64, StoreError> {
        let mut tx = self.store.begin().await?;
        let left = tries::count(&mut tx, &self.clock, session).await?;
        tx.commit().await?;
        Ok(left)
    }

    /// Takes the last count back: the try was not looked at.
    pub async fn uncount_try(&self, session: &SessionName) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        tries::uncount(&mut tx, session).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Begins to count anew after a try that was right.
    pub async fn forget_tries(&self, tx: &mut Tx, session: &SessionName) -> Result<(), StoreError> {
        tries::forget(tx, session).await
    }

    /// Seals recovery codes for the session that shows them until they are kept: its state is in the store.
    pub fn wrap(&self, user: &str, codes: &[String]) -> Result<(String, String), KeyError> {
        let key = self.file.read_or_make()?;
        let sealed = key.seal(&shown_to(user), codes.join("\n").as_bytes())?;
        Ok((key.name().to_owned(), sealed))
    }

    /// The codes that were sealed so.
    pub fn unwrap(
        &self,
        user: &str,
        (name, sealed): &(String, String),
    ) -> Result<Vec<String>, KeyError> {
        let plain = self.file.open(name, &shown_to(user), sealed)?;
        let plain = String::from_utf8(plain).map_err(|_| KeyError::Damaged)?;
        Ok(plain.lines().map(str::to_owned).collect())
    }

    /// Whether the key opens what is in force.
    pub async fn sealed(&self) -> Result<Sealed, FactorError> {
        let key = self.file.read()?.map(|key| key.name().to_owned());
        let count: (i64, i64) = sqlx::query_as(
            "SELECT CAST(coalesce(sum(CASE WHEN key_name = $1 THEN 1 ELSE 0 END), 0) AS BIGINT), count(*) \
             FROM second_factor WHERE confirmed_at IS NOT NULL",
        )
        .bind(key.as_deref().unwrap_or_default())
        .fetch_one(self.store.read())
        .await?;
        Ok(Sealed {
            file: self.file.path().to_path_buf(),
            key,
            ours: count.0,
            others: count.1 - count.0,
        })
    }

    async fn secret(
        &self,
        tx: &mut Tx,
        user: &str,
        in_force: bool,
    ) -> Result<Option<Secret>, FactorError> {
        let row = sqlx::query(
            "SELECT secret, key_name FROM second_factor \
             WHERE user_id = $1 AND (confirmed_at IS NOT NULL) = ($2 = 1)",
        )
        .bind(user)
        .bind(i64::from(in_force))
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (sealed, name): (String, String) = (row.try_get("secret")?, row.try_get("key_name")?);
        let bytes = self.file.open(&name, user, &sealed)?;
        Ok(Some(Secret::of(&bytes).ok_or(KeyError::Damaged)?))
    }
}

/// Whether what was typed may be a code of a device: six digits, that can be guessed. A recovery code cannot.
#[must_use]
pub fn is_guessable(typed: &str) -> bool {
    is_digits(&squeezed(typed))
}

fn is_digits(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a person typed, without blanks.
fn squeezed(typed: &str) -> String {
    typed.split_whitespace().collect()
}

fn shown_to(user: &str) -> String {
    format!("{user}/recovery codes")
}
