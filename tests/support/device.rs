//! A device that shows codes, as an app for one-time codes does.

use lockkeeper::clock::Clock;
use totp_rs::{Builder, Totp};

/// One account in the app.
pub struct Device(Totp);

impl Device {
    /// Learns a secret as a person types it: base32 in groups.
    pub fn of(secret: &str) -> Self {
        let mut bits = secret
            .split_whitespace()
            .flat_map(str::bytes)
            .flat_map(|letter| {
                let value = match letter {
                    b'A'..=b'Z' => letter - b'A',
                    b'2'..=b'7' => letter - b'2' + 26,
                    other => panic!("{other} is no letter of base32"),
                };
                (0..5).rev().map(move |bit| value >> bit & 1)
            });
        let mut bytes = [0_u8; 20];
        for byte in &mut bytes {
            *byte = (0..8).fold(0, |byte, _| byte << 1 | bits.next().unwrap());
        }
        Self(Builder::new().with_secret(bytes).build().unwrap())
    }

    /// The code at a moment, in milliseconds since the epoch.
    pub fn at(&self, ms: i64) -> String {
        let seconds = u64::try_from(ms / 1000).unwrap();
        self.0.generate(seconds).to_string()
    }

    /// What it shows now.
    pub fn now(&self) -> String {
        self.at(Clock::system().now_ms())
    }

    /// What it shows next; a device whose clock is ahead shows it now.
    pub fn next(&self) -> String {
        self.at(Clock::system().now_ms() + 30_000)
    }

    /// A code that it does not show for a while.
    pub fn wrong(&self) -> String {
        let now = Clock::system().now_ms();
        let shown: Vec<String> = (-3..=3).map(|step| self.at(now + step * 30_000)).collect();
        let free = (0..10).map(|number| format!("{number:06}"));
        free.into_iter().find(|code| !shown.contains(code)).unwrap()
    }
}
