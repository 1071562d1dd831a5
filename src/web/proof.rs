//! Asking somebody who is signed in to prove it again, before what is dangerous.
//!
//! What must stay true: a route that is declared so ([`super::access::Routes::change_proven`]) hands its handler an
//! [`Asking`] and nothing else, so a handler that does not ask has nobody to act for and is refused; a proof gives the
//! session another key, and what knew the old one opens nothing; a session that fails too often ends.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use secrecy::SecretString;

use super::error::PageError;
use super::page::confirm::{ConfirmField, ConfirmKind};
use super::visit::SignedIn;
use crate::app::proof::{self as app, Proven, Prover};
use crate::auth::session::STANDING_KEY;

/// Somebody who was let in, and has to prove once more who they are unless they have just done so.
#[derive(Clone)]
pub(super) struct Asking(SignedIn);

/// What came of asking.
pub(super) enum Proof {
    /// It is them.
    Given(SignedIn),
    /// Not yet: the layouts of this visit ask for it, and say what was wrong. Nothing may be done.
    Wanting(SignedIn),
}

impl FromRequest for Asking {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().cloned();
        ready(found.ok_or_else(|| {
            PageError::Internal("a route that is not declared so asks for a proof".to_owned())
        }))
    }
}

impl Asking {
    pub fn of(who: SignedIn) -> Self {
        Self(who)
    }

    /// Asks for the field of `m::confirm`, unless the last proof is recent.
    pub async fn prove(self, given: Option<SecretString>) -> Result<Proof, PageError> {
        let mut who = self.0;
        if who.is_fresh() {
            return Ok(Proof::Given(who));
        }
        let Some(given) = given else {
            who.wrong = Some("Who you are has to be proven again for this.".to_owned());
            return Ok(Proof::Wanting(who));
        };
        let proof = if who.factor {
            app::Proof::Code(given)
        } else {
            app::Proof::Password(given)
        };
        judge(who, proof).await
    }

    /// For forms in which nothing is typed that would be lost: whoever has not proven lately who they are is led to do so,
    /// and from there to `back`, where the form is.
    pub async fn prove_on(self, back: &str) -> Result<SignedIn, PageError> {
        match self.prove(None).await? {
            Proof::Given(who) => Ok(who),
            Proof::Wanting(who) => {
                who.flash(
                    false,
                    "Nothing was changed yet. Say who you are, then do it again.",
                );
                Err(PageError::Confirm(back.to_owned()))
            }
        }
    }

    /// Asks for the password, however recent the last proof is.
    pub async fn prove_password(self, password: SecretString) -> Result<Proof, PageError> {
        judge(self.0, app::Proof::Password(password)).await
    }

    /// Asks for the password and a code, however recent the last proof is.
    pub async fn prove_both(
        self,
        password: SecretString,
        code: SecretString,
    ) -> Result<Proof, PageError> {
        judge(self.0, app::Proof::Both(password, code)).await
    }

    /// For the page that refuses a form before it asks for anything.
    pub fn looking(&self) -> &SignedIn {
        &self.0
    }
}

async fn judge(mut who: SignedIn, proof: app::Proof) -> Result<Proof, PageError> {
    let prover = Prover {
        user: &who.user,
        session: Some(&who.visit.standing.name),
        // Whoever is in has shown all there is to show.
        known: Some(&who.visit.standing.name),
        place: &who.visit.address,
        action: "proof",
    };
    match who.app().prove(prover, proof).await? {
        Proven::Yes => {
            who.proven()?;
            Ok(Proof::Given(who))
        }
        Proven::No(why, _) => {
            who.wrong = Some(why);
            Ok(Proof::Wanting(who))
        }
        Proven::Later(after) => {
            who.wrong = Some(app::later(after));
            Ok(Proof::Wanting(who))
        }
        Proven::Over => {
            who.visit.session.purge();
            Err(PageError::TooManyTries)
        }
    }
}

impl SignedIn {
    /// Whether the last proof is recent. A program has none to give: what it may do is what its token was made for.
    pub fn is_fresh(&self) -> bool {
        if self.program.is_some() {
            return true;
        }
        let good_ms = i64::from(self.app().config.auth.proof_minutes) * 60_000;
        self.app().clock.now_ms() - self.visit.standing.proven_at < good_ms
    }

    /// Notes that they have just proven who they are, under a new key of the session.
    pub fn proven(&mut self) -> Result<(), PageError> {
        self.visit.standing.proven_at = self.app().clock.now_ms();
        self.visit.session.renew();
        self.visit
            .session
            .insert(STANDING_KEY, &self.visit.standing)
            .map_err(|error| PageError::Internal(error.to_string()))
    }

    /// The field that asks for a proof, when one is needed.
    pub fn confirm(&self) -> Option<ConfirmField> {
        (!self.is_fresh()).then(|| ConfirmField {
            kind: if self.factor {
                ConfirmKind::Code
            } else {
                ConfirmKind::Password
            },
            error: self.wrong.clone(),
        })
    }
}
