//! How people can be told of what goes wrong, and whether that reaches them.

use super::{Check, unusable};
use crate::config::{Config, SmtpTls};
use crate::notify::notification;
use crate::store::Store;

/// What people are told, and whether it reaches them.
pub async fn outbox(store: &Store) -> Check {
    let (waiting, given_up) = match notification::counts(store, None).await {
        Ok(counts) => counts,
        Err(error) => return unusable(&error),
    };
    let found = format!("{waiting} waiting, {given_up} given up");
    if given_up == 0 {
        return Check::well("notifications", found);
    }
    Check::ill(
        "notifications",
        found,
        "The page /notifications says why each of them could not be sent, and sends it again.",
    )
}

/// How people can be told. Nothing is sent: each subscription has a test for that.
#[must_use]
pub fn channels(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(smtp) = &config.smtp {
        let way = match smtp.tls {
            SmtpTls::Wrapped => "encrypted",
            SmtpTls::Required => "encrypted by STARTTLS",
            SmtpTls::None => "on this machine, not encrypted",
        };
        let found = format!("through {} port {}, {way}", smtp.host, smtp.port);
        checks.push(Check::well("mail", found));
    }
    for webhook in &config.webhooks {
        let signed = if webhook.key.is_some() {
            "signed"
        } else {
            "not signed"
        };
        let found = format!("to {}, {signed}", webhook.host);
        checks.push(Check::well(&format!("webhook {}", webhook.name), found));
    }
    if checks.is_empty() {
        let found = "no [smtp] and no [[webhook]]: nobody can be told of anything";
        checks.push(Check::well("channels", found));
    }
    checks
}
