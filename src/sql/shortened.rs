//! Statements of others, as they may be shown: without their values and on one short line.
//!
//! What runs on a server is not ours to publish: constants are data of the application's users. What must stay true: no constant
//! and no comment of the text is in what comes out, however it was cut off.

use pg_query::protobuf::Token;

use super::scanner;

/// How much of a statement is looked at, in bytes.
const LOOKED_AT: usize = 1_000;
/// How often a text that is cut off within something is cut before that.
const TRIES: usize = 20;
/// How much of it is shown, in characters.
const SHOWN: usize = 120;
/// What stands for a constant, and for what was cut off.
const GONE: &str = "…";

/// A statement on one line, with `…` in the place of each constant. The server cuts long texts, so the end may be missing.
#[must_use]
pub fn without_values(statement: &str) -> String {
    let cut = statement.floor_char_boundary(LOOKED_AT);
    let whole = statement.get(..cut).unwrap_or_default();
    let mut line = scanned(whole).unwrap_or_default();
    if whole.len() < statement.len() {
        line.push_str(GONE);
    }
    if line.chars().count() > SHOWN {
        line = line.chars().take(SHOWN).collect();
        line.push_str(GONE);
    }
    line
}

/// The tokens with their constants blanked. A text that ends within a string, a name or a comment is cut before that.
fn scanned(text: &str) -> Option<String> {
    let mut text = text;
    for _try in 0..TRIES {
        if let Ok(tokens) = scanner::tokens(text) {
            return Some(joined(text, &tokens));
        }
        // What is not closed begins with one of these; the one that is not is among the last.
        text = text.get(..text.rfind(['\'', '"', '$', '*'])?)?;
    }
    Some(GONE.to_owned())
}

fn joined(text: &str, tokens: &[pg_query::protobuf::ScanToken]) -> String {
    let mut line = String::new();
    let mut last = 0;
    for token in tokens {
        let (Ok(start), Ok(end)) = (usize::try_from(token.start), usize::try_from(token.end))
        else {
            continue;
        };
        let kind = token.token();
        if matches!(kind, Token::SqlComment | Token::CComment) {
            continue;
        }
        if start > last && !line.is_empty() {
            line.push(' ');
        }
        last = end;
        let is_value = matches!(
            kind,
            Token::Sconst
                | Token::Usconst
                | Token::Bconst
                | Token::Xconst
                | Token::Iconst
                | Token::Fconst
        );
        line.push_str(if is_value {
            GONE
        } else {
            text.get(start..end).unwrap_or_default()
        });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_comments_are_left_out() {
        for (statement, shown) in [
            ("", ""),
            ("COMMIT", "COMMIT"),
            (
                "SELECT *\n  FROM \"User\"  WHERE mail = 'a@b.c' AND age > 30 -- secret",
                "SELECT * FROM \"User\" WHERE mail = … AND age > …",
            ),
            (
                "UPDATE t SET a = E'x\\'y', b = $$secret$$, c = 1.5, d = b'01' /* secret */",
                "UPDATE t SET a = …, b = …, c = …, d = …",
            ),
            // Cut off by the server in the middle of something.
            ("SELECT 1 WHERE mail = 'secr", "SELECT … WHERE mail ="),
            ("SELECT 'it''s' || 'secr", "SELECT … ||"),
            ("DO $body$ secret; 'secret", "DO $body"),
            ("SELECT a /* secret", "SELECT a /"),
            ("SELECT \"na", "SELECT"),
            ("SELECT $1, $2", "SELECT $1, $2"),
        ] {
            assert_eq!(without_values(statement), shown, "{statement}");
        }
    }

    #[test]
    fn long_statements_are_cut() {
        let long = format!("SELECT {}", "column_name, ".repeat(5_000));
        let shown = without_values(&long);
        assert_eq!(shown.chars().count(), SHOWN + 1);
        let wide = format!("SELECT '{}'", "é".repeat(5_000));
        assert_eq!(without_values(&wide), "SELECT…");
        assert_eq!(without_values(&"/*".repeat(40_000)), "……");
    }
}
