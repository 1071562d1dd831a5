//! Who is told of what: a channel, for one target or every target, and the kinds of notification. Each change is one
//! transaction with its audit entry.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Channel, Kind};
use crate::audit::{self, By};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// The target of a subscription to every target, also of those to come.
pub const EVERY_TARGET: &str = "*";
/// The most subscriptions of a target, and of all targets together.
pub const MOST: usize = 12;

/// Somebody wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// UUID v7.
    pub id: String,
    /// The name of the target, or [`EVERY_TARGET`].
    pub target: String,
    /// How.
    pub channel: Channel,
    /// Of what; never empty, each once, in the order of [`Kind::TOPICS`].
    pub kinds: Vec<Kind>,
    /// Who made it.
    pub created_by: String,
    /// Milliseconds since the epoch, as all times here.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
}

/// The columns that [`decode`] reads.
macro_rules! columns {
    () => {
        "id, target, channel, kinds, created_by, created_at, updated_at"
    };
}

/// Why a subscription is not made or not changed.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// It would tell of nothing.
    #[error("Choose at least one thing to be told of.")]
    NoKind,
    /// There is one.
    #[error("This channel is subscribed here already. Change that subscription instead.")]
    Exists,
    /// There are enough.
    #[error("There are {MOST} subscriptions here already, which is the most. Remove one first.")]
    TooMany,
    /// It is not there any more.
    #[error("Somebody has removed this subscription meanwhile.")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for SubscriptionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Subscription {
    /// What the audit says of it.
    fn facts(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.word()).collect();
        serde_json::json!({ "channel": self.channel.to_string(), "kinds": kinds.join(", ") })
            .to_string()
    }

    /// Whether it concerns that target.
    #[must_use]
    pub fn concerns(&self, target: &str) -> bool {
        self.target == EVERY_TARGET || self.target == target
    }
}

/// Makes a subscription for a target, or for [`EVERY_TARGET`].
pub async fn create(
    store: &Store,
    clock: &Clock,
    target: &str,
    channel: &Channel,
    kinds: &[Kind],
    by: By<'_>,
) -> Result<Subscription, SubscriptionError> {
    let kinds = chosen(kinds)?;
    let mut tx = store.begin().await?;
    let there = read(
        &sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM subscription WHERE target = $1"
        ))
        .bind(target)
        .fetch_all(&mut *tx)
        .await?,
    );
    if there.iter().any(|one| one.channel == *channel) {
        return Err(SubscriptionError::Exists);
    }
    if there.len() >= MOST {
        return Err(SubscriptionError::TooMany);
    }
    let now = clock.now_ms();
    let subscription = Subscription {
        id: clock.id(),
        target: target.to_owned(),
        channel: channel.clone(),
        kinds,
        created_by: by.actor.to_owned(),
        created_at: now,
        updated_at: now,
    };
    sqlx::query(
        "INSERT INTO subscription (id, target, channel, kinds, created_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(&subscription.id)
    .bind(target)
    .bind(channel.to_string())
    .bind(stored(&subscription.kinds))
    .bind(by.actor)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    record(
        &mut tx,
        clock,
        "subscription.create",
        None,
        Some(&subscription),
        by,
    )
    .await?;
    tx.commit().await?;
    Ok(subscription)
}

/// Changes what a subscription tells of.
pub async fn change(
    store: &Store,
    clock: &Clock,
    id: &str,
    kinds: &[Kind],
    by: By<'_>,
) -> Result<(), SubscriptionError> {
    let kinds = chosen(kinds)?;
    let mut tx = store.begin().await?;
    let before = one(&mut tx, id).await?.ok_or(SubscriptionError::Gone)?;
    if before.kinds == kinds {
        return Ok(());
    }
    let after = Subscription {
        kinds,
        updated_at: clock.now_ms(),
        ..before.clone()
    };
    sqlx::query("UPDATE subscription SET kinds = $1, updated_at = $2 WHERE id = $3")
        .bind(stored(&after.kinds))
        .bind(after.updated_at)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    let (before, after) = (Some(&before), Some(&after));
    record(&mut tx, clock, "subscription.change", before, after, by).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes a subscription. What was told before and waits is still sent.
pub async fn remove(
    store: &Store,
    clock: &Clock,
    id: &str,
    by: By<'_>,
) -> Result<(), SubscriptionError> {
    let mut tx = store.begin().await?;
    let before = one(&mut tx, id).await?.ok_or(SubscriptionError::Gone)?;
    sqlx::query("DELETE FROM subscription WHERE id = $1")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    record(
        &mut tx,
        clock,
        "subscription.remove",
        Some(&before),
        None,
        by,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The subscriptions that concern a target, those to every target among them, oldest first.
pub async fn list(store: &Store, target: &str) -> Result<Vec<Subscription>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM subscription WHERE target IN ($1, '*') ORDER BY id"
    ))
    .bind(target)
    .fetch_all(store.read())
    .await?;
    Ok(read(&rows))
}

