//! Looking at jobs. Nothing here writes.

use super::job::{Job, decode};
use crate::store::{Store, StoreError};

/// One job.
pub async fn get(store: &Store, id: &str) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query(
        "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The newest jobs before `before` (an id, exclusive), of one target or of all, newest first.
pub async fn page(
    store: &Store,
    target: Option<&str>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job \
         WHERE ($1 IS NULL OR target = $1) AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(target)
    .bind(before)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// Jobs that wait, run or are interrupted, oldest first: what the pages show as being under way.
pub async fn open(store: &Store) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, payload, state, actor, created_at, started_at, ended_at, outcome, trouble FROM job \
         WHERE state IN ('queued', 'running', 'interrupted') ORDER BY id LIMIT 200",
    )
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// When a job of the target last ended, in milliseconds since the epoch: what was known of the target before is old.
pub async fn last_ended(store: &Store, target: &str) -> Result<Option<i64>, StoreError> {
    let at = sqlx::query_scalar("SELECT max(ended_at) FROM job WHERE target = $1")
        .bind(target)
        .fetch_one(store.read())
        .await?;
    Ok(at)
}
