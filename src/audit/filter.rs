//! Finding entries: by who, what, on which target, with what outcome, since and until when.

use super::Recorded;
use crate::store::{Store, StoreError};

/// Which entries are meant. What is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action.
    pub action: Option<String>,
    /// Exactly this target.
    pub target: Option<String>,
    /// Exactly this outcome.
    pub outcome: Option<String>,
    /// From this millisecond since the epoch on.
    pub from_ms: Option<i64>,
    /// Before this millisecond since the epoch.
    pub to_ms: Option<i64>,
    /// Only of these targets, their names between slashes, as in `/a/b/`: what is about none of them is left out too.
    pub scope: Option<String>,
}

/// The one SELECT in each of its forms. `$lead` repeats one condition without its `IS NULL`, which is what lets the
/// engine use that column's index.
macro_rules! select {
    ($lead:literal, $range:literal) => {
        concat!(
            "SELECT seq, at, actor, action, target, job_id, outcome, place, detail, before_value, after_value, \
             previous_hash, hash FROM audit WHERE ",
            $lead,
            "(CAST($1 AS TEXT) IS NULL OR actor = $1) AND (CAST($2 AS TEXT) IS NULL OR action = $2) \
             AND (CAST($3 AS TEXT) IS NULL OR target = $3) AND (CAST($4 AS TEXT) IS NULL OR outcome = $4) \
             AND at >= $5 AND at < $6 \
             AND (CAST($7 AS TEXT) IS NULL OR replace($7, '/' || target || '/', '') <> $7) AND ",
            $range
        )
    };
}

/// The forms of [`select`] for a range of numbers.
macro_rules! forms {
    ($range:literal) => {
        Forms {
            target: select!("target = $3 AND ", $range),
            actor: select!("actor = $1 AND ", $range),
            action: select!("action = $2 AND ", $range),
            any: select!("", $range),
        }
    };
}

struct Forms {
    target: &'static str,
    actor: &'static str,
    action: &'static str,
    any: &'static str,
}

const NEWEST_FIRST: Forms = forms!("seq < $8 ORDER BY seq DESC LIMIT $9");
const OLDEST_FIRST: Forms = forms!("seq > $8 AND seq <= $9 ORDER BY seq LIMIT $10");

impl Filter {
    /// Whether every entry is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn form(&self, forms: &Forms) -> &'static str {
        if self.target.is_some() {
            forms.target
        } else if self.actor.is_some() {
            forms.actor
        } else if self.action.is_some() {
            forms.action
        } else {
            forms.any
        }
    }

    /// The entries of a range of numbers, whose bounds `range` binds after those of the filter.
    async fn select(
        &self,
        store: &Store,
        forms: &Forms,
        range: &[i64],
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut query = sqlx::query(self.form(forms))
            .bind(&self.actor)
            .bind(&self.action)
            .bind(&self.target)
            .bind(&self.outcome)
            .bind(self.from_ms.unwrap_or(i64::MIN))
            .bind(self.to_ms.unwrap_or(i64::MAX))
            .bind(&self.scope);
        for bound in range {
            query = query.bind(bound);
        }
        let rows = query.fetch_all(store.read()).await?;
        let read: Result<_, sqlx::Error> = rows.iter().map(Recorded::read).collect();
        Ok(read?)
    }
}

/// At most `limit` of the entries, newest first, from before `before` (exclusive; `None` starts at the end).
pub async fn page(
    store: &Store,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let range = [before.unwrap_or(i64::MAX), limit];
    filter.select(store, &NEWEST_FIRST, &range).await
}

/// At most `limit` of the entries, oldest first, with numbers above `after` and up to `last`.
pub async fn following(
    store: &Store,
    filter: &Filter,
    after: i64,
    last: i64,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let range = [after, last, limit];
    filter.select(store, &OLDEST_FIRST, &range).await
}
