//! Clocks that jump, expressions that are refused, and words.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::{Timing, TimingError};

const NOW: &str = "2026-11-22T20:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn timing(cron: &str, zone: &str) -> Timing {
    Timing::parse(cron, zone, at(NOW)).unwrap()
}

fn wrong(cron: &str, zone: &str) -> TimingError {
    Timing::parse(cron, zone, at(NOW)).unwrap_err()
}

/// The next `n` runs after `from`, on the clocks of the zone with their distance from UTC.
fn runs(cron: &str, zone: &str, from: &str, n: usize) -> Vec<String> {
    let timing = timing(cron, zone);
    let mut after = at(from);
    (0..n)
        .map(|_| {
            after = timing.next(after).unwrap();
            let zoned = after.to_zoned(timing.clocks.clone());
            zoned.strftime("%d %H:%M %:z").to_string()
        })
        .collect()
}

#[test]
fn a_slot_that_clocks_skip_runs_once_at_the_moment_after() {
    // Berlin goes from 02:00 to 03:00 on 28 March 2027.
    let eve = "2027-03-27T12:00:00Z";
    let berlin = "Europe/Berlin";
    assert_eq!(
        runs("30 2 * * *", berlin, eve, 2),
        ["28 03:00 +02:00", "29 02:30 +02:00"]
    );
    assert_eq!(
        runs("0,30 2,14 * * *", berlin, eve, 4),
        [
            "27 14:00 +01:00",
            "27 14:30 +01:00",
            "28 03:00 +02:00",
            "28 14:00 +02:00"
        ]
    );
    assert_eq!(
        runs("*/15 2 * * *", berlin, eve, 2),
        ["28 03:00 +02:00", "29 02:00 +02:00"]
    );
    assert_eq!(
        runs("0 2,3 * * *", berlin, eve, 2),
        ["28 03:00 +02:00", "29 02:00 +02:00"]
    );
    assert_eq!(
        runs("30 2 * * *", "America/New_York", "2027-03-13T12:00:00Z", 2),
        ["14 03:00 -04:00", "15 02:30 -04:00"]
    );
    // Half an hour only: from 02:00 to 02:30 on 3 October 2027.
    assert_eq!(
        runs(
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2027-10-02T00:00:00Z",
            2
        ),
        ["03 02:30 +11:00", "04 02:15 +11:00"]
    );
    // At midnight: from 00:00 to 01:00 on 30 April 2027.
    assert_eq!(
        runs("@daily", "Africa/Cairo", "2027-04-29T12:00:00Z", 2),
        ["30 01:00 +03:00", "01 00:00 +03:00"]
    );
}

#[test]
fn a_slot_that_comes_twice_runs_once() {
    // Berlin goes from 03:00 back to 02:00 on 31 October 2027.
    let eve = "2027-10-30T12:00:00Z";
    for cron in ["30 2 * * *", "30 2,2 * * *"] {
        assert_eq!(
            runs(cron, "Europe/Berlin", eve, 2),
            ["31 02:30 +02:00", "01 02:30 +01:00"]
        );
    }
    assert_eq!(
        runs("*/30 2 * * *", "Europe/Berlin", eve, 3),
        ["31 02:00 +02:00", "31 02:30 +02:00", "01 02:00 +01:00"]
    );
    // Asked between the two, and during the second.
    for from in ["2027-10-31T00:45:00Z", "2027-10-31T01:15:00Z"] {
        assert_eq!(
            runs("30 2 * * *", "Europe/Berlin", from, 1),
            ["01 02:30 +01:00"]
        );
    }
    assert_eq!(
        runs(
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2027-04-03T00:00:00Z",
            2
        ),
        ["04 01:45 +11:00", "05 01:45 +10:30"]
    );
}

#[test]
fn every_hour_goes_by_time_that_has_passed() {
    assert_eq!(
        runs("0 * * * *", "Europe/Berlin", "2027-10-30T23:30:00Z", 4),
        [
            "31 02:00 +02:00",
            "31 02:00 +01:00",
            "31 03:00 +01:00",
            "31 04:00 +01:00"
        ]
    );
    assert_eq!(
        runs("0 * * * *", "Europe/Berlin", "2027-03-28T00:30:00Z", 2),
        ["28 03:00 +02:00", "28 04:00 +02:00"]
    );
    assert_eq!(
        runs(
            "0 * * * *",
            "Australia/Lord_Howe",
            "2027-10-02T14:45:00Z",
            3
        ),
        ["03 02:30 +11:00", "03 03:00 +11:00", "03 04:00 +11:00"]
    );
}

