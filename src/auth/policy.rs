//! What the admins of a console have decided, where it differs from what goes without saying.
//!
//! A decision is one row: the target (or everywhere), its name, and its value as JSON. Whoever changes one records what it
//! was and what it became.

use serde_json::Value;
use sqlx::Row;

use super::role::{EVERYWHERE, Grants, Role};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// The decision that everybody with a role on a target needs a second factor: `true`.
pub const SECOND_FACTOR: &str = "second_factor";
/// The decision which roles, wherever they are held, need one: their words.
pub const SECOND_FACTOR_ROLES: &str = "second_factor_roles";

/// The decision that on a target nobody approves what they have made or apply what they have approved: `true`.
pub const SECOND_PERSON: &str = "second_person";

/// Who needs a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondFactor {
    targets: Vec<String>,
    roles: Vec<Role>,
}

impl SecondFactor {
    /// Whether somebody with these roles needs one.
    #[must_use]
    pub fn covers(&self, grants: &Grants) -> bool {
        let mut held = grants.iter();
        held.any(|(_, role)| {
            self.roles.contains(&role) || self.targets.iter().any(|target| target == EVERYWHERE)
        }) || self
            .targets
            .iter()
            .any(|target| grants.on(target).is_some())
    }

    /// Whether everybody with a role on the target needs one, by a decision about this target.
    #[must_use]
    pub fn is_on(&self, target: &str) -> bool {
        self.targets.iter().any(|name| name == target)
    }

    /// The roles that need one, wherever they are held.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// Who needs a second factor now.
pub async fn second_factor(store: &Store) -> Result<SecondFactor, StoreError> {
    let rows = sqlx::query(
        "SELECT target, name, value FROM policy WHERE name IN ($1, $2) ORDER BY target",
    )
    .bind(SECOND_FACTOR)
    .bind(SECOND_FACTOR_ROLES)
    .fetch_all(store.read())
    .await?;
    let mut policy = SecondFactor::default();
    for row in &rows {
        let (target, name): (String, String) = (row.try_get("target")?, row.try_get("name")?);
        match parse(&row.try_get::<String, _>("value")?)? {
            Value::Bool(true) if name == SECOND_FACTOR => policy.targets.push(target),
            Value::Array(words) if name == SECOND_FACTOR_ROLES => {
                let words = words.iter().filter_map(Value::as_str);
                policy.roles.extend(words.filter_map(Role::from_word));
            }
            _ => {}
        }
    }
    Ok(policy)
}

/// The value of a decision about a target, or about everything.
pub async fn get(store: &Store, target: &str, name: &str) -> Result<Option<Value>, StoreError> {
    let value: Option<String> =
        sqlx::query_scalar("SELECT value FROM policy WHERE target = $1 AND name = $2")
            .bind(target)
            .bind(name)
            .fetch_optional(store.read())
            .await?;
    value.as_deref().map(parse).transpose()
}

/// Whether on a target nobody approves what they have made or apply what they have approved.
pub async fn second_person(store: &Store, target: &str) -> Result<bool, StoreError> {
    for on in [target, EVERYWHERE] {
        if get(store, on, SECOND_PERSON).await? == Some(Value::Bool(true)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The person behind an actor: of a token ([`super::api_token::ApiToken::actor`]) its owner, else the actor itself.
#[must_use]
pub fn person(actor: &str) -> &str {
    actor
        .strip_prefix("token:")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|rest| rest.rsplit_once(" ("))
        .map_or(actor, |(_, owner)| owner)
}

/// Decides something, or takes a decision back; what was decided before. The caller records both in the audit, in the same
/// transaction.
pub async fn set(
    tx: &mut Tx,
    clock: &Clock,
    by: &str,
    (target, name): (&str, &str),
    value: Option<&Value>,
) -> Result<Option<Value>, StoreError> {
    let before: Option<String> =
        sqlx::query_scalar("SELECT value FROM policy WHERE target = $1 AND name = $2")
            .bind(target)
            .bind(name)
            .fetch_optional(&mut **tx)
            .await?;
    sqlx::query("DELETE FROM policy WHERE target = $1 AND name = $2")
        .bind(target)
        .bind(name)
        .execute(&mut **tx)
        .await?;
    if let Some(value) = value {
        sqlx::query(
            "INSERT INTO policy (target, name, value, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(target)
        .bind(name)
        .bind(value.to_string())
        .bind(clock.now_ms())
        .bind(by)
        .execute(&mut **tx)
        .await?;
    }
    before.as_deref().map(parse).transpose()
}

fn parse(value: &str) -> Result<Value, StoreError> {
    serde_json::from_str(value).map_err(|error| StoreError::Value {
        what: "policy",
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_covers_whom_it_names() {
        let grants = |list: &[(&str, Role)]| {
            let list = list.iter().map(|(on, role)| ((*on).to_owned(), *role));
            Grants::of(list.collect())
        };
        let policy = |targets: &[&str], roles: &[Role]| SecondFactor {
            targets: targets.iter().map(|name| (*name).to_owned()).collect(),
            roles: roles.to_vec(),
        };
        let (viewer, everywhere) = (
            grants(&[("app", Role::Viewer)]),
            grants(&[("*", Role::Approver)]),
        );
        for (policy, covers) in [
            (policy(&[], &[]), (false, false)),
            (policy(&["app"], &[]), (true, true)),
            (policy(&["other"], &[]), (false, true)),
            (policy(&["*"], &[]), (true, true)),
            (policy(&[], &[Role::Approver]), (false, true)),
            (policy(&[], &[Role::Viewer]), (true, false)),
        ] {
            let told = (policy.covers(&viewer), policy.covers(&everywhere));
            assert_eq!(told, covers, "{policy:?}");
        }
        assert!(!policy(&["*"], &[]).covers(&Grants::default()));
    }
}
