//! Why a script could not be read, and where.
//!
//! The parser reports a message without a position. The position is found again by asking it for prefixes of the
//! script: a prefix that stops before the fault is at worst unfinished, one that includes it is wrong.

use pg_query::protobuf::{ScanToken, Token};

use super::parse::{MAX_SCRIPT_BYTES, offset};

/// A script that is not SQL that the server would accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, in the words of the server where they are the server's.
    pub message: String,
    /// The line that the fault is in, counted from 1, where it could be found.
    pub line: Option<usize>,
    /// The number of the faulty statement within the script, counted from 1. Statements inside of a
    /// `BEGIN ATOMIC` body count as well.
    pub statement: Option<usize>,
}

impl SyntaxError {
    pub(super) fn too_large(bytes: usize) -> Self {
        Self {
            message: format!(
                "the script has {bytes} bytes; scripts of more than {MAX_SCRIPT_BYTES} bytes are not read"
            ),
            line: None,
            statement: None,
        }
    }

    pub(super) fn nul(script: &str, at: usize) -> Self {
        Self {
            message: "the script holds a NUL character, which Postgres accepts nowhere; \
                      it may have been saved as UTF-16"
                .to_owned(),
            line: Some(line_of(script, at)),
            statement: None,
        }
    }

    pub(super) fn exhausting(script: &str, at: usize) -> Self {
        Self {
            message: "the script holds runs of operator characters too long to be analysed"
                .to_owned(),
            line: Some(line_of(script, at)),
            statement: None,
        }
    }

    pub(super) fn from_parser(script: &str, error: &pg_query::Error) -> Self {
        // A tree that is too deep to bring over was parsed without a fault: there is no place to point at.
        let fault = match error {
            pg_query::Error::Decode(_) => None,
            _ => locate(script),
        };
        let message = match error {
            pg_query::Error::Decode(_) => NESTS_TOO_DEEPLY.to_owned(),
            // The server's words for the same thing speak of its memory, which is not short.
            pg_query::Error::Parse(words)
                if words.starts_with("memory exhausted") || words.starts_with("stack depth") =>
            {
                NESTS_TOO_DEEPLY.to_owned()
            }
            _ => shortened(parser_words(error)),
        };
        Self {
            message,
            line: fault.as_ref().map(|fault| line_of(script, fault.at)),
            statement: fault.map(|fault| fault.statement),
        }
    }
}

const NESTS_TOO_DEEPLY: &str = "the statement nests too deeply to be analysed";

/// Where a script goes wrong: the byte, and the ordinal of the statement around it.
struct Fault {
    at: usize,
    statement: usize,
}

/// The server's message, without the prefix that the parser's crate puts before it.
fn parser_words(error: &pg_query::Error) -> &str {
    match error {
        pg_query::Error::Parse(words)
        | pg_query::Error::Scan(words)
        | pg_query::Error::IsUtility(words) => words,
        _ => "the parser could not read the script",
    }
}

/// A message quotes the script from the fault on, sometimes to its end; a page needs only the beginning.
fn shortened(message: &str) -> String {
    const SHOWN: usize = 160;
    match message.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", message.get(..at).unwrap_or_default()),
        None => message.to_owned(),
    }
}

fn locate(script: &str) -> Option<Fault> {
    let (tokens, scanned) = scan(script)?;
    let wrong = tokens
        .partition_point(|token| script.get(..offset(token.end)).is_some_and(is_right_so_far));
    let at = match tokens.get(wrong) {
        Some(token) => offset(token.start),
        // Nothing that was scanned is wrong: the fault is where the scanner stopped, or the script just ends too soon.
        None if scanned < script.len() => scanned,
        None => tokens.last().map_or(0, |token| offset(token.start)),
    };
    Some(Fault {
        at,
        statement: statement_at(&tokens, at),
    })
}

