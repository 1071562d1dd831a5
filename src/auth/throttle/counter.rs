//! What tries are counted for, and how long the next one waits.

use std::net::IpAddr;
use std::time::Duration;

use crate::auth::fingerprint;

/// The longest delay of a try, and the longest that anybody waits for an answer.
pub const LONGEST: Duration = Duration::from_secs(15);
/// The longest delay of a code: 24 a day, of which each is right with three chances in a million.
pub const LONGEST_OF_CODES: Duration = Duration::from_hours(1);
/// After this long without a failure, half of them are forgotten, in milliseconds.
pub const HALF_LIFE: i64 = 15 * 60 * 1000;
/// After this long the row is, in milliseconds.
pub(super) const FORGOTTEN: i64 = 24 * 60 * 60 * 1000;

/// One of the things that tries are counted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// As in the store.
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What it is: that decides how many failures are free, and what the next one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Account,
    Address,
    Device,
    Codes,
}

impl Counter {
    /// Of the account whose name has that key, whether or not there is one.
    #[must_use]
    pub fn account(name_key: &str) -> Self {
        Self {
            name: format!("account:{}", fingerprint(name_key)),
            kind: Kind::Account,
        }
    }

    /// Of an address: one of IPv4, or the network that one subscriber has of IPv6 (/64). What is none, such as
    /// `terminal`, counts under its own name.
    #[must_use]
    pub fn address(address: &str) -> Self {
        let name = match address.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
            Ok(IpAddr::V4(ip)) => format!("address:{ip}"),
            Ok(IpAddr::V6(ip)) => {
                let [a, b, c, d, ..] = ip.segments();
                format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            Err(_) => format!("address:{address}"),
        };
        Self {
            name,
            kind: Kind::Address,
        }
    }

    /// Of the codes of one user from wherever they are not known: only somebody who knows the password gets that far.
    #[must_use]
    pub fn codes(user: &str) -> Self {
        Self {
            name: format!("codes:{user}"),
            kind: Kind::Codes,
        }
    }

    /// Of the codes that are given where their user is known: in a known browser, or in a session of theirs.
    #[must_use]
    pub fn codes_in(known: &str) -> Self {
        Self {
            name: format!("codes:in:{known}"),
            kind: Kind::Codes,
        }
    }

    /// Of a known browser.
    #[must_use]
    pub fn device(name: &str) -> Self {
        Self {
            name: format!("device:{name}"),
            kind: Kind::Device,
        }
    }
}

impl Kind {
    /// How many failures bring no delay: several people may share an address, and everybody mistypes.
    fn free(self) -> i64 {
        match self {
            Self::Account | Self::Device | Self::Codes => 3,
            Self::Address => 10,
        }
    }

    /// How many tries may wait at a time, in this process.
    pub(super) fn waiting(self) -> usize {
        match self {
            Self::Account | Self::Device => 4,
            // Six digits are few: one code at a time, whoever else knows the password.
            Self::Codes => 1,
            Self::Address => 8,
        }
    }

    /// The delay after so many failures: 1 s after the free ones, then twice as long each time.
    pub(super) fn delay(self, failures: i64) -> Duration {
        let doublings = match failures - self.free() {
            ..0 => return Duration::ZERO,
            more => u32::try_from(more.min(12)).unwrap_or_default(),
        };
        let longest = match self {
            Self::Account | Self::Device | Self::Address => LONGEST,
            Self::Codes => LONGEST_OF_CODES,
        };
        Duration::from_secs(1 << doublings).min(longest)
    }

    /// What is left of `failures` after so many milliseconds. Of codes all of it, until the day is over: whoever came
    /// back after each half-life would have many more of them.
    pub(super) fn faded(self, failures: i64, passed: i64) -> i64 {
        match self {
            Self::Codes if passed >= FORGOTTEN => 0,
            Self::Codes => failures,
            Self::Account | Self::Device | Self::Address => {
                failures >> (passed / HALF_LIFE).clamp(0, 62)
            }
        }
    }
}
