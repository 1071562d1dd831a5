//! Telling people what they would have to look for otherwise: a backup that failed, a job that needs them, a target that
//! does not answer.
//!
//! What must stay true:
//! - Whatever is told is written in the transaction in which it became true ([`announce`]), and sent afterwards: nothing is
//!   told that did not happen, and a crash forgets nothing.
//! - Nobody is told the same thing twice, however many processes notice it: what happened has a key, and a unique index
//!   allows one row for it on each channel. Sent twice it can be only when a process dies between sending and noting it; so
//!   what is sent carries the row's id.
//! - Addresses of webhooks, passwords and keys are in the configuration and nowhere else. What is sent, stored, shown and
//!   logged holds none of them.
//! - A webhook reaches no private address unless the operator has said so ([`address`]).
//!
//! [`Kind`] is what can be told, [`subscription`] is who wants to be told, [`outbox`] holds what is told, [`deliver`] sends
//! it. What lasts until it is over is noted in [`condition`], and [`policy`] says when a backup is absent.

pub mod address;
mod channel;
pub mod condition;
pub mod deliver;
mod kind;
mod mail;
pub mod notification;
pub mod outbox;
pub mod policy;
mod signature;
pub mod subscription;
mod webhook;

pub use channel::{Channel, NoAddress};
pub use deliver::Courier;
pub use kind::Kind;
pub use notification::{Notification, State};
pub use outbox::{News, announce};
pub use signature::sign;
pub use subscription::{EVERY_TARGET, Subscription};

/// The text on one line: without line breaks and other control characters, at most `most` characters.
fn one_line(text: &str, most: usize) -> String {
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    cut(&words.join(" "), most)
}

/// At most `most` characters of the text; what is cut off ends in an ellipsis.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line(" a\r\nBcc: b\u{0}\tc ", 40), "a Bcc: b c");
        assert_eq!(one_line("äöüß", 3), "äö…");
    }
}
