//! What Prisma 8 has in a target: a card of the page of the migrations, to be read only.

use super::pill::Pill;
use super::when::When;
use crate::web::layout::Tone;

/// How many packages are shown.
const SHOWN: usize = 50;

/// What became of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageState {
    /// In the folder, not in the ledger of Prisma 8.
    Pending,
    /// In that ledger.
    Applied,
}

impl PackageState {
    /// The state as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Pending => Pill::new("pending", "clock", Tone::Info),
            Self::Applied => Pill::new("applied", "check", Tone::Good),
        }
    }
}

/// One package.
#[derive(Clone, Debug)]
pub struct PackageRow {
    /// Its space and its name.
    pub name: String,
    /// What became of it.
    pub state: PackageState,
    /// When it was applied.
    pub applied_at: Option<When>,
}

/// The card.
#[derive(Clone, Debug)]
pub struct ContractCard {
    /// Who applies packages.
    pub words: String,
    /// What is dangerous about having both systems.
    pub warning: Option<String>,
    /// Each space of the database with the beginning of its contract's hash.
    pub spaces: Vec<(String, String)>,
    /// At most fifty packages.
    pub rows: Vec<PackageRow>,
    /// How many more there are.
    pub more: usize,
}

impl ContractCard {
    /// The card of these packages.
    #[must_use]
    pub fn new(
        words: String,
        warning: Option<String>,
        spaces: Vec<(String, String)>,
        mut rows: Vec<PackageRow>,
    ) -> Self {
        let more = rows.len().saturating_sub(SHOWN);
        rows.truncate(SHOWN);
        Self {
            words,
            warning,
            spaces,
            rows,
            more,
        }
    }

    /// A database with both systems, and names as they are given to it.
    #[must_use]
    pub fn sample(names: [&str; 2]) -> Self {
        let row = |name: &str, state| PackageRow {
            name: format!("app/{name}"),
            state,
            applied_at: (state == PackageState::Applied).then(|| When::at(1_795_363_533_000)),
        };
        Self::new(
            "Apply with `npx prisma db migrate` of Prisma 8. Lockkeeper shows what is applied and pending, and takes backups."
                .to_owned(),
            Some("This database has a ledger of Prisma 7 or earlier and a marker of Prisma 8.".to_owned()),
            vec![("app".to_owned(), "91e7f9f03580".to_owned())],
            vec![
                row(names[0], PackageState::Pending),
                row(names[1], PackageState::Applied),
            ],
        )
    }
}