/// The tokens of the script and the byte up to which there are any: where a string is never closed, the scanner gives
/// nothing at all, so what stands before it is scanned for itself.
fn scan(script: &str) -> Option<(Vec<ScanToken>, usize)> {
    let words = match super::scanner::tokens(script) {
        Ok(tokens) => return Some((tokens, script.len())),
        Err(error) => parser_words(&error).to_owned(),
    };
    let (_, near) = words.split_once(" at or near \"")?;
    let near = near.strip_suffix('"')?;
    let stopped = if script.ends_with(near) {
        script.len() - near.len()
    } else {
        script.find(near)?
    };
    let tokens = super::scanner::tokens(script.get(..stopped)?).ok()?;
    Some((tokens, stopped))
}

fn is_right_so_far(prefix: &str) -> bool {
    // Asking for the kinds of the statements parses them like `parse` does, but brings no tree over.
    match pg_query::is_utility_stmt(prefix) {
        Ok(_) => true,
        Err(error) => parser_words(&error).ends_with("at end of input"),
    }
}

fn statement_at(tokens: &[ScanToken], at: usize) -> usize {
    let mut number = 1;
    let mut begun = false;
    let mut depth = 0_usize;
    for token in tokens.iter().take_while(|token| offset(token.start) < at) {
        match token.token() {
            Token::SqlComment | Token::CComment => {}
            Token::Ascii59 if depth == 0 => {
                number += usize::from(begun);
                begun = false;
            }
            other => {
                begun = true;
                match other {
                    Token::Ascii40 => depth += 1,
                    Token::Ascii41 => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    number
}

fn line_of(script: &str, at: usize) -> usize {
    let before = script.as_bytes().get(..at).unwrap_or_default();
    before.split(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn fault(script: &str) -> SyntaxError {
        parse(script).unwrap_err()
    }

    #[test]
    fn the_fault_is_found_by_line_and_statement() {
        let script = "CREATE TABLE a (id int);\n-- ; no\nCREATE TABLE b (\n  id int,\n  nope nope nope\n);\nSELECT 1;";
        let error = fault(script);
        assert_eq!(error.message, "syntax error at or near \"nope\"");
        assert_eq!((error.line, error.statement), (Some(5), Some(2)));
    }

    #[test]
    fn the_same_word_earlier_does_not_mislead() {
        let error = fault("SELECT 1, 2;\nSELECT 3, 4;\nSELECT 5, , 6;");
        assert_eq!((error.line, error.statement), (Some(3), Some(3)));
    }

    #[test]
    fn a_string_that_is_never_closed_is_found_where_it_opens() {
        let error = fault("SELECT 'ü';\nSELECT 'it''s\nnever closed;\n");
        assert!(error.message.starts_with("unterminated quoted string"));
        assert_eq!((error.line, error.statement), (Some(2), Some(2)));
        let error = fault("\n\nSELECT $a$ x $b$;\n");
        assert_eq!(error.line, Some(3));
    }

    #[test]
    fn an_earlier_fault_wins_over_a_string_that_is_never_closed() {
        let error = fault("SELECT 1;\nnonsense;\nSELECT 'open");
        assert_eq!((error.line, error.statement), (Some(2), Some(2)));
    }

    #[test]
    fn a_script_that_ends_too_soon_is_said_to() {
        let error = fault("SELECT 1;\nCREATE TABLE a (");
        assert_eq!(error.message, "syntax error at end of input");
        assert_eq!((error.line, error.statement), (Some(2), Some(2)));
    }

    #[test]
    fn a_long_quotation_is_shortened() {
        let error = fault(&format!("SELECT '{}", "ü".repeat(5_000)));
        assert!(error.message.chars().count() < 200, "{}", error.message);
    }

    #[test]
    fn what_psql_alone_understands_is_refused() {
        assert_eq!(fault("SELECT 1;\n\\connect x\n").line, Some(2));
        assert_eq!(fault("COPY t FROM stdin;\n1\t2\n\\.\n").statement, Some(2));
    }

    #[test]
    fn nul_and_size_are_refused_in_words() {
        let error = fault("SELECT 1;\nSEL\0ECT 2;");
        assert_eq!(error.line, Some(2));
        assert!(error.message.contains("NUL"));
        let error = fault(&" ".repeat(MAX_SCRIPT_BYTES + 1));
        assert!(error.message.contains("1048577 bytes"), "{error}");
    }
}
