//! Sending mail: plain text, through the one server of `[smtp]`.

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

/// How long the server has for each answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most characters of a subject, the target's name before it included.
const SUBJECT: usize = 240;

/// The way to the mail server.
#[derive(Clone)]
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    host: String,
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
        let host = &self.host;
        match self.transport.send(message).await {
            Ok(_taken) => Ok(()),
            // What the server says beside its code may repeat what it was given.
            Err(error) => Err(match error.status() {
                Some(code) => format!("The mail server {host} answered {code}."),
                None if error.is_timeout() => {
                    format!("The mail server {host} did not answer in time.")
                }
                None => format!(
                    "The mail server {host} could not be used: {}.",
                    innermost(&error)
                ),
            }),
        }
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
