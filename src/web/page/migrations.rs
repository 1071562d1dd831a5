//! `/t/{target}/migrations`: the history, the folder joined with the ledger; trouble first, then newest first.

use askama::Template;

use super::contract::ContractCard;
use super::drift::DriftCard;
use super::measure::Millis;
use super::pill::Pill;
use super::trouble::TroubleBox;
use super::when::When;
use crate::web::layout::{Environment, Layout, Tab, Tone};

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// In the folder, not in the ledger.
    Pending,
    /// Finished.
    Applied,
    /// Started and neither finished nor rolled back.
    Failed,
    /// Started, and somebody's job is still at it.
    Running,
    /// Marked as rolled back; it will run again.
    RolledBack,
    /// Applied, and its file changed since.
    Edited,
    /// Applied, and its folder is gone.
    Missing,
    /// The folder has no readable `migration.sql`.
    BrokenFolder,
}

impl MigrationState {
    /// All states, for legends and tests.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::BrokenFolder,
        Self::Edited,
        Self::Missing,
        Self::Running,
        Self::Pending,
        Self::RolledBack,
        Self::Applied,
    ];

    /// The state as shown.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Pending => Pill::new("pending", "clock", Tone::Info),
            Self::Applied => Pill::new("applied", "check", Tone::Good),
            Self::Failed => Pill::new("failed", "cross", Tone::Bad),
            Self::Running => Pill::new("running", "run", Tone::Info),
            Self::RolledBack => Pill::new("rolled back", "undo", Tone::Calm),
            Self::Edited => Pill::new("edited", "pencil", Tone::Warn),
            Self::Missing => Pill::new("missing", "missing", Tone::Warn),
            Self::BrokenFolder => Pill::new("broken folder", "folder", Tone::Bad),
        }
    }
}

/// One migration.
#[derive(Clone, Debug)]
pub struct MigrationRow {
    /// The name of its folder.
    pub name: String,
    /// What became of it.
    pub state: MigrationState,
    /// When it finished.
    pub applied_at: Option<When>,
    /// How long it took.
    pub took: Option<Millis>,
    /// What is odd about it: `The file was edited since.`
    pub note: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/migrations.html")]
pub struct MigrationsPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name of the target.
    pub target: String,
    /// How many there are of each kind, in one sentence.
    pub counts: String,
    /// At most 50 of them.
    pub rows: Vec<MigrationRow>,
    /// The path of the next 50.
    pub older: Option<String>,
    /// Whether something is pending that a plan could hold.
    pub can_plan: bool,
    /// What there is of Prisma 8.
    pub contract: Option<ContractCard>,
    /// What the newest comparison found; none where there is nothing to compare.
    pub drift: Option<DriftCard>,
    /// Why the history cannot be read, when it cannot.
    pub trouble: Option<TroubleBox>,
    /// The migrations folder, for the empty page.
    pub folder: String,
    /// The command that baselines a database, for the empty page.
    pub example_baseline: String,
}

impl MigrationsPage {
    /// One migration in every state.
    #[must_use]
    pub fn sample() -> Self {
        let row = |(index, state): (usize, MigrationState)| MigrationRow {
            name: format!(
                "202611{:02}093000_{}",
                20 - index,
                ["add_phone", "drop_fax", "user_email_unique", "sessions"][index % 4]
            ),
            state,
            applied_at: matches!(
                state,
                MigrationState::Applied | MigrationState::Edited | MigrationState::Missing
            )
            .then(|| When::at(1_795_363_533_000)),
            took: (state == MigrationState::Applied).then_some(Millis(812)),
            note: (state == MigrationState::Edited)
                .then(|| "The file was edited since it was applied.".to_owned()),
        };
        Self {
            layout: Layout::sample_target(
                "Migrations",
                "jarvis",
                Environment::Production,
                Tab::Migrations,
            ),
            target: "jarvis".to_owned(),
            counts: "41 migrations: 33 applied, 2 pending, 1 failed, 5 worth a look.".to_owned(),
            rows: MigrationState::ALL
                .into_iter()
                .enumerate()
                .map(row)
                .collect(),
            older: None,
            can_plan: true,
            contract: None,
            drift: Some(DriftCard::sample_found([
                "public.\"User\"",
                "email",
                "report.totals",
            ])),
            trouble: None,
            folder: "prisma/migrations".to_owned(),
            example_baseline: "lockkeeper migrate baseline --up-to 0_init".to_owned(),
        }
    }

    /// A folder and a ledger without any.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            rows: Vec::new(),
            can_plan: false,
            drift: Some(DriftCard::sample_never()),
            ..Self::sample()
        }
    }

    /// A full page of a long history.
    #[must_use]
    pub fn sample_long() -> Self {
        let page = Self::sample();
        let row = |n: usize| MigrationRow {
            name: format!("2025{n:04}120000_a_migration_with_a_long_but_plausible_name"),
            state: MigrationState::Applied,
            applied_at: Some(When::at(1_795_363_533_000)),
            took: Some(Millis(1_450)),
            note: None,
        };
        Self {
            rows: (0..50).map(row).collect(),
            older: Some("/t/jarvis/migrations?before=2025004912000".to_owned()),
            contract: Some(ContractCard::sample([
                "20261126T1847_phone",
                "20261126T1846_init",
            ])),
            drift: Some(DriftCard::sample_none()),
            ..page
        }
    }

    /// Names that somebody made up to do harm.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let mut page = Self::sample();
        let names = [
            "<script>alert(1)</script>",
            "\" onmouseover=\"alert(1)",
            "a\nline\nbreak",
            "\u{202e}gnp.evil 🚀 שלום",
            "w2345678901234567890123456789012345678901234567890123456789012x",
        ];
        for (row, name) in page.rows.iter_mut().zip(names) {
            name.clone_into(&mut row.name);
            row.note = Some(name.to_owned());
        }
        page.drift = Some(DriftCard::sample_found([names[0], names[3], names[1]]));
        page
    }
}
