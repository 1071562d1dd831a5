//! Prisma 8: another system of migrations, which is shown and left alone.
//!
//! Its folder holds packages (`app/<name>/ops.json`), its database the schema `prisma_contract`. Packages form a graph of
//! contracts, not a list, and only Prisma 8 applies them. What must stay true: nothing is applied where Prisma 8 has left its
//! marker, nor from a folder of packages; whoever has both systems on one database is warned.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::history::words::{listed, printable};
use super::script::{BrokenFolder, read_at_most};
use crate::operation::Trouble;
use crate::target::catalog::contract::{AppliedPackage, Contracts, Marker};

/// Folders beside the spaces that hold no packages.
const SNAPSHOTS: &str = "snapshots";
/// The longest `migration.json` that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// A package of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Its space; `app` for the application's own.
    pub space: String,
    /// The name of its folder.
    pub name: String,
    /// Its hash, as its `migration.json` says; none where that cannot be read.
    pub hash: Option<String>,
}

/// What there is of Prisma 8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contract {
    /// The packages of the folder, by space and name.
    pub packages: Vec<Package>,
    /// The database's contracts, by space.
    pub markers: Vec<Marker>,
    /// What was applied, the oldest first.
    pub applied: Vec<AppliedPackage>,
    /// Why the database's part could not be read.
    #[serde(skip)]
    unread: Option<String>,
    /// Whether the ledger of earlier versions is there as well.
    #[serde(skip)]
    beside_ledger: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    migration_hash: String,
}

impl Contract {
    /// What there is, in the folder and in the database; `None` where Prisma 8 is not in use.
    #[must_use]
    pub fn of(
        packages: Vec<Package>,
        found: Option<Contracts>,
        beside_ledger: bool,
    ) -> Option<Self> {
        if packages.is_empty() && found.is_none() {
            return None;
        }
        let found = found.unwrap_or_default();
        Some(Self {
            packages,
            markers: found.markers,
            applied: found.applied,
            unread: found.unread,
            beside_ledger,
        })
    }

    /// The packages that the database's ledger does not have.
    pub fn pending(&self) -> impl Iterator<Item = &Package> {
        let applied: HashSet<&str> = self.applied.iter().map(|row| row.hash.as_str()).collect();
        self.packages.iter().filter(move |package| {
            let hash = package.hash.as_deref();
            !hash.is_some_and(|hash| applied.contains(hash))
        })
    }

    /// Why nothing is applied.
    #[must_use]
    pub fn refusal(&self) -> Trouble {
        let what = if !self.packages.is_empty() && self.markers.is_empty() && self.unread.is_none()
        {
            "The migrations folder is one of Prisma 8: it holds packages, which only Prisma 8 can apply."
        } else {
            "The database is managed by Prisma 8: the schema prisma_contract holds its marker."
        };
        Trouble::new(
            what,
            "Nothing was applied. The database is as it was.",
            "Apply with `npx prisma db migrate` of Prisma 8. Lockkeeper shows what is applied and pending, and takes backups.",
        )
    }

    /// A sentence where nothing is pending.
    #[must_use]
    pub fn calm(&self) -> Option<String> {
        let calm = self.unread.is_none() && self.pending().next().is_none();
        calm.then(|| "Prisma 8: no package is pending.".to_owned())
    }

    /// What somebody has to look at, a sentence each; often none.
    #[must_use]
    pub fn oddities(&self) -> Vec<String> {
        let names: Vec<String> = self.pending().map(|one| one.name.clone()).collect();
        let pending = match (&self.unread, names.len()) {
            (Some(why), _) => Some(format!(
                "What Prisma 8 has recorded here cannot be read: {why}."
            )),
            (None, 0) => None,
            (None, 1) => Some(format!(
                "Prisma 8: 1 package is pending: {}.",
                listed(&names)
            )),
            (None, n) => Some(format!(
                "Prisma 8: {n} packages are pending: {}.",
                listed(&names)
            )),
        };
        pending.into_iter().chain(self.warning()).collect()
    }

