//! A notification as the outbox holds it, and looking for some of them.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{Channel, EVERY_TARGET, Kind};
use crate::store::{Store, StoreError};

/// Where a notification stands. The words are those of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is to be sent, or sent again.
    Waiting,
    /// It was sent, and its channel took it.
    Sent,
    /// No try succeeded.
    GivenUp,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::GivenUp];

    /// The word of the store and of the pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::GivenUp => "given-up",
        }
    }

    /// The state of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A notification as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// UUID v7; sent along, so that a receiver can tell one that comes twice.
    pub id: String,
    /// What happened.
    pub event: String,
    /// The word of the kind; one of a newer program may be unknown here.
    pub kind: String,
    /// The name of the target, or empty.
    pub target: String,
    /// The job that it is about.
    pub job: Option<String>,
    /// How it is sent.
    pub channel: Channel,
    /// One line.
    pub subject: String,
    /// Some sentences.
    pub text: String,
    /// When it became true, in milliseconds since the epoch, as all times here.
    pub created_at: i64,
    /// Where it stands.
    pub state: State,
    /// How many tries were begun.
    pub tries: i64,
    /// While it waits: not before.
    pub next_try_at: i64,
    /// When it was sent.
    pub sent_at: Option<i64>,
    /// Why the last try failed.
    pub error: Option<String>,
}

impl Notification {
    /// The path of the console's page about it.
    #[must_use]
    pub fn path(&self) -> String {
        let target = &self.target;
        if let Some(job) = &self.job {
            return format!("/jobs/{job}");
        }
        match (Kind::from_word(&self.kind), self.event.split(':').nth(1)) {
            (Some(Kind::ApprovalWaiting), Some(plan)) => {
                format!("/t/{target}/plans/{plan}")
            }
            (Some(Kind::BackupAbsent), _) => format!("/t/{target}/backups"),
            (Some(Kind::CodesGuessed), _) => "/audit?action=factor.guessed".to_owned(),
            _ if self.target.is_empty() || self.target == EVERY_TARGET => {
                "/notifications".to_owned()
            }
            (Some(Kind::Test), _) => format!("/t/{target}/settings"),
            _ => format!("/t/{target}"),
        }
    }
}

/// The columns that [`decode`] reads.
macro_rules! columns {
    () => {
        "id, event_key, kind, target, job_id, channel, subject, body, created_at, state, tries, next_try_at, sent_at, error"
    };
}
pub(super) use columns;

/// A row of `notification`, with the columns that every query here names.
pub(super) fn decode(row: &AnyRow) -> Result<Notification, StoreError> {
    let channel: String = row.try_get("channel")?;
    let state: String = row.try_get("state")?;
    Ok(Notification {
        id: row.try_get("id")?,
        event: row.try_get("event_key")?,
        kind: row.try_get("kind")?,
        target: row.try_get("target")?,
        job: row.try_get("job_id")?,
        channel: Channel::from_stored(&channel).ok_or(StoreError::Value {
            what: "channel",
            reason: channel,
        })?,
        subject: row.try_get("subject")?,
        text: row.try_get("body")?,
        created_at: row.try_get("created_at")?,
        state: State::from_word(&state).ok_or(StoreError::Value {
            what: "state of a notification",
            reason: state,
        })?,
        tries: row.try_get("tries")?,
        next_try_at: row.try_get("next_try_at")?,
        sent_at: row.try_get("sent_at")?,
        error: row.try_get("error")?,
    })
}

/// What a page of notifications is narrowed to; what is none narrows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Where they stand.
    pub state: Option<State>,
    /// Of what kind they are.
    pub kind: Option<Kind>,
    /// The name of the target.
    pub target: Option<&'a str>,
    /// Only about these targets, their names between slashes, as in `/a/b/`: what is about none of them is left out too.
    pub scope: Option<&'a str>,
}

/// One notification.
pub async fn get(store: &Store, id: &str) -> Result<Option<Notification>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM notification WHERE id = $1"
    ))
    .bind(id)
    .fetch_optional(store.read())
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The newest notifications before `before` (an id, exclusive) that the filter shows, newest first.
pub async fn page(
    store: &Store,
    filter: &Filter<'_>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Notification>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM notification WHERE (CAST($1 AS TEXT) IS NULL OR state = $1) \
         AND (CAST($2 AS TEXT) IS NULL OR kind = $2) AND (CAST($3 AS TEXT) IS NULL OR target = $3) \
         AND (CAST($4 AS TEXT) IS NULL OR id < $4) \
         AND (CAST($5 AS TEXT) IS NULL OR replace($5, '/' || target || '/', '') <> $5) ORDER BY id DESC LIMIT $6"
    ))
    .bind(filter.state.map(State::word))
    .bind(filter.kind.map(Kind::word))
    .bind(filter.target)
    .bind(before)
    .bind(filter.scope)
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    rows.iter().map(decode).collect()
}

/// How many about the targets in `scope` wait, and how many were given up.
pub async fn counts(store: &Store, scope: Option<&str>) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query(
        "SELECT count(CASE WHEN state = 'waiting' THEN 1 END) AS waiting, \
         count(CASE WHEN state = 'given-up' THEN 1 END) AS given_up FROM notification \
         WHERE state <> 'sent' AND (CAST($1 AS TEXT) IS NULL OR replace($1, '/' || target || '/', '') <> $1)",
    )
    .bind(scope)
    .fetch_one(store.read())
    .await?;
    Ok((row.try_get("waiting")?, row.try_get("given_up")?))
}
