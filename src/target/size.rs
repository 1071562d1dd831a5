//! Sizes and numbers as a person reads them, in events, on pages and on the terminal alike.

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
    }
}
