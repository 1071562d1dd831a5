//! When a schedule runs: a cron expression read on the clocks of a time zone.
//!
//! What must stay true: the next moment is always later than the one asked about; every slot on the clock face runs
//! once, also where clocks go forward (the slots that they skip run together at the moment after) and where they go
//! back (a slot that comes twice runs the first time). Only "every hour" goes by time that has passed, so it goes on
//! through the hour that comes twice. What was typed is bounded before it is read.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::clock::timestamp;

/// The longest cron expression that is read, in characters.
pub const LONGEST_CRON: usize = 100;
/// The longest name of a time zone that is looked up, in characters; the database's longest has 32.
const LONGEST_ZONE: usize = 64;
/// Two runs of a schedule are at least this far apart, in minutes.
const CLOSEST_MINUTES: u16 = 5;
/// A schedule has to run within this time, in days: five years, so that a leap day counts.
const FURTHEST_DAYS: i64 = 5 * 366;
/// The longest description that names a schedule; the expression itself is shorter.
const LONGEST_WORDS: usize = 80;

/// When a schedule runs. What it holds has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Five fields with single spaces.
    cron: String,
    /// The same, read.
    parsed: Cron,
    /// The zone's clocks.
    clocks: TimeZone,
    /// The zone's name as the database writes it.
    zone: String,
}

/// What is wrong with a timing, field by field, in sentences for whoever typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimingError {
    /// What is wrong with the cron expression.
    pub cron: Option<String>,
    /// What is wrong with the time zone.
    pub zone: Option<String>,
}

impl Timing {
    /// Reads what was typed, and refuses what would run too often or never. `now` is where the search for the first run
    /// begins.
    pub fn parse(cron: &str, zone: &str, now: Timestamp) -> Result<Self, TimingError> {
        let timing = Self::read(cron, zone)?;
        let wrong = |sentence: String| TimingError {
            cron: Some(sentence),
            zone: None,
        };
        if let Some(apart) = closest(&timing.parsed).filter(|apart| *apart < CLOSEST_MINUTES) {
            let apart = match apart {
                1 => "1 minute".to_owned(),
                apart => format!("{apart} minutes"),
            };
            return Err(wrong(format!(
                "Two of these runs would be only {apart} apart; the least is {CLOSEST_MINUTES} minutes."
            )));
        }
        let furthest = now + SignedDuration::from_hours(FURTHEST_DAYS * 24);
        if timing.next(now).is_none_or(|next| next > furthest) {
            return Err(wrong(
                "This day does not come within five years, so it would never run.".to_owned(),
            ));
        }
        Ok(timing)
    }

    /// Reads what was checked before it was stored.
    pub(super) fn read(cron: &str, zone: &str) -> Result<Self, TimingError> {
        let ((cron, parsed), clocks) = match (fields(cron).and_then(parsed), clocks(zone)) {
            (Ok(cron), Ok(clocks)) => (cron, clocks),
            (cron, clocks) => {
                return Err(TimingError {
                    cron: cron.err(),
                    zone: clocks.err(),
                });
            }
        };
        Ok(Self {
            cron,
            parsed,
            zone: clocks.iana_name().unwrap_or("UTC").to_owned(),
            clocks,
        })
    }

    /// The five fields.
    #[must_use]
    pub fn cron(&self) -> &str {
        &self.cron
    }

    /// The name of the time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The first moment after `after` at which it runs. `None`: the calendar ends before.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let slot = self.next_slot(after)?;
        if self.cron.split(' ').nth(1) != Some("*") {
            return Some(slot);
        }
        // Every hour: the hour that comes twice has runs of its own the second time.
        let passed = self
            .parsed
            .find_next_occurrence(&after.to_zoned(self.clocks.clone()), false)
            .ok()
            .map(|zoned| zoned.timestamp())
            .filter(|passed| *passed > after);
        Some(passed.map_or(slot, |passed| passed.min(slot)))
    }

    /// The first moment after `after` that is a slot on the clock face.
    fn next_slot(&self, after: Timestamp) -> Option<Timestamp> {
        let mut face = self.clocks.to_datetime(after);
        // A slot that comes twice and has run may be found several times in the hour that is repeated.
        loop {
            face = self.parsed.find_next_occurrence(&face, false).ok()?;
            let moment = self.moment(face)?;
            if moment > after {
                return Some(moment);
            }
        }
    }

    /// The moment at which the clocks show `face`: the first of two, and the end of the gap for one that never comes.
    fn moment(&self, face: DateTime) -> Option<Timestamp> {
        let found = self.clocks.to_ambiguous_timestamp(face);
        let gap = matches!(found.offset(), AmbiguousOffset::Gap { .. });
        // In a gap this is a moment before it, by the clocks that hold after it.
        let earlier = found.earlier().ok()?;
        if !gap {
            return Some(earlier);
        }
        self.clocks
            .following(earlier)
            .next()
            .map(|change| change.timestamp())
    }

    /// When it runs, in words: `every day at 03:30 Europe/Berlin`.
    #[must_use]
    pub fn words(&self) -> String {
        let said = self.parsed.describe();
        let said = said.trim_end_matches('.');
        let mut letters = said.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let said: String = first.into_iter().chain(letters).collect();
        let said = match said.strip_prefix("at ") {
            // A time alone is one of every day.
            Some(time) if !time.contains(',') && time.len() == "03:30".len() => {
                format!("every day at {time}")
            }
            _ if self.cron == "0 * * * *" => "every hour".to_owned(),
            Some(every) if every.starts_with("every ") => every.to_owned(),
            _ => said,
        };
        format!("{said} {}", self.zone)
    }

    /// A name that stands beside what it has asked for: the words, or the expression where they are long.
    #[must_use]
    pub fn name(&self) -> String {
        let words = self.words();
        if words.chars().count() <= LONGEST_WORDS {
            words
        } else {
            format!("{} {}", self.cron, self.zone)
        }
    }

    /// A moment on the clocks of the zone: `Mon 23 Nov 2026 03:30`.
    #[must_use]
    pub fn face(&self, ms: i64) -> String {
        let zoned = timestamp(ms).to_zoned(self.clocks.clone());
        zoned.strftime("%a %-d %b %Y %H:%M").to_string()
    }
}

