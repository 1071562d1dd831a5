//! Scripts coloured for pages, with the server's own scanner.
//!
//! What must stay true: not a character is lost or added. The texts of a line's spans, joined, are the line; the lines,
//! joined by line ends, are the script. A page escapes the texts itself; nothing here is HTML.

use pg_query::protobuf::{KeywordKind, ScanToken, Token};

use super::parse::{MAX_SCRIPT_BYTES, offset};
use super::scanner;

/// What a piece of text is, as far as its colour goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A word that the grammar knows, reserved or not.
    Keyword,
    /// A name, quoted or not.
    Ident,
    /// A string constant, dollar-quoted ones and bit strings included.
    String,
    /// A number.
    Number,
    /// A comment of either form.
    Comment,
    /// An operator.
    Operator,
    /// Space, punctuation, parameters, and whatever could not be scanned.
    Other,
}

impl TokenKind {
    /// The CSS class of a span of this kind; empty for text that needs none.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Keyword => "sql-keyword",
            Self::Ident => "sql-ident",
            Self::String => "sql-string",
            Self::Number => "sql-number",
            Self::Comment => "sql-comment",
            Self::Operator => "sql-operator",
            Self::Other => "",
        }
    }
}

/// A run of text of one kind within one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its kind.
    pub kind: TokenKind,
    /// Its text, never empty and without line ends.
    pub text: String,
}

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// Its runs of text, in order; none for an empty line.
    pub spans: Vec<Span>,
}

/// The lines of `script`. `\n` and `\r\n` end a line; after the last line end there is no further line.
///
/// Where the scanner gives up (a string that is never closed, a NUL, a script longer than [`MAX_SCRIPT_BYTES`])
/// everything is [`TokenKind::Other`].
#[must_use]
pub fn highlight(script: &str) -> Vec<Line> {
    let tokens = if script.len() <= MAX_SCRIPT_BYTES && scanner::exhausting_run(script).is_none() {
        scanner::tokens(script).unwrap_or_default()
    } else {
        Vec::new()
    };
    let mut page = Page::default();
    let mut done = 0;
    for token in &tokens {
        let (start, end) = (offset(token.start), offset(token.end));
        // A token that does not fit the text would garble it; what cannot be placed is left uncoloured.
        let (Some(before), Some(text)) = (script.get(done..start), script.get(start..end)) else {
            continue;
        };
        page.push(TokenKind::Other, before);
        page.push(kind_of(token), text);
        done = end;
    }
    page.push(TokenKind::Other, script.get(done..).unwrap_or_default());
    page.finish()
}

/// The lines so far and the one that is being written.
#[derive(Default)]
struct Page {
    lines: Vec<Line>,
    spans: Vec<Span>,
}

impl Page {
    fn push(&mut self, kind: TokenKind, text: &str) {
        let mut pieces = text.split('\n');
        if let Some(first) = pieces.next() {
            self.append(kind, first);
        }
        for piece in pieces {
            self.end_line();
            self.append(kind, piece);
        }
    }

    fn append(&mut self, kind: TokenKind, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.spans.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(text),
            _ => self.spans.push(Span {
                kind,
                text: text.to_owned(),
            }),
        }
    }

    fn end_line(&mut self) {
        // The `\r` of a `\r\n` may stand in a comment's span, or in one of its own.
        if let Some(last) = self.spans.last_mut()
            && last.text.ends_with('\r')
        {
            last.text.pop();
            if last.text.is_empty() {
                self.spans.pop();
            }
        }
        let spans = std::mem::take(&mut self.spans);
        self.lines.push(Line {
            number: self.lines.len() + 1,
            spans,
        });
    }

    fn finish(mut self) -> Vec<Line> {
        if !self.spans.is_empty() {
            let spans = std::mem::take(&mut self.spans);
            self.lines.push(Line {
                number: self.lines.len() + 1,
                spans,
            });
        }
        self.lines
    }
}

