//! What a new password must be: long enough, and not one of those that are tried first.
//!
//! What must stay true: no rule of composition, nothing trimmed, cut or normalised before hashing; the same rule wherever
//! a password is set. Everything here looks at a lower-case copy and changes nothing.

use std::collections::HashSet;
use std::sync::LazyLock;

use secrecy::{ExposeSecret, SecretString};

/// The shortest password while it is the only factor, in characters (NIST SP 800-63B-4 §3.1.1).
pub const MIN_CHARS: usize = 15;
/// The shortest beside a second factor that is in force.
pub const MIN_CHARS_WITH_FACTOR: usize = 8;
/// The longest: bounds the work of a hash without cutting any passphrase.
pub const MAX_CHARS: usize = 256;

/// Repeating anything shorter is as good as not repeating it.
const SHORT_PIECE: usize = 8;
/// Words that are tried first at a console like this one, whatever it looks after.
const OBVIOUS: [&str; 6] = [
    "lockkeeper",
    "postgresql",
    "postgres",
    "password",
    "prisma",
    "admin",
];

/// What is wrong with a new password, as a sentence for the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer than [`MIN_CHARS`] characters, and nothing beside it.
    #[error("The password needs at least 15 characters. A few words in a row are fine.")]
    Short,
    /// Fewer than [`MIN_CHARS_WITH_FACTOR`] characters.
    #[error("The password needs at least 8 characters, beside the second factor.")]
    ShortWithFactor,
    /// More than [`MAX_CHARS`] characters.
    #[error("The password may have at most 256 characters.")]
    Long,
    /// On the list, or something of it repeated or padded.
    #[error(
        "This is a password that many people use, alone, repeated, or with digits around it: it is among the first \
         that are tried. Choose another; a few words in a row that do not belong together are good."
    )]
    Common,
    /// A short piece over and over, or characters in a row.
    #[error(
        "This password is one short piece over and over, or characters in a row: it is guessed as fast as a short one. \
         Choose another; a few words in a row that do not belong together are good."
    )]
    Repeated,
    /// Made of what everybody knows about the user and the console.
    #[error(
        "This password is made of your name, of the names of this console and of what it looks after, or of words like \
         them: they are tried first. Choose another; a few words in a row that do not belong together are good."
    )]
    Obvious,
}

/// What a form says about a password before it is chosen.
#[must_use]
pub fn hint(with_factor: bool) -> &'static str {
    if with_factor {
        "At least 8 characters. A few words in a row are fine."
    } else {
        "At least 15 characters. A few words in a row are fine."
    }
}

/// Checks a new password. `with_factor`: whether a second factor is in force for its user. `words`: what anybody would
/// try for this user here, such as their name and the hosts of the targets.
pub fn check(
    password: &SecretString,
    with_factor: bool,
    words: &[String],
) -> Result<(), PasswordProblem> {
    let password = password.expose_secret();
    let length = password.chars().count();
    if with_factor && length < MIN_CHARS_WITH_FACTOR {
        return Err(PasswordProblem::ShortWithFactor);
    }
    if !with_factor && length < MIN_CHARS {
        return Err(PasswordProblem::Short);
    }
    if length > MAX_CHARS {
        return Err(PasswordProblem::Long);
    }
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    let plain = kept(&lower, char::is_alphanumeric);
    let letters = kept(&lower, char::is_alphabetic);
    let trimmed = without_digits_around(&plain);
    if is_row(&lower) || is_row(&plain) {
        return Err(PasswordProblem::Repeated);
    }
    for form in [&lower, &plain, &trimmed, &letters] {
        let piece = period(form);
        if is_common(&form[..piece]) {
            return Err(PasswordProblem::Common);
        }
        // A short piece of letters among many other characters is no sign of anything.
        let is_most = form.len() * 2 > lower.len();
        if is_most && piece < SHORT_PIECE && piece < form.len() {
            return Err(PasswordProblem::Repeated);
        }
    }
    if is_made_of(&plain, words) {
        return Err(PasswordProblem::Obvious);
    }
    Ok(())
}

fn kept(text: &[char], keep: impl Fn(char) -> bool) -> Vec<char> {
    text.iter().copied().filter(|each| keep(*each)).collect()
}

fn without_digits_around(text: &[char]) -> Vec<char> {
    let is_other = |each: &char| !each.is_numeric();
    match (
        text.iter().position(is_other),
        text.iter().rposition(is_other),
    ) {
        (Some(first), Some(last)) => text[first..=last].to_vec(),
        _ => Vec::new(),
    }
}

fn is_common(text: &[char]) -> bool {
    static COMMON: LazyLock<HashSet<&str>> =
        LazyLock::new(|| include_str!("common.txt").lines().collect());
    let text: String = text.iter().collect();
    COMMON.contains(text.as_str())
}

