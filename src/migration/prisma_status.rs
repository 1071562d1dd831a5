//! What the real `prisma migrate status` says, word for word: for whoever greps its output, and for the tests that hold
//! Lockkeeper's own verdict against it.
//!
//! Prisma decides in this order, and says only the first that holds: the database is behind, the histories have diverged,
//! there is no ledger, something failed, all is well. So a failed migration is silent beside a pending one, and a rolled
//! back one reads as up to date. Read off the texts of Prisma 6.19; the tests of `tests/interop` compare them with it.

use std::fmt::Write as _;

use super::mark::Past;
use super::{Blocker, Divergence, LockFile, Migration, Oddity, Relation};

/// What it prints, and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrismaStatus {
    /// On stdout.
    pub out: String,
    /// On stderr.
    pub err: String,
    /// 0 or 1.
    pub exit: u8,
    /// The code of an error, such as P3015.
    pub code: Option<&'static str>,
}

impl PrismaStatus {
    /// Its verdict on folder and ledger.
    pub(super) fn of(past: Past<'_>) -> Self {
        if let LockFile::Refused { found } = &past.folder.lock_file {
            let found = found.clone();
            return Self::error("P3019", &Blocker::LockFile { found }.to_string());
        }
        if let Some(what) = past.oddities.iter().find_map(Oddity::reading_error) {
            return Self::failure(format!("Error: {what}"));
        }
        if past
            .folder
            .migrations
            .iter()
            .any(|one| needs_text(past, one))
        {
            return Self::error(
                "P3015",
                "Could not find the migration file at migration.sql. Please delete the directory or restore the migration file.",
            );
        }
        let count = past.folder.migrations.len();
        let found = match count {
            0 => "No migration found in prisma/migrations".to_owned(),
            1 => "1 migration found in prisma/migrations".to_owned(),
            n => format!("{n} migrations found in prisma/migrations"),
        };
        let mut status = Self::verdict(past);
        status.out = format!("{found}\n{}", status.out);
        status
    }

    fn verdict(past: Past<'_>) -> Self {
        let divergence = past.history.divergence();
        let failed: Vec<&str> = past
            .history
            .rows_by_time(|_| true)
            .filter(|row| row.finished_at.is_none() && row.rolled_back_at.is_none())
            .map(|row| row.migration_name.as_str())
            .collect();
        match divergence.relation {
            Relation::DatabaseIsBehind => behind(&divergence),
            Relation::Diverged => diverged(&divergence),
            Relation::Same | Relation::FolderIsBehind if !past.has_ledger => Self::failure(
                "The current database is not managed by Prisma Migrate.\n        \n\
                 Read more about how to baseline an existing production database:\n\
                 https://pris.ly/d/migrate-baseline"
                    .to_owned(),
            ),
            Relation::Same | Relation::FolderIsBehind => match failed.first() {
                Some(first) => Self::failure(failure(&failed, first)),
                None => Self {
                    out: "\nDatabase schema is up to date!".to_owned(),
                    ..Self::default()
                },
            },
        }
    }

    fn failure(err: String) -> Self {
        Self {
            err,
            exit: 1,
            ..Self::default()
        }
    }

    fn error(code: &'static str, what: &str) -> Self {
        Self {
            code: Some(code),
            ..Self::failure(format!("Error: {code}\n\n{what}"))
        }
    }
}

/// Whether Prisma reads the script and cannot: it does so for every name that the ledger has.
fn needs_text(past: Past<'_>, migration: &Migration) -> bool {
    let has_rows = |name| {
        past.history
            .entry(name)
            .is_some_and(|it| !it.rows.is_empty())
    };
    migration.script.is_err() && has_rows(&migration.name)
}

fn plural(names: usize) -> &'static str {
    if names > 1 { "s" } else { "" }
}

fn behind(divergence: &Divergence) -> PrismaStatus {
    let names = &divergence.unapplied;
    PrismaStatus {
        out: format!(
            "Following migration{} have not yet been applied:\n{}\n\n\
             To apply migrations in development run prisma migrate dev.\n\
             To apply migrations in production run prisma migrate deploy.",
            plural(names.len()),
            names.join("\n")
        ),
        exit: 1,
        ..PrismaStatus::default()
    }
}

fn diverged(divergence: &Divergence) -> PrismaStatus {
    let (unapplied, unpersisted) = (&divergence.unapplied, &divergence.unpersisted);
    PrismaStatus::failure(format!(
        "Your local migration history and the migrations table from your database are different:\n\n\
         The last common migration is: {}\n\n\
         The migration{} have not yet been applied:\n{}\n\n\
         The migration{} from the database are not found locally in prisma/migrations:\n{}",
        divergence.last_common.as_deref().unwrap_or("null"),
        plural(unapplied.len()),
        unapplied.join("\n"),
        plural(unpersisted.len()),
        unpersisted.join("\n")
    ))
}

fn failure(failed: &[&str], first: &str) -> String {
    let mut text = format!(
        "Following migration{} have failed:\n{}\n\n\
         During development if the failed migration(s) have not been deployed to a production database you can then fix the \
         migration(s) and run prisma migrate dev.\n\n",
        plural(failed.len()),
        failed.join("\n")
    );
    // Writing to a string cannot fail.
    let _written = write!(
        text,
        "The failed migration(s) can be marked as rolled back or applied:\n      \n\
         - If you rolled back the migration(s) manually:\nprisma migrate resolve --rolled-back \"{first}\"\n\n\
         - If you fixed the database manually (hotfix):\nprisma migrate resolve --applied \"{first}\"\n\n\
         Read more about how to resolve migration issues in a production database:\n\
         https://pris.ly/d/migrate-resolve"
    );
    text
}
