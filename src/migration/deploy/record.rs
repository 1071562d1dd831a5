//! The record of a run: what is written to the ledger before and after each script, and whether the lock is still held.
//!
//! Each statement is prepared once: the server plans it longer than it runs it. What must stay true: a script may discard
//! what was prepared (`DEALLOCATE ALL`), so a statement that is gone is prepared again.

use std::sync::Mutex;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use crate::migration::{
    ADVISORY_LOCK, count_step_sql, insert_sql, set_finished_sql, set_logs_sql, set_rolled_back_sql,
};
use crate::target::Session;
use crate::target::script::was_cancelled;

/// What a run says for every migration.
pub(super) struct Record<'a> {
    /// The session that runs the scripts.
    pub(super) session: &'a Session,
    schema: &'a str,
    insert: Repeated,
    count_step: Repeated,
    set_finished: Repeated,
    is_locked: Repeated,
}

impl<'a> Record<'a> {
    /// The record in the ledger of `schema`.
    pub(super) fn new(session: &'a Session, schema: &'a str) -> Self {
        let is_locked = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 \
             AND objid::int8 = $1 AND objsubid = 1 AND granted AND pid = pg_backend_pid())";
        Self {
            session,
            schema,
            insert: Repeated::new(insert_sql(schema), &[Type::TEXT; 4]),
            count_step: Repeated::new(count_step_sql(schema), &[Type::TEXT]),
            set_finished: Repeated::new(set_finished_sql(schema), &[Type::TEXT; 2]),
            is_locked: Repeated::new(is_locked.to_owned(), &[Type::INT8]),
        }
    }

    /// Before a script runs: its row, with id, checksum, the moment and the migration's name.
    pub(super) async fn begin(&self, row: [&str; 4]) -> Result<(), Error> {
        self.write(&self.insert, &row).await
    }

    /// After a script succeeded, first.
    pub(super) async fn count_step(&self, id: &str) -> Result<(), Error> {
        self.write(&self.count_step, &[id]).await
    }

    /// After a script succeeded, second.
    pub(super) async fn finish(&self, id: &str, at: &str) -> Result<(), Error> {
        self.write(&self.set_finished, &[id, at]).await
    }

    /// After a script failed: why.
    pub(super) async fn fail(&self, id: &str, logs: &str) -> Result<(), Error> {
        let once = Repeated::new(set_logs_sql(self.schema), &[Type::TEXT; 2]);
        self.write(&once, &[id, logs]).await
    }

    /// For a row whose script was undone: it is rolled back.
    pub(super) async fn give_up(&self, id: &str, at: &str) -> Result<(), Error> {
        let once = Repeated::new(set_rolled_back_sql(self.schema), &[Type::TEXT; 2]);
        self.write(&once, &[id, at]).await
    }

    /// Whether the session still holds the lock: a script may have let go of it.
    pub(super) async fn is_locked(&self) -> Result<bool, Error> {
        let client = self.session.client();
        let rows = self.is_locked.run(client, &[&ADVISORY_LOCK]).await?;
        rows.first().map_or(Ok(false), |row| row.try_get(0))
    }

    /// Again when it was interrupted, for that was meant for the script.
    async fn write(&self, statement: &Repeated, values: &[&str]) -> Result<(), Error> {
        let client = self.session.client();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let mut written = statement.run(client, &values).await;
        if matches!(&written, Err(error) if was_cancelled(error)) {
            written = statement.run(client, &values).await;
        }
        written.map(drop)
    }
}

/// A statement that is said again and again.
struct Repeated {
    text: String,
    types: &'static [Type],
    prepared: Mutex<Option<Statement>>,
}

impl Repeated {
    fn new(text: String, types: &'static [Type]) -> Self {
        Self {
            text,
            types,
            prepared: Mutex::default(),
        }
    }

    async fn run(
        &self,
        client: &Client,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let known = self.prepared.lock().ok().and_then(|it| it.clone());
        if let Some(statement) = known {
            match client.query(&statement, values).await {
                // The server has not run what it does not know.
                Err(error) if error.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME) => {}
                ended => return ended,
            }
        }
        let statement = client.prepare_typed(&self.text, self.types).await?;
        if let Ok(mut prepared) = self.prepared.lock() {
            *prepared = Some(statement.clone());
        }
        client.query(&statement, values).await
    }
}
