//! `/me/factor/new`: the secret, for the device to scan, and the field for its first code.

use askama::Template;

use super::qr::Qr;
use crate::web::layout::{Layout, Link};

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/enrol.html")]
pub struct EnrolPage {
    /// What every page shares.
    pub layout: Layout,
    /// What the device scans; none when the text is too long for a picture.
    pub qr: Option<Qr>,
    /// The secret in groups of four letters, to be typed.
    pub secret: String,
    /// The same as an `otpauth:` link, for an app on this very device.
    pub uri: String,
    /// Why the first code was refused.
    pub error: Option<String>,
}

impl EnrolPage {
    /// Before the first code.
    #[must_use]
    pub fn sample() -> Self {
        let uri = "otpauth://totp/Lockkeeper:ada%20%28keeper.example%29?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Lockkeeper&algorithm=SHA1&digits=6&period=30";
        Self {
            layout: Layout {
                crumbs: vec![Link::new("You", "/me")],
                ..Layout::sample("Set up a second factor")
            },
            qr: Qr::of(uri),
            secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".to_owned(),
            uri: uri.to_owned(),
            error: None,
        }
    }

    /// After a wrong code.
    #[must_use]
    pub fn sample_refused() -> Self {
        Self {
            error: Some("This is not the code that your device should show.".to_owned()),
            ..Self::sample()
        }
    }
}
