//! Looking at jobs. Nothing here writes.

use sqlx::Row;

use super::job::{Job, State, columns, decode, readable};
use crate::job::Operation;
use crate::store::{Store, StoreError};

/// One job.
pub async fn get(store: &Store, id: &str) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM job WHERE id = $1"))
        .bind(id)
        .fetch_optional(store.read())
        .await?;
    row.as_ref().map(decode).transpose()
}

/// Which states a page of jobs shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are not over, interrupted ones among them.
    Open,
    /// One of them.
    In(State),
}

/// What a page of jobs is narrowed to; what is none narrows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Where they stand.
    pub which: Option<Which>,
    /// The name of the operation, as in the store.
    pub kind: Option<&'a str>,
    /// The name of the target.
    pub target: Option<&'a str>,
    /// On whose behalf.
    pub actor: Option<&'a str>,
    /// Only of these targets: their names between slashes ([`crate::auth::role::Grants::scope`]).
    pub scope: Option<&'a str>,
}

/// The newest jobs before `before` (an id, exclusive) that the filter shows, newest first.
pub async fn page(
    store: &Store,
    filter: &Filter<'_>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let (open, state) = match filter.which {
        Some(Which::Open) => (1_i64, None),
        Some(Which::In(state)) => (0, Some(state.word())),
        None => (0, None),
    };
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM job WHERE ($1 = 0 OR state IN ('scheduled', 'queued', 'running', 'interrupted')) \
         AND (CAST($2 AS TEXT) IS NULL OR state = $2) AND (CAST($3 AS TEXT) IS NULL OR kind = $3) \
         AND (CAST($4 AS TEXT) IS NULL OR target = $4) AND (CAST($5 AS TEXT) IS NULL OR actor = $5) \
         AND (CAST($6 AS TEXT) IS NULL OR id < $6) \
         AND (CAST($7 AS TEXT) IS NULL OR replace($7, '/' || target || '/', '') <> $7) ORDER BY id DESC LIMIT $8"
    ))
    .bind(open)
    .bind(state)
    .bind(filter.kind)
    .bind(filter.target)
    .bind(filter.actor)
    .bind(before)
    .bind(filter.scope)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    Ok(readable(&rows))
}

/// How many jobs of the targets in `scope` are in each state that is not an end; states of none are left out.
pub async fn open_counts(
    store: &Store,
    scope: Option<&str>,
) -> Result<Vec<(State, i64)>, StoreError> {
    let rows = sqlx::query(
        "SELECT state, count(*) AS jobs FROM job WHERE state IN ('scheduled', 'queued', 'running', 'interrupted') \
         AND (CAST($1 AS TEXT) IS NULL OR replace($1, '/' || target || '/', '') <> $1) GROUP BY state",
    )
    .bind(scope)
    .fetch_all(store.read())
    .await?;
    let mut counts = Vec::new();
    for row in &rows {
        let word: String = row.try_get("state")?;
        if let Some(state) = State::from_word(&word) {
            counts.push((state, row.try_get("jobs")?));
        }
    }
    Ok(counts)
}

/// The operations of which there are jobs, by name: what a filter can be set to.
pub async fn kinds(store: &Store) -> Result<Vec<Operation>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM job WHERE id IN (SELECT max(id) FROM job GROUP BY kind) ORDER BY kind"
    ))
    .fetch_all(store.read())
    .await?;
    let newest: Vec<Job> = rows.iter().map(decode).collect::<Result<_, _>>()?;
    Ok(newest.into_iter().map(|job| job.operation).collect())
}

/// The exclusive job that runs, or is interrupted, on a target: whatever else is exclusive waits for it.
pub async fn in_the_way(store: &Store, target: &str) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM job WHERE target = $1 AND exclusive = 1 AND state IN ('running', 'interrupted')"
    ))
    .bind(target)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// Jobs that wait, run or are interrupted, oldest first: what the pages show as being under way.
pub async fn open(store: &Store) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM job \
         WHERE state IN ('queued', 'running', 'interrupted') ORDER BY id LIMIT 200"
    ))
    .fetch_all(store.read())
    .await?;
    Ok(readable(&rows))
}

/// When a job of the target last ended, in milliseconds since the epoch: what was known of the target before is old.
pub async fn last_ended(store: &Store, target: &str) -> Result<Option<i64>, StoreError> {
    let at = sqlx::query_scalar("SELECT max(ended_at) FROM job WHERE target = $1")
        .bind(target)
        .fetch_one(store.read())
        .await?;
    Ok(at)
}
