//! Since when and until when, as people write it: a day, or an exact moment.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Text that is neither a day nor a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a date. Write a day as 2026-11-22, or a moment as 2026-11-22T16:05:00Z")]
pub struct NoMoment(String);

/// The first millisecond of a day (UTC), or the moment itself.
pub fn since(text: &str) -> Result<i64, NoMoment> {
    read(text, |day| Some(day))
}

/// The first millisecond after a day (UTC), or the moment itself: what is before it is meant.
pub fn until(text: &str) -> Result<i64, NoMoment> {
    read(text, |day| day.tomorrow().ok())
}

/// Whether the text is a day, which the date field of a browser can show.
#[must_use]
pub fn is_day(text: &str) -> bool {
    day(text).is_some()
}

fn read(text: &str, edge: impl Fn(Date) -> Option<Date>) -> Result<i64, NoMoment> {
    let text = text.trim();
    let moment = match day(text) {
        Some(day) => edge(day)
            .and_then(|day| day.to_zoned(TimeZone::UTC).ok())
            .map(|start| start.timestamp()),
        None => text.parse::<Timestamp>().ok(),
    };
    moment
        .map(Timestamp::as_millisecond)
        .ok_or_else(|| NoMoment(text.to_owned()))
}

/// Exactly `YYYY-MM-DD`; the parser alone would drop a time that stands behind it.
fn day(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10 && text.as_bytes()[4] == b'-';
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_all_of_it() {
        assert_eq!(since("2023-11-14"), Ok(1_699_920_000_000));
        assert_eq!(until(" 2023-11-14 "), Ok(1_700_006_400_000));
    }

    #[test]
    fn a_moment_is_exact() {
        for text in ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00"] {
            assert_eq!(since(text), Ok(1_700_000_000_000), "{text}");
            assert_eq!(until(text), Ok(1_700_000_000_000), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_was_written() {
        for text in [
            "",
            "yesterday",
            "14.11.2023",
            "2023-02-30",
            "2023-11-14T22",
            "2023-1-1",
            "9999-12-31 ",
            "20231114",
            "é-11-é--",
        ] {
            let refused = until(text).unwrap_err();
            assert!(refused.to_string().contains(&format!("“{}”", text.trim())));
        }
    }
}
