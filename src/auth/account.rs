//! A user as an admin sees and changes them: roles, how they sign in, and whether they may.
//!
//! What must stay true: whoever is the last that can give roles keeps that role, whatever two admins do at the same
//! moment; what is taken away counts from the next request on, because every request asks anew.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::role::{self, EVERYWHERE, Grants, Role};
use super::user::{self, User, UserError};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// A user with everything an admin may know about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// What they may do.
    pub grants: Grants,
    /// Whether they have chosen a password yet.
    pub has_password: bool,
    /// Whether a second factor is asked for when they sign in.
    pub has_factor: bool,
    /// Until when the link is good by which they choose a password, if there is one.
    pub link_until: Option<i64>,
}

const COLUMNS: &str = "u.id, u.name, u.created_at, u.disabled_at, \
    CAST(CASE WHEN u.password_hash <> '' THEN 1 ELSE 0 END AS BIGINT) AS has_password, \
    (SELECT count(*) FROM second_factor f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS factors, \
    (SELECT max(l.expires_at) FROM setup_link l WHERE l.user_id = u.id AND l.used_at IS NULL AND l.expires_at > $1) \
    AS link_until";

/// Everybody, by name.
pub async fn list(store: &Store, clock: &Clock) -> Result<Vec<Account>, StoreError> {
    let statement = format!("SELECT {COLUMNS} FROM \"user\" u ORDER BY u.name_key");
    // Safe: it is made of constants only.
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(clock.now_ms())
        .fetch_all(store.read())
        .await?;
    let mut accounts = Vec::new();
    for row in &rows {
        accounts.push(read(store, row).await?);
    }
    Ok(accounts)
}

/// The user of that id.
pub async fn get(store: &Store, clock: &Clock, id: &str) -> Result<Option<Account>, StoreError> {
    let statement = format!("SELECT {COLUMNS} FROM \"user\" u WHERE u.id = $2");
    one(store, clock, statement, id).await
}

/// The user of that name.
pub async fn of_name(
    store: &Store,
    clock: &Clock,
    name: &str,
) -> Result<Option<Account>, StoreError> {
    let Ok(name) = user::check_name(name) else {
        return Ok(None);
    };
    let statement = format!("SELECT {COLUMNS} FROM \"user\" u WHERE u.name_key = $2");
    one(store, clock, statement, &user::key(&name)).await
}

async fn one(
    store: &Store,
    clock: &Clock,
    statement: String,
    value: &str,
) -> Result<Option<Account>, StoreError> {
    // Safe: it is made of constants only.
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(clock.now_ms())
        .bind(value)
        .fetch_optional(store.read())
        .await?;
    match &row {
        Some(row) => read(store, row).await.map(Some),
        None => Ok(None),
    }
}

async fn read(store: &Store, row: &AnyRow) -> Result<Account, StoreError> {
    let user = user::decode(row)?;
    let has_password: i64 = row.try_get("has_password")?;
    let factors: i64 = row.try_get("factors")?;
    Ok(Account {
        grants: role::of_user(store, &user.id).await?,
        user,
        has_password: has_password == 1,
        has_factor: factors > 0,
        link_until: row.try_get("link_until")?,
    })
}

/// Gives a user a role on a target, in place of the one they had there; none takes it away. Returns what they had there.
/// Refuses when nobody would be left who can give roles. The caller records it in the audit, in the same transaction.
pub async fn set_role(
    tx: &mut Tx,
    user: &User,
    target: &str,
    new: Option<Role>,
) -> Result<Option<Role>, UserError> {
    let had: Option<String> =
        sqlx::query_scalar("SELECT role FROM user_role WHERE user_id = $1 AND target = $2")
            .bind(&user.id)
            .bind(target)
            .fetch_optional(&mut **tx)
            .await?;
    let demotes = target == EVERYWHERE && new != Some(Role::Admin);
    if demotes && role::is_last_admin(tx, &user::key(&user.name)).await? {
        return Err(UserError::LastAdmin);
    }
    role::set(tx, &user.id, target, new).await?;
    Ok(had.as_deref().and_then(Role::from_word))
}
