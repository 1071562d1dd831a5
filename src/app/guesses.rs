//! Telling people that somebody gives wrong codes after the right password: then their password is known to somebody else,
//! unless it was they themselves.
//!
//! What must stay true: it is told once for a few codes and again while it goes on, never for each; nothing of it says
//! what was typed; the record is the audit's, so that it is there whatever is configured.

use super::App;
use super::proof::Prover;
use crate::audit::{self, Filter, Recorded};
use crate::auth::role;
use crate::auth::user::{self, User};
use crate::notify::{self, EVERY_TARGET, Kind, News};
use crate::store::StoreError;

/// After how many wrong codes people are told.
const FIRST: i64 = 3;
/// After how many more they are told again.
const AGAIN: i64 = 10;
/// For how long a person is shown it, in milliseconds, if they do not change their password before.
const SHOWN_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// What the audit calls it.
const ACTION: &str = "factor.guessed";

impl App {
    /// Notes that so many wrong codes were given since the last right one, where the user is not known.
    pub(super) async fn note_guesses(&self, who: Prover<'_>, wrong: i64) -> Result<(), StoreError> {
        if wrong != FIRST && (wrong == 0 || wrong % AGAIN != 0) {
            return Ok(());
        }
        let name = &who.user.name;
        let detail = format!("{wrong} wrong codes after the right password");
        let entry = audit::Entry {
            actor: name,
            action: ACTION,
            outcome: "refused",
            place: who.place,
            detail: &detail,
            ..audit::Entry::default()
        };
        let text = format!(
            "{wrong} wrong codes of a second factor were given for {name} after the right password, in browsers in which \
             they had not signed in before; the last came from {}. Unless it was they themselves, somebody knows this \
             password: it should be changed. Nobody was let in by these codes, and the next ones wait longer.",
            who.place
        );
        let event = format!("guesses:{}:{}", who.user.id, self.clock.now_ms());
        let grants = role::of_user(&self.store, &who.user.id).await?;
        let theirs = self.resources.targets.iter().map(|target| &*target.name);
        let theirs = theirs.filter(|target| grants.on(target).is_some());
        let mut tx = self.store.begin().await?;
        // The same event on every target that is theirs: each channel is told once.
        for target in std::iter::once(EVERY_TARGET).chain(theirs) {
            let news = News {
                event: &event,
                kind: Kind::CodesGuessed,
                target,
                job: None,
                subject: &format!("Somebody may know the password of {name}"),
                text: &text,
            };
            notify::announce(&mut tx, &self.clock, &news).await?;
        }
        audit::record(&mut tx, &self.clock, &entry).await?;
        tx.commit().await?;
        self.store.wake().await;
        Ok(())
    }

    /// The newest note of wrong codes about a user that still matters: of the last thirty days, and newer than their
    /// password.
    pub async fn guesses(&self, user: &User) -> Result<Option<Recorded>, StoreError> {
        let Some((changed_at, _)) = user::stamps(&self.store, &user.id).await? else {
            return Ok(None);
        };
        let since = changed_at.max(self.clock.now_ms() - SHOWN_MS);
        self.newest(user, ACTION, "refused", since).await
    }

    /// The same, when they have not signed in since.
    pub async fn guesses_since_sign_in(&self, user: &User) -> Result<Option<Recorded>, StoreError> {
        let Some(noted) = self.guesses(user).await? else {
            return Ok(None);
        };
        let last = self.newest(user, "sign-in", "succeeded", noted.at).await?;
        Ok(last.is_none().then_some(noted))
    }

    async fn newest(
        &self,
        user: &User,
        action: &str,
        outcome: &str,
        from_ms: i64,
    ) -> Result<Option<Recorded>, StoreError> {
        let filter = Filter {
            actor: Some(user.name.clone()),
            action: Some(action.to_owned()),
            outcome: Some(outcome.to_owned()),
            from_ms: Some(from_ms),
            ..Filter::default()
        };
        Ok(audit::page(&self.store, &filter, None, 1).await?.pop())
    }
}
