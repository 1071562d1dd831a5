//! Roles: what a user may do, and on which targets.
//!
//! The roles are a ladder: each may do what the one below it may. Whoever has no role on a target does not learn that it
//! exists. What a route asks for stands in the table of `web/access.rs`; an operation declares it in `job/catalogue.rs`.

use sqlx::Row;

use crate::store::{Store, StoreError, Tx};

/// The name that stands for every target, also those to come, and for the console itself. No target can be called so.
pub const EVERYWHERE: &str = "*";

/// What somebody is on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees everything about it, and changes nothing.
    Viewer,
    /// Takes and downloads backups, makes plans, applies what is safe or approved.
    Operator,
    /// Says yes to a destructive plan.
    Approver,
    /// Decides its policies; everywhere: also who the users are.
    Admin,
}

/// What a route or an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// To read.
    View,
    /// To start work that changes nothing on the target, and to stop jobs.
    Operate,
    /// To start work that changes the target, and to decide about an interrupted job.
    Change,
    /// To take data out.
    Download,
    /// To say yes to what loses data.
    Approve,
    /// To decide policies.
    Manage,
}

impl Role {
    /// All of them, the least powerful first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// The word in the store, in forms and for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// The role of a word, if it is one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What somebody in this role may do, in one sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Viewer => "Sees everything, changes nothing.",
            Self::Operator => {
                "Also takes and downloads backups, makes plans, and applies what is safe or approved."
            }
            Self::Approver => "Also approves destructive plans.",
            Self::Admin => {
                "Also decides policies and schedules; on every target: users and roles too."
            }
        }
    }

    /// Whether the role is enough.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        self >= permission.least()
    }
}

impl Permission {
    /// The least powerful role that has it.
    #[must_use]
    pub fn least(self) -> Role {
        match self {
            Self::View => Role::Viewer,
            Self::Operate | Self::Change | Self::Download => Role::Operator,
            Self::Approve => Role::Approver,
            Self::Manage => Role::Admin,
        }
    }

    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Change => "change",
            Self::Download => "download",
            Self::Approve => "approve",
            Self::Manage => "manage",
        }
    }
}

/// Everything that somebody may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<(String, Role)>);

impl Grants {
    /// Grants of these: a target's name or [`EVERYWHERE`], and the role.
    #[must_use]
    pub fn of(grants: Vec<(String, Role)>) -> Self {
        Self(grants)
    }

    /// Each of them, by target.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Role)> {
        self.0.iter().map(|(target, role)| (target.as_str(), *role))
    }

    /// The role on a target: the more powerful of the one there and the one everywhere.
    #[must_use]
    pub fn on(&self, target: &str) -> Option<Role> {
        let here = self
            .iter()
            .filter(|(name, _)| *name == target || *name == EVERYWHERE);
        here.map(|(_, role)| role).max()
    }

    /// Whether they are enough for something on a target; for [`EVERYWHERE`]: on the console itself.
    #[must_use]
    pub fn may(&self, target: &str, permission: Permission) -> bool {
        self.on(target).is_some_and(|role| role.may(permission))
    }

    /// What may be seen, for queries: none when that is everything, else the names between slashes, as in `/a/b/`.
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        if self.may(EVERYWHERE, Permission::View) {
            return None;
        }
        let mut names = "/".to_owned();
        for (name, _) in self.iter() {
            names.push_str(name);
            names.push('/');
        }
        Some(names)
    }

    /// The same, but nothing beyond `role`, and only on `target` unless that is [`EVERYWHERE`]: what a token may do.
    #[must_use]
    pub fn narrowed(&self, target: &str, role: Role) -> Self {
        let kept = self.iter().filter_map(|(name, mine)| {
            let place = match (name, target) {
                (_, EVERYWHERE) => name,
                (EVERYWHERE, target) => target,
                (name, target) if name == target => name,
                _ => return None,
            };
            Some((place.to_owned(), mine.min(role)))
        });
        Self(kept.collect())
    }
}

/// What a user may do now.
pub async fn of_user(store: &Store, user: &str) -> Result<Grants, StoreError> {
    let rows = sqlx::query("SELECT target, role FROM user_role WHERE user_id = $1 ORDER BY target")
        .bind(user)
        .fetch_all(store.read())
        .await?;
    let mut grants = Vec::new();
    for row in &rows {
        let (target, word): (String, String) = (row.try_get("target")?, row.try_get("role")?);
        // A role of a newer program is none here: closed by default.
        if let Some(role) = Role::from_word(&word) {
            grants.push((target, role));
        }
    }
    Ok(Grants(grants))
}

/// Gives a user a role on a target, in place of the one they had there; none takes it away. The caller records it in the
/// audit, in the same transaction.
pub async fn set(
    tx: &mut Tx,
    user: &str,
    target: &str,
    role: Option<Role>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM user_role WHERE user_id = $1 AND target = $2")
        .bind(user)
        .bind(target)
        .execute(&mut **tx)
        .await?;
    if let Some(role) = role {
        sqlx::query("INSERT INTO user_role (user_id, target, role) VALUES ($1, $2, $3)")
            .bind(user)
            .bind(target)
            .bind(role.word())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(list: &[(&str, Role)]) -> Grants {
        Grants::of(
            list.iter()
                .map(|(name, role)| ((*name).to_owned(), *role))
                .collect(),
        )
    }

    #[test]
    fn the_more_powerful_role_counts() {
        let some = grants(&[("*", Role::Viewer), ("app", Role::Approver)]);
        assert!(some.may("app", Permission::Approve));
        assert!(some.may("other", Permission::View));
        assert!(!some.may("other", Permission::Operate));
        assert!(!some.may(EVERYWHERE, Permission::Manage));
        let admin = grants(&[("*", Role::Admin), ("app", Role::Viewer)]);
        assert!(admin.may("app", Permission::Manage));
        assert!(!Grants::default().may("app", Permission::View));
    }

    #[test]
    fn a_scope_names_what_may_be_seen() {
        assert_eq!(grants(&[("*", Role::Viewer)]).scope(), None);
        let two = grants(&[("a", Role::Viewer), ("b", Role::Admin)]);
        assert_eq!(two.scope().as_deref(), Some("/a/b/"));
        assert_eq!(Grants::default().scope().as_deref(), Some("/"));
    }

    #[test]
    fn narrowing_never_adds_anything() {
        let some = grants(&[("*", Role::Viewer), ("app", Role::Admin)]);
        let token = some.narrowed("app", Role::Operator);
        assert_eq!(token.on("app"), Some(Role::Operator));
        assert_eq!(token.on("other"), None);
        let wide = some.narrowed(EVERYWHERE, Role::Operator);
        assert_eq!(
            (wide.on("app"), wide.on("other")),
            (Some(Role::Operator), Some(Role::Viewer))
        );
        assert_eq!(
            grants(&[("b", Role::Admin)]).narrowed("a", Role::Viewer),
            Grants::default()
        );
    }
}