#[test]
fn the_next_run_is_always_later() {
    let crons = [
        "*/5 * * * *",
        "0 * * * *",
        "30 2 * * *",
        "0 3 * * 1",
        "15 */6 1,15 * *",
        "0 0 L * *",
    ];
    for zone in [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
    ] {
        for cron in crons {
            let timing = timing(cron, zone);
            // Around every change of clocks in 2027, at odd moments.
            for start in [
                "2027-03-13T05:59:59.999Z",
                "2027-03-27T23:59:59Z",
                "2027-04-03T14:29:00.5Z",
                "2027-10-02T15:29:59Z",
                "2027-10-30T23:59:59Z",
                "2027-11-07T05:30:00Z",
            ] {
                let mut after = at(start);
                for _ in 0..300 {
                    let next = timing.next(after).unwrap();
                    assert!(next > after, "{cron} {zone}: {next} is not after {after}");
                    // Whoever asks just before finds the same.
                    let before = next - jiff::SignedDuration::from_millis(1);
                    assert_eq!(timing.next(before.max(after)), Some(next), "{cron} {zone}");
                    after = next;
                }
            }
        }
    }
}

#[test]
fn what_cannot_run_is_refused_with_the_reason() {
    for (cron, reason) in [
        ("", "Say when it runs"),
        ("* * * * *", "only 1 minute apart"),
        ("*/2 * * * *", "2 minutes apart"),
        ("0,58 * * * *", "2 minutes apart"),
        ("0,59 0,23 * * *", "only 1 minute apart"),
        ("0 3 * *", "This has 4."),
        ("0 0 3 * * *", "This has 6."),
        ("0 0 3 * * * 2027", "This has 7."),
        ("@reboot", "five fields"),
        ("@every 5m", "five fields"),
        ("0 0 30 2 *", "five years"),
        ("0 0 31 2,4,6,9,11 *", "five years"),
        ("61 * * * *", "cannot be read"),
        ("0 0 * * <script>", "cannot be read"),
        ("0 0 0-99999999999 * *", "cannot be read"),
        ("0 3 * * \u{0}", "cannot be read"),
        (&"0,".repeat(60), "at most 100 characters"),
    ] {
        let said = wrong(cron, "UTC").cron.unwrap_or_default();
        assert!(said.contains(reason), "{cron}: {said}");
    }
    let both = wrong("x", "Moon/Base");
    assert!(both.cron.is_some() && both.zone.is_some(), "{both:?}");
}

#[test]
fn a_zone_that_is_nearly_right_is_named() {
    for (typed, meant) in [
        ("Europe/Berlinn", "Did you mean Europe/Berlin?"),
        ("berlin", "Did you mean Europe/Berlin?"),
        ("new york", "Did you mean America/New_York?"),
        ("", "UTC"),
        ("../../etc/passwd", "no time zone"),
        ("Etc/Unknown", "no time zone"),
        ("<b>", "no time zone"),
        (&"x".repeat(10_000), "no time zone"),
    ] {
        let said = wrong("0 3 * * *", typed).zone.unwrap_or_default();
        assert!(said.contains(meant), "{typed}: {said}");
    }
    assert_eq!(
        timing("0 3 * * *", " europe/berlin ").zone(),
        "Europe/Berlin"
    );
}

#[test]
fn a_timing_reads_in_words() {
    for (cron, words) in [
        ("30 3 * * *", "every day at 03:30 Europe/Berlin"),
        ("@hourly", "every hour Europe/Berlin"),
        ("0 3 * * 1", "at 03:00, on Monday Europe/Berlin"),
        ("*/15 * * * *", "every 15 minutes Europe/Berlin"),
    ] {
        assert_eq!(timing(cron, "Europe/Berlin").words(), words);
    }
    let berlin = timing("30 3 * * *", "Europe/Berlin");
    let next = berlin.next(at(NOW)).unwrap();
    assert_eq!(next, at("2026-11-23T02:30:00Z"));
    assert_eq!(berlin.face(next.as_millisecond()), "Mon 23 Nov 2026 03:30");
    let long = timing("1,8,15,22,29,36,43,50 1,3,5,7,9,11,13,15,17 * * *", "UTC");
    assert_eq!(
        long.name(),
        "1,8,15,22,29,36,43,50 1,3,5,7,9,11,13,15,17 * * * UTC"
    );
}

#[test]
fn the_zones_are_in_the_binary() {
    assert!(TimeZoneDatabase::bundled().get("Europe/Berlin").is_ok());
}
