//! A constraint as a statement adds it.

use pg_query::protobuf::{ConstrType, Constraint as Node};

use super::super::identifier::TableName;
use super::condition::with_value;
use super::removal::strings;
use super::statement::table_name;

/// A constraint, of a table or behind a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, if the statement gives it one.
    pub name: Option<String>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Whether rows that are there already are not looked at (`NOT VALID`, `NOT ENFORCED`).
    pub not_valid: bool,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// An expression that is not false.
    Check {
        /// The column, where it demands nothing but a value in it (`column IS NOT NULL`).
        fills: Option<String>,
    },
    /// A row of another table.
    ForeignKey {
        /// The columns; none where it stands behind a column.
        columns: Vec<String>,
        /// The other table.
        references: TableName,
        /// Its columns; none where the statement leaves them to its primary key.
        to: Vec<String>,
    },
    /// No two rows alike.
    Unique {
        /// The columns, as far as they are named and rows without a value in one of them are not alike.
        columns: Vec<String>,
        /// Whether an index that is there already becomes the constraint's.
        using_index: bool,
        /// Whether it is the primary key.
        primary: bool,
    },
    /// No two rows that exclude each other.
    Exclude,
    /// A value.
    NotNull {
        /// The column.
        column: String,
    },
    /// Something that no row is looked at for.
    Other,
}

impl Constraint {
    pub(super) fn of(node: &Node) -> Self {
        let unique = |primary| ConstraintKind::Unique {
            columns: if node.nulls_not_distinct || node.without_overlaps {
                Vec::new()
            } else {
                strings(&node.keys)
            },
            using_index: !node.indexname.is_empty(),
            primary,
        };
        Self {
            name: Some(node.conname.clone()).filter(|name| !name.is_empty()),
            kind: match node.contype() {
                ConstrType::ConstrCheck => ConstraintKind::Check {
                    fills: node.raw_expr.as_deref().and_then(with_value),
                },
                ConstrType::ConstrForeign => match &node.pktable {
                    Some(other) => ConstraintKind::ForeignKey {
                        columns: strings(&node.fk_attrs),
                        references: table_name(other),
                        to: strings(&node.pk_attrs),
                    },
                    None => ConstraintKind::Other,
                },
                ConstrType::ConstrUnique => unique(false),
                ConstrType::ConstrPrimary => unique(true),
                ConstrType::ConstrExclusion => ConstraintKind::Exclude,
                ConstrType::ConstrNotnull if !node.keys.is_empty() => ConstraintKind::NotNull {
                    column: strings(&node.keys).pop().unwrap_or_default(),
                },
                _ => ConstraintKind::Other,
            },
            not_valid: node.skip_validation
                || (node.contype() == ConstrType::ConstrCheck && !node.is_enforced),
        }
    }

    /// What it is, in the words of SQL.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match &self.kind {
            ConstraintKind::Check { .. } => "check",
            ConstraintKind::ForeignKey { .. } => "foreign key",
            ConstraintKind::Unique { primary: true, .. } => "primary key",
            ConstraintKind::Unique { .. } => "unique constraint",
            ConstraintKind::Exclude => "exclusion constraint",
            ConstraintKind::NotNull { .. } => "not-null constraint",
            ConstraintKind::Other => "constraint",
        }
    }
}
