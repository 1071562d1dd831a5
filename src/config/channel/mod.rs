//! Where notifications can go: the mail server of `[smtp]`, and every `[[webhook]]`.
//!
//! Their addresses hold passwords and tokens, and whoever could change them could make this machine talk to any other. So
//! they stand here, and pages and the store know the name of a webhook and its host at most.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use url::{Host, Url};

use super::error::nearest;
use super::layer::{Layer, Section, Written};
use super::target::is_name;
use super::{ConfigError, secret};

/// The fewest bytes of a key that signs: fewer can be tried out.
const KEY_BYTES: usize = 16;

/// `[smtp]`: the server that takes our mail.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub tls: SmtpTls,
    /// The user and the password, where it wants them.
    pub login: Option<(String, SecretString)>,
    /// Whom the mail comes from: `Lockkeeper <keeper@example.com>`.
    pub from: String,
}

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte: `smtps://`.
    Wrapped,
    /// By STARTTLS, without which nothing is sent: `smtp://`.
    Required,
    /// Not at all: `smtp://` to this machine.
    None,
}

/// A `[[webhook]]`: where notifications are posted to.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What it is called in subscriptions and on pages; unique.
    pub name: String,
    /// Where to. Whoever knows it can often post there, so it is shown to nobody.
    pub url: SecretString,
    /// The host of the address, which may be shown.
    pub host: String,
    /// The key of the signature; none: what is sent is not signed.
    pub key: Option<SigningKey>,
    /// Whether it may be on this machine or in a private network.
    pub allow_private: bool,
    /// What its receiver reads.
    pub format: WebhookFormat,
}

/// The bytes of a key that signs. `Debug` does not show them.
#[derive(Clone)]
pub struct SigningKey(SecretSlice<u8>);

impl SigningKey {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey")
    }
}

/// What a receiver reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookFormat {
    /// Every fact by its name.
    #[default]
    Json,
    /// One text, as Slack, Mattermost and Discord (at `/slack`) take it.
    Slack,
}

impl WebhookFormat {
    const ALL: [(&str, Self); 2] = [("json", Self::Json), ("slack", Self::Slack)];
}

pub(super) fn smtp(layer: &Layer, warnings: &mut Vec<String>) -> Result<Option<Smtp>, ConfigError> {
    let section = layer.section("smtp");
    let Some(address) = secret::from_section(&section, "url", warnings)? else {
        return match section.get("from") {
            None => Ok(None),
            Some(from) => Err(ConfigError::new(format!(
                "[smtp] has `from` ({}) and neither `url` nor `url_file`.",
                from.place
            ))),
        };
    };
    let refuse = |why: &str| {
        ConfigError::new(format!(
            "The `url` of [smtp] ({}) {why}; write it like smtps://user:password@mail.example:465 or \
             smtp://user:password@mail.example:587.",
            place(&section, "url")
        ))
    };
    let url = Url::parse(address.expose_secret()).map_err(|_| refuse("is not a URL"))?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| refuse("names no host"))?;
    let host = host.trim_matches(['[', ']']).to_owned();
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("must end after the host and port"));
    }
    let (tls, usual) = match url.scheme() {
        "smtps" => (SmtpTls::Wrapped, 465),
        "smtp" if is_this_machine(&host) => (SmtpTls::None, 587),
        "smtp" => (SmtpTls::Required, 587),
        _ => return Err(refuse("must begin with smtps:// or smtp://")),
    };
    let login = match (decoded(url.username()), url.password()) {
        (user, Some(password)) if !user.is_empty() => Some((user, decoded(password).into())),
        (user, None) if user.is_empty() => None,
        _ => return Err(refuse("must have a user and a password, or neither")),
    };
    let Some(from) = section.get("from") else {
        return Err(ConfigError::new(
            "[smtp] has no `from`: say whom the mail comes from, like Lockkeeper <keeper@example.com>.",
        ));
    };
    if from.text.parse::<lettre::message::Mailbox>().is_err() {
        return Err(ConfigError::new(format!(
            "`from` of [smtp] ({}) must be an address like Lockkeeper <keeper@example.com>.",
            from.place
        )));
    }
    Ok(Some(Smtp {
        host,
        port: url.port().unwrap_or(usual),
        tls,
        login,
        from: from.text.clone(),
    }))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A part of a URL as it was meant. A lone key of a form is decoded the same way, but for the three characters that mean
/// something in a form.
fn decoded(text: &str) -> String {
    let text = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let first = url::form_urlencoded::parse(text.as_bytes()).next();
    first.map_or_else(String::new, |(text, _)| text.into_owned())
}

