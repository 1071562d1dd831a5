//! Numbers as a person reads them. Nothing is rounded into a claim: an estimate says `≈` where it is shown.

use std::fmt;

/// A number of things, with separators: `41,203`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub i64);

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        if self.0 < 0 {
            out.write_str("−")?;
        }
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                out.write_str(",")?;
            }
            write!(out, "{digit}")?;
        }
        Ok(())
    }
}

/// A number of bytes, in decimal units with three digits: `1.24 GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub i64);

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return write!(out, "{} B", self.0);
        }
        // Integer steps: a size must not change its last digit with the float's mood.
        let (mut whole, mut rest, mut unit) = (self.0 / 1000, self.0 % 1000, 0);
        while whole >= 1000 && unit + 1 < UNITS.len() {
            rest = whole % 1000;
            whole /= 1000;
            unit += 1;
        }
        let unit = UNITS[unit];
        match whole {
            0..10 => write!(out, "{whole}.{:02} {unit}", rest / 10),
            10..100 => write!(out, "{whole}.{} {unit}", rest / 100),
            _ => write!(out, "{whole} {unit}"),
        }
    }
}

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
    fn numbers_read_as_written_by_hand() {
        assert_eq!(Count(7).to_string(), "7");
        assert_eq!(Count(41_203).to_string(), "41,203");
        assert_eq!(Count(-1_000_000).to_string(), "−1,000,000");
        assert_eq!(Bytes(999).to_string(), "999 B");
        assert_eq!(Bytes(1_240_000_000).to_string(), "1.24 GB");
        assert_eq!(Bytes(512_900_000).to_string(), "512 MB");
        assert_eq!(Bytes(12_340).to_string(), "12.3 kB");
        assert_eq!(Millis(940).to_string(), "940 ms");
        assert_eq!(Millis(3_249).to_string(), "3.2 s");
        assert_eq!(Millis(252_000).to_string(), "4 min 12 s");
        assert_eq!(Millis(3_780_000).to_string(), "1 h 03 min");
    }
}
