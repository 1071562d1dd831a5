//! Sentences with code in them: what stands between backticks on a terminal is set as code on a page.

use std::fmt;

use askama::filters::{Escaper, Html};

/// Text that escapes itself, so that it is safe in a page, with what stands between two backticks as `<code>`.
#[derive(Clone, Copy, Debug)]
pub struct Prose<'a>(pub &'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split('`').peekable();
        let mut is_code = false;
        while let Some(part) = parts.next() {
            // A backtick that none follows is one.
            let opens = is_code && parts.peek().is_some();
            let (before, after) = match (is_code, opens) {
                (true, true) => ("<code>", "</code>"),
                (true, false) => ("`", ""),
                (false, _) => ("", ""),
            };
            out.write_str(before)?;
            Html.write_escaped_str(&mut *out, part)?;
            out.write_str(after)?;
            is_code = !is_code;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_set_as_code_and_nothing_else_is_trusted() {
        for (text, html) in [
            ("", ""),
            ("plain", "plain"),
            ("run `x` now", "run <code>x</code> now"),
            ("`a`", "<code>a</code>"),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
            ("it's ` alone", "it&#39;s ` alone"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
            (
                "<b>`<i>`</b>",
                "&#60;b&#62;<code>&#60;i&#62;</code>&#60;/b&#62;",
            ),
            (
                "`</code><script>`",
                "<code>&#60;/code&#62;&#60;script&#62;</code>",
            ),
        ] {
            assert_eq!(Prose(text).to_string(), html);
        }
    }
}