    /// A sentence where both systems have left something in the database.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let both = self.beside_ledger && !self.markers.is_empty();
        both.then(|| {
            "This database has a ledger of Prisma 7 or earlier and a marker of Prisma 8: `prisma db update` of Prisma 8 plans to \
             drop _prisma_migrations, and with it the history."
                .to_owned()
        })
    }

    /// The state in lines: each space with its contract, then every package.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .markers
            .iter()
            .map(|marker| {
                format!(
                    "space {}: contract {}",
                    printable(&marker.space),
                    short(&marker.hash)
                )
            })
            .collect();
        let said = |state: &str, space: &str, name: &str| {
            format!("{state:<8} {}/{}", printable(space), printable(name))
        };
        lines.extend(
            self.applied
                .iter()
                .map(|row| said("applied", &row.space, &row.name)),
        );
        lines.extend(
            self.pending()
                .map(|package| said("pending", &package.space, &package.name)),
        );
        lines
    }
}

/// The beginning of a hash, as Prisma 8 shows it.
#[must_use]
pub fn short(hash: &str) -> String {
    printable(&hash.chars().take(12).collect::<String>())
}

/// The packages of a folder. What belongs to them is taken out of its migrations: a space is no migration.
pub(super) fn take_packages(folder: &mut Folder) -> Vec<Package> {
    let mut packages = Vec::new();
    let path = folder.path.clone();
    let mut is_space = |name: &str| {
        let found = packages_of(&path, name);
        let any = !found.is_empty();
        packages.extend(found);
        any
    };
    let missing = Err(BrokenFolder::Missing);
    folder
        .migrations
        .retain(|one| one.script != missing || !is_space(&one.name));
    if !packages.is_empty() {
        folder
            .migrations
            .retain(|one| one.script != missing || one.name != SNAPSHOTS);
    }
    packages
}

fn packages_of(folder: &Path, space: &str) -> Vec<Package> {
    let Ok(entries) = fs::read_dir(folder.join(space)) else {
        return Vec::new();
    };
    let mut packages: Vec<Package> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.to_owned();
            path.join("ops.json").is_file().then(|| Package {
                space: space.to_owned(),
                hash: hash_of(&path.join("migration.json")),
                name,
            })
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

fn hash_of(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let bytes = read_at_most(path, LONGEST).ok()?;
    let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
    Some(manifest.migration_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, hash: Option<&str>) -> Package {
        Package {
            space: "app".to_owned(),
            name: name.to_owned(),
            hash: hash.map(str::to_owned),
        }
    }

    #[test]
    fn a_package_is_pending_until_the_ledger_has_its_hash() {
        let found = Contracts {
            markers: vec![Marker {
                space: "app".to_owned(),
                hash: "91e7f9f035806fa2".to_owned(),
                at: None,
            }],
            applied: vec![AppliedPackage {
                space: "app".to_owned(),
                name: "renamed\nsince".to_owned(),
                hash: "d9a8".to_owned(),
                at: None,
            }],
            unread: None,
        };
        let packages = vec![
            package("1_init", Some("d9a8")),
            package("2_phone", Some("6363")),
            package("3_broken", None),
        ];
        let contract = Contract::of(packages, Some(found), true).unwrap();
        let pending: Vec<&str> = contract.pending().map(|one| one.name.as_str()).collect();
        assert_eq!(pending, ["2_phone", "3_broken"]);
        assert_eq!(contract.calm(), None);
        let sentences = contract.oddities();
        assert_eq!(
            sentences[0],
            "Prisma 8: 2 packages are pending: 2_phone, 3_broken."
        );
        assert!(sentences[1].contains("plans to drop _prisma_migrations"));
        assert_eq!(
            contract.lines(),
            [
                "space app: contract 91e7f9f03580",
                "applied  app/renamed\\nsince",
                "pending  app/2_phone",
                "pending  app/3_broken",
            ]
        );
        assert!(contract.refusal().what.contains("managed by Prisma 8"));
    }

    #[test]
    fn a_folder_of_packages_holds_no_migrations() {
        let specimen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/migrations");
        let mut folder = Folder::read(&specimen);
        assert!(!folder.migrations.is_empty());
        let packages = take_packages(&mut folder);
        assert!(folder.migrations.is_empty(), "{:?}", folder.migrations);
        let names: Vec<&str> = packages.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["20261126T1846_init", "20261126T1847_phone"]);
        let hash = "d9a8b973a365362816000d7becd5992535f19f84eb00c5ee983d4bee93505793";
        assert_eq!(packages[0].hash.as_deref(), Some(hash));
        let contract = Contract::of(packages, None, false).unwrap();
        assert_eq!(contract.warning(), None);
        assert!(
            contract
                .refusal()
                .what
                .contains("folder is one of Prisma 8")
        );
        assert_eq!(Contract::of(Vec::new(), None, true), None);
    }
}
