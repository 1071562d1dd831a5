//! What the live database says, as plain values: rules look at these and at nothing else.

use std::collections::{BTreeMap, HashMap};

use super::Question;
use crate::guard::finding::Count;
use crate::target::catalog::dependents::{Dependent, Thing};
use crate::target::catalog::relation::{Link, Relation};
use crate::target::catalog::table::TableName as Name;

/// What the live database says, before anything of the plan has run.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What its catalogues say; `None` where nobody asked, and then nothing is known of any table.
    pub database: Option<Database>,
    /// What was counted.
    pub answers: HashMap<Question, Count>,
}

/// What the catalogues say of the tables that a plan names.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Every one of them that is there.
    pub tables: BTreeMap<Name, Live>,
    /// Where names without a schema are looked for.
    pub path: Vec<String>,
    /// Whether the session's clocks are UTC.
    pub utc: bool,
    /// What goes with the things that the plan drops as a whole.
    pub dependents: BTreeMap<Thing, Vec<Dependent>>,
}

/// A table that is there.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its shape and size.
    pub relation: Relation,
    /// Its rows.
    pub rows: Count,
}

impl Live {
    /// Fewer rows, in fewer bytes, are read in a moment that nobody notices.
    const SMALL_ROWS: i64 = 10_000;
    const SMALL_BYTES: i64 = 8 * 1024 * 1024;

    /// Whether it was counted, and there was no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == Count::Exact(0)
    }

    /// Whether reading all of it takes a moment only.
    #[must_use]
    pub fn is_small(&self) -> bool {
        let few = match self.rows {
            Count::Exact(rows) | Count::Estimated(rows) => rows < Self::SMALL_ROWS,
            Count::Unknown => false,
        };
        few && self.relation.bytes < Self::SMALL_BYTES
    }

    /// The foreign keys of other tables that point to it.
    pub fn incoming<'a>(&'a self, own: &'a Name) -> impl Iterator<Item = &'a Link> {
        let links = self.relation.links.iter();
        links.filter(move |link| link.to == *own && link.from != *own)
    }
}
