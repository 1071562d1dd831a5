//! Signing in, for both doors: who it counts for, the delay, the password, and what is remembered of it.
//!
//! What must stay true: what is answered, and after how long, depends on what was tried before and from where, never on
//! whether the name is somebody's, whether they are disabled, or how near a password was. Nothing is hashed before the
//! delay is over. A try counts from its beginning: one that nobody waits for any more has been made all the same.

use std::time::Duration;

use secrecy::SecretString;

use super::device;
use super::password::{Caller, Passwords};
use super::throttle::{Counter, Throttle};
use super::user::{self, User};
use crate::store::{Store, StoreError};

/// How long to wait when the console is busy.
pub const BUSY: Duration = Duration::from_secs(5);

/// A try to sign in.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The name as typed.
    pub name: &'a str,
    /// The password as typed.
    pub password: SecretString,
    /// From where: the address of the browser, or `terminal`.
    pub address: &'a str,
    /// The cookie of a browser in which somebody has signed in before.
    pub device: Option<&'a str>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// This is who it is.
    In(User),
    /// The name or the password is wrong, or the user is disabled.
    Wrong,
    /// Too many tries wait already; this one was not made.
    Slow {
        /// When another may be made.
        retry_after: Duration,
    },
    /// Too many passwords wait to be compared; this one was not.
    Busy,
}

/// Tries to sign in, after the delay that earlier tries have brought about. Who succeeds is recorded by the caller.
pub async fn try_sign_in(
    store: &Store,
    throttle: &Throttle,
    passwords: &Passwords,
    attempt: Attempt<'_>,
) -> Result<Tried, StoreError> {
    let key = user::key(attempt.name);
    let known = match attempt.device {
        // No user has a name that may not be one, and Postgres would refuse a NUL with an error of its own.
        Some(cookie) if user::check_name(attempt.name).is_ok() => {
            device::known(store, throttle.clock(), cookie, &key).await?
        }
        _ => None,
    };
    let (caller, counters) = match &known {
        Some(device) => (Caller::Known, vec![Counter::device(device)]),
        None => (
            Caller::Stranger,
            vec![Counter::account(&key), Counter::address(attempt.address)],
        ),
    };
    if passwords.is_full(caller) {
        return Ok(Tried::Busy);
    }
    let turn = match throttle.take_turn(counters).await? {
        Ok(turn) => turn,
        Err(retry_after) => return Ok(Tried::Slow { retry_after }),
    };
    tokio::time::sleep(turn.delay()).await;
    match user::sign_in(store, passwords, caller, attempt.name, attempt.password).await? {
        Ok(Some(user)) => {
            // Whoever has to show something else too is in only after that: until then their tries go on counting.
            turn.succeeded().await?;
            Ok(Tried::In(user))
        }
        Ok(None) => Ok(Tried::Wrong),
        Err(_) => {
            turn.not_made().await?;
            Ok(Tried::Busy)
        }
    }
}
