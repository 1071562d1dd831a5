//! Time and ids, injected.
//!
//! Nothing else in the crate may ask the machine for the time or mint an id (`clippy.toml` forbids the shortcuts):
//! that is what makes expiry, ordering and rendered pages testable. Times in the store are milliseconds since the
//! Unix epoch, UTC.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Where the time comes from. Clones share one source.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// `None` is the machine's clock; a value is a hand that only [`Clock::advance`] moves.
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `ms` (milliseconds since the epoch) until [`Clock::advance`] moves it.
    #[must_use]
    pub fn fixed(ms: i64) -> Self {
        Self {
            fixed: Some(Arc::new(AtomicI64::new(ms))),
        }
    }

    /// Moves a fixed clock forward by `ms`; the machine's clock does not listen.
    pub fn advance(&self, ms: i64) {
        if let Some(hand) = &self.fixed {
            hand.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// Now, in milliseconds since the epoch.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    pub fn now_ms(&self) -> i64 {
        match &self.fixed {
            Some(hand) => hand.load(Ordering::SeqCst),
            None => Timestamp::now().as_millisecond(),
        }
    }

    /// Now, as a timestamp with millisecond precision.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        timestamp(self.now_ms())
    }

    /// Now, to the microsecond, the precision of Postgres's clocks: what is written one after the other has different moments.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    pub fn now_exactly(&self) -> Timestamp {
        match &self.fixed {
            Some(_) => self.now(),
            None => Timestamp::from_microsecond(Timestamp::now().as_microsecond())
                .unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// A new id: UUID version 7, so that ids sort by the time they were made (RFC 9562 §5.7).
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that mints ids"
    )]
    pub fn id(&self) -> String {
        let now = u64::try_from(self.now_ms()).unwrap_or_default();
        let stamp = uuid::Timestamp::from_unix(
            uuid::NoContext,
            now / 1000,
            u32::try_from(now % 1000 * 1_000_000).unwrap_or_default(),
        );
        uuid::Uuid::new_v7(stamp).to_string()
    }
}

/// Stored milliseconds as a timestamp; a value outside of the calendar reads as the epoch.
#[must_use]
pub fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        clock.clone().advance(5);
        assert_eq!(clock.now_ms(), 1_005, "clones share the hand");
    }

    #[test]
    fn the_machines_clock_is_told_to_the_microsecond() {
        let clock = Clock::system();
        let is_between = (0..50).any(|_| {
            std::thread::sleep(std::time::Duration::from_micros(300));
            clock.now_exactly().as_microsecond() % 1000 != 0
        });
        assert!(is_between);
        assert_eq!(Clock::fixed(5).now_exactly().as_millisecond(), 5);
    }

    #[test]
    fn ids_of_later_moments_sort_later() {
        let clock = Clock::fixed(1_700_000_000_000);
        let first = clock.id();
        clock.advance(1);
        assert!(first < clock.id());
    }
}
