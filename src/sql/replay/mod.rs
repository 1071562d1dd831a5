//! Running scripts a second time, in a database of its own on the server that they ran on first.
//!
//! What they make is wanted there, and nothing else may come of it. What must stay true: only what is known to stay inside of
//! its database is run; **what is not known is refused**, whatever it is. What only changes rows, sessions or the server as a
//! whole makes no schema and is left out, so that no row is ever written and no trigger fires; tables that are made of a query
//! are made without its rows. What is left to evaluate expressions (defaults of new columns, checks, indexes, `DO` blocks) may
//! call only functions that are known to compute.
//!
//! Read `verdict.rs` for the statements, `left.rs` and `setting.rs` for what is left out, `definition.rs` for what a script defines and calls, `body.rs` for the texts of
//! functions and blocks, `known.rs` for what is known. [`crate::migration::drift`] runs the result.

mod body;
mod definition;
mod known;
mod left;
mod setting;
mod verdict;

pub use setting::MAKING_SETTINGS;

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
    /// It may take the place of a function that is not of these scripts, so `OR REPLACE` is left away.
    Plain,
    Leave(LeftOut),
    /// Why not, as words that follow "it".
    Refuse(String),
}

fn refuse<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

impl Replayer {
    /// The next script of the history, as it may be run.
    ///
    /// # Errors
    ///
    /// The first statement of which it is not known that it stays inside, or that cannot be read.
    pub fn script(&mut self, script: &str) -> Result<Replayable, Unsafe> {
        let mut made = Replayable {
            text: script.to_owned(),
            left_out: Vec::new(),
        };
        let statements = parse::with_nodes(script).map_err(|error| Unsafe {
            line: error.line.unwrap_or(1),
            summary: "no statement".to_owned(),
            why: format!("cannot be read: {}", error.message),
        })?;
        // From the last to the first, so that what is put in moves nothing that is still to come.
        let mut edits = Vec::new();
        for (statement, node) in &statements {
            let text = statement.text(script);
            let edited = match self.judge(node) {
                Verdict::Run => continue,
                Verdict::Refuse(why) => return Err(not_safe(statement, node, why)),
                Verdict::Leave(what) => {
                    made.left_out.push(what);
                    Some(blank(text))
                }
                Verdict::WithoutRows => without_rows(text),
                Verdict::Plain => without_replacing(text),
            };
            let unread = || not_safe(statement, node, "could not be read".to_owned());
            edits.push((statement.span.clone(), edited.ok_or_else(unread)?));
        }
        for (span, text) in edits.into_iter().rev() {
            made.text.replace_range(span, &text);
        }
        Ok(made)
    }

    /// The schemas that the scripts put extensions into and do not make themselves.
    pub fn wanted_schemas(&self) -> impl Iterator<Item = &str> {
        let wanted = self
            .definitions
            .wanted
            .difference(&self.definitions.schemas);
        wanted.map(String::as_str)
    }

    /// Whether one of the scripts makes a table of the ledger's name.
    #[must_use]
    pub fn makes_ledger(&self) -> bool {
        self.definitions.makes_ledger
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

fn not_safe(statement: &Statement, node: &NodeEnum, why: String) -> Unsafe {
    Unsafe {
        line: statement.line,
        summary: match node {
            // Elsewhere it is said that nobody looks into those.
            NodeEnum::DoStmt(_) => "do block".to_owned(),
            _ => statement.summary(),
        },
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

/// `CREATE OR REPLACE …` as `CREATE …`, as long as before.
fn without_replacing(text: &str) -> Option<String> {
    let tokens = scanner::tokens(text).ok()?;
    let mut tokens = tokens
        .iter()
        .filter(|token| !matches!(token.token(), Token::SqlComment | Token::CComment));
    let (create, or, replace) = (tokens.next()?, tokens.next()?, tokens.next()?);
    let is_so = create.token() == Token::Create
        && or.token() == Token::Or
        && replace.token() == Token::Replace;
    let (from, to) = (offset(or.start), offset(replace.end));
    let kept = text.get(..from)?.to_owned() + &blank(text.get(from..to)?) + text.get(to..)?;
    is_so.then_some(kept)
}

#[cfg(test)]
mod tests;
