//! What a statement does, as far as its text says.
//!
//! One statement may do several things (`ALTER TABLE … DROP …, ADD …`; `DROP TABLE a, b`; a `DELETE` within `WITH`),
//! each of which is one effect. The effects that rules reason about carry their names; the rest is
//! [`Effect::Other`] with words for people. Read `statement.rs` for how a parse tree becomes effects.

mod alter_table;
mod call;
mod removal;
mod statement;
mod words;

use std::fmt;

use super::identifier::{TableName, quote_identifier};

pub(super) use statement::of;

/// One thing that a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new table, also by `CREATE TABLE AS` and `SELECT INTO`.
    CreateTable {
        /// The table.
        table: TableName,
    },
    /// A table goes, with its rows.
    DropTable {
        /// The table.
        table: TableName,
        /// Whether what depends on it goes too.
        cascade: bool,
        /// Whether its absence is no error.
        if_exists: bool,
    },
    /// A new name for a table.
    RenameTable {
        /// The table, by its old name.
        table: TableName,
        /// Its new name, in the same schema.
        to: String,
    },
    /// A new column.
    AddColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Its type as written, unquoted, without modifiers, arrays as `[]`.
        data_type: String,
    },
    /// A column goes, with its values.
    DropColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Whether what depends on it goes too.
        cascade: bool,
        /// Whether the column's absence is no error.
        if_exists: bool,
    },
    /// A new name for a column.
    RenameColumn {
        /// The table.
        table: TableName,
        /// The column, by its old name.
        column: String,
        /// Its new name.
        to: String,
    },
    /// A column's values are converted to another type.
    ChangeType {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// The new type as written, unquoted, without modifiers, arrays as `[]`.
        data_type: String,
    },
    /// A schema goes; with `cascade`, everything in it.
    DropSchema {
        /// The schema.
        name: String,
        /// Whether its content goes too; otherwise only an empty one can go.
        cascade: bool,
        /// Whether its absence is no error.
        if_exists: bool,
    },
    /// A view goes. It holds no rows of its own, but a materialised one may be slow to compute again.
    DropView {
        /// The view.
        view: TableName,
        /// Whether it is a materialised one.
        materialized: bool,
        /// Whether what depends on it goes too.
        cascade: bool,
        /// Whether its absence is no error.
        if_exists: bool,
    },
    /// Something else goes: an index, a type, a function, an extension, a database, …
    Drop {
        /// What it is, in the words of SQL, such as `index`.
        what: &'static str,
        /// Its name, written for people.
        name: String,
        /// Whether what depends on it goes too, which may be columns of tables.
        cascade: bool,
        /// Whether its absence is no error.
        if_exists: bool,
    },
    /// All rows of a table go.
    Truncate {
        /// The table.
        table: TableName,
        /// Whether tables that reference it are emptied too.
        cascade: bool,
    },
    /// Rows of a table go.
    Delete {
        /// The table.
        table: TableName,
        /// Whether no condition limits which.
        every_row: bool,
    },
    /// Rows of a table get other values.
    Update {
        /// The table.
        table: TableName,
        /// Whether no condition limits which.
        every_row: bool,
    },
    /// A function runs whose text is not part of the statement, and which is not known to only compute.
    Call {
        /// Its name as written.
        function: String,
    },
    /// Something that cannot be looked into: the text that runs is not part of the grammar.
    Opaque {
        /// What it is, in the words of SQL, such as `do block`.
        kind: &'static str,
    },
    /// Everything else.
    Other {
        /// What it is, in the words of SQL, such as `create index` or `alter table: set not null`.
        kind: &'static str,
        /// The table it is done to, where there is one.
        table: Option<TableName>,
    },
}

