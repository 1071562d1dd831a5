//! A moment: exact for machines in `datetime`, absolute UTC for people. The script adds how long ago that was.

use jiff::Timestamp;

/// A moment as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// RFC 3339, UTC, for `<time datetime>`.
    pub iso: String,
    /// `2026-11-22 16:05 UTC`.
    pub text: String,
    /// `2026-11-22 16:05:33 UTC`, where seconds count.
    pub precise: String,
    /// `16:05:33`, for lines of a log whose day is known.
    pub clock: String,
}

impl When {
    /// The moment `ms` milliseconds after the epoch; one outside of the calendar is shown as its number.
    #[must_use]
    pub fn at(ms: i64) -> Self {
        let Ok(moment) = Timestamp::from_millisecond(ms) else {
            return Self {
                iso: String::new(),
                text: format!("{ms} ms"),
                precise: format!("{ms} ms"),
                clock: String::new(),
            };
        };
        Self {
            iso: moment.to_string(),
            text: moment.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            precise: moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            clock: moment.strftime("%H:%M:%S").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_in_utc() {
        let when = When::at(1_795_363_533_000);
        assert_eq!(when.iso, "2026-11-22T16:05:33Z");
        assert_eq!(when.text, "2026-11-22 16:05 UTC");
        assert_eq!(when.precise, "2026-11-22 16:05:33 UTC");
        assert_eq!(when.clock, "16:05:33");
        assert_eq!(When::at(i64::MAX).text, format!("{} ms", i64::MAX));
    }
}