pub(super) fn webhooks(
    layer: &Layer,
    warnings: &mut Vec<String>,
) -> Result<Vec<Webhook>, ConfigError> {
    let mut webhooks: Vec<Webhook> = Vec::new();
    for (index, section) in layer.list("webhook").iter().enumerate() {
        let webhook = webhook(section, index + 1, warnings)?;
        if webhooks.iter().any(|other| other.name == webhook.name) {
            return Err(ConfigError::new(format!(
                "Two webhooks are named `{}`: give each its own name.",
                webhook.name
            )));
        }
        webhooks.push(webhook);
    }
    Ok(webhooks)
}

fn webhook(
    section: &Section,
    number: usize,
    warnings: &mut Vec<String>,
) -> Result<Webhook, ConfigError> {
    let Some(name) = section.get("name") else {
        return Err(ConfigError::new(format!(
            "[[webhook]] number {number} has no `name`."
        )));
    };
    if !is_name(&name.text) {
        return Err(ConfigError::new(format!(
            "`{}` ({}) cannot be a webhook's name: use up to 63 of a-z, 0-9, - and _, beginning with a letter or digit.",
            name.text.escape_debug(),
            name.place
        )));
    }
    let name = &name.text;
    let format = section
        .get("format")
        .map_or(Ok(WebhookFormat::default()), format)?;
    let allow_private = match section.get("allow_private") {
        None => false,
        Some(written) => written.text.parse().map_err(|_| {
            ConfigError::new(format!(
                "`allow_private` ({}) must be true or false, not `{}`.",
                written.place, written.text
            ))
        })?,
    };
    let Some(url) = secret::from_section(section, "url", warnings)? else {
        return Err(ConfigError::new(format!(
            "The webhook `{name}` has neither `url` nor `url_file`."
        )));
    };
    let refuse = |why: &str| {
        ConfigError::new(format!(
            "The `url` of the webhook `{name}` ({}) {why}.",
            place(section, "url")
        ))
    };
    let parsed = Url::parse(url.expose_secret()).map_err(|_| refuse("is not a URL"))?;
    match parsed.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => {
            return Err(refuse(
                "must begin with https://; without encryption only with `allow_private = true`, in a network of your own",
            ));
        }
        _ => return Err(refuse("must begin with https://")),
    }
    let host = match parsed.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => format!("[{address}]"),
        None => return Err(refuse("names no host")),
    };
    let key = signing_key(section, name, warnings)?;
    if key.is_none() && format == WebhookFormat::Json {
        warnings.push(format!(
            "The webhook `{name}` has no `secret`: its receiver cannot tell what Lockkeeper sends from what others send."
        ));
    }
    Ok(Webhook {
        name: name.clone(),
        url,
        host,
        key,
        allow_private,
        format,
    })
}

fn format(written: &Written) -> Result<WebhookFormat, ConfigError> {
    let found = WebhookFormat::ALL
        .into_iter()
        .find(|(word, _)| *word == written.text);
    found.map(|(_, format)| format).ok_or_else(|| {
        ConfigError::new(format!(
            "unknown format `{}` of a webhook, {}{}",
            written.text,
            written.place,
            nearest(&written.text, WebhookFormat::ALL.map(|(word, _)| word))
        ))
    })
}

/// The key of the signature. One that begins with `whsec_` goes on in base64, as Standard Webhooks writes keys; any other
/// is its own bytes.
fn signing_key(
    section: &Section,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<SigningKey>, ConfigError> {
    let Some(text) = secret::from_section(section, "secret", warnings)? else {
        return Ok(None);
    };
    let text = text.expose_secret();
    let bytes = match text.strip_prefix("whsec_") {
        None => text.as_bytes().to_vec(),
        Some(rest) => BASE64_STANDARD.decode(rest).unwrap_or_default(),
    };
    if bytes.len() < KEY_BYTES {
        return Err(ConfigError::new(format!(
            "The `secret` of the webhook `{name}` ({}) must have at least {KEY_BYTES} characters, or be whsec_ and at \
             least as many bytes in base64; `openssl rand -hex 32` makes a good one.",
            place(section, "secret")
        )));
    }
    Ok(Some(SigningKey(bytes.into())))
}

/// Where a secret was written.
fn place<'a>(section: &'a Section, key: &str) -> &'a str {
    let written = section
        .get(key)
        .or_else(|| section.get(&format!("{key}_file")));
    written.map_or("", |written| &written.place)
}

#[cfg(test)]
mod tests;
