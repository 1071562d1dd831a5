//! Delivery: takes what is due from the outbox and sends it. A task of every console and every worker.
//!
//! What must stay true: one notification is sent by one process at a time ([`outbox::claim`]); a channel that does not answer
//! holds up nobody for longer than a try may take; a process that is told to stop ends the tries that are under way.

use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::mail::Mailer;
use super::webhook::Poster;
use super::{Channel, Notification, State, outbox};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Store, StoreError};

/// How often it looks even when nobody woke it.
const POLL: Duration = Duration::from_secs(5);
/// How soon it looks again when it is woken: every event of every job wakes it.
const BREATH: Duration = Duration::from_millis(300);
/// How many are sent at a time.
const AT_ONCE: i64 = 8;
/// How long a try may take at most; shorter than it is claimed for.
const TRY: Duration = Duration::from_secs(20);

/// Sends what is due.
#[derive(Clone, Debug)]
pub struct Courier {
    store: Store,
    clock: Clock,
    public_url: String,
    posters: Vec<Poster>,
    mailer: Option<Mailer>,
}

impl Courier {
    /// A courier who knows the channels of the configuration. One that cannot be used is logged, and what is to be sent
    /// there fails.
    #[must_use]
    pub fn new(store: Store, clock: Clock, config: &Config) -> Self {
        let public_url = config.server.public_url.trim_end_matches('/').to_owned();
        let here = url::Url::parse(&public_url)
            .ok()
            .and_then(|url| url.domain().map(str::to_owned))
            .unwrap_or_else(|| "lockkeeper.localdomain".to_owned());
        let log = |what: &str, error: &String| {
            tracing::error!(channel = what, error, "a channel cannot be used");
        };
        let posters = config.webhooks.iter().filter_map(|webhook| {
            let poster = Poster::new(webhook);
            poster.inspect_err(|error| log(&webhook.name, error)).ok()
        });
        let mailer = config.smtp.as_ref().and_then(|smtp| {
            let mailer = Mailer::new(smtp, &here);
            mailer.inspect_err(|error| log("mail", error)).ok()
        });
        Self {
            store,
            clock,
            public_url,
            posters: posters.collect(),
            mailer,
        }
    }

    /// Sends what is due, again and again until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // The alarm is armed before the look, so that what is announced in between is not slept over.
            let woken = self.store.woken();
            tokio::pin!(woken);
            match self.send_due().await {
                Ok(0) => {}
                // There may be more.
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "looking for notifications failed; trying again");
                }
            }
            let woken = async {
                woken.await;
                tokio::time::sleep(BREATH).await;
            };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Takes some that are due and sends them; how many that were.
    pub async fn send_due(&self) -> Result<usize, StoreError> {
        let claimed = outbox::claim(&self.store, &self.clock, AT_ONCE).await?;
        let tries = claimed.iter().map(|one| self.send(one));
        join_all(tries)
            .await
            .into_iter()
            .collect::<Result<(), _>>()?;
        Ok(claimed.len())
    }

    async fn send(&self, one: &Notification) -> Result<(), StoreError> {
        let tried = tokio::time::timeout(TRY, self.try_once(one)).await;
        let Err(why) = tried.unwrap_or_else(|_late| Err("It took too long.".to_owned())) else {
            tracing::info!(
                notification.id = one.id,
                notification.kind = one.kind,
                target.name = one.target,
                "notification sent"
            );
            return outbox::sent(&self.store, &self.clock, &one.id).await;
        };
        let state = outbox::failed(&self.store, &self.clock, one, &why).await?;
        tracing::warn!(
            notification.id = one.id,
            notification.kind = one.kind,
            target.name = one.target,
            tries = one.tries,
            given_up = state == State::GivenUp,
            why,
            "a notification could not be sent"
        );
        Ok(())
    }

    async fn try_once(&self, one: &Notification) -> Result<(), String> {
        let link = format!("{}{}", self.public_url, one.path());
        match &one.channel {
            Channel::Webhook(name) => {
                let poster = self.posters.iter().find(|poster| poster.name() == name);
                let poster = poster.ok_or_else(|| {
                    format!("The configuration has no webhook named {name} that can be used.")
                })?;
                poster.post(&self.clock, one, &link).await
            }
            Channel::Mail(address) => {
                let mailer = self.mailer.as_ref().ok_or_else(|| {
                    "The configuration has no [smtp] that can be used.".to_owned()
                })?;
                mailer.send(one, address, &link).await
            }
        }
    }
}
