//! Putting jobs into the queue: one transaction for the job and the audit entry of its request.

use sha2::{Digest, Sha256};

use super::{By, json};
use crate::audit;
use crate::clock::Clock;
use crate::job::Operation;
use crate::store::{StoreError, Tx};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is to be run.
    pub operation: &'a Operation,
    /// On whose behalf, and from where.
    pub by: By<'a>,
    /// The same key again, by the same actor for the same operation, is the same request: it leads to the first one's
    /// job, even when that has ended.
    pub key: Option<&'a str>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job's id.
    pub id: String,
    /// False: the job was there already.
    pub is_new: bool,
}

/// Puts an operation into the queue, with its audit entry. The caller commits, then calls
/// [`Store::wake`](crate::store::Store::wake).
///
/// When the same request was made before, or the same operation waits or runs already and is not to stop, that job is returned instead and
/// nothing is written: a double click makes one job. Two requests at the same moment cannot both find none, for writers
/// of the store never overlap; a unique index proves it.
pub async fn enqueue(
    tx: &mut Tx,
    clock: &Clock,
    request: &Request<'_>,
) -> Result<Enqueued, StoreError> {
    let operation = request.operation;
    let payload = json(operation)?;
    let key = request
        .key
        .map(|key| idempotency_key(request.by.actor, &payload, key));
    let there: Option<String> = sqlx::query_scalar(
        "SELECT id FROM job WHERE idempotency_key = $1 \
         OR (target = $2 AND payload = $3 AND state IN ('queued', 'running') \
         AND cancel_asked_at IS NULL) ORDER BY id LIMIT 1",
    )
    .bind(&key)
    .bind(operation.target())
    .bind(&payload)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(id) = there {
        return Ok(Enqueued { id, is_new: false });
    }
    let id = clock.id();
    sqlx::query(
        "INSERT INTO job (id, kind, target, payload, state, exclusive, priority, actor, created_at, idempotency_key) \
         VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9)",
    )
    .bind(&id)
    .bind(operation.kind())
    .bind(operation.target())
    .bind(payload)
    .bind(i64::from(operation.is_exclusive()))
    .bind(operation.priority())
    .bind(request.by.actor)
    .bind(clock.now_ms())
    .bind(&key)
    .execute(&mut **tx)
    .await?;
    let entry = audit::Entry {
        actor: request.by.actor,
        action: operation.kind(),
        target: Some(operation.target()),
        job: Some(&id),
        outcome: "requested",
        place: request.by.place,
        detail: "",
        ..audit::Entry::default()
    };
    audit::record(tx, clock, &entry).await?;
    Ok(Enqueued { id, is_new: true })
}

/// SHA-256 over who asks for what with which key, so that a key used again for something else is another request. Each
/// part is preceded by its length.
fn idempotency_key(actor: &str, payload: &str, key: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [actor, payload, key] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    base16ct::lower::encode_string(&hasher.finalize())
}
