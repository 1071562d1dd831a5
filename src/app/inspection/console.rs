//! The console itself: its settings, its address, who is believed about visitors, and its clock.

use super::Check;
use crate::clock::{Clock, timestamp};
use crate::config::Config;
use crate::store::Store;

/// Clocks that differ by more are wrong, in milliseconds. Leases and expiries are told by each machine's own.
const APART_MS: i64 = 5_000;

/// What the configuration says, and what is odd about it.
#[must_use]
pub fn console(config: &Config) -> Vec<Check> {
    let mut checks = vec![
        Check::well("version", env!("CARGO_PKG_VERSION")),
        Check::well("settings", format!("from {}", config.origin)),
        address(config),
        proxies(config),
    ];
    checks.extend(config.warnings.iter().map(|warning| {
        Check::ill(
            "settings",
            warning,
            "Correct it, or leave it if it is meant so.",
        )
    }));
    checks
}

fn address(config: &Config) -> Check {
    let server = &config.server;
    let found = format!("{}, listening on {}", server.public_url, server.listen);
    let host = url::Url::parse(&server.public_url).ok();
    let host = host.as_ref().and_then(url::Url::host);
    let is_here = match host {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) if address.is_unspecified() => {
            return unset(found);
        }
        Some(url::Host::Ipv6(address)) if address.is_unspecified() => {
            return unset(found);
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if server.is_https() || is_here {
        return Check::well("console", found);
    }
    Check::ill(
        "console",
        found,
        "Passwords and cookies travel unencrypted. Put it behind a proxy or a tunnel that speaks https, and set public_url in \
         [server] to its https:// address.",
    )
}

fn unset(found: String) -> Check {
    Check::ill(
        "console",
        found,
        "It listens on every address and does not know its own. Set public_url in [server] to the address that people have in \
         their browser: links, cookies and forms go by it.",
    )
}

fn proxies(config: &Config) -> Check {
    let server = &config.server;
    let networks: Vec<String> = server
        .trusted_proxies
        .iter()
        .map(|network| {
            if network.prefix_len() == network.max_prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            }
        })
        .collect();
    Check::well(
        "proxies",
        if networks.is_empty() {
            "none is trusted: a visitor's address is that of the connection".to_owned()
        } else {
            let header = server.client_header.word();
            format!("{} are trusted, by {header}", networks.join(", "))
        },
    )
}

/// The clock of this machine, beside that of the store's server where it has one.
pub async fn clock(store: Option<&Store>, clock: &Clock) -> Check {
    let before = clock.now_ms();
    let now = timestamp(before).strftime("%Y-%m-%d %H:%M:%S UTC");
    let Some(Ok(Some(theirs))) = (match store {
        Some(store) => Some(store.server_now_ms().await),
        None => None,
    }) else {
        return Check::well("clock", now.to_string());
    };
    // The answer is from somewhere between the question and now.
    let after = clock.now_ms();
    let apart = (theirs - after).max(0) + (theirs - before).min(0);
    compared(&now.to_string(), apart)
}

/// `apart_ms`: how far the server's clock is ahead, negative where it is behind.
fn compared(now: &str, apart_ms: i64) -> Check {
    let seconds = apart_ms.abs() / 1_000;
    let side = if apart_ms > 0 { "ahead" } else { "behind" };
    if apart_ms.abs() > APART_MS {
        return Check::ill(
            "clock",
            format!("{now}; the clock of the store's server is {seconds} s {side}"),
            "Set both machines' clocks by NTP: approvals and leases expire by them.",
        );
    }
    Check::well(
        "clock",
        format!("{now}; the store's server agrees to {} s", APART_MS / 1_000),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, FILE, Flags};

    fn config(server: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), format!("[server]\n{server}")).unwrap();
        Config::load(&Flags::default(), &Environment::of(folder.path(), [])).unwrap()
    }

    #[test]
    fn an_address_that_people_cannot_use_safely_is_to_fix() {
        for (server, fix) in [
            ("", None),
            ("listen = \"[::1]:80\"", None),
            ("public_url = \"http://localhost:9\"", None),
            ("public_url = \"https://keeper.example\"", None),
            (
                "public_url = \"http://keeper.example\"",
                Some("unencrypted"),
            ),
            ("listen = \"192.0.2.1:80\"", Some("unencrypted")),
            ("listen = \"0.0.0.0:80\"", Some("Set public_url")),
            ("listen = \"[::]:80\"", Some("Set public_url")),
        ] {
            let told = address(&config(server)).fix;
            assert_eq!(told.is_some(), fix.is_some(), "{server}");
            assert!(told.unwrap_or_default().contains(fix.unwrap_or("")));
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_with_its_side() {
        assert_eq!(compared("now", 5_000).fix, None);
        assert_eq!(compared("now", -5_000).fix, None);
        assert!(compared("now", 61_000).found.contains("61 s ahead"));
        let behind = compared("now", -61_000);
        assert!(behind.found.contains("61 s behind") && behind.fix.is_some());
    }

    #[test]
    fn a_warning_of_the_settings_is_to_fix() {
        let checks = console(&config("trusted_proxies = \"0.0.0.0/0, 127.0.0.1\""));
        let found = |part: &str| checks.iter().find(|check| check.found.contains(part));
        let warned = found("can pass for any address").unwrap();
        assert!(warned.fix.is_some());
        let proxies = found("are trusted, by x-forwarded-for").unwrap();
        assert_eq!(
            proxies.found,
            "0.0.0.0/0, 127.0.0.1 are trusted, by x-forwarded-for"
        );
    }
}
