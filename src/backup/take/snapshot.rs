//! The snapshot that is dumped: one moment of the database, shared by `pg_dump`, the catalogue and the counts.
//!
//! What must stay true: the session stays open until the dump has ended, for it is what keeps the snapshot; a role that
//! does not see everything is refused before anything is written, with what to grant. Only catalogues are read here, so
//! nothing waits for a lock. Postgres docs: 9.28.5 Snapshot Synchronization Functions.

use std::time::Duration;

use tokio_postgres::Row;

use crate::backup::contents::{Contents, Database, Extension, Setting};
use crate::operation::{Context, Trouble};
use crate::target::{Purpose, Session, Target, catalog::table::ESTIMATED_ROWS, describe};

/// How long the server may take to be told that a statement is not wanted any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// The transaction. Counting stays within one process of the server, and a role that may see only some of the rows gets
/// an error instead of too small a number.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog; \
                     SET LOCAL row_security = off; SET LOCAL lock_timeout = '30s'; \
                     SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off";

/// The tables and sequences that a dump holds: not the system's, and of those that extensions have made only the rows that
/// an extension wants to be kept.
const RELATIONS: &str = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence = 'u', \
           ({rows})::int8, c.relpages::int8 * current_setting('block_size')::int8, \
           EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'), \
           coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AND CASE c.relkind \
                WHEN 'S' THEN coalesce(has_sequence_privilege(c.oid, 'SELECT'), false) \
                ELSE coalesce(has_table_privilege(c.oid, 'SELECT'), false) END, \
           coalesce(row_security_active(c.oid), false) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
       AND (NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
            OR c.oid IN (SELECT unnest(extconfig) FROM pg_extension)) \
     ORDER BY 2, 3";

/// Roles that own something in this database, are granted something, or are named by a policy. The first role of a
/// cluster owns without being recorded so.
const ROLES: &str = "SELECT rolname::text FROM pg_roles WHERE oid IN ( \
           SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass \
              AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
            UNION SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
            UNION SELECT datdba FROM pg_database WHERE datname = current_database()) ORDER BY 1";

const SETTINGS: &str = "SELECT r.rolname::text, unnest(s.setconfig)::text FROM pg_db_role_setting s \
       LEFT JOIN pg_roles r ON r.oid = s.setrole \
      WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1 NULLS FIRST, 2";

/// The snapshot, kept open by its session.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub session: Session,
    /// As `pg_dump --snapshot` takes it.
    pub id: String,
    /// What a dump of it holds.
    pub relations: Vec<Relation>,
    /// What is known so far: everything but tables, sequences and their numbers, which [`super::tally`] adds.
    pub contents: Contents,
}

/// A table or a sequence of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    pub kind: Kind,
    /// Whether the dump holds its definition; of an extension's table it holds the rows only.
    pub defined: bool,
    /// The server's estimate of its rows.
    pub estimate: Option<i64>,
    /// Its size by the server's last look, without the oversized values.
    pub pages_bytes: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table whose rows are dumped.
    Table,
    /// A table without rows in the dump: partitioned, or unlogged and seen from a standby.
    Bare,
    Sequence,
}

/// A relation, and what keeps the role from dumping it.
struct Seen {
    relation: Relation,
    readable: bool,
    filtered: bool,
}

impl Snapshot {
    /// Takes a snapshot of `target`, and reads what a dump of it will hold.
    pub async fn take(target: &Target, context: &Context) -> Result<Self, Trouble> {
        let purpose = Purpose::Work {
            job: context.job.clone(),
        };
        let session = target.connect(purpose).await?;
        Self::within(session).await.map_err(|failed| match failed {
            Failed::Server(error) => Trouble::new(
                format!("Taking the snapshot failed: {}", describe(&error)),
                "No backup was taken. The database was not changed.",
                "Look at the server's answer above, then take the backup again.",
            ),
            Failed::Said(trouble) => trouble,
        })
    }

    async fn within(session: Session) -> Result<Self, Failed> {
        let client = session.client();
        client.batch_execute(BEGIN).await?;
        let begun = client
            .query_one(
                "SELECT pg_export_snapshot(), pg_is_in_recovery(), current_user::text",
                &[],
            )
            .await?;
        let (id, standby, role): (String, bool, String) =
            (begun.try_get(0)?, begun.try_get(1)?, begun.try_get(2)?);
        let rows = client
            .query(&RELATIONS.replace("{rows}", ESTIMATED_ROWS), &[])
            .await?;
        let seen = rows
            .iter()
            .map(|row| seen(row, standby))
            .collect::<Result<Vec<_>, _>>()?;
        refuse_blind(&role, session.major(), &seen)?;
        let relations: Vec<Relation> = seen.into_iter().map(|seen| seen.relation).collect();
        let mut contents = contents(&session, standby).await?;
        contents.snapshot.clone_from(&id);
        Ok(Self {
            session,
            id,
            relations,
            contents,
        })
    }

    /// Lets go of it, and returns what it holds. The statement that may still run is cancelled: a server whose client is gone
    /// finds that out only once the statement has ended, and one that counts or waits for a lock takes its time.
    pub async fn close(self) -> Vec<Relation> {
        let cancel = self.session.cancel_token();
        let cancelled = tokio::time::timeout(PATIENCE, cancel.cancel()).await;
        if !matches!(cancelled, Ok(Ok(()))) {
            tracing::debug!("what ran in the session of a snapshot could not be cancelled");
        }
        self.session.close().await;
        self.relations
    }

    /// The tables whose rows are dumped.
    pub fn tables(&self) -> impl Iterator<Item = &Relation> {
        let relations = self.relations.iter();
        relations.filter(|relation| relation.kind == Kind::Table)
    }
}

