//! Where a notification goes: a webhook of the configuration by its name, or a mail address.

use std::fmt;

use lettre::Address;

/// The longest address that mail knows (RFC 5321 §4.5.3.1.3, without the angle brackets).
const LONGEST: usize = 254;

/// A way to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The `[[webhook]]` of that name.
    Webhook(String),
    /// The mail address.
    Mail(String),
}

/// Text that is no mail address we send to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "This is not a mail address. Write it as ada@example.com, without a name and without spaces."
)]
pub struct NoAddress;

impl Channel {
    /// Mail to an address that a person has typed. What could mean anything else in the head of a mail is refused, though
    /// the standard would allow it in quotes.
    pub fn mail(typed: &str) -> Result<Self, NoAddress> {
        let address = typed.trim();
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'()<>[]\\,;:".contains(&byte);
        if address.len() > LONGEST || !address.bytes().all(plain) {
            return Err(NoAddress);
        }
        match address.parse::<Address>() {
            Ok(parsed) if parsed.domain().contains('.') || parsed.domain() == "localhost" => {
                Ok(Self::Mail(address.to_owned()))
            }
            _ => Err(NoAddress),
        }
    }

    /// The channel of a stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("webhook", name) => Some(Self::Webhook(name.to_owned())),
            ("mail", address) => Some(Self::Mail(address.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Channel {
    /// As it is stored: `webhook:ops`, `mail:ada@example.com`.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(name) => write!(to, "webhook:{name}"),
            Self::Mail(address) => write!(to, "mail:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        for text in ["webhook:ops", "mail:ada+keeper@example.com"] {
            assert_eq!(Channel::from_stored(text).unwrap().to_string(), text);
        }
        assert_eq!(Channel::from_stored("pigeon:ops"), None);
        assert_eq!(Channel::from_stored("ops"), None);
    }

    #[test]
    fn only_a_plain_address_is_taken() {
        assert_eq!(
            Channel::mail(" ada@example.com "),
            Ok(Channel::Mail("ada@example.com".to_owned()))
        );
        let long = format!("{}@example.com", "a".repeat(10_000));
        for typed in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "Ada <ada@example.com>",
            "ada@example.com, eve@example.com",
            "ada@example.com\nBcc: eve@example.com",
            "ada\r\n@example.com",
            "\"a b\"@example.com",
            "<script>@example.com",
            "ada@[127.0.0.1]",
            "ada@example.com\0",
            "ädä@example.com",
            &long,
        ] {
            assert_eq!(Channel::mail(typed), Err(NoAddress), "{typed}");
        }
    }
}
