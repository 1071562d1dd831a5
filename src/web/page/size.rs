//! How large a database is and how it grew, by its checks: a card of the target's page.

use super::chart::Chart;
use super::measure::{Bytes, Millis};
use super::when::When;

/// The newest check that ended well.
#[derive(Clone, Debug)]
pub struct Checked {
    /// When.
    pub at: When,
    /// Where its job is.
    pub href: String,
}

/// The card.
#[derive(Clone, Debug)]
pub struct SizeCard {
    /// The size now; none when the database does not answer or the role may not ask.
    pub now: Option<Bytes>,
    /// How it changed, in a sentence.
    pub words: String,
    /// The same as a line; none when no size was measured.
    pub chart: Option<Chart>,
    /// When it was last looked at; none when never.
    pub checked: Option<Checked>,
    /// Where a post starts a check.
    pub check: String,
    /// What does the same on the terminal.
    pub command: String,
}

impl SizeCard {
    /// The card of a target at `path` with that name, from its chart and its newest check.
    #[must_use]
    pub fn new(
        name: &str,
        path: &str,
        now: Option<Bytes>,
        chart: Option<Chart>,
        checked: Option<Checked>,
    ) -> Self {
        let words = match (&chart, &checked) {
            (Some(chart), _) => growth(chart),
            (None, Some(_)) => {
                "The checks could not measure it: the role may not ask for the size of this database.".to_owned()
            }
            (None, None) => "No check has run yet. A check changes nothing, and keeps the size so that growth can be \
                             shown."
                .to_owned(),
        };
        Self {
            now,
            words,
            chart,
            checked,
            check: format!("{path}/check"),
            command: format!("lockkeeper target check {name}"),
        }
    }

    /// A database that grew for a month.
    #[must_use]
    pub fn sample() -> Self {
        let checked = Checked {
            at: When::at(1_795_305_600_000),
            href: "/jobs/0199a7c2".to_owned(),
        };
        Self::new(
            "jarvis",
            "/t/jarvis",
            Some(Bytes(3_610_000_000)),
            Chart::sample(),
            Some(checked),
        )
    }

    /// A database that nobody has checked.
    #[must_use]
    pub fn sample_unchecked() -> Self {
        Self::new("jarvis", "/t/jarvis", None, None, None)
    }
}

/// How the size changed over the time that the chart shows.
fn growth(chart: &Chart) -> String {
    if !chart.has_line() {
        return "It was measured once so far; the next check shows how it changes.".to_owned();
    }
    let (first, last) = (chart.first.bytes.0, chart.last.bytes.0);
    let change = last.saturating_sub(first);
    let time = span(chart.span_ms);
    if change == 0 {
        return format!("It is as large as it was {time} before.");
    }
    let share = i128::from(change.unsigned_abs()) * 100 / i128::from(first.max(1));
    let share = match share {
        0 => " (less than 1 %)".to_owned(),
        // Of something that began with next to nothing, a share says nothing.
        1_000.. => String::new(),
        share => format!(" ({share} %)"),
    };
    let (verb, amount) = if change > 0 {
        ("grew", Bytes(change))
    } else {
        ("shrank", Bytes(change.saturating_neg()))
    };
    format!("It {verb} by {amount}{share} in {time}.")
}

/// `29 days`; less than two days as hours and minutes.
fn span(ms: i64) -> String {
    match ms / (24 * 60 * 60 * 1000) {
        ..2 => Millis(ms).to_string(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn words(sizes: &[i64]) -> String {
        let sizes: Vec<(i64, i64)> = (0..).map(|n| n * DAY).zip(sizes.iter().copied()).collect();
        growth(&Chart::of(&sizes).unwrap())
    }

    #[test]
    fn growth_is_told_with_its_amount_its_share_and_its_time() {
        assert_eq!(
            words(&[1_000_000_000, 900_000_000, 1_120_000_000]),
            "It grew by 120 MB (12 %) in 2 days."
        );
        assert!(words(&[2_000, 1_000]).starts_with("It shrank by 1.00 kB (50 %) in 24 h 00 min."));
        assert!(words(&[1_000_000, 1_008_192]).starts_with("It grew by 8.19 kB (less than 1 %)"));
        assert!(words(&[0, 5_000]).starts_with("It grew by 5.00 kB in"));
        assert!(words(&[7, 9, 7]).starts_with("It is as large as it was 2 days before."));
        assert!(words(&[7]).starts_with("It was measured once"));
        assert!(words(&[i64::MAX, i64::MIN]).starts_with("It shrank by"));
    }

    #[test]
    fn a_target_without_a_size_says_why() {
        let card = SizeCard::sample_unchecked();
        assert!(card.words.starts_with("No check has run yet."));
        let checked = SizeCard::sample().checked;
        let card = SizeCard::new("app", "/t/app", None, None, checked);
        assert!(card.words.contains("may not ask for the size"));
    }
}
