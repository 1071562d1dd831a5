//! Passwords: argon2id with 64 MiB, three passes, one lane (RFC 9106 §4, OWASP), at most two hashes at once.
//!
//! What must stay true: whatever is asked, at most two hashes take memory at a time, also of requests that nobody waits for
//! any more; whoever comes when too many wait is told so, and costs nothing; strangers never take both places, so
//! that a flood of them does not keep out a browser in which somebody has signed in before.
//!
//! What a new password must be is in [`rule`].

pub mod rule;

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use rule::{PasswordProblem, check, hint};

/// How many hashes are made at once.
const AT_ONCE: usize = 2;
/// How many requests may wait for their turn, strangers and others apart.
const WAITING: usize = 64;
/// Memory in KiB, passes and lanes of our hashes.
const COST: (u32, u32, u32) = (64 * 1024, 3, 1);
/// A hash of our cost that no password is known to have: an unknown name costs what a wrong password costs.
const DECOY: &str = "$argon2id$v=19$m=65536,t=3,p=1$+SGRtf1ENb3bBjkDlBGGHw$q6KS+znIR1RsI9Sz2lLfbjKLUERNK/NMoACUupf1T98";

/// Who asks for a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody about whom nothing is known yet.
    Stranger,
    /// A browser in which the user has signed in before, or somebody who may set a password.
    Known,
}

/// Too many wait for their turn. Nothing was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "The console is busy with other sign-ins. Nothing was looked at or changed; try again in a few seconds."
)]
pub struct Busy;

/// What came of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is another one, or there is none.
    No,
    /// It is the one.
    Yes,
    /// It is the one, and its hash is weaker than those that are made now.
    YesButWeak,
}

/// Hashes and verifies. Clones share the limits.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    /// The one turn that strangers have between them.
    strangers: Arc<Semaphore>,
    /// Places for strangers, running or waiting.
    outside: Arc<Semaphore>,
    /// Places for the others.
    inside: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            strangers: Arc::new(Semaphore::new(AT_ONCE - 1)),
            outside: Arc::new(Semaphore::new(WAITING + AT_ONCE - 1)),
            inside: Arc::new(Semaphore::new(WAITING + AT_ONCE)),
        }
    }
}

/// The right to hash, given back when it is dropped: by the thread that hashes, not by the request, which may be gone.
type Turn = Vec<OwnedSemaphorePermit>;

impl Passwords {
    /// The hash of `password` in PHC form, with a salt of its own.
    pub async fn hash(&self, password: SecretString) -> Result<String, Busy> {
        let turn = self.turn(Caller::Known).await?;
        Ok(blocking(turn, move || hash(&password)).await)
    }

    /// Whether `password` is the one of `stored`. With no stored hash (unknown name, disabled user) the same work is
    /// done and the answer is no.
    pub async fn verify(
        &self,
        caller: Caller,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Verified, Busy> {
        let turn = self.turn(caller).await?;
        Ok(blocking(turn, move || verify(&password, stored.as_deref())).await)
    }

    /// Whether [`Passwords::verify`] would answer that too many wait.
    pub(super) fn is_full(&self, caller: Caller) -> bool {
        self.places(caller).available_permits() == 0
    }

    fn places(&self, caller: Caller) -> &Arc<Semaphore> {
        match caller {
            Caller::Stranger => &self.outside,
            Caller::Known => &self.inside,
        }
    }

    async fn turn(&self, caller: Caller) -> Result<Turn, Busy> {
        let mut turn = vec![
            self.places(caller)
                .clone()
                .try_acquire_owned()
                .map_err(|_| Busy)?,
        ];
        if caller == Caller::Stranger {
            turn.push(
                self.strangers
                    .clone()
                    .acquire_owned()
                    .await
                    .map_err(|_| Busy)?,
            );
        }
        turn.push(
            self.running
                .clone()
                .acquire_owned()
                .await
                .map_err(|_| Busy)?,
        );
        Ok(turn)
    }
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &SecretString) -> String {
    argon2()
        .hash_password(password.expose_secret().as_bytes())
        .map(|hash| hash.to_string())
        // Only a salt or parameters that are out of range could fail. An empty hash verifies nothing.
        .unwrap_or_default()
}

fn verify(password: &SecretString, stored: Option<&str>) -> Verified {
    let Ok(parsed) = PasswordHash::new(stored.unwrap_or(DECOY)) else {
        return Verified::No;
    };
    let right = argon2()
        .verify_password(password.expose_secret().as_bytes(), &parsed)
        .is_ok();
    match (right && stored.is_some(), is_weak(&parsed)) {
        (false, _) => Verified::No,
        (true, false) => Verified::Yes,
        (true, true) => Verified::YesButWeak,
    }
}

/// Whether the hash is older or cheaper to guess than ours.
fn is_weak(hash: &PasswordHash) -> bool {
    let (memory, passes, _) = COST;
    let is_ours = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into());
    !is_ours
        || Params::try_from(hash)
            .is_ok_and(|params| params.m_cost() < memory || params.t_cost() < passes)
}

