//! `[server]`: where the console listens, how it is reached, and which proxies are believed.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::ConfigError;
use super::layer::{Layer, Written};
use super::settings::number;

/// A year, in seconds.
const YEAR: u32 = 31_536_000;
/// A network of fewer fixed bits than this holds far more than the proxies of one installation.
const FEWEST_BITS: u8 = 7;

/// `[server]`: where the console listens and how it is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address to listen on; `127.0.0.1:8090` unless said otherwise.
    pub listen: SocketAddr,
    /// The origin that browsers use (`https://keeper.example`), without a slash at the end; derived from `listen` when not
    /// given.
    pub public_url: String,
    /// The proxies whose word about a visitor's address is taken; none unless said otherwise. IPv4 networks are written as
    /// such, never mapped into IPv6.
    pub trusted_proxies: Vec<IpNet>,
    /// Where those proxies write it.
    pub client_header: ClientHeader,
    /// For how many seconds browsers are told to come by https only; 0: they are not told. Always 0 where `public_url` is
    /// not https.
    pub hsts: u32,
}

/// The header in which a proxy passes on where a request came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientHeader {
    /// `X-Forwarded-For`: each proxy adds the address that it saw at the end.
    #[default]
    XForwardedFor,
    /// `CF-Connecting-IP`: Cloudflare's edge sets it to the visitor's address.
    CfConnectingIp,
}

impl ClientHeader {
    const ALL: [Self; 2] = [Self::XForwardedFor, Self::CfConnectingIp];

    /// The name of the header, in small letters.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::CfConnectingIp => "cf-connecting-ip",
        }
    }
}

impl Server {
    /// Whether browsers come by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    /// Whether the address is that of a proxy whose word is taken.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&address))
    }
}

pub(super) fn server(layer: &Layer, warnings: &mut Vec<String>) -> Result<Server, ConfigError> {
    let listen = match layer.get("server", "listen") {
        None => SocketAddr::from(([127, 0, 0, 1], 8090)),
        Some(written) => listen_address(written)?,
    };
    let public_url = match layer.get("server", "public_url") {
        None => format!("http://{listen}"),
        Some(written) => origin(written)?,
    };
    let trusted_proxies = match layer.get("server", "trusted_proxies") {
        None => Vec::new(),
        Some(written) => networks(written, warnings)?,
    };
    let client_header = match layer.get("server", "client_header") {
        None => ClientHeader::default(),
        Some(written) => {
            if trusted_proxies.is_empty() {
                warnings.push(format!(
                    "`client_header` ({}) has no effect while `trusted_proxies` names no proxy.",
                    written.place
                ));
            }
            header(written)?
        }
    };
    let mut hsts = number(layer, "server", "hsts", YEAR, 0..=2 * YEAR)?;
    if !public_url.starts_with("https:") {
        if let Some(written) = layer.get("server", "hsts").filter(|_| hsts > 0) {
            warnings.push(format!(
                "`hsts` ({}) has no effect while `public_url` does not begin with https:.",
                written.place
            ));
        }
        hsts = 0;
    }
    Ok(Server {
        listen,
        public_url,
        trusted_proxies,
        client_header,
        hsts,
    })
}

/// The proxies, separated by commas: addresses, or networks in the notation `10.0.0.0/8`.
fn networks(written: &Written, warnings: &mut Vec<String>) -> Result<Vec<IpNet>, ConfigError> {
    let place = &written.place;
    let refuse = |why: String| {
        Err(ConfigError::new(format!(
            "`trusted_proxies` ({place}) {why}"
        )))
    };
    let mut networks = Vec::new();
    for entry in written.text.split(',').map(str::trim) {
        let network = match (entry.parse::<IpNet>(), entry.parse::<IpAddr>()) {
            (Ok(network), _) => network,
            (_, Ok(address)) => IpNet::from(address),
            _ => {
                return refuse(format!(
                    "must be addresses or networks with commas between them, such as 127.0.0.1, 172.18.0.0/16; `{entry}` \
                     is neither."
                ));
            }
        };
        if let IpAddr::V6(address) = network.addr()
            && let Some(mapped) = address.to_ipv4_mapped()
        {
            return refuse(format!(
                "holds {entry}, an IPv4 address written as an IPv6 one; write it as {mapped}."
            ));
        }
        if network.trunc() != network {
            return refuse(format!(
                "holds {entry}, which has more bits than its /{} keeps: write {} for the network, or {} for the one address.",
                network.prefix_len(),
                network.trunc(),
                network.addr()
            ));
        }
        if network.prefix_len() < FEWEST_BITS {
            warnings.push(format!(
                "`trusted_proxies` ({place}) holds {network}: whoever comes from there can pass for any address, in the \
                 audit and at sign-in. Name the addresses of your own proxies only."
            ));
        }
        networks.push(network);
    }
    Ok(networks)
}

