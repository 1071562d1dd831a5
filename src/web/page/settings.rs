//! `/t/{target}/settings`: what Lockkeeper does with a target by itself, and the form that adds to it.

use askama::Template;

use super::jobs::JobState;
use super::pill::Pill;
use super::subscription::SubscriptionPart;
use super::target::Fact;
use super::when::When;
use crate::web::layout::{Environment, Layout, Tab, Tone};

/// The zones that the form proposes; any other of the database can be typed.
pub const ZONES: [&str; 36] = [
    "UTC",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Bogota",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Toronto",
    "Asia/Bangkok",
    "Asia/Dubai",
    "Asia/Hong_Kong",
    "Asia/Jakarta",
    "Asia/Jerusalem",
    "Asia/Kolkata",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Amsterdam",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Rome",
    "Europe/Stockholm",
    "Europe/Warsaw",
    "Europe/Zurich",
    "Pacific/Auckland",
];

/// A time from now: `in 7 hours`.
#[must_use]
pub fn ahead(ms: i64) -> String {
    let minutes = ms / 60_000;
    let several = |n: i64, one: &str| match n {
        1 => format!("in 1 {one}"),
        n => format!("in {n} {one}s"),
    };
    match minutes {
        ..0 => "now".to_owned(),
        0 => "in less than a minute".to_owned(),
        1..120 => several(minutes, "minute"),
        120..2_880 => several(minutes / 60, "hour"),
        _ => several(minutes / 1_440, "day"),
    }
}

/// When a schedule runs next.
#[derive(Clone, Debug)]
pub struct NextRun {
    /// On the clocks of its zone: `Mon 23 Nov 2026 03:30`.
    pub face: String,
    /// `in 7 hours`.
    pub ahead: String,
    /// The same moment for everybody.
    pub when: When,
    /// The page of the job that waits.
    pub href: String,
}

/// What a schedule ran last, or runs now.
#[derive(Clone, Debug)]
pub struct LastRun {
    /// What became of it.
    pub state: JobState,
    /// When it began; none: not yet.
    pub began: Option<When>,
    /// The page of the job.
    pub href: String,
}

/// One schedule.
#[derive(Clone, Debug)]
pub struct ScheduleRow {
    /// Its path, to which `/pause` and the like are added.
    pub path: String,
    /// What it asks for: `Take a backup`.
    pub operation: String,
    /// When, in words.
    pub words: String,
    /// The five fields.
    pub cron: String,
    /// Whether it is on.
    pub enabled: bool,
    /// The next run; a schedule whose run is under way has none yet.
    pub next: Option<NextRun>,
    /// The last one.
    pub last: Option<LastRun>,
}

impl ScheduleRow {
    /// The state as shown.
    #[must_use]
    pub fn pill(&self) -> Pill {
        if self.enabled {
            Pill::new("on", "clock", Tone::Info)
        } else {
            Pill::new("paused", "ban", Tone::Calm)
        }
    }
}

/// Something to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    /// A choice.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
        }
    }
}

/// The fields that say when, with what was typed and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct TimingFields {
    /// Five fields, or nothing.
    pub cron: String,
    /// The time zone.
    pub zone: String,
    /// What is wrong with the cron expression.
    pub cron_error: Option<String>,
    /// What is wrong with the zone.
    pub zone_error: Option<String>,
}

/// The form that adds a schedule.
#[derive(Clone, Debug)]
pub struct AddForm {
    /// What can be scheduled.
    pub operations: Vec<Choice>,
    /// What was chosen of it.
    pub operation: String,
    /// Usual times.
    pub presets: Vec<Choice>,
    /// What was chosen of them.
    pub preset: String,
    /// When.
    pub timing: TimingFields,
    /// What is wrong with all of it.
    pub error: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/settings.html")]
pub struct SettingsPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name of the target.
    pub target: String,
    /// The schedules, oldest first; at most 12.
    pub schedules: Vec<ScheduleRow>,
    /// The form for another one; none when there are enough.
    pub add: Option<AddForm>,
    /// Who is told of what.
    pub told: SubscriptionPart,
    /// Whether everybody with a role on this target needs a second factor.
    pub factor_required: bool,
    /// Whether nobody approves here what they made, nor applies what they approved.
    pub second_person: bool,
    /// What the configuration says about the target.
    pub facts: Vec<Fact>,
}