/// All subscriptions.
pub async fn all(store: &Store) -> Result<Vec<Subscription>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM subscription ORDER BY id"
    ))
    .fetch_all(store.read())
    .await?;
    Ok(read(&rows))
}

/// The channels on which somebody wants to be told of this.
pub(super) async fn channels(
    tx: &mut Tx,
    target: &str,
    kind: Kind,
) -> Result<Vec<Channel>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM subscription WHERE target IN ($1, '*') ORDER BY id"
    ))
    .bind(target)
    .fetch_all(&mut **tx)
    .await?;
    Ok(read(&rows)
        .into_iter()
        .filter(|one| one.kinds.contains(&kind.topic()))
        .map(|one| one.channel)
        .collect())
}

async fn one(tx: &mut Tx, id: &str) -> Result<Option<Subscription>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM subscription WHERE id = $1"
    ))
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    row.as_ref().map(decode).transpose()
}

/// What was chosen, each once and in our order.
fn chosen(kinds: &[Kind]) -> Result<Vec<Kind>, SubscriptionError> {
    let kinds: Vec<Kind> = Kind::TOPICS
        .into_iter()
        .filter(|kind| kinds.contains(kind))
        .collect();
    if kinds.is_empty() {
        return Err(SubscriptionError::NoKind);
    }
    Ok(kinds)
}

fn stored(kinds: &[Kind]) -> String {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
    serde_json::json!(words).to_string()
}

/// The subscriptions of these rows. One that only a newer program can read is left out: it must not silence the others.
fn read(rows: &[AnyRow]) -> Vec<Subscription> {
    rows.iter()
        .filter_map(|row| {
            decode(row)
                .inspect_err(
                    |error| tracing::warn!(%error, "a subscription cannot be read and is left out"),
                )
                .ok()
        })
        .collect()
}

fn decode(row: &AnyRow) -> Result<Subscription, StoreError> {
    let channel: String = row.try_get("channel")?;
    let kinds: String = row.try_get("kinds")?;
    let words: Vec<String> = serde_json::from_str(&kinds).map_err(|error| StoreError::Value {
        what: "subscription",
        reason: error.to_string(),
    })?;
    Ok(Subscription {
        id: row.try_get("id")?,
        target: row.try_get("target")?,
        channel: Channel::from_stored(&channel).ok_or(StoreError::Value {
            what: "channel",
            reason: channel,
        })?,
        // A kind that only a newer program knows is nothing that this one could tell of.
        kinds: words
            .iter()
            .filter_map(|word| Kind::from_word(word))
            .collect(),
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// The audit entry of a change, with what the subscription was and what it became.
async fn record(
    tx: &mut Tx,
    clock: &Clock,
    action: &str,
    before: Option<&Subscription>,
    after: Option<&Subscription>,
    by: By<'_>,
) -> Result<(), StoreError> {
    let Some(subscription) = after.or(before) else {
        return Ok(());
    };
    let detail = subscription.channel.to_string();
    let (before, after) = (
        before.map(Subscription::facts),
        after.map(Subscription::facts),
    );
    let entry = audit::Entry {
        actor: by.actor,
        action,
        target: Some(&subscription.target),
        outcome: "succeeded",
        place: by.place,
        detail: &detail,
        before: before.as_deref(),
        after: after.as_deref(),
        ..audit::Entry::default()
    };
    audit::record(tx, clock, &entry).await
}
