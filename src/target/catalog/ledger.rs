//! What the catalogues tell of Prisma: whether its table is there, whether the schema is empty in its sense, and who holds
//! its lock. The rows themselves are read by [`crate::migration`].

use tokio_postgres::types::{ToSql, Type};

use super::session::LockHolder;
use super::{PATIENCE, ask};
use crate::operation::Trouble;
use crate::target::connect::Session;

/// The key of the advisory lock that `prisma migrate` takes: `pg_advisory_lock(72707369)`, once per database.
pub const MIGRATE_LOCK: i64 = 72_707_369;
/// Prisma's table.
pub const LEDGER: &str = "_prisma_migrations";

/// What bears the ledger's name in [`Session::schema`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bearer {
    /// What it is, as the catalogue calls it: `r` is a table, `p` a partitioned one, `v` a view.
    pub kind: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
}

/// A column of [`Bearer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as Postgres writes it: `character varying(36)`.
    pub data_type: String,
    /// An insert that leaves it out fails.
    pub is_required: bool,
}

impl Bearer {
    /// Whether it is a table, so that it can be the ledger. A view of that name is none.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "p")
    }
}

/// What bears the ledger's name in [`Session::schema`], if anything does.
pub async fn bearer(session: &Session) -> Result<Option<Bearer>, Trouble> {
    let question = "SELECT c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
                           a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' \
                      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                     WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum";
    let names = [session.schema(), LEDGER];
    let given = given(&names);
    let rows = ask(session, PATIENCE, question, &given)
        .await
        .map_err(|unanswered| unanswered.trouble("Looking for the ledger"))?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(Bearer {
        kind: first.try_get(0).unwrap_or_default(),
        columns: rows
            .iter()
            .filter_map(|row| {
                Some(Column {
                    name: row.try_get(1).ok()?,
                    data_type: row.try_get(2).ok()?,
                    is_required: row.try_get(3).ok()?,
                })
            })
            .collect(),
    }))
}

/// The schemas other than [`Session::schema`] that have a table of the ledger's name, by name.
pub async fn elsewhere(session: &Session) -> Result<Vec<String>, Trouble> {
    let question = "SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname <> $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') \
                       AND n.nspname NOT LIKE 'pg\\_temp\\_%' ORDER BY 1";
    let names = [session.schema(), LEDGER];
    let given = given(&names);
    let rows = ask(session, PATIENCE, question, &given)
        .await
        .map_err(|unanswered| unanswered.trouble("Looking for ledgers of other schemas"))?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// Whether the schema of the ledger is there.
pub async fn schema_exists(session: &Session) -> Result<bool, Trouble> {
    let question = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    let schema = session.schema();
    yes_or_no(
        session,
        "Looking for the schema",
        question,
        &given(&[schema]),
    )
    .await
}

/// Whether any of these schemas is "not empty" in the sense of Prisma's P3005: any plain table besides the ledger and those
/// of `PostGIS`. Views, types, sequences, foreign tables and partitioned parents do not count. The schemas to ask for are
/// [`checked_schema`](crate::target::DatabaseUrl::checked_schema), which is not always that of the ledger, and those that
/// the project names.
pub async fn has_tables_besides_ledger(
    session: &Session,
    schemas: &[String],
) -> Result<bool, Trouble> {
    let question = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname = ANY ($1) AND c.relkind = 'r' AND c.relname <> $2 \
                       AND lower(c.relname) NOT IN ('spatial_ref_sys', 'geometry_columns', 'geography_columns', \
                                                    'raster_columns', 'raster_overviews'))";
    let given: [(&(dyn ToSql + Sync), Type); 2] =
        [(&schemas, Type::TEXT_ARRAY), (&LEDGER, Type::TEXT)];
    yes_or_no(session, "Looking for tables", question, &given).await
}

/// Texts as parameters.
fn given<'a>(texts: &'a [&'a str]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    texts
        .iter()
        .map(|text| (text as &(dyn ToSql + Sync), Type::TEXT))
        .collect()
}

async fn yes_or_no(
    session: &Session,
    doing: &str,
    question: &str,
    given: &[(&(dyn ToSql + Sync), Type)],
) -> Result<bool, Trouble> {
    let rows = ask(session, PATIENCE, question, given)
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
