//! The append-only record of who did what, to which target, with what outcome.
//!
//! What must stay true: an entry is written in the same transaction as what it records, so that neither exists without
//! the other; entries are never changed or deleted; each carries the hash of the one before it, so that an edit, a cut
//! or a reorder shows. Details are sentences without secrets.

use sha2::{Digest, Sha256};
use sqlx::Row;

use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// What is recorded. `at`, `seq` and the hashes are added when it is written.
#[derive(Clone, Debug, Default)]
pub struct Entry<'a> {
    /// Who: a user's name, or `terminal:` and the name of the operating system's user.
    pub actor: &'a str,
    /// What: `sign-in`, `backup.take`, `plan.approve` …
    pub action: &'a str,
    /// On which target.
    pub target: Option<&'a str>,
    /// Through which job.
    pub job: Option<&'a str>,
    /// `requested`, `succeeded`, `failed`, `refused`, `interrupted`, `released`.
    pub outcome: &'a str,
    /// From where: an address, `terminal`, `worker`.
    pub place: &'a str,
    /// One sentence, or empty.
    pub detail: &'a str,
}

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On which target.
    pub target: Option<String>,
    /// Through which job.
    pub job: Option<String>,
    /// With what outcome.
    pub outcome: String,
    /// From where.
    pub place: String,
    /// One sentence, or empty.
    pub detail: String,
    /// The hash of the entry before.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
}

/// Appends an entry. `tx` comes from [`Store::begin`], which keeps every other writer out until it commits: that is
/// why reading the last hash and inserting the next one cannot race.
pub async fn record(tx: &mut Tx, clock: &Clock, entry: &Entry<'_>) -> Result<(), StoreError> {
    let last = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut **tx)
        .await?;
    let (seq, previous_hash) = match last {
        Some(row) => (row.try_get::<i64, _>("seq")? + 1, row.try_get("hash")?),
        None => (1, String::new()),
    };
    let at = clock.now_ms();
    // Postgres's text cannot hold a NUL, and what a tool or a server said may.
    let detail = entry.detail.replace('\0', "\u{fffd}");
    let entry = &Entry {
        detail: &detail,
        ..entry.clone()
    };
    let hash = chain_hash(seq, at, entry, &previous_hash);
    sqlx::query(
        "INSERT INTO audit (seq, at, actor, action, target, job_id, outcome, place, detail, previous_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(seq)
    .bind(at)
    .bind(entry.actor)
    .bind(entry.action)
    .bind(entry.target)
    .bind(entry.job)
    .bind(entry.outcome)
    .bind(entry.place)
    .bind(entry.detail)
    .bind(previous_hash)
    .bind(hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Appends an entry in a transaction of its own, for what changes nothing else (a refused sign-in, a download).
pub async fn record_alone(
    store: &Store,
    clock: &Clock,
    entry: &Entry<'_>,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    record(&mut tx, clock, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// The newest entries before `before` (exclusive; `None` starts at the end), newest first.
pub async fn page(
    store: &Store,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, actor, action, target, job_id, outcome, place, detail, previous_hash, hash FROM audit \
         WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
    )
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Recorded {
                seq: row.try_get("seq")?,
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                action: row.try_get("action")?,
                target: row.try_get("target")?,
                job: row.try_get("job_id")?,
                outcome: row.try_get("outcome")?,
                place: row.try_get("place")?,
                detail: row.try_get("detail")?,
                previous_hash: row.try_get("previous_hash")?,
                hash: row.try_get("hash")?,
            })
        })
        .collect()
}

/// From where a job was asked for.
pub async fn place_of_request(store: &Store, job: &str) -> Result<Option<String>, StoreError> {
    let place = sqlx::query_scalar(
        "SELECT place FROM audit WHERE job_id = $1 AND outcome = 'requested' ORDER BY seq LIMIT 1",
    )
    .bind(job)
    .fetch_optional(store.read())
    .await?;
    Ok(place)
}

/// SHA-256 over every field. Each is preceded by its length in bytes (eight, big-endian), so that no two entries read the
/// same when joined.
fn chain_hash(seq: i64, at: i64, entry: &Entry<'_>, previous_hash: &str) -> String {
    let mut hasher = Sha256::new();
    let (seq, at) = (seq.to_string(), at.to_string());
    for field in [
        seq.as_str(),
        at.as_str(),
        entry.actor,
        entry.action,
        entry.target.unwrap_or_default(),
        entry.job.unwrap_or_default(),
        entry.outcome,
        entry.place,
        entry.detail,
        previous_hash,
    ] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    base16ct::lower::encode_string(&hasher.finalize())
}
