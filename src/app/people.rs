//! What both doors do to users and tokens: the change and its audit entry in one transaction.
//!
//! What must stay true: a link and a token leave here once, towards whoever asked for them; neither stands in an entry.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::App;
use crate::audit;
use crate::auth::account::{self, Account};
use crate::auth::api_token::{self, ApiToken, TokenError, Wish};
use crate::auth::role::{self, EVERYWHERE, Grants, Role};
use crate::auth::setup::{self, LINK_HOURS};
use crate::auth::user::{self, User, UserError};
use crate::job::queue::By;
use crate::store::{StoreError, Tx};

impl App {
    /// Makes a user who has no password yet, with these roles, and the token of the link by which they choose one.
    pub async fn invite(
        &self,
        by: By<'_>,
        name: &str,
        roles: &[(String, Role)],
    ) -> Result<(User, SecretString), UserError> {
        let mut tx = self.store.begin().await?;
        let made = user::add(&mut tx, &self.clock, name, "").await?;
        for (target, role) in roles {
            role::set(&mut tx, &made.id, target, Some(*role)).await?;
        }
        let token = setup::invite(&mut tx, &self.clock, &made).await?;
        let grants = Grants::of(roles.to_vec());
        let detail = format!(
            "user {}, {}; the link is good for {LINK_HOURS} hours",
            made.name,
            grants.words()
        );
        let entry = audit::Entry {
            action: "user.invite",
            detail: &detail,
            ..of(by)
        };
        self.finish(tx, &entry).await?;
        Ok((made, token))
    }

    /// Makes the token of a link by which a user chooses another password. An older link is void.
    pub async fn new_link(&self, by: By<'_>, user: &User) -> Result<SecretString, StoreError> {
        let mut tx = self.store.begin().await?;
        let token = setup::invite(&mut tx, &self.clock, user).await?;
        let detail = format!(
            "user {}; the link is good for {LINK_HOURS} hours",
            user.name
        );
        let entry = audit::Entry {
            action: "user.link",
            detail: &detail,
            ..of(by)
        };
        self.finish(tx, &entry).await?;
        Ok(token)
    }

    /// Uses such a link: the user has this password from now on. False when the link is not good any more.
    pub async fn join(
        &self,
        place: &str,
        token: &str,
        user: &User,
        password_hash: &str,
    ) -> Result<bool, UserError> {
        let mut tx = self.store.begin().await?;
        if !setup::accept(&mut tx, &self.clock, token, user, password_hash).await? {
            return Ok(false);
        }
        let entry = audit::Entry {
            action: "user.join",
            ..of(By {
                actor: &user.name,
                place,
            })
        };
        self.finish(tx, &entry).await?;
        Ok(true)
    }

    /// Gives a user a role on a target, in place of the one they had there; none takes it away. False when that changes
    /// nothing.
    pub async fn set_role(
        &self,
        by: By<'_>,
        user: &User,
        target: &str,
        role: Option<Role>,
    ) -> Result<bool, UserError> {
        let mut tx = self.store.begin().await?;
        let had = account::set_role(&mut tx, user, target, role).await?;
        if had == role {
            return Ok(false);
        }
        let place = match target {
            EVERYWHERE => "everywhere".to_owned(),
            target => format!("on {target}"),
        };
        let detail = match role {
            Some(role) => format!("user {}, {} {place}", user.name, role.word()),
            None => format!("user {}, no role {place} of their own any more", user.name),
        };
        let (before, after) = (json(target, had), json(target, role));
        let entry = audit::Entry {
            action: "user.role",
            target: (target != EVERYWHERE).then_some(target),
            detail: &detail,
            before: Some(&before),
            after: Some(&after),
            ..of(by)
        };
        self.finish(tx, &entry).await?;
        Ok(true)
    }

    /// Disables a user, which ends their sessions, or lets them in again.
    pub async fn set_enabled(
        &self,
        by: By<'_>,
        user: &User,
        enabled: bool,
    ) -> Result<(), UserError> {
        let mut tx = self.store.begin().await?;
        let action = if enabled {
            user::enable(&mut tx, &user.name).await?;
            "user.enable"
        } else {
            user::disable(&mut tx, &self.clock, &user.name).await?;
            "user.disable"
        };
        let detail = format!("user {}", user.name);
        let entry = audit::Entry {
            action,
            detail: &detail,
            ..of(by)
        };
        Ok(self.finish(tx, &entry).await?)
    }

    /// Takes a user's second factor away with its recovery codes, and ends their sessions; false when there is none.
    pub async fn reset_factor(&self, by: By<'_>, user: &User) -> Result<bool, UserError> {
        let mut tx = self.store.begin().await?;
        if !self.factors.remove(&mut tx, &user.id).await? {
            return Ok(false);
        }
        user::end_sessions(&mut tx, &self.clock, &user.name).await?;
        let detail = format!("user {}; the password alone lets them in", user.name);
        let entry = audit::Entry {
            action: "user.reset-factor",
            detail: &detail,
            ..of(by)
        };
        self.finish(tx, &entry).await?;
        Ok(true)
    }

    /// Makes a token for a user, and returns it with its secret, which is told once.
    pub async fn make_token(
        &self,
        by: By<'_>,
        owner: &Account,
        wish: &Wish<'_>,
    ) -> Result<(ApiToken, SecretString), TokenError> {
        let mut tx = self.store.begin().await?;
        let (user, grants) = (&owner.user, &owner.grants);
        let made = api_token::make(&mut tx, &self.clock, &user.id, grants, wish).await?;
        let days = wish.days;
        let detail = format!(
            "{}, of {}, for {days} days",
            api_token::words(&made.0),
            user.name
        );
        let entry = audit::Entry {
            action: "token.make",
            detail: &detail,
            ..of(by)
        };
        self.finish(tx, &entry).await?;
        Ok(made)
    }

    /// Revokes a token of a user; none when there is no such token that was not revoked before.
    pub async fn revoke_token(
        &self,
        by: By<'_>,
        owner: &User,
        id: &str,
    ) -> Result<Option<ApiToken>, StoreError> {
        let mut tx = self.store.begin().await?;
        let Some(token) = api_token::revoke(&mut tx, &self.clock, &owner.id, id).await? else {
            return Ok(None);
        };
        let detail = format!("{}, of {}", api_token::words(&token), owner.name);
        let entry = audit::Entry {
            action: "token.revoke",
            detail: &detail,
            ..of(by)
        };
        self.finish(tx, &entry).await?;
        Ok(Some(token))
    }

    /// The address of the link with that token.
    #[must_use]
    pub fn link(&self, token: &SecretString) -> SecretString {
        use secrecy::ExposeSecret;
        let base = self.config.server.public_url.trim_end_matches('/');
        format!("{base}/setup?token={}", token.expose_secret()).into()
    }

    async fn finish(&self, mut tx: Tx, entry: &audit::Entry<'_>) -> Result<(), StoreError> {
        audit::record(&mut tx, &self.clock, entry).await?;
        Ok(tx.commit().await?)
    }
}

fn of(by: By<'_>) -> audit::Entry<'_> {
    audit::Entry {
        actor: by.actor,
        outcome: "succeeded",
        place: by.place,
        ..audit::Entry::default()
    }
}

/// A role on a target as the audit keeps it: `{"app":"viewer"}`, and `{}` for none.
fn json(target: &str, role: Option<Role>) -> String {
    let role = role.map(|role| (target.to_owned(), Value::from(role.word())));
    Value::Object(Map::from_iter(role)).to_string()
}
