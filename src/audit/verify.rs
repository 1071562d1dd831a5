//! Reading the whole chain: whether it holds, and if not, where it breaks first and how.
//!
//! What it proves: that no entry was changed, cut out, moved or added by anything but this program, as long as whoever
//! did it did not compute every hash after it anew and the head with them. Whoever can write the whole store can do
//! that; only an anchor that was kept elsewhere shows it.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::chain::{hash, hash_at};
use super::{Fault, Head, Recorded};
use crate::store::{Store, StoreError};

/// How many entries are read at a time.
const CHUNK: i64 = 1_000;
/// Up to which number it is tried whether an entry once stood elsewhere.
const LOOKED_FOR: i64 = 1_000_000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is no entry, so there is nothing to prove.
    Empty,
    /// Every entry has its hash, continues the one before it, and the last is the one that was written last.
    Whole(Whole),
    /// It does not hold.
    Broken(Break),
}

/// A chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// How many entries.
    pub count: i64,
    /// When the first was written, in milliseconds since the epoch.
    pub first_at: i64,
    /// When the last was written, in milliseconds since the epoch.
    pub last_at: i64,
    /// What to keep elsewhere.
    pub head: Head,
}

/// The first place at which a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// What is wrong, and where.
    pub fault: Fault,
    /// How many entries before it hold.
    pub sound: i64,
}

/// Reads the whole chain, a thousand entries at a time, and says whether it holds. `anchor` is a head that somebody
/// noted elsewhere at an earlier time.
pub async fn verify(store: &Store, anchor: Option<&Head>) -> Result<Verdict, StoreError> {
    let mut walk = Walk::new(anchor);
    loop {
        let chunk = Chunk::read(store, walk.last.seq, walk.count == 0).await?;
        walk.known = chunk.head.as_ref().map_or(0, |head| head.seq);
        for entry in &chunk.entries {
            let step = match entry {
                Ok(entry) => walk.step(entry),
                Err(reason) => Err(Fault::Unreadable {
                    seq: walk.last.seq + 1,
                    reason: reason.clone(),
                }),
            };
            if let Err(fault) = step {
                return Ok(walk.broken(fault));
            }
        }
        if chunk.is_last {
            return Ok(walk.end(chunk.head));
        }
    }
}

/// A piece of the chain and the head, read by one statement: at its end the two belong together, whoever writes on.
struct Chunk {
    entries: Vec<Result<Recorded, String>>,
    head: Option<Head>,
    is_last: bool,
}

impl Chunk {
    async fn read(store: &Store, after: i64, from_start: bool) -> Result<Self, StoreError> {
        let rows = sqlx::query(
            "SELECT h.seq AS head_seq, h.hash AS head_hash, a.seq, a.at, a.actor, a.action, a.target, a.job_id, a.outcome, \
             a.place, a.detail, a.before_value, a.after_value, a.previous_hash, a.hash \
             FROM (SELECT CAST(1 AS BIGINT) AS one) x LEFT JOIN audit_head h ON h.one = x.one \
             LEFT JOIN (SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2) a ON 1 = 1 ORDER BY a.seq",
        )
        .bind(if from_start { i64::MIN } else { after })
        .bind(CHUNK)
        .fetch_all(store.read())
        .await?;
        let head = rows
            .first()
            .and_then(|row| Head::read(row, "head_seq", "head_hash").ok()?);
        let is_entry = |row: &&AnyRow| !matches!(row.try_get::<Option<i64>, _>("seq"), Ok(None));
        let entries: Vec<_> = rows
            .iter()
            .filter(is_entry)
            .map(|row| Recorded::read(row).map_err(|error| error.to_string()))
            .collect();
        let is_last = i64::try_from(entries.len()).is_ok_and(|read| read < CHUNK);
        Ok(Self {
            entries,
            head,
            is_last,
        })
    }
}

/// How far the chain has been read.
struct Walk<'a> {
    anchor: Option<&'a Head>,
    count: i64,
    first_at: i64,
    last_at: i64,
    /// The entry before the next one.
    last: Head,
    /// Up to which number there are entries, as the head says.
    known: i64,
}

impl<'a> Walk<'a> {
    fn new(anchor: Option<&'a Head>) -> Self {
        Self {
            anchor,
            count: 0,
            first_at: 0,
            last_at: 0,
            last: Head::default(),
            known: 0,
        }
    }

    /// Holds one entry against what stood before it.
    fn step(&mut self, entry: &Recorded) -> Result<(), Fault> {
        let (seq, due) = (entry.seq, self.last.seq + 1);
        if seq < due {
            return Err(Fault::BeforeFirst(seq));
        }
        if seq > due {
            return Err(Fault::Missing {
                first: due,
                next: seq,
            });
        }
        // No name is ever written as an empty one, and its hash would be that of none.
        let is_empty = |name: &Option<String>| name.as_deref() == Some("");
        if hash(entry) != entry.hash || is_empty(&entry.target) || is_empty(&entry.job) {
            let known = self.known.max(seq).min(LOOKED_FOR);
            let elsewhere = (1..=known).find(|at| hash_at(entry, *at) == entry.hash);
            return Err(match elsewhere {
                Some(from) if from != seq => Fault::Moved { seq, from },
                _ => Fault::Edited(seq),
            });
        }
        if entry.previous_hash != self.last.hash {
            return Err(Fault::Unlinked(seq));
        }
        if let Some(anchor) = self.anchor
            && anchor.seq == seq
            && anchor.hash != entry.hash
        {
            return Err(Fault::NotTheAnchor(seq));
        }
        if self.count == 0 {
            self.first_at = entry.at;
        }
        self.count += 1;
        self.last_at = entry.at;
        self.last = Head {
            seq,
            hash: entry.hash.clone(),
        };
        Ok(())
    }

    /// Holds the end against the head and the anchor.
    fn end(self, head: Option<Head>) -> Verdict {
        let last = self.last.seq;
        let fault = match (head, self.anchor) {
            (Some(head), _) if head.seq > last => Fault::CutOff {
                first: last + 1,
                last: head.seq,
            },
            (Some(head), _) if head.seq < last => Fault::Added {
                seq: head.seq + 1,
                last: head.seq,
            },
            (Some(head), _) if head.hash != self.last.hash => Fault::EndReplaced(last),
            (None, _) if self.count > 0 => Fault::HeadGone(last),
            (_, Some(anchor)) if anchor.seq > last => Fault::ShortOfAnchor {
                anchor: anchor.seq,
                last,
            },
            _ if self.count == 0 => return Verdict::Empty,
            _ => {
                return Verdict::Whole(Whole {
                    count: self.count,
                    first_at: self.first_at,
                    last_at: self.last_at,
                    head: self.last,
                });
            }
        };
        self.broken(fault)
    }

    fn broken(self, fault: Fault) -> Verdict {
        let sound = self.count;
        Verdict::Broken(Break { fault, sound })
    }
}
