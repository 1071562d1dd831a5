//! The digest: one number over everything that an approval is of.
//!
//! It covers every byte of the scripts (through their checksums), their order, the identity of the database and the
//! definitions of the tables that are touched. Counts and sizes are not part of it: they move all the time, and are compared
//! with a tolerance instead ([`super::growth`]).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Plan, PlannedMigration, Touched, growth};
use crate::migration::Survey;
use crate::target::Target;

/// What tells one database from another: a plan for one is void on every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's own number, where the role may read it; else the address stands for it.
    pub cluster: String,
    /// The database's name.
    pub database: String,
    /// The schema in which the ledger lives.
    pub schema: String,
}

impl Identity {
    /// The identity of the database that a survey was made of.
    #[must_use]
    pub fn of(survey: &Survey, target: &Target) -> Self {
        Self {
            cluster: survey.cluster(target),
            database: survey.facts.database.clone(),
            schema: survey.schema.clone(),
        }
    }
}

impl Plan {
    /// Whether the other plan is this one made again: of the same digest, with nothing that a person would have to be asked about
    /// anew. Sizes of tables move all the time and are not compared.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.digest == other.digest
            && self.verdict == other.verdict
            && growth::worse(&self.migrations, &other.migrations).is_empty()
            && growth::worse(&other.migrations, &self.migrations).is_empty()
            && growth::uncounted(&self.migrations, &other.migrations).is_none()
            && growth::uncounted(&other.migrations, &self.migrations).is_none()
    }

    /// Whether what is pending in `survey` is what this plan says: scripts, order and database. Whether the touched tables are
    /// still defined as they were, a survey does not tell; that is looked at before anything is applied.
    #[must_use]
    pub fn is_of(&self, survey: &Survey, target: &Target) -> bool {
        let scripts = survey.history.pending().map(|entry| {
            let script = survey.script(&entry.name);
            let sum = script.map_or("", |script| script.checksum.as_str());
            (entry.name.as_str(), sum)
        });
        fold(&Identity::of(survey, target), scripts, &self.touched) == self.digest
    }
}

pub(super) fn digest(
    identity: &Identity,
    migrations: &[PlannedMigration],
    touched: &[Touched],
) -> String {
    let scripts = migrations
        .iter()
        .map(|migration| (migration.name.as_str(), migration.checksum.as_str()));
    fold(identity, scripts, touched)
}

/// SHA-256 over the identity, each script's name and checksum in order, and each touched table. Every field is preceded by its
/// length, every list by its own.
fn fold<'a>(
    identity: &Identity,
    scripts: impl Iterator<Item = (&'a str, &'a str)>,
    touched: &[Touched],
) -> String {
    let mut hasher = Sha256::new();
    let mut add = |field: &str| {
        hasher.update(field.len().to_be_bytes());
        hasher.update(field.as_bytes());
    };
    add("lockkeeper plan 2");
    add(&identity.cluster);
    add(&identity.database);
    add(&identity.schema);
    for (name, checksum) in scripts {
        add("script");
        add(name);
        add(checksum);
    }
    for table in touched {
        add(if table.shape.is_some() {
            "table"
        } else {
            "no table"
        });
        add(&table.schema);
        add(&table.name);
        for (kind, parts) in table.shape.iter().flat_map(|shape| &shape.0) {
            for (name, text) in parts {
                add(kind);
                add(name);
                add(text);
            }
        }
    }
    base16ct::lower::encode_string(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::catalog::shape::Shape;

    #[test]
    fn the_digest_moves_with_everything_that_is_approved() {
        let identity = |database: &str| Identity {
            cluster: "7300".to_owned(),
            database: database.to_owned(),
            schema: "public".to_owned(),
        };
        let table = |name: &str, shape: Option<Shape>| Touched {
            schema: "public".to_owned(),
            name: name.to_owned(),
            shape,
        };
        let column = |name: &str, text: &str| {
            Some(Shape(
                [(
                    "column".to_owned(),
                    [(name.to_owned(), text.to_owned())].into(),
                )]
                .into(),
            ))
        };
        let of = |database: &str, scripts: &[(&str, &str)], touched: &[Touched]| {
            fold(&identity(database), scripts.iter().copied(), touched)
        };
        let digests = [
            of("app", &[("1", "a"), ("2", "b")], &[]),
            of("app", &[("2", "b"), ("1", "a")], &[]),
            of("app", &[("1", "a"), ("2", "c")], &[]),
            of("app", &[("1", "a")], &[]),
            of("other", &[("1", "a")], &[]),
            of("app", &[("1", "a")], &[table("t", None)]),
            of("app", &[("1", "a")], &[table("t", Some(Shape::default()))]),
            of("app", &[("1", "a")], &[table("t", column("c", "text"))]),
            of("app", &[("1", "a")], &[table("t", column("c", "jsonb"))]),
            of("app", &[("1", "a")], &[table("t", column("d", "text"))]),
            of("app", &[("1", "a")], &[table("u", column("c", "text"))]),
        ];
        let different: std::collections::BTreeSet<&String> = digests.iter().collect();
        assert_eq!(different.len(), digests.len());
        assert_eq!(digests[0], of("app", &[("1", "a"), ("2", "b")], &[]));
    }
}
