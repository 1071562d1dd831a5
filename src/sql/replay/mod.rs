//! Running scripts a second time, in a database of its own on the server that they ran on first.
//!
//! What they make is wanted there, and nothing else may come of it. What must stay true: only what is known to stay inside of
//! its database is run; **what is not known is refused**, whatever it is. What only changes rows, sessions or the server as a
//! whole makes no schema and is left out, so that no row is ever written and no trigger fires; tables that are made of a query
//! are made without its rows. What is left to evaluate expressions (defaults of new columns, checks, indexes, `DO` blocks) may
//! call only functions that are known to compute.
//!
//! Read `verdict.rs` for the statements, `definition.rs` for what a script defines and calls, `body.rs` for the texts of
//! functions and blocks, `known.rs` for what is known. [`crate::migration::drift`] runs the result.

mod body;
mod definition;
mod known;
mod verdict;

use pg_query::NodeEnum;
use pg_query::protobuf::Token;

use super::parse::{self, Statement, offset};
use super::scanner;

/// What a script is without what makes no schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayable {
    /// The script; what is left out is blank, so that every line is where it was.
    pub text: String,
    /// What is left out, in order.
    pub left_out: Vec<LeftOut>,
}

/// Why a statement is left out: it makes no schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It reads, writes or locks rows, or looks after how they are stored.
    Rows,
    /// It concerns the server as a whole (roles, databases, settings), where it is in effect already.
    Server,
    /// It concerns its session, or what listens to it.
    Session,
}

/// A statement that is not run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    /// Its line, counted from 1.
    pub line: usize,
    /// What it does, in a few words.
    pub summary: String,
    /// Why not, as words that follow "it".
    pub why: String,
}

/// Goes through the scripts of one history, in order, and remembers which functions they define.
#[derive(Debug, Default)]
pub struct Replayer {
    definitions: definition::Definitions,
}

/// What is to be done with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Run,
    /// It makes a relation of a query, which must not be run.
    WithoutRows,
    Leave(LeftOut),
    /// Why not, as words that follow "it".
    Refuse(String),
}

fn refuse<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

impl Replayer {
    /// The next script of the history, as it may be run. One that is not SQL comes back as it is: the server would refuse it as
    /// a whole.
    ///
    /// # Errors
    ///
    /// The first statement of which it is not known that it stays inside.
    pub fn script(&mut self, script: &str) -> Result<Replayable, Unsafe> {
        let mut made = Replayable {
            text: script.to_owned(),
            left_out: Vec::new(),
        };
        let Ok(statements) = parse::with_nodes(script) else {
            return Ok(made);
        };
        // From the last to the first, so that what is put in moves nothing that is still to come.
        let mut edits = Vec::new();
        for (statement, node) in &statements {
            match self.judge(node) {
                Verdict::Run => {}
                Verdict::Leave(what) => {
                    made.left_out.push(what);
                    edits.push((statement.span.clone(), blank(statement.text(script))));
                }
                Verdict::WithoutRows => match without_rows(statement.text(script)) {
                    Some(text) => edits.push((statement.span.clone(), text)),
                    None => return Err(not_safe(statement, "could not be read".to_owned())),
                },
                Verdict::Refuse(why) => return Err(not_safe(statement, why)),
            }
        }
        for (span, text) in edits.into_iter().rev() {
            made.text.replace_range(span, &text);
        }
        Ok(made)
    }

    /// Whether one of the scripts makes a schema of this name.
    #[must_use]
    pub fn makes_schema(&self, name: &str) -> bool {
        self.definitions.schemas.contains(name)
    }

    fn judge(&mut self, node: &NodeEnum) -> Verdict {
        verdict::of(node, &mut self.definitions).unwrap_or_else(Verdict::Refuse)
    }
}

fn not_safe(statement: &Statement, why: String) -> Unsafe {
    Unsafe {
        line: statement.line,
        summary: statement.summary(),
        why,
    }
}

/// Only the line ends of `text`, and blanks.
fn blank(text: &str) -> String {
    text.chars()
        .map(|each| if each == '\n' { '\n' } else { ' ' })
        .collect()
}

/// `CREATE … AS SELECT …` with `WITH NO DATA` at its end. Postgres docs: CREATE TABLE AS.
fn without_rows(text: &str) -> Option<String> {
    let tokens = scanner::tokens(text).ok()?;
    let mut last = tokens
        .iter()
        .rev()
        .filter(|token| !matches!(token.token(), Token::SqlComment | Token::CComment));
    let (end, before) = (last.next()?, last.next()?);
    let kept = if end.token() == Token::DataP && before.token() == Token::With {
        text.get(..offset(before.start))?
    } else {
        text.get(..offset(end.end))?
    };
    Some(format!("{} WITH NO DATA", kept.trim_end()))
}

#[cfg(test)]
mod tests;
