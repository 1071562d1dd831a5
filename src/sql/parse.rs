//! From a script to its statements.
//!
//! The whole script is parsed at once, as the server does for one simple query: either every statement is known or
//! none is. A statement's span is trimmed to its own text, so that two spans never share a byte and a rule can mark
//! exactly what a person would call the statement.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{RawStmt, ScanToken, Token};

use super::effect::{self, Effect};
use super::scanner;
use super::syntax_error::SyntaxError;
use super::transaction::{self, Control};

/// The longest script that is parsed, in bytes. Real migrations stay below 200 KiB; a data load belongs elsewhere.
pub const MAX_SCRIPT_BYTES: usize = 1024 * 1024;

/// One SQL statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands in the script, in bytes: from its first token to its last, without the `;` behind it.
    pub span: Range<usize>,
    /// The line of its first byte, counted from 1.
    pub line: usize,
    /// What it does, in the order of its text; never empty.
    pub effects: Vec<Effect>,
    pub(super) control: Option<Control>,
    pub(super) alone: bool,
    pub(super) beside: bool,
}

impl Statement {
    /// Its text. `script` must be the text that was parsed; with another one the answer may be empty.
    #[must_use]
    pub fn text<'a>(&self, script: &'a str) -> &'a str {
        script.get(self.span.clone()).unwrap_or_default()
    }

    /// What it does in a few plain words, such as `drop column "phone" of "User"`.
    #[must_use]
    pub fn summary(&self) -> String {
        /// A statement with more parts is summed up: a page has one line for it.
        const SHOWN: usize = 3;
        let mut words: Vec<String> = self
            .effects
            .iter()
            .take(SHOWN)
            .map(ToString::to_string)
            .collect();
        let rest = self.effects.len().saturating_sub(SHOWN);
        if rest > 0 {
            words.push(format!("and {rest} more"));
        }
        words.join(", ")
    }

    /// Its part in transaction control (`BEGIN`, `COMMIT`, …), if it has one.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        self.control
    }

    /// Whether the server refuses it inside a transaction block, and so beside any other statement of one script.
    #[must_use]
    pub fn cannot_run_in_transaction(&self) -> bool {
        self.alone
    }

    /// Whether it lets others read and write while it waits and works, so that it may wait for as long as it takes: what is done
    /// `CONCURRENTLY`, and a plain `VACUUM`.
    #[must_use]
    pub fn runs_beside_others(&self) -> bool {
        self.beside
    }
}

/// The statements of `script`, in order. A script of nothing but comments has none.
///
/// The input is refused if it is longer than [`MAX_SCRIPT_BYTES`], holds a NUL, is not SQL, or would exhaust the
/// parser by its nesting.
pub fn parse(script: &str) -> Result<Vec<Statement>, SyntaxError> {
    Ok(with_nodes(script)?
        .into_iter()
        .map(|(statement, _)| statement)
        .collect())
}

/// The statements of `script`, each with its parse tree.
pub(super) fn with_nodes(script: &str) -> Result<Vec<(Statement, NodeEnum)>, SyntaxError> {
    if script.len() > MAX_SCRIPT_BYTES {
        return Err(SyntaxError::too_large(script.len()));
    }
    if let Some(at) = script.find('\0') {
        return Err(SyntaxError::nul(script, at));
    }
    if let Some(at) = scanner::exhausting_run(script) {
        return Err(SyntaxError::exhausting(script, at));
    }
    let parsed =
        pg_query::parse(script, 0).map_err(|error| SyntaxError::from_parser(script, &error))?;
    let tokens = significant_tokens(script);
    let mut lines = LineCounter::new(script);
    Ok(parsed
        .protobuf
        .stmts
        .into_iter()
        .filter_map(|mut raw| {
            let node = raw.stmt.take()?.node?;
            let span = trimmed(script, &raw, &tokens);
            let statement = Statement {
                line: lines.line_of(span.start),
                span,
                effects: effect::of(&node),
                control: transaction::control_of(&node),
                alone: transaction::runs_alone(&node),
                beside: transaction::runs_beside(&node),
            };
            Some((statement, node))
        })
        .collect())
}

/// The tokens that belong to statements: no comments, no separators. Empty if the scanner gives up.
fn significant_tokens(script: &str) -> Vec<ScanToken> {
    let mut tokens = scanner::tokens(script).unwrap_or_default();
    tokens.retain(|token| {
        !matches!(
            token.token(),
            Token::SqlComment | Token::CComment | Token::Ascii59
        )
    });
    tokens
}

/// The statement's place, from its first significant token to its last.
fn trimmed(script: &str, raw: &RawStmt, tokens: &[ScanToken]) -> Range<usize> {
    let start = offset(raw.stmt_location).min(script.len());
    // The parser leaves the length at zero for a last statement without a separator.
    let end = match offset(raw.stmt_len) {
        0 => script.len(),
        length => (start + length).min(script.len()),
    };
    let first = tokens.partition_point(|token| offset(token.start) < start);
    let behind = tokens.partition_point(|token| offset(token.end) <= end);
    match tokens.get(first..behind) {
        Some([only]) => offset(only.start)..offset(only.end),
        Some([first, .., last]) => offset(first.start)..offset(last.end),
        _ => start..end,
    }
}

/// A parser's offset as an index; the script is capped far below what an `i32` holds.
pub(super) fn offset(value: i32) -> usize {
    usize::try_from(value).unwrap_or_default()
}

/// Counts lines while offsets only grow, so that a script of many statements is walked once.
struct LineCounter<'a> {
    script: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    fn new(script: &'a str) -> Self {
        Self {
            script: script.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    fn line_of(&mut self, offset: usize) -> usize {
        let passed = self.script.get(self.at..offset).unwrap_or_default();
        self.line += passed.split(|byte| *byte == b'\n').count() - 1;
        self.at = self.at.max(offset);
        self.line
    }
}
