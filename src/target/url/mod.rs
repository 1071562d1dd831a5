//! A Prisma connection URL, read as Prisma's native engine reads it.
//!
//! Where Prisma silently weakens what was written (`sslmode=verify-full` becomes `prefer` there), we do what was written;
//! every parameter that we do not use is named in [`DatabaseUrl::warnings`]. The password is held as a secret and never part
//! of an error or of [`DatabaseUrl::safe`]. Read [`super::connect`] next for what is done with it.

mod parameter;

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::operation::Trouble;

use parameter::Parameters;
pub use parameter::{ChannelBinding, Trust};

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name or an address, without brackets.
    Tcp(String),
    /// The directory of a Unix socket.
    Socket(PathBuf),
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Disable,
    /// When the server offers it.
    Prefer,
    /// Always, or no connection.
    Require,
}

/// A parsed URL. `Debug` shows no password.
#[derive(Clone, Debug)]
pub struct DatabaseUrl {
    /// Where the server is; `localhost` when the URL names none.
    pub host: Host,
    /// 5432 when the URL names none.
    pub port: u16,
    /// The role to sign in as.
    pub user: String,
    /// Its password, when the URL holds one.
    pub password: Option<SecretString>,
    /// The database; `postgres` when the URL names none.
    pub database: String,
    /// `?schema=`: the only schema on the search path. `None` leaves the server's search path.
    pub schema: Option<String>,
    /// Whether the connection is encrypted.
    pub encryption: Encryption,
    /// What is asked of the server's certificate.
    pub trust: Trust,
    /// The PEM file of the certificate authority to trust instead of the public ones, as an absolute or base-relative path.
    pub authority: Option<PathBuf>,
    /// SCRAM bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// How long connecting may take in all; `None` is as long as it takes (`connect_timeout=0`).
    pub connect_timeout: Option<Duration>,
    /// Start-up options as libpq writes them (`-c name=value`).
    pub options: Option<String>,
    /// Why a transaction pooler is believed to stand between us and the server, if it is.
    pub pooler: Option<String>,
    /// What is in the URL and has no effect here, one sentence each.
    pub warnings: Vec<String>,
}

impl DatabaseUrl {
    /// Reads a URL; relative paths in it start from `base`.
    ///
    /// What is refused: other schemes (with the reason), a URL without a user, numbers and switches that cannot be read.
    pub fn parse(text: &SecretString, base: &Path) -> Result<Self, Trouble> {
        let text = text.expose_secret();
        refuse_scheme(text)?;
        let url =
            Url::parse(text).map_err(|error| refuse(&format!("it cannot be read ({error})")))?;
        let user = decode(url.username(), "user")?;
        if user.is_empty() {
            return Err(refuse("it names no user"));
        }
        let password = match url.password() {
            Some(password) => Some(decode(password, "password")?.into()),
            None => None,
        };
        let mut segments = url.path().trim_start_matches('/').split('/');
        let database = match segments.next().unwrap_or_default() {
            "" => "postgres".to_owned(),
            segment => decode(segment, "database name")?,
        };
        if segments.next().is_some_and(|more| !more.is_empty()) {
            return Err(refuse(
                "its database name holds a `/`, which has to be written %2F",
            ));
        }
        let Parameters {
            host,
            schema,
            encryption,
            trust,
            authority,
            channel_binding,
            connect_timeout,
            options,
            pgbouncer,
            warnings,
        } = parameter::read(&url, base)?;
        let host = match host {
            Some(host) if host.starts_with('/') => Host::Socket(host.into()),
            Some(host) => Host::Tcp(host),
            None => host_of(&url)?,
        };
        for part in [&user, &database] {
            if part.contains('\0') {
                return Err(refuse("it holds a zero byte, which no server accepts"));
            }
        }
        let port = url.port().unwrap_or(5432);
        let pooler = pooler(&host, port, pgbouncer);
        Ok(Self {
            host,
            port,
            user,
            password,
            database,
            schema,
            encryption,
            trust,
            authority,
            channel_binding,
            connect_timeout,
            options,
            pooler,
            warnings,
        })
    }

    /// `host:port/database`, for pages, logs and messages.
    #[must_use]
    pub fn safe(&self) -> String {
        format!("{}/{}", self.address(), self.database.escape_debug())
    }

    /// `host:port`, or the path of the socket.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.host {
            Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", self.port),
            Host::Tcp(host) => format!("{host}:{}", self.port),
            Host::Socket(folder) => format!("{}/.s.PGSQL.{}", folder.display(), self.port),
        }
    }

    /// The schema whose emptiness Prisma checks: `?schema=`, else `public` whatever the search path says.
    #[must_use]
    pub fn checked_schema(&self) -> &str {
        self.schema.as_deref().unwrap_or("public")
    }

    /// Whether both lead to the same database, as far as their texts tell. `localhost` and its addresses are one host.
    #[must_use]
    pub fn is_same_database(&self, other: &Self) -> bool {
        let plain = |url: &Self| match &url.host {
            Host::Tcp(host) if matches!(host.as_str(), "127.0.0.1" | "::1") => {
                Host::Tcp("localhost".to_owned())
            }
            host => host.clone(),
        };
        plain(self) == plain(other) && self.port == other.port && self.database == other.database
    }
}

fn refuse_scheme(text: &str) -> Result<(), Trouble> {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "postgres" | "postgresql" => Ok(()),
        "prisma" | "prisma+postgres" => Err(Trouble::new(
            format!(
                "The database URL begins with {scheme}://, which leads to a Prisma proxy instead of a Postgres server."
            ),
            "Nothing was read or changed.",
            "Give the server's own postgresql:// URL, the one that Prisma calls directUrl.",
        )),
        // Anything here may be a password that a shell or a copy has torn from its URL, so nothing of it is repeated.
        _ => Err(Trouble::new(
            "The database URL does not begin with postgresql:// or postgres://.",
            "Nothing was read or changed.",
            "Give a URL like postgresql://user:password@host:5432/database.",
        )),
    }
}

fn refuse(why: &str) -> Trouble {
    Trouble::new(
        format!("The database URL cannot be used: {why}."),
        "Nothing was read or changed.",
        "Write it like postgresql://user:password@host:5432/database. Special characters in the password have to be \
         percent-encoded: # is %23, / is %2F, : is %3A, ? is %3F, @ is %40, % is %25.",
    )
}

fn host_of(url: &Url) -> Result<Host, Trouble> {
    let host = decode(url.host_str().unwrap_or_default(), "host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(match host {
        "" => Host::Tcp("localhost".to_owned()),
        host if host.starts_with('/') => Host::Socket(host.into()),
        host => Host::Tcp(host.to_owned()),
    })
}

/// Why a transaction pooler is believed to be there. `pgbouncer=false`, written out, is the operator's word that none is.
fn pooler(host: &Host, port: u16, pgbouncer: Option<bool>) -> Option<String> {
    match (pgbouncer, host) {
        (Some(true), _) => Some("the URL says pgbouncer=true".to_owned()),
        (None, Host::Tcp(host)) if host.contains("-pooler") => {
            Some("the host's name contains -pooler".to_owned())
        }
        (None, Host::Tcp(_)) if port == 6543 => Some("port 6543 is a pooler's".to_owned()),
        (Some(false), _) | (None, Host::Socket(_) | Host::Tcp(_)) => None,
    }
}

/// Percent-decodes one part of the URL. A lone `%` stays as it is, as in every URL library.
fn decode(text: &str, part: &str) -> Result<String, Trouble> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push(high * 16 + low);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_err(|_| refuse(&format!("its {part} is not UTF-8")))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