/// The length of the shortest piece that makes up the text when it is repeated; the last time it may be cut short.
fn period(text: &[char]) -> usize {
    let repeats = |piece: usize| text.iter().zip(&text[piece..]).all(|(a, b)| a == b);
    let half = text.len() / 2;
    (1..=half)
        .find(|piece| repeats(*piece))
        .or_else(|| {
            (half + 1..text.len()).find(|piece| repeats(*piece) && is_common(&text[..*piece]))
        })
        .unwrap_or(text.len())
}

/// Whether every character is the next one after the one before it, or every one the one before that.
fn is_row(text: &[char]) -> bool {
    let steps = |step: i64| {
        text.windows(2)
            .all(|two| i64::from(u32::from(two[1])) - i64::from(u32::from(two[0])) == step)
    };
    text.len() > 1 && (steps(1) || steps(-1))
}

/// Whether nothing but digits is left of the password without these words and the [`OBVIOUS`] ones.
fn is_made_of(plain: &[char], words: &[String]) -> bool {
    let mut known: Vec<String> = OBVIOUS.map(str::to_owned).to_vec();
    for word in words {
        let word = word.to_lowercase();
        known.extend(
            word.split(|each: char| !each.is_alphanumeric())
                .map(str::to_owned),
        );
        known.push(word.chars().filter(|each| each.is_alphanumeric()).collect());
    }
    known.retain(|word| !word.is_empty());
    // The longest first: a word may hold another.
    known.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    let mut rest: String = plain.iter().collect();
    let before = rest.len();
    for word in &known {
        // A blank in its place, so that what stands around it does not make a word.
        rest = rest.replace(word.as_str(), " ");
    }
    rest.len() < before && !rest.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str, with_factor: bool) -> Result<(), PasswordProblem> {
        let words = ["Ada Łovelace", "db-7.example.org", "jarvis"].map(str::to_owned);
        check(&password.into(), with_factor, &words)
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(judged("äöüxyzqäöübtqk", false), Err(PasswordProblem::Short));
        assert_eq!(judged("äöüxyzqäöübtqkw", false), Ok(()));
        assert_eq!(
            judged("äöüxyzq", true),
            Err(PasswordProblem::ShortWithFactor)
        );
        assert_eq!(judged("äöüxyzqw", true), Ok(()));
        let long: String =
            ('\u{100}'..).take(128).collect::<String>() + &"ab cd ef gh ".repeat(10) + "bounds!!";
        assert_eq!(long.chars().count(), 256);
        assert_eq!(judged(&long, false), Ok(()));
        assert_eq!(judged(&(long + "x"), false), Err(PasswordProblem::Long));
    }

    #[test]
    fn nothing_has_to_be_in_it() {
        for good in [
            "correct horse battery staple",
            "   a few blanks around   ",
            "тихая вода глубока",
            "7391846205184937",
            "kwx!9dPq$2mN#vLz",
            "a-rather-long-passphrase",
            "bulofa-kitezu-danipo",
            "ada is not the whole of it",
        ] {
            assert_eq!(judged(good, false), Ok(()), "{good}");
        }
        for good in ["horse battery", "qpwmzn7t"] {
            assert_eq!(judged(good, true), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_many_use_is_refused_in_every_dress() {
        use PasswordProblem::{Common, Obvious, Repeated};
        for (bad, why) in [
            ("passwordpassword", Common),
            ("Password1234567", Common),
            ("1990-Sunshine-2024", Common),
            ("12345678901234567890", Common),
            ("123456789012345", Common),
            ("iloveyou iloveyou!", Common),
            ("aaaaaaaaaaaaaaaa", Repeated),
            ("monkeymonkeymonkey", Repeated),
            ("dragon-dragon-dragon", Repeated),
            ("abcdefghijklmnopq", Repeated),
            ("zyxwvutsrqponmlkj", Repeated),
            ("LockkeeperLockkeeper", Obvious),
            ("lockkeeper-20241", Obvious),
            ("Ada.Łovelace.1815", Obvious),
            ("jarvis-postgres-admin", Obvious),
            ("db-7.example.org", Obvious),
        ] {
            assert_eq!(judged(bad, false), Err(why), "{bad}");
        }
        for (bad, why) in [
            ("Password", Common),
            ("trustno1!", Common),
            ("jarvis99", Obvious),
        ] {
            assert_eq!(judged(bad, true), Err(why), "{bad}");
        }
    }

    #[test]
    fn the_list_is_what_its_notice_says() {
        let list: Vec<&str> = include_str!("common.txt").lines().collect();
        assert_eq!(list.len(), 16_285);
        assert!(list.is_sorted());
        assert!(
            list.iter()
                .all(|each| each.len() >= MIN_CHARS_WITH_FACTOR && *each == each.to_lowercase())
        );
    }
}
