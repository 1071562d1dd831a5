//! The parameters behind the `?` of a connection URL.
//!
//! Prisma's own are read with Prisma's defaults; libpq's `verify-ca`, `verify-full` and `sslrootcert` are honoured too, and
//! between two contradicting wishes the stricter wins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::{Encryption, refuse};
use crate::operation::Trouble;

/// What is asked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Anything is accepted: encrypted, but not proof against someone who stands in between. Prisma's default.
    Anything,
    /// It is signed by an authority that we trust, whatever name it bears (`verify-ca`).
    Authority,
    /// It is signed by an authority that we trust and bears the host's name (`sslaccept=strict`, `verify-full`).
    AuthorityAndName,
}

/// SCRAM bound to the TLS channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// When the server offers it.
    Prefer,
    /// Always, or no connection.
    Require,
}

/// The parameters as they were understood.
pub(super) struct Parameters {
    pub host: Option<String>,
    pub schema: Option<String>,
    pub encryption: Encryption,
    pub trust: Trust,
    pub authority: Option<PathBuf>,
    pub channel_binding: ChannelBinding,
    pub connect_timeout: Option<Duration>,
    pub options: Option<String>,
    pub pgbouncer: Option<bool>,
    pub warnings: Vec<String>,
}

pub(super) fn read(url: &Url, base: &Path) -> Result<Parameters, Trouble> {
    let mut read = Parameters {
        host: None,
        schema: None,
        encryption: Encryption::Prefer,
        trust: Trust::Anything,
        authority: None,
        channel_binding: ChannelBinding::Prefer,
        connect_timeout: Some(Duration::from_secs(5)),
        options: None,
        pgbouncer: None,
        warnings: Vec::new(),
    };
    let mut sslaccept = None;
    for (name, value) in url.query_pairs() {
        let (name, value) = (name.as_ref(), value.as_ref());
        match name {
            "host" => read.host = Some(value.to_owned()).filter(|host| !host.is_empty()),
            "schema" => read.schema = Some(value.to_owned()).filter(|schema| !schema.is_empty()),
            "sslmode" => read.sslmode(value),
            "sslaccept" => {
                sslaccept = Some(match value {
                    "accept_invalid_certs" => Trust::Anything,
                    _ => Trust::AuthorityAndName,
                });
            }
            "sslcert" | "sslrootcert" => read.authority = Some(base.join(value)),
            "channel_binding" => {
                read.channel_binding = match value {
                    "disable" => ChannelBinding::Disable,
                    "require" => ChannelBinding::Require,
                    _ => ChannelBinding::Prefer,
                };
            }
            "connect_timeout" => {
                let seconds = number(name, value)?;
                read.connect_timeout = Some(Duration::from_secs(seconds)).filter(|_| seconds > 0);
            }
            "options" => read.options = Some(value.to_owned()),
            "pgbouncer" => {
                read.pgbouncer = Some(value.parse().map_err(|_| {
                    refuse(&format!("its parameter {name} must be true or false"))
                })?);
            }
            // The client pool's: checked because Prisma refuses the URL otherwise, without effect on single connections.
            "connection_limit"
            | "pool_timeout"
            | "socket_timeout"
            | "statement_cache_size"
            | "max_connection_lifetime"
            | "max_idle_connection_lifetime" => {
                number(name, value)?;
            }
            // Ours is set instead, so that an operator sees who is connected.
            "application_name" | "single_use_connections" => {}
            "sslidentity" | "sslpassword" => read.warnings.push(format!(
                "The URL's parameter {name} was ignored: Lockkeeper does not sign in with a client certificate."
            )),
            // The value may be a secret: only the name is shown.
            other => read
                .warnings
                .push(format!("The URL's parameter {} is not known and was ignored.", other.escape_debug())),
        }
    }
    if let Some(accept) = sslaccept {
        read.trust = stricter(read.trust, accept);
    }
    if read.authority.is_some() && read.trust == Trust::Anything {
        read.warnings.push(
            "The URL names a certificate authority, but the server's certificate is not checked: add sslaccept=strict."
                .to_owned(),
        );
    }
    for text in [&read.schema, &read.options].into_iter().flatten() {
        if text.contains('\0') {
            return Err(refuse("it holds a zero byte, which no server accepts"));
        }
    }
    Ok(read)
}

impl Parameters {
    fn sslmode(&mut self, value: &str) {
        (self.encryption, self.trust) = match value {
            "disable" => (Encryption::Disable, Trust::Anything),
            "prefer" => (Encryption::Prefer, Trust::Anything),
            "require" => (Encryption::Require, Trust::Anything),
            "verify-ca" => (Encryption::Require, Trust::Authority),
            "verify-full" => (Encryption::Require, Trust::AuthorityAndName),
            _ => {
                self.warnings.push(
                    "The URL's sslmode is not known and was read as prefer, as Prisma does."
                        .to_owned(),
                );
                (Encryption::Prefer, Trust::Anything)
            }
        };
    }
}

fn stricter(one: Trust, other: Trust) -> Trust {
    let rank = |trust| match trust {
        Trust::Anything => 0,
        Trust::Authority => 1,
        Trust::AuthorityAndName => 2,
    };
    if rank(one) >= rank(other) { one } else { other }
}

fn number(name: &str, value: &str) -> Result<u64, Trouble> {
    value
        .parse()
        .map_err(|_| refuse(&format!("its parameter {name} must be a whole number")))
}
