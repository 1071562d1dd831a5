//! Codes of a person's device (RFC 6238): SHA-1, six digits, 30 seconds, a step early or late; and how the device learns
//! its secret.

use rand::Rng;
use totp_rs::{Builder, Totp};
use url::form_urlencoded::byte_serialize;

/// How many bytes a secret has: 160 bits (RFC 4226 §4).
const BYTES: usize = 20;
/// The letters of base32 (RFC 4648 §6).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a device and the console share. It is never printed but to whom it belongs.
#[derive(Clone)]
pub struct Secret([u8; BYTES]);

impl Secret {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; BYTES];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret of its bytes, if they are as many as they must be.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a person types it into a device: base32 in groups of four.
    #[must_use]
    pub fn groups(&self) -> String {
        groups(&self.0, " ")
    }

    /// As a device reads it from a QR code: the account `name`, at the console of `place`.
    #[must_use]
    pub fn uri(&self, name: &str, place: &str) -> String {
        let escaped = |text: &str| {
            byte_serialize(text.as_bytes())
                .collect::<String>()
                .replace('+', "%20")
        };
        format!(
            "otpauth://totp/Lockkeeper:{}?secret={}&issuer=Lockkeeper&algorithm=SHA1&digits=6&period=30",
            escaped(&format!("{name} ({place})")),
            groups(&self.0, ""),
        )
    }

    /// The time step of a code, if it is one of now, of the step before or of the one after. Compared in constant time.
    #[must_use]
    pub fn step_of(&self, code: &str, now_ms: i64) -> Option<i64> {
        let seconds = u64::try_from(now_ms / 1000).ok()?;
        let step = self.totp()?.check(code, seconds)?;
        i64::try_from(step).ok()
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new().with_secret(self.0).build().ok()
    }
}

/// Bytes as base32 without padding, in groups of four letters.
#[must_use]
pub fn groups(bytes: &[u8], between: &str) -> String {
    let mut text = String::new();
    let (mut held, mut bits, mut letters) = (0_usize, 0, 0);
    for byte in bytes {
        held = (held << 8) | usize::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            if letters > 0 && letters % 4 == 0 {
                text.push_str(between);
            }
            text.push(char::from(LETTERS[(held >> bits) & 31]));
            letters += 1;
        }
        held &= (1 << bits) - 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, SHA-1, cut to six digits.
        let secret = Secret::of(b"12345678901234567890").unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (20_000_000_000, "353130"),
        ] {
            let step = seconds / 30;
            for (late, found) in [(-2, None), (-1, Some(step)), (0, Some(step)), (2, None)] {
                let now = (seconds + late * 30) * 1000;
                assert_eq!(secret.step_of(code, now), found, "{code} {late}");
            }
            assert_eq!(secret.step_of(code, (seconds + 30) * 1000), Some(step));
        }
        for wrong in ["", "28708", "2870822", "28708x", "２８７０８２"] {
            assert_eq!(secret.step_of(wrong, 59_000), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_reads_as_base32() {
        let secret = Secret::of(b"12345678901234567890").unwrap();
        assert_eq!(
            secret.groups(),
            "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
            "RFC 4648"
        );
        assert_eq!(groups(&[0xff; 10], "-"), "7777-7777-7777-7777");
        let uri = secret.uri("a b&c", "db.example:8090");
        assert!(
            uri.starts_with("otpauth://totp/Lockkeeper:a%20b%26c%20%28db.example%3A8090%29?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"),
            "{uri}"
        );
    }
}
