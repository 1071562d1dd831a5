//! The name that a request asks for, and whether it is one of the console's.
//!
//! A page of another site can make its own name lead to an address that only its visitor reaches (DNS rebinding); the
//! browser then takes the console's answers for that site's. Such a request asks for the other site's name, so a name
//! that is not ours gets no answer. An address cannot be made to lead elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::dev::RequestHead;
use actix_web::http::header;

use crate::config::Server;

/// What a request asks for, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name, in small letters, without the dot at its end.
    Name(String),
    /// An address, with IPv4 as such.
    Address(IpAddr),
}

impl std::fmt::Display for Host {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(out, "[{address}]"),
            Self::Address(address) => write!(out, "{address}"),
        }
    }
}

impl Host {
    /// What the request asks for. `None` when it says nothing that can be read, or two different things.
    pub fn of(head: &RequestHead) -> Option<Self> {
        let mut lines = head.headers.get_all(header::HOST);
        let (one, another) = (lines.next()?, lines.next());
        let host = Self::read(one.as_bytes()).filter(|_| another.is_none())?;
        match head.uri.authority() {
            Some(authority) if Self::read(authority.as_str().as_bytes()) != Some(host.clone()) => {
                None
            }
            _ => Some(host),
        }
    }

    /// Reads `keeper.example`, `keeper.example:8090`, `127.0.0.1`, `[::1]:8090`.
    fn read(value: &[u8]) -> Option<Self> {
        let value = std::str::from_utf8(value).ok()?;
        let (name, port) = match value.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => value.split_at(value.find(':').unwrap_or(value.len())),
        };
        let digits = port.strip_prefix(':').unwrap_or_default();
        let follows = port.is_empty() || port.starts_with(':');
        if !follows || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if value.starts_with('[') {
            let address = IpAddr::V6(name.parse::<Ipv6Addr>().ok()?);
            return Some(Self::Address(address.to_canonical()));
        }
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = (1..=253).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Whether it names this machine to itself.
    pub fn is_this_machine(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => address.is_loopback(),
        }
    }

    /// Whether the console answers to it: the public URL's host, this machine, or an address that is listened on. A console
    /// that listens on every address does not know them all, so there every address will do.
    pub fn is_ours(&self, server: &Server) -> bool {
        let listens = |address: &IpAddr| {
            let listened = server.listen.ip();
            listened.is_unspecified() || listened.to_canonical() == *address
        };
        self.is_this_machine()
            || Self::public(server).as_ref() == Some(self)
            || matches!(self, Self::Address(address) if listens(address))
    }

    /// The host of the public URL.
    fn public(server: &Server) -> Option<Self> {
        let url = url::Url::parse(&server.public_url).ok()?;
        Self::read(url.host_str()?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(listen: &str, public_url: &str) -> Server {
        Server {
            listen: listen.parse().unwrap(),
            public_url: public_url.to_owned(),
            trusted_proxies: Vec::new(),
            client_header: crate::config::ClientHeader::default(),
            hsts: 0,
        }
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let here = server("127.0.0.1:8090", "https://keeper.example");
        let there = server("192.0.2.7:8090", "http://192.0.2.7:8090");
        let everywhere = server("0.0.0.0:8090", "https://Keeper.example:8443");
        let six = server("[2001:db8::7]:8090", "https://[2001:db8::8]");
        for (host, expected) in [
            ("keeper.example", [true, false, true, false]),
            ("KEEPER.example.", [true, false, true, false]),
            ("keeper.example:8443", [true, false, true, false]),
            ("keeper.example:", [true, false, true, false]),
            ("localhost", [true; 4]),
            ("LocalHost:9000", [true; 4]),
            ("127.0.0.1:8090", [true; 4]),
            ("127.9.9.9", [true; 4]),
            ("[::1]:8090", [true; 4]),
            ("[::ffff:127.0.0.1]", [true; 4]),
            ("192.0.2.7:8090", [false, true, true, false]),
            ("192.0.2.8", [false, false, true, false]),
            ("[2001:db8::7]", [false, false, true, true]),
            ("[2001:DB8::8]:80", [false, false, true, true]),
            ("0.0.0.0:8090", [false, false, true, false]),
            ("evil.example", [false; 4]),
            ("keeper.example.evil.example", [false; 4]),
            ("evil-keeper.example", [false; 4]),
            ("localhost.evil.example", [false; 4]),
            ("127.0.0.1.evil.example", [false; 4]),
            ("localhost..", [false; 4]),
            ("127.1", [false; 4]),
            ("2130706433", [false; 4]),
        ] {
            let read = Host::read(host.as_bytes()).unwrap();
            let ours = [&here, &there, &everywhere, &six].map(|server| read.is_ours(server));
            assert_eq!(ours, expected, "{host}");
        }
    }

    #[test]
    fn what_is_no_name_is_not_read() {
        let long = "a".repeat(10_000);
        for host in [
            "",
            ".",
            ":8090",
            "keeper.example:x",
            "keeper.example:80:80",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]80",
            "[127.0.0.1]",
            "[fe80::1%1]",
            "keeper.example@evil.example",
            "keeper.example/",
            "keeper.example,evil.example",
            "keeper.example evil.example",
            "<script>",
            "k\u{e4}fer.example",
            &long,
        ] {
            assert_eq!(Host::read(host.as_bytes()), None, "{host}");
        }
        assert_eq!(Host::read(b"keeper.example\xff"), None);
    }
}
