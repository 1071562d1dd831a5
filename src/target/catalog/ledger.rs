//! What the catalogues tell of Prisma: whether its table is there, whether the schema is empty in its sense, and who holds
//! its lock. The rows themselves are read by [`crate::migration`].

use tokio_postgres::types::Type;

use super::session::LockHolder;
use super::{PATIENCE, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;

/// The key of the advisory lock that `prisma migrate` takes: `pg_advisory_lock(72707369)`, once per database.
pub const MIGRATE_LOCK: i64 = 72_707_369;
/// Prisma's table.
pub const LEDGER: &str = "_prisma_migrations";

/// Whether the ledger is there, in [`Session::schema`]. A view of that name is none.
pub async fn ledger_exists(session: &Session) -> Result<bool, Trouble> {
    let question = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p'))";
    let schema = session.schema();
    yes_or_no(
        session,
        "Looking for the ledger",
        question,
        &[schema, LEDGER],
    )
    .await
}

/// Whether the schema of the ledger is there.
pub async fn schema_exists(session: &Session) -> Result<bool, Trouble> {
    let question = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    let schema = session.schema();
    yes_or_no(session, "Looking for the schema", question, &[schema]).await
}

/// Whether a schema is "not empty" in the sense of Prisma's P3005: any plain table besides the ledger and those of
/// `PostGIS`. Views, types, sequences, foreign tables and partitioned parents do not count. The schema to ask for is
/// [`checked_schema`](crate::target::DatabaseUrl::checked_schema), which is not always that of the ledger.
pub async fn has_tables_besides_ledger(session: &Session, schema: &str) -> Result<bool, Trouble> {
    let question = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2 \
                       AND lower(c.relname) NOT IN ('spatial_ref_sys', 'geometry_columns', 'geography_columns', \
                                                    'raster_columns', 'raster_overviews'))";
    yes_or_no(session, "Looking for tables", question, &[schema, LEDGER]).await
}

async fn yes_or_no(
    session: &Session,
    doing: &str,
    question: &str,
    given: &[&str],
) -> Result<bool, Trouble> {
    let given: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = given
        .iter()
        .map(|text| {
            (
                text as &(dyn tokio_postgres::types::ToSql + Sync),
                Type::TEXT,
            )
        })
        .collect();
    let rows = ask(session, PATIENCE, question, &given)
        .await
        .map_err(|unanswered| unanswered.trouble(doing))?;
    Ok(rows
        .first()
        .and_then(|row| row.try_get(0).ok())
        .unwrap_or(false))
}

/// Who else holds Prisma's lock in this database, if anybody does.
pub async fn lock_holder(session: &Session) -> Result<Option<LockHolder>, Trouble> {
    super::session::lock_holder(session, MIGRATE_LOCK).await
}
