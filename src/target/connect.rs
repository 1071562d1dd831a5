//! Sessions with a target: the only place that opens a connection to one.
//!
//! A look may not write, wait for a lock or run long; work has no time limit but does not wait long for locks. Both are
//! set as start-up parameters: a pooler that does not pass them on is thereby noticed, and nothing of ours can leak into
//! a server connection that others share. Through a pooler a look does without them, and work is refused.
//! Read [`super::catalog`] next for the questions that are asked.

use std::future::poll_fn;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding as Binding, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, Config, Connection, SimpleQueryMessage, Socket,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::catalog::quote_ident;
use super::notice::{Heard, Notice};
use super::url::{ChannelBinding, DatabaseUrl, Encryption, Host};
use super::{failure, tls};
use crate::config::{TargetEnvironment, TargetSettings};
use crate::operation::Trouble;

/// How long connecting may take when the URL sets no limit (`connect_timeout=0`).
const LONGEST_CONNECT: Duration = Duration::from_secs(60);

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
}

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading a few facts for a page: read-only, statements end after 5 s, locks are waited for 1 s.
    Look,
    /// The work of a job: locks are waited for 3 s, statements take as long as they take.
    Work {
        /// The job's id; the server shows the session as `lockkeeper:<job>`.
        job: String,
    },
}

impl Target {
    /// The target that the operator wrote; its URL is read here.
    pub fn from_config(settings: &TargetSettings) -> Result<Self, Trouble> {
        Ok(Self {
            name: settings.name.clone(),
            environment: settings.environment,
            url: DatabaseUrl::parse(&settings.url, &settings.base)?,
            migrations: settings.migrations.clone(),
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
}

/// The task that carries a session's bytes. Left alone it would live until the running statement ends.
#[derive(Debug)]
struct Line(JoinHandle<()>);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The way to interrupt the statement that a session runs; can be kept and sent elsewhere.
#[derive(Clone)]
pub struct Cancel {
    token: CancelToken,
    tls: Tls,
}

/// `MakeRustlsConnect` has no `Debug`.
#[derive(Clone)]
struct Tls(MakeRustlsConnect);

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tls")
    }
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
        if let (Some(why), Purpose::Work { .. }) = (&url.pooler, &purpose) {
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
                if let Purpose::Work { .. } = purpose {
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
        };
        let failed = |error| failure::connect_failed(url, &error);
        let row = session.greet().await.map_err(failed)?;
        session.version_num = row[0].parse().unwrap_or_default();
        session.schema = url.schema.clone().unwrap_or_else(|| row[1].clone());
        if session.pooled.is_none() && row[2] != purpose.lock_timeout() {
            let why = "it swallows start-up parameters";
            if let Purpose::Work { .. } = purpose {
                return Err(failure::pooled(url, why));
            }
            session.pooled = Some(why.to_owned());
        }
        if session.pooled.is_none() {
            let settings = purpose.settings_after_greeting(session.version_num);
            session
                .client
                .batch_execute(&settings)
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

impl Purpose {
    fn application_name(&self) -> String {
        match self {
            Self::Look => "lockkeeper".to_owned(),
            Self::Work { job } => format!("lockkeeper:{job}"),
        }
    }

    /// As the server prints it back.
    fn lock_timeout(&self) -> &'static str {
        match self {
            Self::Look => "1s",
            Self::Work { .. } => "3s",
        }
    }

    fn startup_settings(&self) -> [(&'static str, &'static str); 3] {
        let (statement, idle) = match self {
            Self::Look => ("5s", "60s"),
            Self::Work { .. } => ("0", "0"),
        };
        [
            ("lock_timeout", self.lock_timeout()),
            ("statement_timeout", statement),
            ("idle_in_transaction_session_timeout", idle),
        ]
    }

    /// What is set once it is known that the session is ours alone. `default_transaction_read_only` comes this late so
    /// that `pg_settings.reset_val` still tells the server's own; the other timeouts are unknown to older servers.
    fn settings_after_greeting(&self, version_num: i32) -> String {
        let mut settings = Vec::new();
        match self {
            Self::Look => settings.push("SET default_transaction_read_only = on"),
            Self::Work { .. } => {
                if version_num >= 140_000 {
                    settings.push("SET idle_session_timeout = 0");
                }
                if version_num >= 170_000 {
                    settings.push("SET transaction_timeout = 0");
                }
            }
        }
        settings.join("; ")
    }
}

type Dialled = (Client, Heard, Line);

#[expect(
    clippy::disallowed_methods,
    reason = "this is the wrapper that sets timeouts, TLS and the application name"
)]
async fn dial(config: &Config, tls: &Tls) -> Result<Dialled, tokio_postgres::Error> {
    let (client, connection) = config.connect(tls.0.clone()).await?;
    let heard = Heard::default();
    let task = tokio::spawn(listen::<
        <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream,
    >(connection, heard.clone()));
    Ok((client, heard, Line(task)))
}

async fn listen<S>(mut connection: Connection<Socket, S>, heard: Heard)
where
    S: tokio_postgres::tls::TlsStream + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => heard.notice(&notice),
            Some(Ok(_)) => {}
            Some(Err(error)) => return heard.lost(failure::describe(&error)),
            None => return,
        }
    }
}

fn config(url: &DatabaseUrl, purpose: &Purpose, bare: bool) -> Config {
    let mut config = Config::new();
    match &url.host {
        Host::Tcp(host) => config.host(host),
        Host::Socket(folder) => config.host_path(folder),
    };
    config
        .port(url.port)
        .user(&url.user)
        .dbname(&url.database)
        .application_name(purpose.application_name())
        // A peer that vanished without a word is noticed after a minute, not after the kernel's two hours.
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3)
        .ssl_mode(match (url.encryption, &url.host) {
            // Postgres does not encrypt Unix sockets.
            (Encryption::Disable, _) | (_, Host::Socket(_)) => SslMode::Disable,
            (Encryption::Prefer, _) => SslMode::Prefer,
            (Encryption::Require, _) => SslMode::Require,
        })
        .channel_binding(match url.channel_binding {
            ChannelBinding::Disable => Binding::Disable,
            ChannelBinding::Prefer => Binding::Prefer,
            ChannelBinding::Require => Binding::Require,
        });
    if let Some(password) = &url.password {
        config.password(password.expose_secret());
    }
    match (&url.options, bare) {
        (_, false) => _ = config.options(options(url, purpose)),
        (Some(theirs), true) => _ = config.options(theirs),
        (None, true) => {}
    }
    config
}

/// The operator's options, then ours: the last one wins.
fn options(url: &DatabaseUrl, purpose: &Purpose) -> String {
    let mut options = url.options.clone().unwrap_or_default();
    for (name, value) in purpose.startup_settings() {
        options.push_str(&format!(" -c {name}={value}"));
    }
    if let Some(schema) = &url.schema {
        options.push_str(" -c search_path=");
        for each in quote_ident(schema).chars() {
            if each.is_whitespace() || each == '\\' {
                options.push('\\');
            }
            options.push(each);
        }
    }
    options
}
