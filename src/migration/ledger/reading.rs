//! Reading a ledger as it is: also one that somebody has changed by hand, or that another tool has made.
//!
//! Prisma stops at the first thing that it cannot read, with few words. Here everything that can be read is shown, and what
//! is odd is named; whether Prisma would stop there is said as well, and then nothing is applied.

use std::fmt;

use tokio_postgres::SimpleQueryMessage;

use super::sql::{COLUMNS, select_columns_sql};
use super::{LedgerRow, TABLE, UnreadableRow};
use crate::migration::history::words::printable;
use crate::operation::Trouble;
use crate::target::catalog::ledger::Bearer;
use crate::target::{Session, describe};

/// What a ledger holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The rows, by the time they began. One without a name is left out.
    pub rows: Vec<LedgerRow>,
    /// What is odd about the table or its rows.
    pub oddities: Vec<Oddity>,
}

/// Something about the ledger that Prisma did not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// What bears its name is no table.
    NotATable {
        /// What it is, in words.
        what: &'static str,
    },
    /// A column that Prisma reads is not there.
    Missing {
        /// Its name.
        column: &'static str,
    },
    /// A column has another type than Prisma gives it.
    Type {
        /// Its name.
        column: &'static str,
        /// Its type.
        found: String,
        /// The type that Prisma makes.
        made: &'static str,
    },
    /// A column of somebody else's has to be given a value, which Prisma does not do.
    Required {
        /// Its name.
        column: String,
    },
    /// A value that nobody can read.
    Value(UnreadableRow),
}

impl Oddity {
    /// What to do about one that stops Prisma.
    pub(in crate::migration) const NEXT: &'static str = "Bring the ledger back to what Prisma makes of it, by hand and after a backup; `prisma migrate` stops at it as well.";

    /// Whether `migrate deploy` stops there, if only because it cannot add a row.
    #[must_use]
    pub fn stops_deploy(&self) -> bool {
        self.reading_error().is_some()
            || matches!(self, Self::NotATable { .. } | Self::Required { .. })
    }

    /// What each of Prisma's commands says who reads the ledger; `None` where it can be read.
    #[must_use]
    pub fn reading_error(&self) -> Option<String> {
        let column = match self {
            Self::Missing { column } => return Some(format!("column \"{column}\" does not exist")),
            Self::Type {
                column,
                found,
                made,
            } if kind_of_type(found) != kind_of_type(made) => column,
            Self::Value(row) => row.column,
            Self::NotATable { .. } | Self::Type { .. } | Self::Required { .. } => return None,
        };
        Some(format!("Failed to extract `{column}` from `{TABLE}` row."))
    }

    /// What is odd about the columns of what bears the ledger's name.
    #[must_use]
    pub fn of_table(bearer: &Bearer) -> Vec<Self> {
        let mut odd = Vec::new();
        if !bearer.is_table() {
            odd.push(Self::NotATable {
                what: kind_words(&bearer.kind),
            });
        }
        for (column, made) in COLUMNS {
            match bearer.columns.iter().find(|found| found.name == column) {
                None => odd.push(Self::Missing { column }),
                Some(found) if found.data_type != made => odd.push(Self::Type {
                    column,
                    found: found.data_type.clone(),
                    made,
                }),
                Some(_) => {}
            }
        }
        let ours = |name: &str| COLUMNS.iter().any(|(column, _)| *column == name);
        let foreign = bearer.columns.iter().filter(|one| !ours(&one.name));
        odd.extend(
            foreign
                .filter(|one| one.is_required)
                .map(|one| Self::Required {
                    column: one.name.clone(),
                }),
        );
        odd
    }
}

/// A whole sentence.
impl fmt::Display for Oddity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATable { what } => write!(out, "{TABLE} is {what}, not a table."),
            Self::Missing { column } => write!(out, "{TABLE} has no column {column}."),
            Self::Type {
                column,
                found,
                made,
            } => write!(
                out,
                "The column {column} of {TABLE} is {}; Prisma makes it {made}.",
                printable(found)
            ),
            Self::Required { column } => write!(
                out,
                "{TABLE} has a column {} of somebody else's, which must have a value and gets none from Prisma.",
                printable(column)
            ),
            Self::Value(row) => write!(
                out,
                "The row of {} in {TABLE} has {} in {}, which Prisma never writes.",
                printable(&row.row),
                row.found.as_deref().map_or("NULL".to_owned(), printable),
                row.column
            ),
        }
    }
}

