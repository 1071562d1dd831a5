//! Proving again who one is: with the password, with a code, or with both; and what admins decide about second factors.
//!
//! What must stay true: a try is counted before it is made, and a session has only a few of them in a row; what came of it
//! is in the audit; a code is used up in the transaction that records it. Every door that asks for a password or a code of
//! somebody who is known already comes through here.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::App;
use crate::audit;
use crate::auth::factor::key::KeyError;
use crate::auth::factor::{self, FactorError, Taken};
use crate::auth::password::Caller;
use crate::auth::policy;
use crate::auth::role::{EVERYWHERE, Role};
use crate::auth::session::SessionName;
use crate::auth::throttle::{Counter, Turn};
use crate::auth::user::{self, User};
use crate::job::queue::By;
use crate::operation::Trouble;
use crate::store::StoreError;

/// What somebody gives to prove who they are.
#[derive(Debug)]
pub enum Proof {
    /// Their password.
    Password(SecretString),
    /// A code of their device, or a recovery code.
    Code(SecretString),
    /// The password, and a code.
    Both(SecretString, SecretString),
}

/// Somebody who gives it.
#[derive(Clone, Copy, Debug)]
pub struct Prover<'a> {
    /// Who they are.
    pub user: &'a User,
    /// The session, whose tries are counted; none on a terminal.
    pub session: Option<&'a SessionName>,
    /// Where they are known: the browser in which they have signed in before, or the session in which they are. Codes that
    /// are given there are counted there; all others together.
    pub known: Option<&'a str>,
    /// From where.
    pub place: &'a str,
    /// What the audit calls it: `sign-in`, `proof`.
    pub action: &'a str,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// It is them.
    Yes,
    /// It was wrong, for this reason; so many tries are left.
    No(String, i64),
    /// It was not looked at: after so long another may be.
    Later(Duration),
    /// There were too many tries: the session has to end.
    Over,
}

/// What a wrong password is told.
const WRONG_PASSWORD: &str = "This is not your password.";
/// What a wrong code is told.
const WRONG_CODE: &str = "This is not the code of your device, nor one of your recovery codes.";
/// What a code is told that was given before.
const USED: &str = "This code was used already. Wait for the next one: your device shows another every 30 seconds.";

impl App {
    /// Counts a try of the session, and says how many are left after it.
    async fn count_try(&self, who: Prover<'_>) -> Result<i64, StoreError> {
        match who.session {
            Some(session) => self.factors.count_try(session).await,
            None => Ok(0),
        }
    }

    /// Takes back the count of a try that was not looked at: others must not use up what somebody has.
    async fn not_tried(&self, who: Prover<'_>) -> Result<(), StoreError> {
        match who.session {
            Some(session) => self.factors.uncount_try(session).await,
            None => Ok(()),
        }
    }

    /// Checks a proof, and records what came of it.
    pub async fn prove(&self, who: Prover<'_>, proof: Proof) -> Result<Proven, FactorError> {
        let left = self.count_try(who).await?;
        if left < 0 {
            self.record_proof(who, "refused", "too many tries").await?;
            return Ok(Proven::Over);
        }
        let (password, code) = match proof {
            Proof::Password(password) => (Some(password), None),
            Proof::Code(code) => (None, Some(code)),
            Proof::Both(password, code) => (Some(password), Some(code)),
        };
        let wrong = |why: &str| {
            let is_last = who.session.is_some() && left == 0;
            Ok(if is_last {
                Proven::Over
            } else {
                Proven::No(why.to_owned(), left)
            })
        };
        if let Some(password) = password {
            let name = &who.user.name;
            // A session has few tries, so it waits for nobody else's, like a known browser.
            let tried = user::sign_in(&self.store, &self.passwords, Caller::Known, name, password);
            let found = match tried.await? {
                Ok(found) => found,
                Err(busy) => {
                    self.not_tried(who).await?;
                    return Ok(Proven::No(busy.to_string(), left + 1));
                }
            };
            // Disabled in this moment is as good as wrong.
            if found.is_none_or(|found| found.id != who.user.id) {
                self.record_proof(who, "refused", "wrong password").await?;
                return wrong(WRONG_PASSWORD);
            }
        }
        let code = code.as_ref().map(SecretString::expose_secret);
        let turn = match code {
            None => None,
            Some(code) => match self.turn(who, code).await? {
                Ok(turn) => Some(turn),
                Err(retry_after) => return Ok(Proven::Later(retry_after)),
            },
        };
        let mut tx = self.store.begin().await?;
        let taken = match code {
            None => None,
            Some(code) => match self.factors.take(&mut tx, &who.user.id, code).await {
                Ok(taken) => Some(taken),
                Err(error) => {
                    // Nobody has judged it.
                    drop(tx);
                    self.not_tried(who).await?;
                    if let Some(turn) = turn {
                        turn.not_made().await?;
                    }
                    return Err(error);
                }
            },
        };
        let entry = audit::Entry {
            actor: &who.user.name,
            action: who.action,
            outcome: "succeeded",
            place: who.place,
            ..audit::Entry::default()
        };
        let detail = match taken {
            None => "with the password",
            Some(Taken::Code) => "with a code",
            Some(Taken::Recovery) => "with a recovery code",
            Some(taken) => {
                // What was counted stands; a code that is not taken changes nothing.
                drop(tx);
                let failures = turn.as_ref().map_or(0, Turn::failures);
                let guessed = code.is_some_and(factor::is_guessable).then_some(failures);
                self.refuse_code(who, guessed).await?;
                let why = match taken {
                    Taken::Before => USED,
                    _ => WRONG_CODE,
                };
                return wrong(why);
            }
        };
        if taken == Some(Taken::Recovery) {
            let used = audit::Entry {
                action: "factor.recovery",
                detail: "a recovery code was used",
                ..entry
            };
            audit::record(&mut tx, &self.clock, &used).await?;
        }
        audit::record(&mut tx, &self.clock, &audit::Entry { detail, ..entry }).await?;
        if let Some(session) = who.session {
            self.factors.forget_tries(&mut tx, session).await?;
        }
        tx.commit().await?;
        if let Some(turn) = turn {
            turn.succeeded().await?;
        }
        Ok(Proven::Yes)
    }

