//! The log of a job, read in pieces: it may have one line or a hundred thousand.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::job::Line;
use crate::operation::{Event, Level};
use crate::store::{Store, StoreError};

/// Which piece of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What stands at its end.
    End,
    /// From the line of this number on.
    From(i64),
    /// What stands right before the line of this number.
    Before(i64),
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its lines, oldest first.
    pub lines: Vec<Line>,
    /// Whether there are lines before it.
    pub earlier: bool,
    /// Whether there are lines after it.
    pub later: bool,
}

/// The lines after `after` (exclusive), oldest first, at most `limit`.
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
    rows.iter().map(decode).collect()
}

/// A piece of the log of at most `limit` lines; `loud`: of its warnings and errors only.
pub async fn piece(
    store: &Store,
    id: &str,
    part: Part,
    loud: bool,
    limit: i64,
) -> Result<Piece, StoreError> {
    let lines = match part {
        Part::From(first) => {
            let rows = sqlx::query(
                "SELECT seq, at, level, step, text FROM job_event WHERE job_id = $1 AND seq >= $2 \
                 AND ($3 = 0 OR level IN ('warn', 'error')) ORDER BY seq LIMIT $4",
            )
            .bind(id)
            .bind(first)
            .bind(i64::from(loud))
            .bind(limit)
            .fetch_all(store.read())
            .await?;
            rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?
        }
        Part::End | Part::Before(_) => {
            let before = match part {
                Part::Before(before) => before,
                _ => i64::MAX,
            };
            let rows = sqlx::query(
                "SELECT seq, at, level, step, text FROM job_event WHERE job_id = $1 AND seq < $2 \
                 AND ($3 = 0 OR level IN ('warn', 'error')) ORDER BY seq DESC LIMIT $4",
            )
            .bind(id)
            .bind(before)
            .bind(i64::from(loud))
            .bind(limit)
            .fetch_all(store.read())
            .await?;
            rows.iter().rev().map(decode).collect::<Result<_, _>>()?
        }
    };
    let ends = sqlx::query(
        "SELECT coalesce(min(seq), 0) AS first, coalesce(max(seq), 0) AS last FROM job_event \
         WHERE job_id = $1 AND ($2 = 0 OR level IN ('warn', 'error'))",
    )
    .bind(id)
    .bind(i64::from(loud))
    .fetch_one(store.read())
    .await?;
    let (first, last): (i64, i64) = (ends.try_get("first")?, ends.try_get("last")?);
    Ok(Piece {
        earlier: lines.first().is_some_and(|line| line.seq > first),
        later: lines.last().is_some_and(|line| line.seq < last),
        lines,
    })
}

/// The last line of the log that is not about the interruption itself: how far the work had come.
pub async fn last_done(store: &Store, id: &str) -> Result<Option<Line>, StoreError> {
    let row = sqlx::query(
        "SELECT seq, at, level, step, text FROM job_event WHERE job_id = $1 AND step <> 'Interrupted' \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

fn decode(row: &AnyRow) -> Result<Line, StoreError> {
    Ok(Line {
        seq: row.try_get("seq")?,
        event: Event {
            at: row.try_get("at")?,
            level: Level::from_word(row.try_get("level")?),
            step: row.try_get("step")?,
            text: row.try_get("text")?,
        },
    })
}
