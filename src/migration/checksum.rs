//! The checksum of a script, as Prisma records and compares it.
//!
//! It is the SHA-256 of the script's text in lower-case hex. The text is what remains after decoding as UTF-8 with
//! replacement, so a script with invalid bytes has another checksum than its file; a byte order mark stays in.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The checksum that a new row of the ledger gets for a script of these bytes.
#[must_use]
pub fn checksum(script: &[u8]) -> String {
    of_text(&String::from_utf8_lossy(script))
}

/// Whether a recorded checksum is that of the script, so that the script was not edited since.
///
/// Prisma forgives line ends: the text is tried as it is, with every CRLF as LF, and with every LF as CRLF (a CRLF then
/// ends as CR CR LF). A recorded value of another length than 64 is compared with the way in which an old Prisma wrote
/// checksums: without the leading zero of a byte.
#[must_use]
pub fn matches(script: &[u8], stored: &str) -> bool {
    let text = String::from_utf8_lossy(script);
    let rendered = |text: &str| {
        if stored.is_empty() || stored.len() == 64 {
            of_text(text)
        } else {
            without_leading_zeros(text)
        }
    };
    rendered(&text) == stored
        || rendered(&text.replace("\r\n", "\n")) == stored
        || rendered(&text.replace('\n', "\r\n")) == stored
}

fn of_text(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}

fn without_leading_zeros(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _written = write!(hex, "{byte:x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    const LF: &[u8] = b"SELECT 1;\nSELECT 2;\n";
    const CRLF: &[u8] = b"SELECT 1;\r\nSELECT 2;\r\n";
    const MIXED: &[u8] = b"SELECT 1;\r\nSELECT 2;\n";

    #[test]
    fn an_empty_script_has_the_well_known_checksum() {
        assert_eq!(
            checksum(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            checksum(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn line_ends_are_forgiven_as_prisma_forgives_them() {
        for (script, recorded, same) in [
            (LF, LF, true),
            (LF, CRLF, true),
            (CRLF, LF, true),
            (CRLF, CRLF, true),
            (MIXED, LF, true),
            (MIXED, MIXED, true),
            (MIXED, CRLF, false),
            (LF, MIXED, false),
            (b"a\rb".as_slice(), b"a\nb".as_slice(), false),
            (b"a\r\nb".as_slice(), b"a\r\r\nb".as_slice(), true),
            (LF, b"SELECT 1;\nSELECT 2;".as_slice(), false),
        ] {
            assert_eq!(
                matches(script, &checksum(recorded)),
                same,
                "{script:?} {recorded:?}"
            );
        }
    }

    #[test]
    fn invalid_bytes_are_replaced_before_hashing() {
        assert_eq!(checksum(b"a\xffb"), checksum("a\u{fffd}b".as_bytes()));
        assert!(matches(b"a\xffb", &checksum("a\u{fffd}b".as_bytes())));
        // A sequence that is cut short is one replacement, not one for each byte.
        assert_eq!(checksum(b"\xf0\x9f\x9a"), checksum("\u{fffd}".as_bytes()));
    }

    #[test]
    fn a_byte_order_mark_counts() {
        assert_ne!(checksum(b"\xef\xbb\xbfSELECT 1"), checksum(b"SELECT 1"));
    }

    #[test]
    fn the_old_rendering_is_understood() {
        let script = (0..1000)
            .map(|number| format!("SELECT {number};").into_bytes())
            .find(|script| {
                let hex = checksum(script);
                hex.bytes().step_by(2).any(|digit| digit == b'0')
            })
            .unwrap();
        let old = without_leading_zeros(&String::from_utf8_lossy(&script));
        assert!(old.len() < 64);
        assert!(matches(&script, &old));
        assert!(!matches(b"SELECT 'other';", &old));
    }

    #[test]
    fn anything_else_means_edited() {
        let upper = checksum(LF).to_uppercase();
        for stored in ["", "x", "manual", upper.as_str()] {
            assert!(!matches(LF, stored), "{stored}");
        }
    }
}
