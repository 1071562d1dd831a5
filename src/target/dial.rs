//! Opening the connection itself: the driver's settings, encryption, and the task that carries the bytes.
//!
//! Only [`super::connect`] may use this: what a session may do is decided there.

use std::future::poll_fn;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding as Binding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::catalog::quote_ident;
use super::failure;
use super::notice::Heard;
use super::purpose::Purpose;
use super::url::{ChannelBinding, DatabaseUrl, Encryption, Host};

/// `MakeRustlsConnect` has no `Debug`.
#[derive(Clone)]
pub(super) struct Tls(pub MakeRustlsConnect);

impl std::fmt::Debug for Tls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tls")
    }
}

/// The task that carries a session's bytes. Left alone it would live until the running statement ends.
#[derive(Debug)]
pub(super) struct Line(pub JoinHandle<()>);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An open connection, its ear and the task that carries it.
pub(super) type Dialled = (Client, Heard, Line);

/// Opens a connection and lets a task carry it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the wrapper that sets timeouts, TLS and the application name"
)]
pub(super) async fn dial(config: &Config, tls: &Tls) -> Result<Dialled, tokio_postgres::Error> {
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

/// The driver's settings for a URL; a `bare` one has no start-up parameters of ours.
pub(super) fn config(url: &DatabaseUrl, purpose: &Purpose, bare: bool) -> Config {
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
        options.extend([" -c ", name, "=", value]);
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
