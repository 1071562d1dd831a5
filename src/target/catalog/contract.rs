//! What Prisma 8 keeps in a database, in the schema `prisma_contract`: a marker of the state of each space, and the ledger of
//! the packages that led there. They are read and never written.

use serde::Serialize;

use super::{PATIENCE, Unanswered, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;

/// The newest rows of the ledger that are read.
const ROWS: i64 = 2_000;

/// A space and the contract that the database has for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Marker {
    /// The space; `app` for the application's own.
    pub space: String,
    /// The hash of the contract.
    pub hash: String,
    /// Since when, in milliseconds since the epoch.
    pub at: Option<i64>,
}

/// A package that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppliedPackage {
    /// Its space.
    pub space: String,
    /// Its name.
    pub name: String,
    /// Its hash.
    pub hash: String,
    /// When, in milliseconds since the epoch.
    pub at: Option<i64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contracts {
    /// By space.
    pub markers: Vec<Marker>,
    /// The oldest first.
    pub applied: Vec<AppliedPackage>,
    /// Why it could not be read, as words that end a sentence.
    pub unread: Option<String>,
}

/// What Prisma 8 has left in the database; `None` where it has never been.
pub async fn contracts(session: &Session) -> Result<Option<Contracts>, Trouble> {
    let is_there = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'prisma_contract' AND c.relname = 'marker' AND c.relkind = 'r')";
    let rows = ask(session, PATIENCE, is_there, &[])
        .await
        .map_err(|unanswered| unanswered.trouble("Looking for Prisma 8"))?;
    if !rows.first().is_some_and(|row| row.get(0)) {
        return Ok(None);
    }
    Ok(Some(read(session).await.unwrap_or_else(|unanswered| {
        Contracts {
            unread: Some(unanswered.reason()),
            ..Contracts::default()
        }
    })))
}

/// Columns are read by name, so that a table that has others is read as well.
async fn read(session: &Session) -> Result<Contracts, Unanswered> {
    let mut found = Contracts::default();
    let markers = "SELECT coalesce(m ->> 'space', ''), coalesce(m ->> 'core_hash', ''), \
             (extract(epoch FROM (m ->> 'updated_at')::timestamptz) * 1000)::int8 \
         FROM (SELECT to_jsonb(t) - 'contract_json' AS m FROM prisma_contract.marker t) x ORDER BY 1 LIMIT 100";
    for row in ask(session, PATIENCE, markers, &[]).await? {
        found.markers.push(Marker {
            space: row.try_get(0)?,
            hash: row.try_get(1)?,
            at: row.try_get(2)?,
        });
    }
    let applied = format!(
        "SELECT coalesce(m ->> 'space', ''), coalesce(m ->> 'migration_name', ''), coalesce(m ->> 'migration_hash', ''), \
             (extract(epoch FROM (m ->> 'created_at')::timestamptz) * 1000)::int8 \
         FROM (SELECT to_jsonb(t) - 'operations' AS m, id FROM prisma_contract.ledger t ORDER BY id DESC LIMIT {ROWS}) x ORDER BY id"
    );
    for row in ask(session, PATIENCE, &applied, &[]).await? {
        found.applied.push(AppliedPackage {
            space: row.try_get(0)?,
            name: row.try_get(1)?,
            hash: row.try_get(2)?,
            at: row.try_get(3)?,
        });
    }
    Ok(found)
}
