//! What makes the entries a chain: the hash of each, and the head that names the newest.
//!
//! The hash is described for people in `docs/audit.md`; whoever changes it here makes every chain that exists a broken
//! one.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Recorded;

/// SHA-256 over every field, in lower-case hexadecimal. Each field is preceded by its length in bytes (eight,
/// big-endian), so that no two entries read the same when joined. What a setting was and became is appended when there
/// is any, each after its own word, so that entries without them have the hash they always had.
#[must_use]
pub fn hash(entry: &Recorded) -> String {
    hash_at(entry, entry.seq)
}

/// The hash that the same words would have in another place of the chain.
pub(super) fn hash_at(entry: &Recorded, seq: i64) -> String {
    let mut hasher = Sha256::new();
    let mut field = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    field(&seq.to_string());
    field(&entry.at.to_string());
    for text in [
        entry.actor.as_str(),
        &entry.action,
        entry.target.as_deref().unwrap_or_default(),
        entry.job.as_deref().unwrap_or_default(),
        &entry.outcome,
        &entry.place,
        &entry.detail,
        &entry.previous_hash,
    ] {
        field(text);
    }
    for (word, value) in [("before", &entry.before), ("after", &entry.after)] {
        if let Some(value) = value {
            field(word);
            field(value);
        }
    }
    base16ct::lower::encode_string(&hasher.finalize())
}

/// An entry by its number and its hash, written `128:9f86d0…`. Of the newest entry it stands for the whole chain up to
/// there: kept elsewhere, it shows that a chain was computed anew, which the store alone cannot show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Of the entry; 0 before the first.
    pub seq: i64,
    /// Its hash, 64 digits in lower case; empty before the first.
    pub hash: String,
}

impl Head {
    /// The head in two columns that are both null when there is none.
    pub(super) fn read(row: &AnyRow, seq: &str, hash: &str) -> Result<Option<Self>, sqlx::Error> {
        let seq: Option<i64> = row.try_get(seq)?;
        let hash: Option<String> = row.try_get(hash)?;
        Ok(seq.zip(hash).map(|(seq, hash)| Self { seq, hash }))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}:{}", self.seq, self.hash)
    }
}

/// Text that is not `SEQ:HASH`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an anchor is the number of an entry, a colon, and the 64 hexadecimal digits of its hash, as `audit verify` prints it"
)]
pub struct NoHead;

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(NoHead)?;
        let seq = seq.parse().map_err(|_| NoHead)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        if seq < 1 || !is_hash {
            return Err(NoHead);
        }
        let hash = hash.to_ascii_lowercase();
        Ok(Self { seq, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Recorded {
        Recorded {
            seq: 7,
            at: 1_700_000_000_000,
            actor: "ada".to_owned(),
            action: "schedule.change".to_owned(),
            target: None,
            job: None,
            outcome: "succeeded".to_owned(),
            place: "127.0.0.1".to_owned(),
            detail: String::new(),
            before: None,
            after: None,
            previous_hash: String::new(),
            hash: String::new(),
        }
    }

    #[test]
    fn what_was_and_what_became_are_told_apart() {
        let with = |before: Option<&str>, after: Option<&str>| {
            hash(&Recorded {
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
                ..entry()
            })
        };
        let hashes = [
            with(None, None),
            with(Some("1"), None),
            with(None, Some("1")),
            with(Some(""), None),
            with(Some("1"), Some("2")),
            with(Some("2"), Some("1")),
        ];
        for (n, one) in hashes.iter().enumerate() {
            assert!(!hashes[..n].contains(one), "{n}");
        }
    }

    #[test]
    fn chains_that_exist_stay_whole() {
        // Computed by another program from the description in docs/audit.md, for an entry without settings.
        assert_eq!(
            hash(&entry()),
            "467de72e036486b32da735ed2f93daae136771c5d873c1ccfad3ec7e3713960e"
        );
    }

    #[test]
    fn an_anchor_is_read_as_it_is_printed() {
        let head = Head {
            seq: 128,
            hash: "9f".repeat(32),
        };
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        assert_eq!(format!(" 128:{}\n", "9F".repeat(32)).parse(), Ok(head));
        for wrong in [
            "",
            "128",
            "128:",
            "0:9f",
            "x:9f",
            &format!("-1:{}", "9f".repeat(32)),
        ] {
            assert_eq!(wrong.parse::<Head>(), Err(NoHead), "{wrong}");
        }
    }
}