/// The five fields of what was typed, with single spaces.
fn fields(typed: &str) -> Result<String, String> {
    if typed.chars().count() > LONGEST_CRON {
        return Err(format!(
            "A cron expression has at most {LONGEST_CRON} characters here."
        ));
    }
    let fields: Vec<&str> = typed.split_whitespace().collect();
    match fields[..] {
        ["@hourly"] => Ok("0 * * * *".to_owned()),
        ["@daily"] => Ok("0 0 * * *".to_owned()),
        ["@weekly"] => Ok("0 0 * * 0".to_owned()),
        ["@monthly"] => Ok("0 0 1 * *".to_owned()),
        [] => Err("Say when it runs, such as 30 3 * * * for every day at 03:30.".to_owned()),
        [_, _, _, _, _] => Ok(fields.join(" ")),
        _ => Err(format!(
            "A cron expression has five fields here: minute, hour, day of month, month, day of week. This has {}.",
            fields.len()
        )),
    }
}

/// Five fields, and what they mean.
fn parsed(cron: String) -> Result<(String, Cron), String> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    match parser.parse(&cron) {
        Ok(parsed) => Ok((cron, parsed)),
        Err(error) => Err(format!(
            "This cannot be read as minute, hour, day of month, month and day of week. {error}"
        )),
    }
}

/// The clocks of a zone that was typed.
fn clocks(typed: &str) -> Result<TimeZone, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err("Say on whose clocks: a time zone such as Europe/Berlin, or UTC.".to_owned());
    }
    let short = typed.chars().count() <= LONGEST_ZONE;
    let found = short.then(|| TimeZone::get(typed).ok()).flatten();
    if let Some(zone) = found.filter(|zone| zone.iana_name().is_some() && !zone.is_unknown()) {
        return Ok(zone);
    }
    let unknown = "There is no time zone of this name.";
    match short.then(|| nearest(typed)).flatten() {
        Some(name) => Err(format!("{unknown} Did you mean {name}?")),
        None => Err(format!(
            "{unknown} The names are those of the IANA database, such as Europe/Berlin."
        )),
    }
}

/// The name of the zone that is most like what was typed, by its whole name or by its city.
fn nearest(typed: &str) -> Option<String> {
    let typed = typed.to_ascii_lowercase().replace(' ', "_");
    let likeness = |name: &str| {
        let name = name.to_ascii_lowercase();
        let city = name.rsplit('/').next().unwrap_or_default();
        strsim::jaro_winkler(&typed, &name).max(strsim::jaro_winkler(&typed, city))
    };
    jiff::tz::db()
        .available()
        .map(|name| (likeness(name.as_str()), name.as_str().to_owned()))
        .filter(|(likeness, _)| *likeness >= 0.85)
        .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(&one.1)))
        .map(|(_, name)| name)
}

/// How many minutes are between the two times of day that are closest, over midnight too. `None`: there is only one.
fn closest(cron: &Cron) -> Option<u16> {
    const DAY: u16 = 24 * 60;
    let minutes = cron.pattern.minutes.values();
    let times: Vec<u16> = cron
        .pattern
        .hours
        .values()
        .into_iter()
        .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute))
        .collect();
    let (first, last) = (*times.first()?, *times.last()?);
    if first == last {
        return None;
    }
    let within = times.windows(2).map(|pair| pair[1] - pair[0]);
    within.chain([first + DAY - last]).min()
}

#[cfg(test)]
mod tests;
