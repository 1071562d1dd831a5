//! What a failed connection or query means, in words.
//!
//! Causes are told apart by SQLSTATE and by the kind of the I/O error, not by the server's sentences, which may be in any
//! language. No text here repeats a password: neither the server nor the driver is given one to repeat.

use std::error::Error as _;
use std::io::ErrorKind;

use tokio_postgres::error::{DbError, SqlState};

use super::url::DatabaseUrl;
use crate::operation::Trouble;

const UNTOUCHED: &str = "Nothing was read or changed.";

/// Everything that the server said about an error: severity, message, SQLSTATE, DETAIL, HINT and CONTEXT, a line each.
/// An error that is not the server's is told with its causes.
#[must_use]
pub fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(server) = error.as_db_error() {
        return describe_server(server);
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// As [`describe`], of an error or a notice that came as a value.
#[must_use]
pub fn describe_server(error: &DbError) -> String {
    let mut text = format!(
        "{}: {} (SQLSTATE {})",
        error.severity(),
        error.message(),
        error.code().code()
    );
    let more = [
        ("DETAIL", error.detail()),
        ("HINT", error.hint()),
        ("CONTEXT", error.where_()),
    ];
    for (label, value) in more {
        if let Some(value) = value {
            text.extend(["\n", label, ": ", value]);
        }
    }
    text
}

/// A query of ours that failed, as a trouble.
pub(super) fn query_failed(doing: &str, error: &tokio_postgres::Error) -> Trouble {
    Trouble::new(
        format!("{doing} failed: {}", describe(error)),
        "Only reading was tried; nothing was changed.",
        "Look at the server's answer above; if the connection was lost, try again.",
    )
}

/// Connecting took longer than it may.
pub(super) fn timed_out(url: &DatabaseUrl, seconds: u64) -> Trouble {
    Trouble::new(
        format!("{} did not answer within {seconds} seconds.", url.address()),
        UNTOUCHED,
        "Check that the server runs, that host and port are right, and that no firewall swallows the connection. \
         connect_timeout in the database URL gives it more time.",
    )
    .unreachable()
}

/// Work was asked for through a transaction pooler.
pub(super) fn pooled(url: &DatabaseUrl, why: &str) -> Trouble {
    Trouble::new(
        format!(
            "{} is reached through a transaction pooler ({why}); locks and settings would not hold there.",
            url.safe()
        ),
        UNTOUCHED,
        "Give the server's direct URL, the one that Prisma calls directUrl. If there is no pooler, add pgbouncer=false \
         to the URL.",
    )
    .unreachable()
}

/// Why connecting failed.
pub(super) fn connect_failed(url: &DatabaseUrl, error: &tokio_postgres::Error) -> Trouble {
    why_not_connected(url, error).unreachable()
}

fn why_not_connected(url: &DatabaseUrl, error: &tokio_postgres::Error) -> Trouble {
    if let Some(server) = error.as_db_error() {
        return refused_by_server(url, server);
    }
    if let Some(io) = io_cause(error) {
        return unreachable(url, io);
    }
    let told = describe(error);
    if told.contains("server does not support TLS") {
        return Trouble::new(
            format!(
                "{} offers no encryption, but the URL demands it.",
                url.address()
            ),
            UNTOUCHED,
            "Turn on ssl on the server, or write sslmode=disable if the way there is private.",
        );
    }
    if told.contains("password missing") {
        return Trouble::new(
            format!(
                "{} asks for a password, and the database URL holds none.",
                url.address()
            ),
            UNTOUCHED,
            "Add the password to the URL, with its special characters percent-encoded.",
        );
    }
    if error.is_closed() {
        return Trouble::new(
            format!("{} hung up before the session began.", url.address()),
            UNTOUCHED,
            "Check that this is a Postgres server's port and look into the server's log.",
        );
    }
    Trouble::new(
        format!("The connection to {} failed: {told}.", url.safe()),
        UNTOUCHED,
        "Check the URL and look into the server's log.",
    )
}

fn io_cause(error: &tokio_postgres::Error) -> Option<&std::io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn unreachable(url: &DatabaseUrl, io: &std::io::Error) -> Trouble {
    let address = url.address();
    if let Some(rustls::Error::InvalidCertificate(why)) =
        io.get_ref().and_then(|inner| inner.downcast_ref())
    {
        return Trouble::new(
            format!("The certificate of {address} is not trusted: {why}."),
            UNTOUCHED,
            "If the server has its own certificate authority, give its PEM file as sslcert in the database URL, and use \
             the host name that the certificate was made for.",
        );
    }
    let said = io.to_string();
    let (what, next) = match io.kind() {
        ErrorKind::ConnectionRefused => (
            format!("Nothing listens at {address}: the connection was refused."),
            "Check that the server runs and that host and port are right. In Compose the host is the service's name.",
        ),
        ErrorKind::NotFound => (
            format!("There is no socket {address}."),
            "Check that the server runs and which folder its unix_socket_directories names.",
        ),
        ErrorKind::PermissionDenied => (
            format!("The socket {address} may not be opened by this user."),
            "Give this user access to the socket, or connect over TCP.",
        ),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => (
            format!("{address} cannot be reached: {said}."),
            "Check the network and firewalls between this machine and the server.",
        ),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => (
            format!("{address} hung up before the session began."),
            "Check that this is a Postgres server's port and look into the server's log.",
        ),
        // The standard library gives a failed lookup no kind of its own, only this sentence.
        _ if said.starts_with("failed to lookup address information") => (
            format!("The host name in {address} is not known."),
            "Check its spelling. In Compose the host is the service's name, and both containers must share a network.",
        ),
        _ => (
            format!("The connection to {address} failed: {said}."),
            "Check the URL and look into the server's log.",
        ),
    };
    Trouble::new(what, UNTOUCHED, next)
}

fn refused_by_server(url: &DatabaseUrl, error: &DbError) -> Trouble {
    let (address, user) = (url.address(), url.user.escape_debug());
    let database = url.database.escape_debug();
    let told = describe_server(error);
    let code = error.code();
    let (what, next) = if *code == SqlState::INVALID_PASSWORD {
        (
            format!("{address} did not accept the password of role {user}, or has no such role."),
            "Correct user and password in the database URL; special characters have to be percent-encoded.",
        )
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        (
            format!("There is no database {database} at {address}."),
            "Correct the database's name in the URL, or create the database first.",
        )
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        (
            format!("{address} does not let role {user} into database {database}. It said: {told}"),
            "Check that the role exists and may log in, that pg_hba.conf has a line for this machine, role and database, \
             and whether that line asks for encryption (sslmode=require).",
        )
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        (
            format!("Role {user} may not connect to database {database} at {address}."),
            "GRANT CONNECT ON DATABASE to the role, or use another role.",
        )
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        (
            format!("{address} has no connection left. It said: {told}"),
            "Close idle connections (lower connection_limit in the app's URL) or raise max_connections, then try again.",
        )
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        (
            format!("{address} is starting up or shutting down. It said: {told}"),
            "Wait until it accepts connections, then try again.",
        )
    } else {
        (
            format!("{address} refused the session. It said: {told}"),
            "Look at the server's answer above and into its log.",
        )
    };
    Trouble::new(what, UNTOUCHED, next)
}
