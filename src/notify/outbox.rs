//! The outbox: what people are told, from the transaction in which it became true until it was sent or given up.

use super::notification::{Notification, State, columns, decode};
use super::{Channel, Kind, Subscription, cut, one_line, subscription};
use crate::audit::{self, By};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// The most characters of a subject.
const SUBJECT: usize = 200;
/// The most characters of a text.
const BODY: usize = 4_000;
/// How long a claimed notification is left to the one who claimed it, in milliseconds: longer than any try takes.
pub(super) const CLAIM_MS: i64 = 30_000;
/// How long is waited after each failed try, in milliseconds. After the last of them it is given up.
const PAUSES_MS: [i64; 5] = [60_000, 300_000, 1_800_000, 7_200_000, 21_600_000];

/// Something that has become true.
#[derive(Clone, Debug)]
pub struct News<'a> {
    /// What happened, the same for whoever notices it: `job:<id>:failed`. Nobody is told twice of one event.
    pub event: &'a str,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The name of the target.
    pub target: &'a str,
    /// The job that it is about.
    pub job: Option<&'a str>,
    /// One line.
    pub subject: &'a str,
    /// Some sentences, without secrets.
    pub text: &'a str,
}

/// Writes a row for each channel on which somebody wants to be told of this, in the caller's transaction: rolled back,
/// nobody is told. Returns how many. The caller commits, then calls [`Store::wake`].
pub async fn announce(tx: &mut Tx, clock: &Clock, news: &News<'_>) -> Result<u64, StoreError> {
    let mut told = 0;
    for channel in subscription::channels(tx, news.target, news.kind).await? {
        told += insert(tx, clock, news, &channel).await?;
    }
    Ok(told)
}

async fn insert(
    tx: &mut Tx,
    clock: &Clock,
    news: &News<'_>,
    channel: &Channel,
) -> Result<u64, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO notification (id, event_key, kind, target, job_id, channel, subject, body, created_at, state, \
         next_try_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $9) \
         ON CONFLICT (event_key, channel) DO NOTHING",
    )
    .bind(clock.id())
    .bind(news.event)
    .bind(news.kind.word())
    .bind(news.target)
    .bind(news.job)
    .bind(channel.to_string())
    .bind(one_line(news.subject, SUBJECT))
    // Postgres's text cannot hold a NUL, and what a server said may.
    .bind(cut(news.text, BODY).replace('\0', "\u{fffd}"))
    .bind(clock.now_ms())
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected())
}

/// Sends a test on the channel of a subscription, on behalf of somebody. While one waits there, that is the one.
pub async fn test(
    store: &Store,
    clock: &Clock,
    subscription: &Subscription,
    by: By<'_>,
) -> Result<(), StoreError> {
    let channel = subscription.channel.to_string();
    let mut tx = store.begin().await?;
    let waits: Option<String> = sqlx::query_scalar(
        "SELECT id FROM notification WHERE kind = 'test' AND channel = $1 AND state = 'waiting' LIMIT 1",
    )
    .bind(&channel)
    .fetch_optional(&mut *tx)
    .await?;
    if waits.is_some() {
        return Ok(());
    }
    let news = News {
        event: &format!("test:{}", clock.id()),
        kind: Kind::Test,
        target: &subscription.target,
        job: None,
        subject: "This is a test",
        text: &format!(
            "{} has sent this test from Lockkeeper. Nothing has happened. What you are told of from now on comes the same way.",
            one_line(by.actor, 100)
        ),
    };
    insert(&mut tx, clock, &news, &subscription.channel).await?;
    let entry = audit::Entry {
        actor: by.actor,
        action: "subscription.test",
        target: Some(&subscription.target),
        outcome: "requested",
        place: by.place,
        detail: &channel,
        ..audit::Entry::default()
    };
    audit::record(&mut tx, clock, &entry).await?;
    tx.commit().await?;
    store.wake().await;
    Ok(())
}

/// Sends one that was given up again, on behalf of somebody, with all its tries. False: it is not given up.
pub async fn again(
    store: &Store,
    clock: &Clock,
    notification: &Notification,
    by: By<'_>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let revived = sqlx::query(
        "UPDATE notification SET state = 'waiting', tries = 0, next_try_at = $1 WHERE id = $2 AND state = 'given-up'",
    )
    .bind(clock.now_ms())
    .bind(&notification.id)
    .execute(&mut *tx)
    .await?;
    if revived.rows_affected() == 0 {
        return Ok(false);
    }
    let detail = format!("{}: {}", notification.channel, notification.subject);
    let entry = audit::Entry {
        actor: by.actor,
        action: "notification.again",
        target: Some(&notification.target),
        job: notification.job.as_deref(),
        outcome: "requested",
        place: by.place,
        detail: &detail,
        ..audit::Entry::default()
    };
    audit::record(&mut tx, clock, &entry).await?;
    tx.commit().await?;
    store.wake().await;
    Ok(true)
}

/// Takes at most `most` notifications that are due. Writers of the store never overlap, so each goes to one caller, and to
/// nobody else until its time is over: a program that dies while it sends leaves it to the next.
pub async fn claim(
    store: &Store,
    clock: &Clock,
    most: i64,
) -> Result<Vec<Notification>, StoreError> {
    let now = clock.now_ms();
    // A look first: nearly always nothing is due, and then no write lock is taken.
    let due: Option<String> = sqlx::query_scalar(
        "SELECT id FROM notification WHERE state = 'waiting' AND next_try_at <= $1 LIMIT 1",
    )
    .bind(now)
    .fetch_optional(store.read())
    .await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = store.begin().await?;
    let rows = sqlx::query(concat!(
        "UPDATE notification SET tries = tries + 1, next_try_at = $1 WHERE id IN \
         (SELECT id FROM notification WHERE state = 'waiting' AND next_try_at <= $2 ORDER BY next_try_at, id LIMIT $3) \
         RETURNING ",
        columns!()
    ))
    .bind(now + CLAIM_MS)
    .bind(now)
    .bind(most)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut claimed: Vec<Notification> = rows.iter().map(decode).collect::<Result<_, _>>()?;
    claimed.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(claimed)
}

/// Notes that a channel has taken it.
pub async fn sent(store: &Store, clock: &Clock, id: &str) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "UPDATE notification SET state = 'sent', sent_at = $1, error = NULL WHERE id = $2 AND state <> 'sent'",
    )
    .bind(clock.now_ms())
    .bind(id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Notes why a try failed, and when the next one is; after the last it is given up. A try that somebody else has taken
/// over meanwhile says nothing.
pub async fn failed(
    store: &Store,
    clock: &Clock,
    notification: &Notification,
    why: &str,
) -> Result<State, StoreError> {
    let done = usize::try_from(notification.tries - 1).unwrap_or_default();
    let pause = PAUSES_MS.get(done);
    let state = pause.map_or(State::GivenUp, |_| State::Waiting);
    let mut tx = store.begin().await?;
    sqlx::query(
        "UPDATE notification SET state = $1, next_try_at = $2, error = $3 \
         WHERE id = $4 AND state = 'waiting' AND tries = $5",
    )
    .bind(state.word())
    .bind(clock.now_ms() + pause.unwrap_or(&0))
    .bind(one_line(why, 500))
    .bind(&notification.id)
    .bind(notification.tries)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(state)
}
