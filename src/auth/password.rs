//! Passwords: argon2id with 64 MiB, three passes, one lane (RFC 9106 §4, OWASP), at most two hashes at once.
//!
//! The limit keeps a flood of sign-ins from taking the machine's memory: the others wait.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// The shortest password that is taken while it is the only factor (NIST SP 800-63B-4 §3.1.1).
pub const MIN_CHARS: usize = 15;
/// The longest: bounds the work of a hash without cutting any passphrase.
pub const MAX_CHARS: usize = 256;

/// Hashes and verifies. Clones share the limit.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    /// The hash of no password, so that an unknown name costs what a wrong password costs.
    decoy: Arc<OnceLock<String>>,
}

/// What is wrong with a new password, as a sentence for the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("The password needs at least 15 characters. A few words in a row are fine.")]
    Short,
    /// More than [`MAX_CHARS`] characters.
    #[error("The password may have at most 256 characters.")]
    Long,
}

/// Checks a new password's length, in characters. There are no rules of composition.
pub fn check(password: &SecretString) -> Result<(), PasswordProblem> {
    match password.expose_secret().chars().count() {
        n if n < MIN_CHARS => Err(PasswordProblem::Short),
        n if n > MAX_CHARS => Err(PasswordProblem::Long),
        _ => Ok(()),
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(2)),
            decoy: Arc::default(),
        }
    }
}

impl Passwords {
    /// The hash of `password` in PHC form, with a salt of its own.
    ///
    /// # Panics
    /// Never: the parameters are constants that the library accepts, and the limit is never closed.
    pub async fn hash(&self, password: SecretString) -> String {
        let _permit = self.running.acquire().await;
        blocking(move || hash(&password)).await
    }

    /// Whether `password` is the one of `stored`. With no stored hash (unknown name, disabled user) the same work is
    /// done and the answer is no.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> bool {
        let _permit = self.running.acquire().await;
        let decoy = self.decoy.clone();
        blocking(move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| decoy.get_or_init(|| hash(&"".into())).clone());
            let Ok(parsed) = PasswordHash::new(&stored) else {
                return false;
            };
            let right = argon2()
                .verify_password(password.expose_secret().as_bytes(), &parsed)
                .is_ok();
            right && known
        })
        .await
    }

    /// Makes the decoy's hash now, so that the first unknown name does not take twice as long.
    pub async fn warm(&self) {
        let decoy = self.decoy.clone();
        blocking(move || {
            decoy.get_or_init(|| hash(&"".into()));
        })
        .await;
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(64 * 1024, 3, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &SecretString) -> String {
    argon2()
        .hash_password(password.expose_secret().as_bytes())
        .map(|hash| hash.to_string())
        // Only a salt or parameters that are out of range could fail. An empty hash verifies nothing.
        .unwrap_or_default()
}

/// Runs what burns a core away from the threads that serve pages.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_verifies() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse battery".into()).await;
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"));
        assert!(
            passwords
                .verify("correct horse battery".into(), Some(stored.clone()))
                .await
        );
        assert!(!passwords.verify("correct horse".into(), Some(stored)).await);
        assert!(
            !passwords.verify("".into(), None).await,
            "the decoy's own password opens nothing"
        );
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(check(&"äöüäöüäöüäöüäö".into()), Err(PasswordProblem::Short));
        assert_eq!(check(&"äöüäöüäöüäöüäöü".into()), Ok(()));
        assert_eq!(check(&"x".repeat(257).into()), Err(PasswordProblem::Long));
    }
}
