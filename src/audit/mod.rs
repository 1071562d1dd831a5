//! The append-only record of who did what, to which target, with what outcome.
//!
//! What must stay true: an entry is written in the same transaction as what it records, so that neither exists without
//! the other; entries are never changed or deleted; each carries the hash of the one before it, and the head names the
//! newest, so that an edit, a cut or a reorder shows, and goes on to show after more was written. Details are sentences
//! without secrets.
//!
//! [`chain`] says what is hashed, [`verify`] reads the whole chain, [`fault`] is what it finds, [`filter`] finds entries in it, [`export`] is how
//! they leave.

pub mod chain;
pub mod export;
pub mod fault;
pub mod filter;
pub mod moment;
pub mod verify;

use sqlx::Row;
use sqlx::any::AnyRow;

pub use chain::Head;
pub use fault::Fault;
pub use filter::{Filter, page};

use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// Who does something, and from where, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'a> {
    /// A user's name, `terminal:` and the name of the operating system's user, or `lockkeeper`.
    pub actor: &'a str,
    /// An address, `terminal`, `worker`, `schedule`.
    pub place: &'a str,
}

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
    /// `requested`, `succeeded`, `failed`, `refused`, `cancelled`, `interrupted`, `reconciled: failed` …
    pub outcome: &'a str,
    /// From where: an address, `terminal`, `worker`.
    pub place: &'a str,
    /// One sentence, or empty.
    pub detail: &'a str,
    /// Of a changed setting: what it was, as JSON without secrets.
    pub before: Option<&'a str>,
    /// Of a changed setting: what it became, as JSON without secrets.
    pub after: Option<&'a str>,
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
    /// Of a changed setting: what it was, as JSON.
    pub before: Option<String>,
    /// Of a changed setting: what it became, as JSON.
    pub after: Option<String>,
    /// The hash of the entry before.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
}

/// Appends an entry. `tx` comes from [`Store::begin`], which keeps every other writer out until it commits: that is
/// why reading the last hash and inserting the next one cannot race.
pub async fn record(tx: &mut Tx, clock: &Clock, entry: &Entry<'_>) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT h.seq AS head_seq, h.hash AS head_hash, a.seq, a.hash \
         FROM (SELECT CAST(1 AS BIGINT) AS one) x LEFT JOIN audit_head h ON h.one = x.one \
         LEFT JOIN audit a ON a.seq = (SELECT max(seq) FROM audit)",
    )
    .fetch_one(&mut **tx)
    .await?;
    let head = Head::read(&row, "head_seq", "head_hash")?;
    let last = Head::read(&row, "seq", "hash")?;
    let first = head.is_none() && last.is_none();
    let previous = continued(head, last);
    let mut written = Recorded {
        seq: previous.seq + 1,
        at: clock.now_ms(),
        actor: clean(entry.actor),
        action: clean(entry.action),
        target: some(entry.target),
        job: some(entry.job),
        outcome: clean(entry.outcome),
        place: clean(entry.place),
        detail: clean(entry.detail),
        before: entry.before.map(clean),
        after: entry.after.map(clean),
        previous_hash: previous.hash.clone(),
        hash: String::new(),
    };
    written.hash = chain::hash(&written);
    insert(tx, &written).await?;
    move_head(tx, &written, (!first).then_some(&previous)).await
}

/// The head moves from the entry it names to the next one and in no other way: one that is gone, or does not name the
/// last entry here, goes on saying so.
async fn move_head(
    tx: &mut Tx,
    written: &Recorded,
    previous: Option<&Head>,
) -> Result<(), StoreError> {
    let moving = match previous {
        None => sqlx::query("INSERT INTO audit_head (one, seq, hash) VALUES (1, $1, $2)")
            .bind(written.seq)
            .bind(&written.hash),
        Some(previous) => sqlx::query(
            "UPDATE audit_head SET seq = $1, hash = $2 WHERE one = 1 AND seq = $3 AND hash = $4",
        )
        .bind(written.seq)
        .bind(&written.hash)
        .bind(previous.seq)
        .bind(&previous.hash),
    };
    moving.execute(&mut **tx).await?;
    Ok(())
}

/// Which entry the next one continues. Where the end was cut off the head knows further than the entries do; continuing
/// there leaves the gap to be found.
fn continued(head: Option<Head>, last: Option<Head>) -> Head {
    match (head, last) {
        (Some(head), Some(last)) if last.seq > head.seq => last,
        (Some(head), _) => head,
        (None, Some(last)) => last,
        (None, None) => Head::default(),
    }
}

async fn insert(tx: &mut Tx, entry: &Recorded) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (seq, at, actor, action, target, job_id, outcome, place, detail, before_value, after_value, \
         previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(entry.seq)
    .bind(entry.at)
    .bind(&entry.actor)
    .bind(&entry.action)
    .bind(&entry.target)
    .bind(&entry.job)
    .bind(&entry.outcome)
    .bind(&entry.place)
    .bind(&entry.detail)
    .bind(&entry.before)
    .bind(&entry.after)
    .bind(&entry.previous_hash)
    .bind(&entry.hash)
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

impl Recorded {
    /// An entry from a row that has every column of the table.
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            target: row.try_get("target")?,
            job: row.try_get("job_id")?,
            outcome: row.try_get("outcome")?,
            place: row.try_get("place")?,
            detail: row.try_get("detail")?,
            before: row.try_get("before_value")?,
            after: row.try_get("after_value")?,
            previous_hash: row.try_get("previous_hash")?,
            hash: row.try_get("hash")?,
        })
    }
}

/// Postgres's text cannot hold a NUL, and what a tool or a server said may.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// An empty name is none: the hash of both is the same, so only one of them may stand in the table.
fn some(name: Option<&str>) -> Option<String> {
    name.filter(|name| !name.is_empty()).map(clean)
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