impl SettingsPage {
    /// Nightly backups, and a plan every morning that is paused.
    #[must_use]
    pub fn sample() -> Self {
        let row = |id: &str, operation: &str, words: &str, cron: &str| ScheduleRow {
            path: format!("/t/jarvis/settings/schedules/{id}"),
            operation: operation.to_owned(),
            words: words.to_owned(),
            cron: cron.to_owned(),
            enabled: true,
            next: Some(NextRun {
                face: "Mon 23 Nov 2026 03:30".to_owned(),
                ahead: "in 10 hours".to_owned(),
                when: When::at(1_795_401_000_000),
                href: "/jobs/018f2c09".to_owned(),
            }),
            last: Some(LastRun {
                state: JobState::Succeeded,
                began: Some(When::at(1_795_314_600_412)),
                href: "/jobs/018f2c01".to_owned(),
            }),
        };
        let backup = row(
            "1",
            "Take a backup",
            "every day at 03:30 Europe/Berlin",
            "30 3 * * *",
        );
        let plan = ScheduleRow {
            enabled: false,
            next: None,
            last: None,
            ..row(
                "2",
                "Make a plan",
                "at 08:00, on Monday Europe/Berlin",
                "0 8 * * 1",
            )
        };
        let fact = |name: &str, value: &str| Fact {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        Self {
            layout: Layout::sample_target(
                "Settings",
                "jarvis",
                Environment::Production,
                Tab::Settings,
            ),
            target: "jarvis".to_owned(),
            schedules: vec![backup, plan],
            add: Some(AddForm {
                operations: vec![
                    Choice::new("backup.take", "Take a backup"),
                    Choice::new("plan.make", "Make a plan"),
                ],
                operation: "backup.take".to_owned(),
                presets: vec![
                    Choice::new("30 3 * * *", "Every night at 03:30"),
                    Choice::new("0 * * * *", "Every hour"),
                ],
                preset: "30 3 * * *".to_owned(),
                timing: TimingFields {
                    zone: "Europe/Berlin".to_owned(),
                    ..TimingFields::default()
                },
                error: None,
            }),
            told: SubscriptionPart::sample(),
            factor_required: false,
            second_person: false,
            facts: vec![
                fact("Environment", "production"),
                fact("Migrations", "prisma/migrations"),
                fact("Backups", "/srv/lockkeeper/backups"),
            ],
        }
    }

    /// Before the first schedule.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            schedules: Vec::new(),
            told: SubscriptionPart::sample_empty(),
            ..Self::sample()
        }
    }

    /// After a form that could not be used.
    #[must_use]
    pub fn sample_refused() -> Self {
        let mut page = Self {
            told: SubscriptionPart::sample_refused(),
            ..Self::sample_empty()
        };
        if let Some(add) = &mut page.add {
            add.timing = TimingFields {
                cron: "* * * * <b>".to_owned(),
                zone: "Europe/Berlinn".to_owned(),
                cron_error: Some(
                    "Two of these runs would be only 1 minute apart; the least is 5 minutes."
                        .to_owned(),
                ),
                zone_error: Some(
                    "There is no time zone of this name. Did you mean Europe/Berlin?".to_owned(),
                ),
            };
        }
        page
    }

    /// As many as there may be.
    #[must_use]
    pub fn sample_full() -> Self {
        let page = Self::sample();
        let mut told = SubscriptionPart::sample();
        told.rows = told.rows.into_iter().cycle().take(12).collect();
        Self {
            told,
            schedules: page.schedules.into_iter().cycle().take(12).collect(),
            add: None,
            factor_required: true,
            second_person: true,
            ..Self::sample()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ahead;

    #[test]
    fn a_time_ahead_reads_in_its_largest_unit() {
        const MINUTE: i64 = 60_000;
        for (ms, words) in [
            (-1, "in less than a minute"),
            (-MINUTE, "now"),
            (MINUTE - 1, "in less than a minute"),
            (MINUTE, "in 1 minute"),
            (119 * MINUTE, "in 119 minutes"),
            (7 * 60 * MINUTE + 1, "in 7 hours"),
            (48 * 60 * MINUTE, "in 2 days"),
        ] {
            assert_eq!(ahead(ms), words, "{ms}");
        }
    }
}
