//! Looking at jobs and their logs. Nothing here writes.

use sqlx::Row;

use super::job::{Job, Line, columns, decode};
use crate::operation::{Event, Level};
use crate::store::{Store, StoreError};

/// One job.
pub async fn get(store: &Store, id: &str) -> Result<Option<Job>, StoreError> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM job WHERE id = $1"))
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
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM job \
         WHERE ($1 IS NULL OR target = $1) AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
    ))
    .bind(target)
    .bind(before)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
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

/// The log of a job after `after` (exclusive), oldest first, at most `limit` lines.
pub async fn lines(
    store: &Store,
    id: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, level, step, text FROM job_event WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(id)
    .bind(after)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Line {
                seq: row.try_get("seq")?,
                event: Event {
                    at: row.try_get("at")?,
                    level: Level::from_word(row.try_get("level")?),
                    step: row.try_get("step")?,
                    text: row.try_get("text")?,
                },
            })
        })
        .collect()
}