impl Ledger {
    /// Reads the ledger of the session's schema, which `bearer` describes.
    pub async fn read(session: &Session, bearer: &Bearer) -> Result<Self, Trouble> {
        let mut ledger = Self {
            rows: Vec::new(),
            oddities: Oddity::of_table(bearer),
        };
        let columns = COLUMNS.map(|(name, _)| {
            let found = bearer.columns.iter().find(|found| found.name == name)?;
            Some((name, found.data_type.as_str()))
        });
        // By the simple protocol: it is safe through a pooler, and every column is read as text anyway.
        if !is_readable(&bearer.kind) {
            return Ok(ledger);
        }
        let question = select_columns_sql(session.schema(), &columns);
        let answer = session
            .client()
            .simple_query(&question)
            .await
            .map_err(|error| unreadable(&error))?;
        for message in answer {
            let SimpleQueryMessage::Row(row) = message else {
                continue;
            };
            let texts = std::array::from_fn(|index| row.get(index).map(str::to_owned));
            let (row, odd) = LedgerRow::with_oddities(texts);
            ledger.rows.extend(row);
            // A column that is missing has been said, and reads as NULL in every row.
            let odd = odd.into_iter().filter(|odd| {
                columns
                    .iter()
                    .flatten()
                    .any(|(name, _)| *name == odd.column)
            });
            ledger.oddities.extend(odd.map(Oddity::Value));
        }
        Ok(ledger)
    }
}

/// Whether rows can be asked for: of an index or a sequence they cannot.
fn is_readable(kind: &str) -> bool {
    matches!(kind, "r" | "p" | "v" | "m" | "f")
}

/// What values of a type are for Prisma, who takes a bigint for an integer and a text for a varchar.
fn kind_of_type(data_type: &str) -> &str {
    const KINDS: [(&str, &[&str]); 3] = [
        ("text", &["text", "character"]),
        ("time", &["timestamp"]),
        ("number", &["integer", "bigint", "smallint"]),
    ];
    let is_of = |names: &&[&str]| names.iter().any(|name| data_type.starts_with(name));
    let kind = KINDS.iter().find(|(_, names)| is_of(names));
    kind.map_or(data_type, |(kind, _)| kind)
}

/// What a relation is, as `pg_class.relkind` has it.
fn kind_words(kind: &str) -> &'static str {
    match kind {
        "v" => "a view",
        "m" => "a materialized view",
        "f" => "a foreign table",
        "S" => "a sequence",
        "i" | "I" => "an index",
        _ => "something else",
    }
}

fn unreadable(error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!(
            "The ledger _prisma_migrations cannot be read: {}.",
            describe(error)
        ),
        "Nothing was changed. Without the ledger nobody can say what is applied.",
        "Grant the role SELECT on it; if a long statement holds the table, wait and load the page again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::catalog::ledger::Column;

    fn as_prisma_makes_it() -> Bearer {
        let column = |(name, data_type): (&str, &str)| Column {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            is_required: false,
        };
        Bearer {
            kind: "r".to_owned(),
            columns: COLUMNS.map(column).to_vec(),
        }
    }

    #[test]
    fn what_prisma_makes_is_not_odd_and_neither_is_a_column_more() {
        let mut bearer = as_prisma_makes_it();
        assert_eq!(Oddity::of_table(&bearer), []);
        bearer.columns.push(Column {
            name: "note".to_owned(),
            data_type: "text".to_owned(),
            is_required: false,
        });
        assert_eq!(Oddity::of_table(&bearer), []);
        bearer.columns[8].is_required = true;
        let odd = Oddity::of_table(&bearer);
        assert!(odd[0].stops_deploy() && odd[0].reading_error().is_none());
        assert!(
            odd[0]
                .to_string()
                .contains("a column note of somebody else's")
        );
    }

    #[test]
    fn what_others_have_made_of_it_is_named() {
        let mut bearer = as_prisma_makes_it();
        bearer.kind = "v".to_owned();
        bearer.columns[6].data_type = "timestamp without time zone".to_owned();
        bearer.columns.remove(4);
        let odd: Vec<String> = Oddity::of_table(&bearer)
            .iter()
            .map(Oddity::to_string)
            .collect();
        assert_eq!(
            odd,
            [
                "_prisma_migrations is a view, not a table.",
                "_prisma_migrations has no column logs.",
                "The column started_at of _prisma_migrations is timestamp without time zone; Prisma makes it timestamp with \
                 time zone.",
            ]
        );
    }
}
