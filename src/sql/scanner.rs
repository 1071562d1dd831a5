//! The one call into the server's scanner, and what must not reach it.

use pg_query::protobuf::ScanToken;

/// What the scanner passes over, besides comments, which are tokens (`space` in Postgres's `scan.l`).
const SPACE: &[u8] = b" \t\n\r\x0b\x0c";

/// The tokens of `script` with their byte offsets, comments included.
///
/// An error means that a string, a quoted name or a comment is never closed, or that the text holds a NUL.
pub(super) fn tokens(script: &str) -> Result<Vec<ScanToken>, pg_query::Error> {
    // Without any token, pg_query 18.1 makes a slice of a null pointer, which aborts a debug build.
    if script.bytes().all(|byte| SPACE.contains(&byte)) {
        return Ok(Vec::new());
    }
    pg_query::scan_tokens(script)
}

/// Where a script has a run of operator characters that would keep the scanner busy for minutes.
///
/// The scanner reads a whole run (`/*/*/*…`, `+-+-+-…`), takes two characters of it and starts again, so its work grows
/// with the square of the run: 1 MiB of `/*` would take it hours. The budget allows rulers of any sane length in
/// comments; a single run may have 5,000 characters.
pub(super) fn exhausting_run(script: &str) -> Option<usize> {
    const BUDGET: usize = 30_000_000;
    let bytes = script.as_bytes();
    let mut spent = 0_usize;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let run = rest
            .iter()
            .take_while(|byte| b"~!@#^&|`?+-*/%<>=".contains(byte))
            .count();
        spent = spent.saturating_add(run.saturating_mul(run));
        if spent > BUDGET {
            return Some(at);
        }
        at += run.max(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_token_is_no_trouble() {
        for number in 0..=u8::MAX {
            let text = char::from(number).to_string();
            if let Ok(tokens) = tokens(&text) {
                assert_eq!(tokens, pg_query::scan(&text).unwrap().tokens, "{text:?}");
                assert_eq!(tokens.is_empty(), SPACE.contains(&number), "{text:?}");
            }
        }
        assert!(tokens("").unwrap().is_empty());
        assert!(tokens(" \t\n\r\u{b}\u{c}").unwrap().is_empty());
    }
}