impl Effect {
    /// Whether rows, values or whole objects that hold some are gone afterwards, by the text alone.
    ///
    /// Conversions ([`Effect::ChangeType`]), updates and what cannot be looked into are not counted: whether those lose
    /// anything depends on the data.
    #[must_use]
    pub fn destroys_data(&self) -> bool {
        match self {
            Self::DropTable { .. }
            | Self::DropColumn { .. }
            | Self::Truncate { .. }
            | Self::Delete { .. } => true,
            Self::DropSchema { cascade, .. } => *cascade,
            Self::Drop { what, cascade, .. } => {
                *cascade || matches!(*what, "database" | "objects owned by" | "attribute")
            }
            Self::CreateTable { .. }
            | Self::RenameTable { .. }
            | Self::AddColumn { .. }
            | Self::RenameColumn { .. }
            | Self::ChangeType { .. }
            | Self::DropView { .. }
            | Self::Update { .. }
            | Self::Call { .. }
            | Self::Opaque { .. }
            | Self::Other { .. } => false,
        }
    }

    /// The table that it is about, where there is one.
    #[must_use]
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::CreateTable { table }
            | Self::DropTable { table, .. }
            | Self::RenameTable { table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::ChangeType { table, .. }
            | Self::Truncate { table, .. }
            | Self::Delete { table, .. }
            | Self::Update { table, .. } => Some(table),
            Self::Other { table, .. } => table.as_ref(),
            Self::DropSchema { .. }
            | Self::DropView { .. }
            | Self::Drop { .. }
            | Self::Call { .. }
            | Self::Opaque { .. } => None,
        }
    }
}

/// A few plain words, such as `drop column "phone" of "User"`.
impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = |name: &str| quote_identifier(name);
        match self {
            Self::CreateTable { table } => write!(out, "create table {table}"),
            Self::DropTable { table, .. } => write!(out, "drop table {table}"),
            Self::RenameTable { table, to } => {
                let to = TableName::new(to.as_str());
                write!(out, "rename table {table} to {to}")
            }
            Self::AddColumn {
                table, column: c, ..
            } => write!(out, "add column {} to {table}", column(c)),
            Self::DropColumn {
                table, column: c, ..
            } => write!(out, "drop column {} of {table}", column(c)),
            Self::RenameColumn {
                table,
                column: c,
                to,
            } => write!(
                out,
                "rename column {} of {table} to {}",
                column(c),
                column(to)
            ),
            Self::ChangeType {
                table,
                column: c,
                data_type,
            } => write!(
                out,
                "change column {} of {table} to type {data_type}",
                column(c)
            ),
            Self::DropSchema { name, .. } => {
                write!(out, "drop schema {}", super::quote_if_needed(name))
            }
            Self::DropView {
                view, materialized, ..
            } => {
                let what = if *materialized {
                    "materialized view"
                } else {
                    "view"
                };
                write!(out, "drop {what} {view}")
            }
            Self::Drop { what, name, .. } => write!(out, "drop {what} {name}"),
            Self::Truncate { table, .. } => write!(out, "empty {table}"),
            Self::Delete { table, every_row } => {
                let which = if *every_row { "every row" } else { "rows" };
                write!(out, "delete {which} of {table}")
            }
            Self::Update { table, every_row } => {
                let which = if *every_row { "every row" } else { "rows" };
                write!(out, "update {which} of {table}")
            }
            Self::Call { function } => write!(out, "call {function}()"),
            Self::Opaque { kind } => write!(out, "{kind} (cannot be looked into)"),
            Self::Other {
                kind,
                table: Some(table),
            } => write!(out, "{kind} on {table}"),
            Self::Other { kind, table: None } => out.write_str(kind),
        }?;
        match self {
            Self::DropTable { cascade: true, .. }
            | Self::DropColumn { cascade: true, .. }
            | Self::DropSchema { cascade: true, .. }
            | Self::DropView { cascade: true, .. }
            | Self::Drop { cascade: true, .. } => out.write_str(" and what depends on it"),
            Self::Truncate { cascade: true, .. } => {
                out.write_str(" and the tables that reference it")
            }
            _ => Ok(()),
        }
    }
}
