//! Text from outside that a person decides by: nothing in it may be invisible, or turn its neighbours around.
//!
//! Escaping keeps such text from being markup. It does not keep `U+202E` in a comment from showing SQL backwards to
//! the one who approves it (CVE-2021-42574, “Trojan Source”), so such characters are printed as what they are.

use std::borrow::Cow;
use std::fmt;

use askama::filters::{Escaper, Html};

/// The text with control, bidirectional and zero-width characters spelled out as `[U+202E]`; tabs and line breaks stay.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_sly) {
        return Cow::Borrowed(text);
    }
    let spell = |c: char| {
        if is_sly(c) {
            format!("[U+{:04X}]", u32::from(c))
        } else {
            c.to_string()
        }
    };
    Cow::Owned(text.chars().map(spell).collect())
}

/// How every template escapes (`askama.toml` says so): what is sly is spelled out, then what would be markup is escaped.
/// It is not left to each place that prints a name, for sentences of ours and of the server hold such names too.
#[derive(Clone, Copy, Debug)]
pub struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: fmt::Write>(&self, dest: W, text: &str) -> fmt::Result {
        Html.write_escaped_str(dest, &shown(text))
    }
}

/// The joiners `U+200C` and `U+200D` are not among them: names and emoji need them, and they are harmless.
fn is_sly(c: char) -> bool {
    let bidirectional = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let invisible = matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}'
    );
    bidirectional || invisible || (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sly_characters_are_spelled_out() {
        assert_eq!(shown("DROP \u{202e}elbat"), "DROP [U+202E]elbat");
        assert_eq!(shown("a\u{1b}[0m\u{200b}"), "a[U+001B][0m[U+200B]");
    }

    #[test]
    fn honest_text_is_left_alone() {
        for text in ["\tSELECT 1\n", "שלום", "👩\u{200d}🚀 Zürich"] {
            assert!(matches!(shown(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
