//! What can be wrong with a chain, in words.

use std::fmt;

/// What is wrong at the first place at which a chain does not hold. `Display` says it in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Entries are missing: all below the second number, from the first on.
    Missing {
        /// The first that is missing.
        first: i64,
        /// The one that stands there instead.
        next: i64,
    },
    /// A number below 1.
    BeforeFirst(i64),
    /// Its words do not give its hash.
    Edited(i64),
    /// Its words give its hash in another place.
    Moved {
        /// Where it stands.
        seq: i64,
        /// Where it was written.
        from: i64,
    },
    /// It fits its own hash and continues something else than what stands before it.
    Unlinked(i64),
    /// A column of it cannot be read.
    Unreadable {
        /// Which, as far as that can be told.
        seq: i64,
        /// The driver's words.
        reason: String,
    },
    /// The head is gone; the number is of the last entry.
    HeadGone(i64),
    /// The last entries are gone.
    CutOff {
        /// The first that is missing.
        first: i64,
        /// The one that was written last.
        last: i64,
    },
    /// There is more than was written.
    Added {
        /// The first that is too much.
        seq: i64,
        /// The one that was written last.
        last: i64,
    },
    /// The last entry is another than the one that was written.
    EndReplaced(i64),
    /// The entry that was noted elsewhere has another hash here.
    NotTheAnchor(i64),
    /// The entry that was noted elsewhere is not here.
    ShortOfAnchor {
        /// The entry of the anchor.
        anchor: i64,
        /// The last one here; 0 when there is none.
        last: i64,
    },
}

impl Fault {
    /// The number of the entry at which it shows: the first that is missing, changed or too much.
    #[must_use]
    pub fn seq(&self) -> i64 {
        match *self {
            Self::Missing { first, .. } | Self::CutOff { first, .. } => first,
            Self::Moved { seq, .. } | Self::Unreadable { seq, .. } | Self::Added { seq, .. } => seq,
            Self::ShortOfAnchor { last, .. } => last + 1,
            Self::BeforeFirst(seq)
            | Self::Edited(seq)
            | Self::Unlinked(seq)
            | Self::HeadGone(seq)
            | Self::EndReplaced(seq)
            | Self::NotTheAnchor(seq) => seq,
        }
    }

    /// One word for scripts.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::BeforeFirst(_) => "before-first",
            Self::Edited(_) => "edited",
            Self::Moved { .. } => "moved",
            Self::Unlinked(_) => "unlinked",
            Self::Unreadable { .. } => "unreadable",
            Self::HeadGone(_) => "head-gone",
            Self::CutOff { .. } => "cut-off",
            Self::Added { .. } => "added",
            Self::EndReplaced(_) => "end-replaced",
            Self::NotTheAnchor(_) => "not-the-anchor",
            Self::ShortOfAnchor { .. } => "short-of-anchor",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { first: 1, next } => {
                let gone = gone(1, next - 1);
                write!(to, "the audit begins with entry {next}: {gone}.")
            }
            Self::Missing { first, next } => {
                let (before, gone) = (first - 1, gone(*first, next - 1));
                write!(to, "after entry {before} comes entry {next}: {gone}.")
            }
            Self::BeforeFirst(seq) => {
                write!(
                    to,
                    "entry {seq} stands before entry 1: it was added by something else."
                )
            }
            Self::Edited(seq) => {
                write!(
                    to,
                    "entry {seq} was changed after it was written: what it says does not give its hash."
                )
            }
            Self::Moved { seq, from } => write!(
                to,
                "entry {seq} was written as entry {from}: entries were moved to other places."
            ),
            Self::Unlinked(seq) => {
                let before = seq - 1;
                write!(
                    to,
                    "entry {seq} fits its own hash, but does not continue what stands before it: "
                )?;
                if before == 0 {
                    to.write_str("it names an entry before the first.")
                } else {
                    write!(to, "it or entry {before} was replaced.")
                }
            }
            Self::Unreadable { seq, reason } => {
                write!(
                    to,
                    "entry {seq} was changed after it was written: it cannot be read ({reason})."
                )
            }
            Self::HeadGone(last) => write!(
                to,
                "the note of which entry was written last is gone or unreadable: entries after entry {last} may have been \
                 cut off, and nothing here says how many."
            ),
            Self::CutOff { first, last } => {
                let gone = gone(*first, *last);
                write!(
                    to,
                    "the end was cut off: entry {last} was written last, and {gone}."
                )
            }
            Self::Added { seq, last } => write!(
                to,
                "entry {seq} was added by something else: Lockkeeper wrote entry {last} last."
            ),
            Self::EndReplaced(seq) => {
                write!(
                    to,
                    "entry {seq} was replaced: the entry that was written last had another hash."
                )
            }
            Self::NotTheAnchor(seq) => write!(
                to,
                "entry {seq} has another hash than the anchor: it, or what stands before it, was changed, and the hashes \
                 were computed anew."
            ),
            Self::ShortOfAnchor { anchor, last } => {
                let gone = gone(last + 1, *anchor);
                write!(
                    to,
                    "the end was cut off: entry {anchor} was there when the anchor was noted, and {gone}."
                )
            }
        }
    }
}

/// `entries 5 to 7 are gone`, `entry 5 is gone`.
fn gone(first: i64, last: i64) -> String {
    if first == last {
        format!("entry {first} is gone")
    } else {
        format!("entries {first} to {last} are gone")
    }
}
