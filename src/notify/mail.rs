//! Sending mail: plain text, through the one server of `[smtp]`.

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret;

use super::webhook::innermost;
use super::{Notification, one_line};
use crate::config::{Smtp, SmtpTls};

/// How long all of a conversation with the server may take: less than a try, so that it is we who say what was slow.
const PATIENCE: Duration = Duration::from_secs(15);
/// The port of servers that encrypt from the first byte.
const WRAPPED_PORT: u16 = 465;
/// The most characters of a subject, the target's name before it included.
const SUBJECT: usize = 240;

/// The way to the mail server.
#[derive(Clone)]
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    host: String,
    port: u16,
    tls: SmtpTls,
    from: Mailbox,
    /// The console's own name, which the server is told and which the ids of mails end in.
    here: String,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Mailer({})", self.host)
    }
}

impl Mailer {
    /// The way to `smtp`, from a console that is called `here`.
    pub fn new(smtp: &Smtp, here: &str) -> Result<Self, String> {
        let parameters = || {
            TlsParameters::new(smtp.host.clone()).map_err(|error| {
                format!(
                    "The way to {} cannot be encrypted: {}.",
                    smtp.host,
                    innermost(&error)
                )
            })
        };
        let tls = match smtp.tls {
            SmtpTls::Wrapped => Tls::Wrapper(parameters()?),
            SmtpTls::Required => Tls::Required(parameters()?),
            SmtpTls::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .tls(tls)
            .hello_name(ClientId::Domain(here.to_owned()))
            .timeout(Some(PATIENCE));
        if let Some((user, password)) = &smtp.login {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: transport.build(),
            host: smtp.host.clone(),
            port: smtp.port,
            tls: smtp.tls,
            from: smtp
                .from
                .parse()
                .map_err(|_| "`from` of [smtp] is not an address.".to_owned())?,
            here: here.to_owned(),
        })
    }

    /// Sends it once. The error says in one sentence why the server did not take it.
    pub async fn send(
        &self,
        notification: &Notification,
        address: &str,
        link: &str,
    ) -> Result<(), String> {
        let message = self.message(notification, address, link)?;
        match tokio::time::timeout(PATIENCE, self.transport.send(message)).await {
            Ok(Ok(_taken)) => Ok(()),
            Ok(Err(error)) => Err(self.why(&error)),
            Err(_late) => Err(self.silent()),
        }
    }

    /// Why the server did not take it, in one or two sentences.
    fn why(&self, error: &lettre::transport::smtp::Error) -> String {
        let host = &self.host;
        // What the server says beside its code may repeat what it was given.
        if let Some(code) = error.status() {
            return match code.to_string().as_str() {
                "530" => format!("The mail server {host} wants a user and a password (530)."),
                "534" | "535" => {
                    format!(
                        "The mail server {host} does not take the user and the password ({code})."
                    )
                }
                code => format!("The mail server {host} answered {code}."),
            };
        }
        if error.is_timeout() {
            return self.silent();
        }
        match encryption(error) {
            Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
                format!(
                    "The certificate of the mail server {host} is from an authority that this machine does not trust. Add \
                 it to those that the machine trusts, and start the console again."
                )
            }
            Some(rustls::Error::InvalidMessage(_)) if self.tls == SmtpTls::Wrapped => format!(
                "The mail server {host} does not encrypt from the first byte at port {}. With STARTTLS the URL begins \
                 with smtp://.",
                self.port
            ),
            _ => format!(
                "The mail server {host} could not be used: {}.",
                innermost(error)
            ),
        }
    }

    fn silent(&self) -> String {
        let host = &self.host;
        let mut why = format!("The mail server {host} did not answer in time.");
        // It waits for us to begin, and we wait for it.
        if self.port == WRAPPED_PORT && self.tls != SmtpTls::Wrapped {
            why.push_str(
                " At port 465 most encrypt from the first byte: then the URL begins with smtps://.",
            );
        }
        why
    }

    fn message(
        &self,
        notification: &Notification,
        address: &str,
        link: &str,
    ) -> Result<Message, String> {
        let Notification {
            id,
            target,
            subject,
            text,
            created_at,
            ..
        } = notification;
        let to: Mailbox = address
            .parse()
            .map_err(|_| "This is not a mail address.".to_owned())?;
        let subject = if target.is_empty() || target == super::EVERY_TARGET {
            format!("[Lockkeeper] {subject}")
        } else {
            format!("[Lockkeeper] {target}: {subject}")
        };
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(*created_at).unwrap_or_default());
        // Whoever answers by machine does not answer a machine (RFC 3834).
        let by_machine = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(one_line(&subject, SUBJECT))
            .date(at)
            // The same mail sent again has the same id.
            .message_id(Some(format!("<{id}@{}>", self.here)))
            .raw_header(by_machine)
            .header(ContentType::TEXT_PLAIN)
            .body(format!("{text}\n\n{link}\n"))
            .map_err(|error| format!("This mail cannot be written: {error}."))
    }
}

/// What went wrong with the encryption, if that is it.
fn encryption<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An error of the network holds it, and does not name it as its source.
        let held = error.downcast_ref::<std::io::Error>();
        if let Some(held) = held.and_then(std::io::Error::get_ref) {
            return held.downcast_ref();
        }
        next = error.source();
    }
    None
}
