//! Posting to a webhook.
//!
//! What must stay true: nothing follows a redirect, reads a proxy from the environment, or connects to an address that was
//! not checked; what is said about a failure holds no part of the URL but its host.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, redirect};
use secrecy::ExposeSecret;
use url::{Host, Url};

use super::address::{NotPublic, Resolver};
use super::{Notification, sign};
use crate::clock::{Clock, timestamp};
use crate::config::{Webhook, WebhookFormat};

/// How long a receiver has for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to one webhook.
#[derive(Clone, Debug)]
pub(super) struct Poster {
    webhook: Webhook,
    client: Client,
}

impl Poster {
    pub fn new(webhook: &Webhook) -> Result<Self, String> {
        let resolver = Resolver {
            allow_private: webhook.allow_private,
        };
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .dns_resolver(Arc::new(resolver))
            .user_agent(concat!("Lockkeeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| innermost(&error))?;
        Ok(Self {
            webhook: webhook.clone(),
            client,
        })
    }

    pub fn name(&self) -> &str {
        &self.webhook.name
    }

    /// Posts it once. The error says in one sentence why nobody took it.
    pub async fn post(
        &self,
        clock: &Clock,
        notification: &Notification,
        link: &str,
    ) -> Result<(), String> {
        let Webhook { host, .. } = &self.webhook;
        let url = Url::parse(self.webhook.url.expose_secret())
            .map_err(|_| format!("The URL of {host} cannot be read."))?;
        self.check_literal(&url)
            .map_err(|refused| format!("Nothing was sent to {host}: {refused}."))?;
        let body = self.body(notification, link);
        let seconds = clock.now_ms() / 1000;
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &notification.id)
            .header("webhook-timestamp", seconds.to_string());
        if let Some(key) = &self.webhook.key {
            let signature = sign(key.bytes(), &notification.id, seconds, &body);
            request = request.header("webhook-signature", signature);
        }
        let answer = request.body(body).send().await;
        // The answer's body is not read: it may be endless, and may repeat the URL.
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status().is_redirection() => Err(format!(
                "{host} answered {}: it wants to send us elsewhere, and a webhook is not followed there.",
                answer.status()
            )),
            Ok(answer) => Err(format!("{host} answered {}.", answer.status())),
            Err(error) if error.is_timeout() => Err(format!(
                "{host} did not answer within {} seconds.",
                PATIENCE.as_secs()
            )),
            Err(error) => Err(match refused(&error) {
                Some(refused) => format!("Nothing was sent to {host}: {refused}."),
                None => format!("{host} could not be reached: {}.", innermost(&error)),
            }),
        }
    }

    /// The resolver is asked for names only.
    fn check_literal(&self, url: &Url) -> Result<(), NotPublic> {
        let resolver = Resolver {
            allow_private: self.webhook.allow_private,
        };
        match url.host() {
            Some(Host::Ipv4(address)) => resolver.check(address.into()),
            Some(Host::Ipv6(address)) => resolver.check(address.into()),
            _ => Ok(()),
        }
    }

    fn body(&self, notification: &Notification, link: &str) -> String {
        let Notification { subject, text, .. } = notification;
        let body = match self.webhook.format {
            WebhookFormat::Json => serde_json::json!({
                "id": notification.id,
                "kind": notification.kind,
                "target": notification.target,
                "subject": subject,
                "text": text,
                "job": notification.job,
                "url": link,
                "at": timestamp(notification.created_at).to_string(),
            }),
            WebhookFormat::Slack => serde_json::json!({
                "text": format!("*{}*\n{}\n{link}", escaped(subject), escaped(text)),
            }),
        };
        body.to_string()
    }
}

/// Text that Slack shows as it is: these three would begin a mention or a link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What is at the bottom of an error; everything above it may name the URL.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut bottom = error;
    while let Some(below) = bottom.source() {
        bottom = below;
    }
    bottom.to_string().trim_end_matches('.').to_owned()
}

/// Whether it was we who did not want to go there.
fn refused(error: &(dyn Error + 'static)) -> Option<NotPublic> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<NotPublic>() {
            return Some(*refused);
        }
        next = error.source();
    }
    None
}
