//! `/t/{target}/migrations/{name}`: one migration, what its state means, its rows of the ledger and its SQL.

use askama::Template;

use super::code::Line;
use super::measure::Count;
use super::migrations::MigrationState;
use super::trouble::TroubleBox;
use super::when::When;
use crate::web::layout::{Environment, Layout, Link, Tab};

/// One row of `_prisma_migrations`, every column but the name.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    /// The column `id`.
    pub id: String,
    /// The SHA-256 of the file when it was started.
    pub checksum: String,
    /// When it started.
    pub started_at: When,
    /// When it finished.
    pub finished_at: Option<When>,
    /// When somebody marked it as rolled back.
    pub rolled_back_at: Option<When>,
    /// The column `applied_steps_count`.
    pub applied_steps_count: Count,
    /// What Postgres said when it failed.
    pub logs: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/migration.html")]
pub struct MigrationPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name of its folder.
    pub name: String,
    /// What became of it.
    pub state: MigrationState,
    /// What that means and what to do next, in sentences.
    pub meaning: Vec<String>,
    /// The command that does it, to copy.
    pub command: Option<String>,
    /// Why something about it cannot be read.
    pub trouble: Option<TroubleBox>,
    /// Its rows of the ledger, newest first.
    pub ledger: Vec<LedgerRow>,
    /// Its SQL; empty when there is no file.
    pub lines: Vec<Line>,
}

impl MigrationPage {
    /// A failed migration.
    #[must_use]
    pub fn sample() -> Self {
        let sql = "-- Phone numbers move into their own table\nCREATE TABLE \"Phone\" (\n    \"id\" SERIAL NOT NULL,\n    \"number\" TEXT NOT NULL DEFAULT '' ,\n    \"kind\" VARCHAR( 12 ) NOT NULL\n);\n\nALTER TABLE \"User\" DROP COLUMN \"phone\";\n\nCREATE UNIQUE INDEX \"Phone_number_key\" ON \"Phone\"(\"number\");";
        let name = "20261120093000_add_phone";
        Self {
            layout: Layout {
                crumbs: vec![Link::new("Migrations", "/t/jarvis/migrations")],
                ..Layout::sample_target(name, "jarvis", Environment::Production, Tab::Migrations)
            },
            name: name.to_owned(),
            state: MigrationState::Failed,
            meaning: vec![
                "Prisma started this migration and never finished it, so it refuses every further deploy (P3009).".to_owned(),
                "Postgres ran the file as one transaction, so none of it is in effect. When the cause is mended, mark it as rolled back and deploy again:".to_owned(),
            ],
            command: Some(format!("lockkeeper migrate resolve jarvis --rolled-back {name}")),
            trouble: None,
            ledger: vec![LedgerRow {
                id: "7a1f5a0e-6a53-4dc5-9d0f-2f8f6a3c9b11".to_owned(),
                checksum: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
                started_at: When::at(1_795_363_533_000),
                finished_at: None,
                rolled_back_at: None,
                applied_steps_count: Count(0),
                logs: Some("A migration failed to apply. New migrations cannot be applied before the error is recovered from.\n\nDatabase error code: 23505\n\nERROR: could not create unique index \"Phone_number_key\"\nDETAIL: Key (number)=(+41 44 000 00 00) is duplicated.".to_owned()),
            }],
            lines: Line::sample(sql, 1),
        }
    }
}