fn kind_of(token: &ScanToken) -> TokenKind {
    if token.keyword_kind() != KeywordKind::NoKeyword {
        return TokenKind::Keyword;
    }
    match token.token() {
        Token::Ident | Token::Uident => TokenKind::Ident,
        Token::Sconst | Token::Usconst | Token::Bconst | Token::Xconst => TokenKind::String,
        Token::Iconst | Token::Fconst => TokenKind::Number,
        Token::SqlComment | Token::CComment => TokenKind::Comment,
        Token::Op
        | Token::Typecast
        | Token::ColonEquals
        | Token::EqualsGreater
        | Token::LessEquals
        | Token::GreaterEquals
        | Token::NotEquals
        | Token::Ascii37
        | Token::Ascii42
        | Token::Ascii43
        | Token::Ascii45
        | Token::Ascii47
        | Token::Ascii60
        | Token::Ascii61
        | Token::Ascii62
        | Token::Ascii94 => TokenKind::Operator,
        _ => TokenKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[Line]) -> String {
        let texts: Vec<String> = lines
            .iter()
            .map(|line| line.spans.iter().map(|span| span.text.as_str()).collect())
            .collect();
        texts.join("\n")
    }

    fn kinds(line: &Line) -> Vec<(TokenKind, &str)> {
        line.spans
            .iter()
            .filter(|span| span.kind != TokenKind::Other)
            .map(|span| (span.kind, span.text.as_str()))
            .collect()
    }

    #[test]
    fn each_token_has_its_kind() {
        use TokenKind::{Comment, Ident, Keyword, Number, Operator, String};
        let lines = highlight("ALTER TABLE \"Größe\" ADD x int4 DEFAULT 1.5 + 'ü🚀'; -- 🚀 end");
        assert_eq!(
            kinds(&lines[0]),
            [
                (Keyword, "ALTER"),
                (Keyword, "TABLE"),
                (Ident, "\"Größe\""),
                (Keyword, "ADD"),
                (Ident, "x"),
                (Ident, "int4"),
                (Keyword, "DEFAULT"),
                (Number, "1.5"),
                (Operator, "+"),
                (String, "'ü🚀'"),
                (Comment, "-- 🚀 end"),
            ]
        );
    }

    #[test]
    fn a_token_over_several_lines_is_split_at_their_ends() {
        let lines = highlight("/*\r\n  Warnings:\r\n\r\n*/\r\nSELECT $$a\nb$$");
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.number, kinds(line)))
            .collect();
        assert_eq!(
            seen,
            [
                (1, vec![(TokenKind::Comment, "/*")]),
                (2, vec![(TokenKind::Comment, "  Warnings:")]),
                (3, vec![]),
                (4, vec![(TokenKind::Comment, "*/")]),
                (
                    5,
                    vec![(TokenKind::Keyword, "SELECT"), (TokenKind::String, "$$a")]
                ),
                (6, vec![(TokenKind::String, "b$$")]),
            ]
        );
    }

    #[test]
    fn no_character_is_lost() {
        for script in [
            "",
            "a",
            "a\n\nb",
            "  \t\n x ü ß 🚀🚀 \"🚀\" 'é' -- ö\n/* ä */ $x$ 🚀 $x$;",
            "SELECT 'never closed\n 🚀",
            "SELECT \0 1",
            "SELECT a::text, b->>'c', $1, U&'\\0061', E'\\n', B'01', 1e10, 0x1F FROM \"T\"",
            "a\rb",
            "\u{feff}SELECT 1",
        ] {
            assert_eq!(joined(&highlight(script)), script, "{script:?}");
        }
        assert_eq!(joined(&highlight("a\r\nb\n")), "a\nb");
    }

    #[test]
    fn text_that_cannot_be_scanned_is_left_uncoloured() {
        let lines = highlight("SELECT 1;\nSELECT 'x");
        assert!(lines.iter().all(|line| kinds(line).is_empty()));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_mebibyte_is_highlighted() {
        let line = "INSERT INTO \"T\" (a, b) VALUES (1, 'ü');\n";
        let script = line.repeat(MAX_SCRIPT_BYTES / line.len());
        let lines = highlight(&script);
        assert_eq!(lines.len(), MAX_SCRIPT_BYTES / line.len());
        assert_eq!(kinds(&lines[lines.len() - 1])[0].0, TokenKind::Keyword);
    }
}
