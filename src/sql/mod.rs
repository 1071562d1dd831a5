//! Postgres's own grammar: what a script says, statement by statement.
//!
//! Everything here is pure: text in, facts out, no connection and no file. The grammar is the server's (`libpg_query`),
//! so a script that parses here is one the server would parse, and none of the parser's types leave this chapter.
//! What must stay true: offsets are bytes of the script as given, and no input, however hostile, makes it panic.
//!
//! What the text alone cannot tell stays unsaid: bodies of functions, `DO` blocks ([`Effect::Opaque`]), and what a
//! cascade or a trigger reaches. Read [`Statement`] first, then [`Effect`]; [`crate::guard`] draws the conclusions.

mod effect;
mod highlight;
mod identifier;
mod parse;
mod replay;
mod scanner;
mod shortened;
mod syntax_error;
mod transaction;
mod tree;

pub use effect::{Constraint, ConstraintKind, DataType, Effect, NewColumn, Using};
pub use highlight::{Line, Span, TokenKind, highlight};
pub use identifier::{TableName, quote_identifier, quote_if_needed};
pub use parse::{MAX_SCRIPT_BYTES, Statement, parse};
pub use replay::{LeftOut, MAKING_SETTINGS, Replayable, Replayer, Unsafe};
pub use shortened::without_values;
pub use syntax_error::SyntaxError;
pub use transaction::{Control, leaves_transaction_open, transaction_control, uses_added_value};

#[cfg(test)]
mod tests;