/// Why there is no snapshot.
enum Failed {
    Server(tokio_postgres::Error),
    Said(Trouble),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Said(trouble)
    }
}

fn seen(row: &Row, standby: bool) -> Result<Seen, tokio_postgres::Error> {
    let kind: String = row.try_get(3)?;
    let unlogged: bool = row.try_get(4)?;
    let of_extension: bool = row.try_get(7)?;
    Ok(Seen {
        relation: Relation {
            oid: row.try_get(0)?,
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind: match kind.as_str() {
                "S" => Kind::Sequence,
                "r" if !(standby && unlogged) => Kind::Table,
                _ => Kind::Bare,
            },
            defined: !of_extension,
            estimate: row.try_get(5)?,
            pages_bytes: row.try_get(6)?,
        },
        readable: row.try_get(8)?,
        filtered: row.try_get(9)?,
    })
}

/// Refuses a role that does not see everything: its dump would fail half way, or be less than the database.
fn refuse_blind(role: &str, major: i32, seen: &[Seen]) -> Result<(), Trouble> {
    const NOT_TAKEN: &str =
        "No backup was taken, because it would not be whole. The database was not touched.";
    let quoted = crate::target::catalog::quote_ident(role);
    let names = |of: fn(&Seen) -> bool| -> Vec<String> {
        let found = seen.iter().filter(|seen| of(seen));
        found
            .map(|seen| format!("{}.{}", seen.relation.schema, seen.relation.name))
            .collect()
    };
    let unreadable = names(|seen| !seen.readable);
    if !unreadable.is_empty() {
        let grant = if major >= 14 {
            format!("GRANT pg_read_all_data TO {quoted};")
        } else {
            format!(
                "GRANT USAGE ON SCHEMA and GRANT SELECT ON ALL TABLES IN SCHEMA, and ON ALL SEQUENCES IN SCHEMA, to {quoted}, \
                 for each schema."
            )
        };
        return Err(Trouble::new(
            format!(
                "The role {role} may not read all of the database: {}.",
                some(&unreadable)
            ),
            NOT_TAKEN,
            format!("As a superuser, run: {grant} Or give the target's URL a role that owns them."),
        ));
    }
    let filtered = names(|seen| seen.filtered);
    if !filtered.is_empty() {
        return Err(Trouble::new(
            format!(
                "Row-level security hides rows from the role {role}, in {}.",
                some(&filtered)
            ),
            NOT_TAKEN,
            format!(
                "As a superuser, run: ALTER ROLE {quoted} BYPASSRLS; Or give the target's URL a role that owns these tables, \
                 where security is not forced on their owner."
            ),
        ));
    }
    Ok(())
}

/// The first few of many names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

async fn contents(session: &Session, standby: bool) -> Result<Contents, tokio_postgres::Error> {
    let client = session.client();
    let extensions = client
        .query(
            "SELECT extname::text, extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
            &[],
        )
        .await?;
    let extensions = extensions.iter().map(|row| {
        Ok::<_, tokio_postgres::Error>(Extension {
            name: row.try_get(0)?,
            version: row.try_get(1)?,
        })
    });
    let roles = client.query(ROLES, &[]).await?;
    let objects = client
        .query_one("SELECT count(*) FROM pg_largeobject_metadata", &[])
        .await?;
    Ok(Contents {
        extensions: extensions.collect::<Result<_, _>>()?,
        roles: roles
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?,
        large_objects: objects.try_get(0)?,
        database: database(session).await?,
        lsn: lsn(session, standby).await?,
        ..Contents::default()
    })
}

/// Some providers forbid asking, and an error would end the transaction.
async fn lsn(session: &Session, standby: bool) -> Result<Option<String>, tokio_postgres::Error> {
    let question = if standby {
        "SELECT pg_last_wal_replay_lsn()::text"
    } else {
        "SELECT pg_current_wal_lsn()::text"
    };
    let client = session.client();
    client.batch_execute("SAVEPOINT lsn").await?;
    match client.query_one(question, &[]).await {
        Ok(row) => row.try_get(0),
        Err(error) if error.as_db_error().is_some() => {
            client.batch_execute("ROLLBACK TO SAVEPOINT lsn").await?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn database(session: &Session) -> Result<Database, tokio_postgres::Error> {
    let (provider, version) = match session.major() {
        15.. => (
            "CASE datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END",
            "datcollversion",
        ),
        _ => ("'libc'", "NULL::text"),
    };
    let locale = match session.major() {
        17.. => "datlocale",
        15..=16 => "daticulocale",
        _ => "NULL::text",
    };
    let question = format!(
        "SELECT pg_get_userbyid(datdba)::text, {provider}, datcollate::text, datctype::text, {locale}::text, {version}, \
                datconnlimit, datacl::text, shobj_description(oid, 'pg_database') \
           FROM pg_database WHERE datname = current_database()"
    );
    let row = session.client().query_one(&question, &[]).await?;
    let settings = session.client().query(SETTINGS, &[]).await?;
    let settings = settings.iter().map(|row| {
        let written: String = row.try_get(1)?;
        let (name, value) = written.split_once('=').unwrap_or((&written, ""));
        Ok::<_, tokio_postgres::Error>(Setting {
            role: row.try_get(0)?,
            name: name.to_owned(),
            value: value.to_owned(),
        })
    });
    Ok(Database {
        owner: row.try_get(0)?,
        locale_provider: row.try_get(1)?,
        collate: row.try_get(2)?,
        ctype: row.try_get(3)?,
        locale: row.try_get(4)?,
        collation_version: row.try_get(5)?,
        connection_limit: row.try_get(6)?,
        grants: row.try_get(7)?,
        comment: row.try_get(8)?,
        settings: settings.collect::<Result<_, _>>()?,
    })
}
