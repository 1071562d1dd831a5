//! A QR code as one path of an inline SVG: no picture from elsewhere, no style attribute.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// How many modules stay white around it (ISO/IEC 18004).
const QUIET: i32 = 4;

/// A QR code, drawn black on white whatever the colours of the page are: a camera needs the contrast.
#[derive(Clone, Debug)]
pub struct Qr {
    /// How many units the picture is wide and high, with the white around it.
    pub size: i32,
    /// The black modules, as the `d` of a path.
    pub path: String,
}

impl Qr {
    /// The code of a text; none when the text is too long for any.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let run = (x..code.size())
                    .take_while(|x| code.get_module(*x, y))
                    .count();
                let run = i32::try_from(run).unwrap_or_default();
                if run > 0 {
                    let _always = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
                }
                x += run + 1;
            }
        }
        Some(Self {
            size: code.size() + 2 * QUIET,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_paints_the_modules_and_no_others() {
        let text = "otpauth://totp/Lockkeeper:ada%20%28localhost%29?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Lockkeeper";
        let (qr, code) = (
            Qr::of(text).unwrap(),
            QrCode::encode_text(text, QrCodeEcc::Medium).unwrap(),
        );
        let mut painted = std::collections::BTreeSet::new();
        for run in qr.path.split('z').filter(|run| !run.is_empty()) {
            let (at, rest) = run[1..].split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let (width, back) = rest.split_once("v1h-").unwrap();
            assert_eq!(width, back);
            for step in 0..width.parse().unwrap() {
                assert!(painted.insert((x + step - 4, y - 4)), "painted twice");
            }
        }
        for y in -4..qr.size - 4 {
            for x in -4..qr.size - 4 {
                assert_eq!(painted.contains(&(x, y)), code.get_module(x, y), "{x} {y}");
            }
        }
        assert!(Qr::of(&"x".repeat(3000)).is_none());
    }
}
