//! Sessions with a target: the only place that opens a connection to one.
//!
//! A look may not write, wait for a lock or run long; work has no time limit but does not wait long for locks. Both are
//! set as start-up parameters: a pooler that does not pass them on is thereby noticed, and nothing of ours can leak into
//! a server connection that others share. Through a pooler a look does without them, and work is refused.
//! Read [`super::catalog`] next for the questions that are asked.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dial::{Dialled, Line, Tls, config, dial};
use super::notice::{Heard, Notice};
pub use super::purpose::Purpose;
use super::url::DatabaseUrl;
use super::{failure, tls};
use crate::config::{TargetEnvironment, TargetSettings};
use crate::operation::Trouble;

/// How long connecting may take when the URL sets no limit (`connect_timeout=0`).
const LONGEST_CONNECT: Duration = Duration::from_mins(1);

/// A production database.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its unique name.
    pub name: String,
    /// How careful we must be with it.
    pub environment: TargetEnvironment,
    /// How to reach it.
    pub url: DatabaseUrl,
    /// Its migrations folder; it may not exist.
    pub migrations: PathBuf,
    /// The clocks that its backups are named by.
    pub time_zone: TimeZone,
}

impl Target {
    /// The target that the operator wrote; its URL is read here.
    pub fn from_config(settings: &TargetSettings) -> Result<Self, Trouble> {
        Ok(Self {
            name: settings.name.clone(),
            environment: settings.environment,
            url: DatabaseUrl::parse(&settings.url, &settings.base)?,
            migrations: settings.migrations.clone(),
            time_zone: settings.time_zone.clone(),
        })
    }

    /// Opens a session with this target.
    pub async fn connect(&self, purpose: Purpose) -> Result<Session, Trouble> {
        Session::open(&self.url, purpose).await
    }
}

/// An open session. Dropping it ends it at once, whatever runs; the server then rolls back and lets go of its locks.
#[derive(Debug)]
pub struct Session {
    client: Client,
    heard: Heard,
    line: Line,
    tls: Tls,
    version_num: i32,
    schema: String,
    pooled: Option<String>,
    /// What is set beyond the start-up parameters.
    settings: String,
}

/// The way to interrupt the statement that a session runs; can be kept and sent elsewhere.
#[derive(Clone)]
pub struct Cancel {
    token: CancelToken,
    tls: Tls,
}

impl Cancel {
    /// Asks the server to interrupt the running statement (it then fails with 57014; the session lives on). The server
    /// does not say whether there was one.
    pub async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        self.token.cancel_query(self.tls.0.clone()).await
    }
}

impl Session {
    /// Opens a session with the server of `url`.
    pub async fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<Self, Trouble> {
        if let Some(why) = url.pooler.as_ref().filter(|_| purpose.is_work()) {
            return Err(failure::pooled(url, why));
        }
        let limit = url.connect_timeout.unwrap_or(LONGEST_CONNECT);
        match tokio::time::timeout(limit, Self::begin(url, &purpose)).await {
            Ok(session) => session,
            Err(_elapsed) => Err(failure::timed_out(url, limit.as_secs())),
        }
    }

    async fn begin(url: &DatabaseUrl, purpose: &Purpose) -> Result<Self, Trouble> {
        let tls = Tls(MakeRustlsConnect::new(tls::client_config(url)?));
        let bare = url.pooler.is_some();
        match dial(&config(url, purpose, bare), &tls).await {
            Ok(dialled) => {
                let pooled = url.pooler.clone();
                Self::set_up(url, purpose, dialled, tls, pooled).await
            }
            // PgBouncer's answer to start-up parameters that it cannot pass on.
            Err(error)
                if error.code() == Some(&SqlState::PROTOCOL_VIOLATION)
                    && failure::describe(&error).contains("startup parameter") =>
            {
                let why = "it does not pass start-up parameters on";
                if purpose.is_work() {
                    return Err(failure::pooled(url, why));
                }
                let dialled = dial(&config(url, purpose, true), &tls)
                    .await
                    .map_err(|error| failure::connect_failed(url, &error))?;
                let pooled = Some(why.to_owned());
                Self::set_up(url, purpose, dialled, tls, pooled).await
            }
            Err(error) => Err(failure::connect_failed(url, &error)),
        }
    }

