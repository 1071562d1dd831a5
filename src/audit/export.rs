//! How entries leave: one JSON object a line, with every column, so that the file can be checked without the store.

use serde_json::{Value, json};

use super::Recorded;
use super::filter::{Filter, following};
use crate::clock::timestamp;
use crate::store::{Store, StoreError};

/// How many entries are read at a time; one after the other, so that an export of any length takes the memory of these.
const CHUNK: i64 = 500;

impl Recorded {
    /// Every column. `at` is RFC 3339 with milliseconds, or the stored number where it is no moment of the calendar.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = timestamp(self.at);
        let at = if at.as_millisecond() == self.at {
            at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string().into()
        } else {
            Value::from(self.at)
        };
        json!({
            "seq": self.seq,
            "at": at,
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "job": self.job,
            "outcome": self.outcome,
            "place": self.place,
            "detail": self.detail,
            "before": self.before,
            "after": self.after,
            "previous_hash": self.previous_hash,
            "hash": self.hash,
        })
    }
}

/// An export under way: which entries are meant, and how far it came.
#[derive(Clone, Debug)]
pub struct Export {
    store: Store,
    filter: Filter,
    after: i64,
    last: i64,
}

impl Export {
    /// Begins an export of what is recorded now; what is recorded later is not in it.
    pub async fn begin(store: &Store, filter: Filter) -> Result<Self, StoreError> {
        let newest = super::page(store, &Filter::default(), None, 1).await?;
        Ok(Self {
            store: store.clone(),
            filter,
            after: i64::MIN,
            last: newest.first().map_or(0, |entry| entry.seq),
        })
    }

    /// The next lines, oldest first, each with its line end; `None` when there are no more.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let (after, last) = (self.after, self.last);
        let entries = following(&self.store, &self.filter, after, last, CHUNK).await?;
        let Some(newest) = entries.last() else {
            return Ok(None);
        };
        self.after = newest.seq;
        Ok(Some(entries.iter().map(line).collect()))
    }
}

/// One line. Only ASCII stands in it: no tool reads another encoding, and no name in it breaks the line, turns it around
/// or commands a terminal.
fn line(entry: &Recorded) -> String {
    let mut line = String::new();
    for letter in entry.to_json().to_string().chars() {
        if letter.is_ascii() && !letter.is_ascii_control() {
            line.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            line.push_str(&format!("\\u{unit:04x}"));
        }
    }
    line.push('\n');
    line
}
