//! Numbers as a person reads them. Nothing is rounded into a claim: an estimate says `≈` where it is shown.

use std::fmt;

pub use crate::target::size::{Bytes, Count};

/// A length of time in milliseconds: `940 ms`, `3.2 s`, `4 min 12 s`, `1 h 03 min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub i64);

impl fmt::Display for Millis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.max(0);
        let seconds = ms / 1000;
        match seconds {
            0 => write!(out, "{ms} ms"),
            1..10 => write!(out, "{seconds}.{} s", ms % 1000 / 100),
            10..60 => write!(out, "{seconds} s"),
            60..3600 => write!(out, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(out, "{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_reads_as_written_by_hand() {
        assert_eq!(Millis(940).to_string(), "940 ms");
        assert_eq!(Millis(3_249).to_string(), "3.2 s");
        assert_eq!(Millis(252_000).to_string(), "4 min 12 s");
        assert_eq!(Millis(3_780_000).to_string(), "1 h 03 min");
    }
}