    async fn set_up(
        url: &DatabaseUrl,
        purpose: &Purpose,
        (client, heard, line): Dialled,
        tls: Tls,
        pooled: Option<String>,
    ) -> Result<Self, Trouble> {
        let mut session = Self {
            client,
            heard,
            line,
            tls,
            version_num: 0,
            schema: String::new(),
            pooled,
            settings: String::new(),
        };
        let failed = |error| failure::connect_failed(url, &error);
        let row = session.greet().await.map_err(failed)?;
        session.version_num = row[0].parse().unwrap_or_default();
        session.schema = url.schema.clone().unwrap_or_else(|| row[1].clone());
        if session.pooled.is_none() && row[2] != purpose.lock_timeout() {
            let why = "it swallows start-up parameters";
            if purpose.is_work() {
                return Err(failure::pooled(url, why));
            }
            session.pooled = Some(why.to_owned());
        }
        if session.pooled.is_none() {
            session.settings = purpose.settings_after_greeting(session.version_num);
            session
                .client
                .batch_execute(&session.settings)
                .await
                .map_err(failed)?;
        }
        Ok(session)
    }

    /// Version, the ledger's schema and the lock timeout that is in effect, by the simple protocol: prepared statements
    /// are not safe through a pooler.
    async fn greet(&self) -> Result<[String; 3], tokio_postgres::Error> {
        let question = "SELECT current_setting('server_version_num'), \
             coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                       WHERE c.oid = to_regclass('_prisma_migrations')), current_schema(), 'public'), \
             current_setting('lock_timeout')";
        let answer = self.client.simple_query(question).await?;
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let column = |index| {
            row.and_then(|row| row.get(index))
                .unwrap_or_default()
                .to_owned()
        };
        Ok([column(0), column(1), column(2)])
    }

    /// Sets again what was set when the session began and what `RESET ALL` takes away.
    pub(super) async fn set_up_again(&self) {
        if let Err(error) = self.client.batch_execute(&self.settings).await {
            tracing::debug!(%error, "the session could not be set up again");
        }
    }

    /// The driver's client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the server said besides its answers since this was last asked, in order. Notices of a statement are complete
    /// once the statement has been awaited.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.heard.drain()
    }

    /// Why the connection was lost, if it was: the driver itself only says "connection closed".
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.heard.why_lost()
    }

    /// The way to interrupt the running statement.
    #[must_use]
    pub fn cancel_token(&self) -> Cancel {
        Cancel {
            token: self.client.cancel_token(),
            tls: self.tls.clone(),
        }
    }

    /// The server's version as a number: 150018 is 15.18.
    #[must_use]
    pub fn server_version_num(&self) -> i32 {
        self.version_num
    }

    /// The server's major version: 15.
    #[must_use]
    pub fn major(&self) -> i32 {
        self.version_num / 10_000
    }

    /// The schema of `_prisma_migrations`: `?schema=` when the URL says so, else where the search path finds the table,
    /// else where it would be made.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Why a transaction pooler is believed to be in between, if it is. Then only unnamed statements
    /// (`query_typed`, `simple_query`) are safe, and settings hold only inside of a transaction.
    #[must_use]
    pub fn pooled(&self) -> Option<&str> {
        self.pooled.as_deref()
    }

    /// Says goodbye to the server and waits until the connection is closed, two seconds at most.
    pub async fn close(self) {
        let Self {
            client, mut line, ..
        } = self;
        drop(client);
        let _late = tokio::time::timeout(Duration::from_secs(2), &mut line.0).await;
    }
}
