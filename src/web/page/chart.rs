//! A line of sizes over time, drawn by the server.
//!
//! The axis of sizes begins at zero, so that a small growth does not look like a large one, and a moment stands where its
//! time is, so that a gap looks like one. The drawing is stretched to its place: no text is in it, and strokes keep
//! their width.

use std::fmt::Write as _;

use super::measure::Bytes;
use super::when::When;

/// The width of the drawing, in its own units.
pub const WIDTH: i64 = 1_000;
/// Its height.
pub const HEIGHT: i64 = 240;
/// What stays free on each side, so that no stroke is cut off.
const MARGIN: i64 = 8;

/// A size at one moment.
#[derive(Clone, Debug)]
pub struct Point {
    /// The size.
    pub bytes: Bytes,
    /// When.
    pub at: When,
}

/// The chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// `x,y x,y …`: where the line goes. Empty for a single point.
    pub line: String,
    /// The outline of the dots, one for each point.
    pub dots: String,
    /// Where the axis of time begins, as short as it can be told.
    pub from: When,
    /// Where it ends.
    pub to: When,
    /// How long it is, in milliseconds.
    pub span_ms: i64,
    /// The oldest point.
    pub first: Point,
    /// The newest.
    pub last: Point,
    /// The smallest; of several the oldest.
    pub smallest: Point,
    /// The largest; of several the oldest.
    pub largest: Point,
}

impl Chart {
    /// A chart of sizes in bytes at moments in milliseconds, oldest first. `None` when there is none.
    #[must_use]
    pub fn of(sizes: &[(i64, i64)]) -> Option<Self> {
        let (first, last) = (sizes.first()?, sizes.last()?);
        let smallest = sizes.iter().min_by_key(|(_, bytes)| *bytes)?;
        let largest = sizes.iter().rev().max_by_key(|(_, bytes)| *bytes)?;
        let (mut line, mut dots) = (String::new(), String::new());
        for (at, bytes) in sizes {
            let x = MARGIN
                + part(
                    at.saturating_sub(first.0),
                    last.0.saturating_sub(first.0),
                    WIDTH,
                );
            let y = HEIGHT - MARGIN - part(*bytes, largest.1, HEIGHT);
            // Writing into a string cannot fail.
            let _written = write!(dots, "M{x} {y}h0");
            if sizes.len() > 1 {
                let gap = if line.is_empty() { "" } else { " " };
                let _written = write!(line, "{gap}{x},{y}");
            }
        }
        let point = |(at, bytes): &(i64, i64)| Point {
            bytes: Bytes(*bytes),
            at: When::at(*at),
        };
        let (from, to) = (When::at(first.0), When::at(last.0));
        let (from, to) = short(from, to);
        Some(Self {
            line,
            dots,
            from,
            to,
            span_ms: last.0.saturating_sub(first.0),
            first: point(first),
            last: point(last),
            smallest: point(smallest),
            largest: point(largest),
        })
    }

    /// Whether it shows more than one moment.
    #[must_use]
    pub fn has_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// The drawing's `viewBox`.
    #[must_use]
    pub fn view_box(&self) -> String {
        format!("0 0 {WIDTH} {HEIGHT}")
    }

    /// A database that grew for a month, with a week without checks.
    #[must_use]
    pub fn sample() -> Option<Self> {
        let day = 24 * 60 * 60 * 1000;
        let sizes: Vec<(i64, i64)> = (0..30)
            .filter(|n| !(12..19).contains(n))
            .map(|n| (1_792_800_000_000 + n * day, 3_180_000_000 + n * n * 480_000))
            .collect();
        Self::of(&sizes)
    }
}

/// Two moments for the ends of an axis: their days, or on the same day their times.
fn short(from: When, to: When) -> (When, When) {
    let day = |when: &When| when.text.split(' ').next().unwrap_or_default().to_owned();
    let is_one_day = day(&from) == day(&to);
    let cut = |when: When| When {
        text: if is_one_day {
            when.clock.clone()
        } else {
            day(&when)
        },
        ..when
    };
    (cut(from), cut(to))
}

/// `of` in proportion to `all`, in units of a side without its margins; 0 when there is nothing to compare with.
fn part(of: i64, all: i64, side: i64) -> i64 {
    let room = i128::from(side - 2 * MARGIN);
    let units = i128::from(of.max(0)) * room / i128::from(all.max(1));
    // It is between 0 and the room.
    i64::try_from(units).unwrap_or(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: i64 = MARGIN;
    const BOTTOM: i64 = HEIGHT - MARGIN;
    const LEFT: i64 = MARGIN;
    const RIGHT: i64 = WIDTH - MARGIN;

    fn drawn(sizes: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let line = Chart::of(sizes).unwrap().line;
        line.split_whitespace()
            .map(|point| {
                let (x, y) = point.split_once(',').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn a_moment_stands_where_its_time_is_and_a_size_in_proportion_to_the_largest() {
        let drawn = drawn(&[(1_000, 50), (1_100, 0), (2_000, 100)]);
        let tenth = LEFT + (RIGHT - LEFT) / 10;
        assert_eq!(
            drawn,
            [
                (LEFT, i64::midpoint(TOP, BOTTOM)),
                (tenth, BOTTOM),
                (RIGHT, TOP)
            ]
        );
    }

    #[test]
    fn a_size_that_stays_is_a_level_line() {
        let drawn = drawn(&[(0, 7), (1, 7), (2, 7)]);
        assert!(drawn.iter().all(|(_, y)| *y == TOP), "{drawn:?}");
        let nothing = super::tests::drawn(&[(0, 0), (1, 0)]);
        assert!(nothing.iter().all(|(_, y)| *y == BOTTOM), "{nothing:?}");
    }

    #[test]
    fn huge_numbers_stay_inside() {
        let drawn = drawn(&[
            (i64::MIN, i64::MAX),
            (0, i64::MAX / 2),
            (i64::MAX, i64::MIN),
        ]);
        for (x, y) in &drawn {
            assert!((LEFT..=RIGHT).contains(x), "{drawn:?}");
            assert!((TOP..=BOTTOM).contains(y), "{drawn:?}");
        }
    }

    #[test]
    fn one_point_is_a_dot_and_no_point_is_no_chart() {
        let chart = Chart::of(&[(5, 9)]).unwrap();
        assert!(!chart.has_line());
        assert_eq!(chart.dots, format!("M{LEFT} {TOP}h0"));
        assert!(Chart::of(&[]).is_none());
    }

    #[test]
    fn the_axis_of_time_is_told_in_days_or_within_one_day_in_times() {
        let ends = |last| {
            let chart = Chart::of(&[(0, 1), (last, 1)]).unwrap();
            (chart.from.text, chart.to.text)
        };
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(ends(86_399_000), pair("00:00:00", "23:59:59"));
        assert_eq!(ends(86_400_000), pair("1970-01-01", "1970-01-02"));
    }

    #[test]
    fn the_ends_and_the_extremes_are_named() {
        let chart = Chart::of(&[(1, 5), (2, 9), (3, 2), (4, 9), (5, 2), (6, 4)]).unwrap();
        let at = |ms| When::at(ms);
        assert_eq!((chart.first.at, chart.last.at), (at(1), at(6)));
        assert_eq!((chart.smallest.bytes, chart.smallest.at), (Bytes(2), at(3)));
        assert_eq!((chart.largest.bytes, chart.largest.at), (Bytes(9), at(2)));
    }
}