    /// The turn of a code, waited for; or after how long there is one.
    async fn turn(
        &self,
        who: Prover<'_>,
        code: &str,
    ) -> Result<Result<Turn, Duration>, StoreError> {
        let turn = self.throttle.take_turn(vec![counter(who, code)]).await?;
        match &turn {
            Ok(turn) => tokio::time::sleep(turn.delay()).await,
            Err(_) => self.not_tried(who).await?,
        }
        Ok(turn)
    }

    /// Records a code that was not taken; `guessed`: how many wrong ones of six digits there were with it.
    async fn refuse_code(&self, who: Prover<'_>, guessed: Option<i64>) -> Result<(), StoreError> {
        self.record_proof(who, "refused", "wrong code").await?;
        match guessed {
            Some(wrong) if who.known.is_none() => self.note_guesses(who, wrong).await,
            _ => Ok(()),
        }
    }

    async fn record_proof(
        &self,
        who: Prover<'_>,
        outcome: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        let entry = audit::Entry {
            actor: &who.user.name,
            action: who.action,
            outcome,
            place: who.place,
            detail,
            ..audit::Entry::default()
        };
        audit::record_alone(&self.store, &self.clock, &entry).await
    }

    /// Decides which roles need a second factor, wherever they are held.
    pub async fn require_factor_of(&self, by: By<'_>, roles: &[Role]) -> Result<(), StoreError> {
        let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        let value = (!words.is_empty()).then(|| json!(words));
        self.decide(
            by,
            (EVERYWHERE, policy::SECOND_FACTOR_ROLES),
            value.as_ref(),
        )
        .await
    }

    /// Decides a policy, or takes the decision back, and records what it was and what it became. The same again is nothing.
    pub async fn decide(
        &self,
        by: By<'_>,
        (target, name): (&str, &str),
        value: Option<&Value>,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let before = policy::set(&mut tx, &self.clock, by.actor, (target, name), value).await?;
        if before.as_ref() == value {
            return Ok(());
        }
        let text = |value: Option<&Value>| json!({ name: value }).to_string();
        let (before, after) = (text(before.as_ref()), text(value));
        let entry = audit::Entry {
            actor: by.actor,
            action: "policy.change",
            target: (target != EVERYWHERE).then_some(target),
            outcome: "succeeded",
            place: by.place,
            before: Some(&before),
            after: Some(&after),
            ..audit::Entry::default()
        };
        audit::record(&mut tx, &self.clock, &entry).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What a code counts for. One of a device is six digits, which whoever knows the password could try out: where its user
/// is not known, all of them together wait longer and longer. Nobody guesses a recovery code, so that one lets its owner in
/// whatever others try elsewhere; it counts for the address, like a password.
fn counter(who: Prover<'_>, code: &str) -> Counter {
    match who.known {
        _ if !factor::is_guessable(code) => Counter::address(who.place),
        Some(known) => Counter::codes_in(known),
        None => Counter::codes(&who.user.id),
    }
}

/// What a person is told whose code was not looked at.
#[must_use]
pub fn later(retry_after: Duration) -> String {
    let after = match retry_after.as_secs() {
        0..60 => "in a moment".to_owned(),
        seconds => match seconds.div_ceil(60) {
            1 => "in a minute".to_owned(),
            minutes => format!("in {minutes} minutes"),
        },
    };
    format!(
        "Too many wrong codes were given. This one was not looked at; try again {after}, or use a recovery code. A browser \
         in which you have signed in before does not wait for what is tried in others."
    )
}

/// What a person is told when second factors cannot be read.
#[must_use]
pub fn trouble(error: &KeyError) -> Trouble {
    Trouble::new(
        format!("This console cannot read second factors: {error}."),
        "Nothing was changed, and no code was judged wrong.",
        "Put the file back that `secret_file` in [auth] names. Recovery codes are good without it; \
         somebody with a shell on the host can remove a factor with `lockkeeper user reset-factor NAME`.",
    )
}
