//! What a statement does, as far as its text says.
//!
//! One statement may do several things (`ALTER TABLE … DROP …, ADD …`; `DROP TABLE a, b`; a `DELETE` within `WITH`),
//! each of which is one effect. The effects that rules reason about carry their names; the rest is
//! [`Effect::Other`] with words for people. Read `statement.rs` for how a parse tree becomes effects,
//! `summary.rs` for the words.

mod alter_table;
mod call;
mod column;
mod condition;
mod constraint;
mod data_type;
mod removal;
mod statement;
mod summary;
mod words;

use super::identifier::TableName;

pub(super) use call::{COMPUTING, name_of};
pub use column::NewColumn;
pub use constraint::{Constraint, ConstraintKind};
pub use data_type::{DataType, Using};
pub(super) use removal::strings;
pub(super) use statement::of;

/// One thing that a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new table, also by `CREATE TABLE AS` and `SELECT INTO`.
    CreateTable {
        /// The table.
        table: TableName,
        /// Whether a table of that name that is there already is left as it is.
        if_not_exists: bool,
        /// Whether it is seen by this session only.
        temporary: bool,
        /// Whether it has rows at once: it is made of a query.
        filled: bool,
        /// The tables that its foreign keys point to.
        references: Vec<TableName>,
        /// The tables whose partition or heir it is.
        parents: Vec<TableName>,
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
        column: NewColumn,
        /// Whether a column of that name that is there already is left as it is.
        if_not_exists: bool,
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
        /// The new type.
        data_type: DataType,
        /// How the new values are made of the old ones.
        using: Using,
        /// Whether the values are sorted otherwise afterwards (`COLLATE`).
        collated: bool,
    },
    /// A column must have values from now on.
    SetNotNull {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// A new constraint of a table.
    AddConstraint {
        /// The table.
        table: TableName,
        /// The constraint.
        constraint: Constraint,
    },
    /// Rows that a constraint had not been asked of are looked at.
    ValidateConstraint {
        /// The table.
        table: TableName,
        /// The constraint.
        name: String,
    },
    /// A constraint goes.
    DropConstraint {
        /// The table.
        table: TableName,
        /// The constraint.
        name: String,
        /// Whether what depends on it goes too, such as foreign keys that point to it.
        cascade: bool,
    },
    /// A table becomes a partition of another.
    AttachPartition {
        /// The table that is divided.
        table: TableName,
        /// The part.
        partition: TableName,
    },
    /// A partition becomes a table of its own.
    DetachPartition {
        /// The table that is divided.
        table: TableName,
        /// The part.
        partition: TableName,
        /// Whether readers and writers go on meanwhile.
        concurrently: bool,
    },
    /// A new index.
    CreateIndex {
        /// The table.
        table: TableName,
        /// Its name, if the statement gives it one.
        name: Option<String>,
        /// Whether no two rows may be alike.
        unique: bool,
        /// Its columns; none where it is of expressions, or of some rows only.
        columns: Vec<String>,
        /// Whether writers go on meanwhile.
        concurrently: bool,
    },
    /// An index goes.
    DropIndex {
        /// The index, by its own name.
        index: TableName,
        /// Whether readers and writers go on meanwhile.
        concurrently: bool,
        /// Whether what depends on it goes too.
        cascade: bool,
    },
    /// A new enum.
    CreateEnum {
        /// Its name; types are named as tables are.
        name: TableName,
        /// Its values.
        values: Vec<String>,
    },
    /// From now on, names without a schema are looked for elsewhere.
    SetSearchPath {
        /// In these schemas; `None` if the text does not tell.
        schemas: Option<Vec<String>>,
    },
    /// A table is locked, and nothing else.
    Lock {
        /// The table.
        table: TableName,
        /// Postgres's number of the lock, 1 (`ACCESS SHARE`) to 8 (`ACCESS EXCLUSIVE`).
        level: i32,
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
        /// The table that it is a part of, such as that of a trigger.
        table: Option<TableName>,
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
        /// The columns whose values are written over. One that the condition demands to be empty is not among them.
        over: Vec<String>,
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
        /// What it is, in the words of SQL, such as `create view` or `alter table: drop not null`.
        kind: &'static str,
        /// The table it is done to, where there is one.
        table: Option<TableName>,
    },
}

impl Effect {
    /// The table that it is about, where there is one.
    #[must_use]
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::CreateTable { table, .. }
            | Self::DropTable { table, .. }
            | Self::RenameTable { table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::ChangeType { table, .. }
            | Self::SetNotNull { table, .. }
            | Self::AddConstraint { table, .. }
            | Self::ValidateConstraint { table, .. }
            | Self::DropConstraint { table, .. }
            | Self::AttachPartition { table, .. }
            | Self::DetachPartition { table, .. }
            | Self::CreateIndex { table, .. }
            | Self::Lock { table, .. }
            | Self::Truncate { table, .. }
            | Self::Delete { table, .. }
            | Self::Update { table, .. } => Some(table),
            Self::Other { table, .. } | Self::Drop { table, .. } => table.as_ref(),
            Self::DropSchema { .. }
            | Self::DropView { .. }
            | Self::DropIndex { .. }
            | Self::CreateEnum { .. }
            | Self::SetSearchPath { .. }
            | Self::Call { .. }
            | Self::Opaque { .. } => None,
        }
    }
}
