//! What is the matter with a target until it is over: people are told once when it begins, however many processes notice it,
//! and once when it ends, where that is worth telling.

use super::{Kind, News, announce};
use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// Notes that something is the matter, and tells people in the same transaction. False: it was known already.
pub async fn begin(
    store: &Store,
    clock: &Clock,
    target: &str,
    kind: Kind,
    subject: &str,
    text: &str,
) -> Result<bool, StoreError> {
    let now = clock.now_ms();
    let mut tx = store.begin().await?;
    let noted = sqlx::query(
        "INSERT INTO condition (target, kind, since) VALUES ($1, $2, $3) ON CONFLICT (target, kind) DO NOTHING",
    )
    .bind(target)
    .bind(kind.word())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if noted.rows_affected() == 0 {
        return Ok(false);
    }
    let news = News {
        event: &format!("{}:{target}:{now}", kind.word()),
        kind,
        target,
        job: None,
        subject,
        text,
    };
    announce(&mut tx, clock, &news).await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

/// Notes that it is over, and tells people if there is something to tell: a kind, a subject and a text. False: it was not
/// the matter.
pub async fn end(
    store: &Store,
    clock: &Clock,
    target: &str,
    kind: Kind,
    tell: Option<(Kind, &str, &str)>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let since: Option<i64> =
        sqlx::query_scalar("DELETE FROM condition WHERE target = $1 AND kind = $2 RETURNING since")
            .bind(target)
            .bind(kind.word())
            .fetch_optional(&mut *tx)
            .await?;
    let Some(since) = since else {
        return Ok(false);
    };
    if let Some((told, subject, text)) = tell {
        let news = News {
            event: &format!("{}:{target}:{since}", told.word()),
            kind: told,
            target,
            job: None,
            subject,
            text,
        };
        announce(&mut tx, clock, &news).await?;
    }
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

/// Since when it is the matter, if it is.
pub async fn since(store: &Store, target: &str, kind: Kind) -> Result<Option<i64>, StoreError> {
    let since = sqlx::query_scalar("SELECT since FROM condition WHERE target = $1 AND kind = $2")
        .bind(target)
        .bind(kind.word())
        .fetch_optional(store.read())
        .await?;
    Ok(since)
}
