//! From which address a request came: of the connection, or of what a proxy says that the operator trusts.
//!
//! What must stay true: a header counts only when the connection comes from an address in `server.trusted_proxies`, and of
//! what such a proxy passes on only what it or another trusted one has written. Each proxy adds at the end of
//! `X-Forwarded-For` the address that it saw, so the list is read from its end, and the first address that is no trusted
//! proxy's is the visitor's; whatever stands before it, anybody may have written.

use std::net::{IpAddr, Ipv6Addr, SocketAddrV4};

use actix_web::dev::RequestHead;
use actix_web::http::header::HeaderMap;

use crate::config::{ClientHeader, Server};

/// The visitor's address, with IPv4 as such; `None` only where the connection has none.
pub(super) fn client(head: &RequestHead, server: &Server) -> Option<IpAddr> {
    let peer = head.peer_addr?.ip().to_canonical();
    Some(told(peer, &head.headers, server))
}

/// The same in words, for the audit and the log.
pub(super) fn name(client: Option<IpAddr>) -> String {
    client.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

fn told(peer: IpAddr, headers: &HeaderMap, server: &Server) -> IpAddr {
    if !server.trusts(peer) {
        return peer;
    }
    let lines: Vec<&[u8]> = headers
        .get_all(server.client_header.word())
        .map(actix_web::http::header::HeaderValue::as_bytes)
        .collect();
    match (server.client_header, lines.as_slice()) {
        (ClientHeader::XForwardedFor, lines) => {
            // Several lines are one list, in their order.
            let mut hops = lines
                .iter()
                .rev()
                .flat_map(|line| line.rsplit(|byte| *byte == b','));
            let mut nearest = peer;
            while server.trusts(nearest) {
                let Some(hop) = hops.next().and_then(address) else {
                    break;
                };
                nearest = hop;
            }
            nearest
        }
        // The edge sends one. Of two, one is somebody else's.
        (ClientHeader::CfConnectingIp, [line]) => address(line).unwrap_or(peer),
        (ClientHeader::CfConnectingIp, _) => peer,
    }
}

/// One address as proxies write it: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let address = match entry.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            if !port.is_empty() {
                port.strip_prefix(':')?.parse::<u16>().ok()?;
            }
            IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?)
        }
        None => match entry.parse::<SocketAddrV4>() {
            Ok(with_port) => IpAddr::V4(*with_port.ip()),
            Err(_) => entry.parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

/// Whether the header is one that proxies and tunnels add.
pub(super) fn is_forwarding(name: &str) -> bool {
    matches!(name, "forwarded" | "via" | "x-real-ip")
        || name.starts_with("x-forwarded-")
        || name.starts_with("cf-")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn server(trusted: &[&str], client_header: ClientHeader) -> Server {
        Server {
            listen: ([127, 0, 0, 1], 8090).into(),
            public_url: "https://keeper.example".to_owned(),
            trusted_proxies: trusted.iter().map(|net| net.parse().unwrap()).collect(),
            client_header,
            hsts: 0,
        }
    }

    fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    /// What is made of these lines of `X-Forwarded-For` when `10.0.0.0/8`, `::1` and `fd00::/8` are trusted.
    fn forwarded(peer: &str, lines: &[&[u8]]) -> String {
        let server = server(
            &["10.0.0.0/8", "::1/128", "fd00::/8"],
            ClientHeader::XForwardedFor,
        );
        let lines: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        let peer: IpAddr = peer.parse().unwrap();
        told(peer.to_canonical(), &headers(&lines), &server).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxys_counts() {
        for (peer, line, expected) in [
            // Nobody else's word is taken.
            ("192.0.2.9", "203.0.113.5", "192.0.2.9"),
            ("192.0.2.9", "10.0.0.1", "192.0.2.9"),
            ("11.0.0.1", "203.0.113.5", "11.0.0.1"),
            // One proxy, and two.
            ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
            ("10.0.0.1", "203.0.113.5, 10.0.0.2", "203.0.113.5"),
            // What the visitor wrote stands before what the proxy added.
            ("10.0.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"),
            ("10.0.0.1", "127.0.0.1, ::1, 203.0.113.5", "203.0.113.5"),
            ("10.0.0.1", "10.9.9.9, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
            ("10.0.0.1", "x, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
            // Only proxies: the farthest.
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            // What cannot be read ends the way back.
            ("10.0.0.1", "203.0.113.5, unknown", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.5, _hidden, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "203.0.113.5,", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.5,,10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.5 198.51.100.1", "10.0.0.1"),
            ("10.0.0.1", "0x7f000001", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.05", "10.0.0.1"),
            ("10.0.0.1", "203.0.113", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.5/32", "10.0.0.1"),
            ("10.0.0.1", "for=203.0.113.5", "10.0.0.1"),
            ("10.0.0.1", "\"203.0.113.5\"", "10.0.0.1"),
            ("10.0.0.1", "<script>", "10.0.0.1"),
            // Ports, brackets, blanks.
            ("10.0.0.1", "203.0.113.5:4711", "203.0.113.5"),
            ("10.0.0.1", "203.0.113.5:", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.5:70000", "10.0.0.1"),
            ("10.0.0.1", " \t203.0.113.5\t ,10.0.0.2", "203.0.113.5"),
            ("10.0.0.1", "2001:db8::5", "2001:db8::5"),
            ("10.0.0.1", "2001:DB8:0::5", "2001:db8::5"),
            ("10.0.0.1", "[2001:db8::5]", "2001:db8::5"),
            ("10.0.0.1", "[2001:db8::5]:443, fd00::2", "2001:db8::5"),
            ("10.0.0.1", "[2001:db8::5]x", "10.0.0.1"),
            ("10.0.0.1", "[2001:db8::5", "10.0.0.1"),
            ("10.0.0.1", "[203.0.113.5]", "10.0.0.1"),
            ("10.0.0.1", "fe80::1%eth0", "10.0.0.1"),
            ("10.0.0.1", "[fe80::1%2]:80", "10.0.0.1"),
            // IPv4 in IPv6 is IPv4, on both sides.
            ("::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5"),
            ("::ffff:192.0.2.9", "203.0.113.5", "192.0.2.9"),
            ("10.0.0.1", "203.0.113.5, ::ffff:10.0.0.2", "203.0.113.5"),
            ("10.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"),
            ("10.0.0.1", "[::ffff:203.0.113.5]:9", "203.0.113.5"),
            ("::1", "203.0.113.5", "203.0.113.5"),
            ("fd00::7", "2001:db8::5", "2001:db8::5"),
        ] {
            assert_eq!(
                forwarded(peer, &[line.as_bytes()]),
                expected,
                "{peer}: {line}"
            );
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let two: [&[u8]; 2] = [b"198.51.100.1", b"203.0.113.5, 10.0.0.2"];
        assert_eq!(forwarded("10.0.0.1", &two), "203.0.113.5");
        let two: [&[u8]; 2] = [b"198.51.100.1, 203.0.113.5", b"10.0.0.2"];
        assert_eq!(forwarded("10.0.0.1", &two), "203.0.113.5");
        let two: [&[u8]; 2] = [b"203.0.113.5", b""];
        assert_eq!(forwarded("10.0.0.1", &two), "10.0.0.1");
        assert_eq!(forwarded("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn long_and_unreadable_lines_are_no_address() {
        let long = [b'1'; 10_000];
        assert_eq!(forwarded("10.0.0.1", &[&long]), "10.0.0.1");
        let many = b"10.0.0.2,".repeat(1_000);
        assert_eq!(forwarded("10.0.0.1", &[&many]), "10.0.0.1");
        let mut ended = many.clone();
        ended.extend(b"203.0.113.5");
        assert_eq!(forwarded("10.0.0.1", &[&ended]), "203.0.113.5");
        assert_eq!(
            forwarded("10.0.0.1", &[b"203.0.113.5, \xff\xfe"]),
            "10.0.0.1"
        );
        assert_eq!(
            forwarded("10.0.0.1", &[b"\xff, 203.0.113.5"]),
            "203.0.113.5"
        );
        assert_eq!(forwarded("10.0.0.1", &[b"203.0.113.5\xc2\xa0"]), "10.0.0.1");
    }

    #[test]
    fn cloudflares_header_counts_where_it_was_asked_for() {
        type Lines<'a> = &'a [(&'static str, &'a [u8])];
        let one: Lines = &[("cf-connecting-ip", b"203.0.113.5")];
        let two: Lines = &[
            ("cf-connecting-ip", b"198.51.100.1"),
            ("cf-connecting-ip", b"203.0.113.5"),
        ];
        let list: Lines = &[("cf-connecting-ip", b"203.0.113.5, 10.0.0.2")];
        let both: Lines = &[
            ("x-forwarded-for", b"198.51.100.1"),
            ("cf-connecting-ip", b"2001:db8::5"),
        ];
        let other: Lines = &[("x-forwarded-for", b"198.51.100.1")];
        let (cf, xff) = (ClientHeader::CfConnectingIp, ClientHeader::XForwardedFor);
        for (peer, wanted, lines, expected) in [
            ("10.0.0.1", cf, one, "203.0.113.5"),
            ("10.0.0.1", cf, both, "2001:db8::5"),
            ("10.0.0.1", cf, two, "10.0.0.1"),
            ("10.0.0.1", cf, list, "10.0.0.1"),
            ("10.0.0.1", cf, other, "10.0.0.1"),
            ("192.0.2.9", cf, one, "192.0.2.9"),
            ("10.0.0.1", xff, one, "10.0.0.1"),
            ("10.0.0.1", xff, both, "198.51.100.1"),
        ] {
            let server = server(&["10.0.0.0/8"], wanted);
            let found = told(peer.parse().unwrap(), &headers(lines), &server);
            assert_eq!(found.to_string(), expected, "{peer} {wanted:?} {lines:?}");
        }
    }
}