/// Runs what burns a core away from the threads that serve pages, and keeps the turn until it is done.
async fn blocking<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(move || {
        let value = work();
        drop(turn);
        value
    });
    match done.await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "correct horse battery";

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_verifies() {
        let passwords = Passwords::default();
        let stored = passwords.hash(RIGHT.into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"));
        let judged = async |password: &str, stored: Option<&str>| {
            let stored = stored.map(str::to_owned);
            passwords
                .verify(Caller::Stranger, password.into(), stored)
                .await
                .unwrap()
        };
        assert_eq!(judged(RIGHT, Some(&stored)).await, Verified::Yes);
        assert_eq!(judged("correct horse", Some(&stored)).await, Verified::No);
        for password in ["", "nobody's own"] {
            assert_eq!(judged(password, None).await, Verified::No);
        }
    }

    #[test]
    fn the_decoy_costs_what_a_password_costs() {
        let parts = |hash: &str| {
            let mut parts: Vec<usize> = hash.split('$').map(str::len).collect();
            parts.push(
                hash.matches(&format!("m={},t={},p={}", COST.0, COST.1, COST.2))
                    .count(),
            );
            parts
        };
        assert_eq!(parts(DECOY), parts(&hash(&RIGHT.into())));
        assert!(PasswordHash::new(DECOY).is_ok());
    }

    #[test]
    fn a_hash_of_weaker_parameters_is_known() {
        for (memory, passes, weak) in [
            (8, 3, true),
            (65_536, 1, true),
            (65_536, 3, false),
            (65_536, 4, false),
        ] {
            let params = Params::new(memory, passes, 1, None).unwrap();
            let made = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password(RIGHT.as_bytes())
                .unwrap()
                .to_string();
            let expected = if weak {
                Verified::YesButWeak
            } else {
                Verified::Yes
            };
            assert_eq!(
                verify(&RIGHT.into(), Some(&made)),
                expected,
                "{memory} {passes}"
            );
            assert_eq!(verify(&"another".into(), Some(&made)), Verified::No);
        }
    }

    #[tokio::test]
    async fn a_flood_of_strangers_is_bounded_and_leaves_a_place() {
        let passwords = Passwords::default();
        let mut waiting = Vec::new();
        for _ in 0..WAITING + AT_ONCE - 1 {
            let passwords = passwords.clone();
            waiting.push(tokio::spawn(async move {
                let turn = passwords.turn(Caller::Stranger).await.unwrap();
                std::future::pending::<()>().await;
                drop(turn);
            }));
        }
        while !passwords.is_full(Caller::Stranger) {
            tokio::task::yield_now().await;
        }
        let verify = |caller| passwords.verify(caller, RIGHT.into(), None);
        assert_eq!(verify(Caller::Stranger).await, Err(Busy));
        assert_eq!(verify(Caller::Known).await, Ok(Verified::No));
        for one in waiting {
            one.abort();
        }
    }

    #[tokio::test]
    async fn a_hash_that_nobody_waits_for_keeps_its_turn() {
        let passwords = Passwords::default();
        let request = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.hash(RIGHT.into()).await }
        });
        while passwords.running.available_permits() == AT_ONCE {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.running.available_permits(), AT_ONCE - 1);
    }
}