fn header(written: &Written) -> Result<ClientHeader, ConfigError> {
    let given = written.text.trim().to_ascii_lowercase();
    let known = ClientHeader::ALL
        .into_iter()
        .find(|header| header.word() == given);
    known.ok_or_else(|| {
        ConfigError::new(format!(
            "`client_header` ({}) must be x-forwarded-for or cf-connecting-ip, not `{}`.",
            written.place, written.text
        ))
    })
}

fn listen_address(written: &Written) -> Result<SocketAddr, ConfigError> {
    let text = match written.text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => written.text.clone(),
    };
    text.parse().map_err(|_| {
        ConfigError::new(format!(
            "`listen` ({}) must be an address and a port such as 127.0.0.1:8090 or [::1]:8090, not `{}`.",
            written.place, written.text
        ))
    })
}

/// The origin of a public URL: the checks against cross-site requests compare it byte by byte with what browsers send.
fn origin(written: &Written) -> Result<String, ConfigError> {
    let refuse = |why: &str| {
        ConfigError::new(format!(
            "`public_url` ({}) {why}; write it like https://keeper.example.",
            written.place
        ))
    };
    let url = url::Url::parse(&written.text).map_err(|_| refuse("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("must not hold a user or a password"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(
            "must end after the host and port, because the console answers at the root",
        ));
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Environment, FILE, Flags};
    use super::ClientHeader;

    fn load(lines: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), format!("[server]\n{lines}")).unwrap();
        Config::load(&Flags::default(), &Environment::of(folder.path(), []))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nobody_is_believed_unless_it_is_said() {
        let server = load("").unwrap().server;
        assert!(!server.trusts("127.0.0.1".parse().unwrap()));
        assert_eq!(server.client_header, ClientHeader::XForwardedFor);
        let config = load("trusted_proxies = \"10.1.0.0/16, ::1,192.0.2.7\"").unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        for (address, expected) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::1", true),
            ("::2", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.2.3", true),
        ] {
            let trusted = config.server.trusts(address.parse().unwrap());
            assert_eq!(trusted, expected, "{address}");
        }
    }

    #[test]
    fn nonsense_is_no_proxy() {
        for (text, why) in [
            ("", "`` is neither"),
            ("10.0.0.1,,10.0.0.2", "`` is neither"),
            ("10.0.0.1,", "`` is neither"),
            ("localhost", "`localhost` is neither"),
            ("10.0.0.1 10.0.0.2", "is neither"),
            ("10.0.0.1:80", "`10.0.0.1:80` is neither"),
            ("10.0.0.0/33", "`10.0.0.0/33` is neither"),
            ("*", "`*` is neither"),
            ("[::1]", "is neither"),
            (
                "10.1.2.3/8",
                "write 10.0.0.0/8 for the network, or 10.1.2.3",
            ),
            ("::ffff:10.0.0.1", "write it as 10.0.0.1"),
            ("::ffff:10.0.0.0/104", "write it as 10.0.0.0"),
        ] {
            let told = load(&format!("trusted_proxies = {text:?}")).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
            assert!(told.contains("(line 2)"), "{told}");
        }
        let told = load("client_header = \"forwarded\"").unwrap_err();
        assert!(
            told.contains("x-forwarded-for or cf-connecting-ip"),
            "{told}"
        );
    }

    #[test]
    fn everybody_is_no_proxy_either() {
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0/1"] {
            let config = load(&format!("trusted_proxies = {text:?}")).unwrap();
            let [warning] = config.warnings.as_slice() else {
                panic!("{:?}", config.warnings)
            };
            assert!(warning.contains(text), "{warning}");
            assert!(warning.contains("can pass for any address"), "{warning}");
        }
        let config = load("client_header = \"CF-Connecting-IP\"").unwrap();
        assert_eq!(config.server.client_header, ClientHeader::CfConnectingIp);
        assert!(config.warnings[0].contains("has no effect"));
    }

    #[test]
    fn https_is_promised_only_where_it_is_spoken() {
        let hsts = |lines: &str| {
            let config = load(lines).unwrap();
            (config.server.hsts, config.warnings.len())
        };
        let https = "public_url = \"https://keeper.example\"\n";
        assert_eq!(hsts(""), (0, 0));
        assert_eq!(hsts(https), (31_536_000, 0));
        assert_eq!(hsts(&format!("{https}hsts = 0")), (0, 0));
        assert_eq!(hsts(&format!("{https}hsts = 300")), (300, 0));
        assert_eq!(hsts("hsts = 300"), (0, 1));
        assert!(load("hsts = -1").is_err());
    }
}
