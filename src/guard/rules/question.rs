//! What a rule wants to know of the live database.

use crate::sql::{DataType, TableName};

/// What a rule wants to know of the live database. Every answer is a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// How many rows a table has.
    Rows(TableName),
    /// How many rows of a table have a value in a column.
    Values(TableName, String),
    /// How many rows of a table have none.
    Missing(TableName, String),
    /// How many values would be others after a conversion and back.
    Altered {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Its type, as the server writes it.
        from: String,
        /// The type that it gets.
        to: DataType,
    },
    /// How many values are none of these.
    Outside(TableName, String, Vec<String>),
    /// How many rows there are beyond the first of each that are alike in these columns.
    Doubles(TableName, Vec<String>),
    /// How many values have more characters than this.
    Longer(TableName, String, i32),
    /// How many rows point to a row that is not there.
    Orphans {
        /// The table that points.
        table: TableName,
        /// Its columns.
        columns: Vec<String>,
        /// The table that is pointed to.
        to: TableName,
        /// Its columns.
        to_columns: Vec<String>,
    },
}

impl Question {
    /// The table that has to be counted.
    #[must_use]
    pub fn table(&self) -> &TableName {
        match self {
            Self::Rows(table)
            | Self::Values(table, _)
            | Self::Missing(table, _)
            | Self::Longer(table, ..)
            | Self::Outside(table, ..)
            | Self::Doubles(table, _)
            | Self::Altered { table, .. }
            | Self::Orphans { table, .. } => table,
        }
    }

    /// The columns of that table that are looked at.
    pub(super) fn columns(&self) -> &[String] {
        match self {
            Self::Rows(_) => &[],
            Self::Values(_, column)
            | Self::Missing(_, column)
            | Self::Longer(_, column, _)
            | Self::Outside(_, column, _)
            | Self::Altered { column, .. } => std::slice::from_ref(column),
            Self::Doubles(_, columns) | Self::Orphans { columns, .. } => columns,
        }
    }

    /// What is counted.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Rows(_) | Self::Missing(..) | Self::Doubles(..) | Self::Orphans { .. } => "rows",
            Self::Values(..) | Self::Longer(..) | Self::Outside(..) | Self::Altered { .. } => {
                "values"
            }
        }
    }

    /// The same question with other names for its tables; `None` when one has none.
    pub(super) fn naming(&self, name: &impl Fn(&TableName) -> Option<TableName>) -> Option<Self> {
        let mut question = self.clone();
        match &mut question {
            Self::Rows(table)
            | Self::Values(table, _)
            | Self::Missing(table, _)
            | Self::Longer(table, ..)
            | Self::Outside(table, ..)
            | Self::Doubles(table, _)
            | Self::Altered { table, .. } => *table = name(table)?,
            Self::Orphans { table, to, .. } => {
                *table = name(table)?;
                *to = name(to)?;
            }
        }
        Some(question)
    }
}
