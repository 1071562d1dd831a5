//! The alarm: notices what does not happen by itself. A backup that is overdue and a target that does not answer end no job
//! and write no row, so somebody has to look.
//!
//! What must stay true: a target is looked at only while somebody wants to be told of it, and by one process of a store, the
//! one that has been there for longest; what is noticed is told once, whoever notices it
//! ([`crate::notify::condition`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::clock::timestamp;
use crate::job::presence;
use crate::notify::{Kind, Subscription, condition, policy, subscription};
use crate::operation::Trouble;
use crate::store::StoreError;
use crate::target::{Purpose, Target};

/// How often it looks.
const TICK: Duration = Duration::from_secs(30);
/// How long opening a session may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// For how long a target fails to answer before people are told, in milliseconds: restarting a server takes less.
const DOWN_MS: i64 = 120_000;
/// How often it has failed by then: a machine that slept has looked once before and once after.
const DOWN_LOOKS: u32 = 3;
/// How often the archive is read, in milliseconds.
const ARCHIVE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// What it has seen so far.
#[derive(Debug, Default)]
pub struct Alarm {
    failing: HashMap<String, Failing>,
    archive_read_at: Option<i64>,
}

/// A target that does not answer.
#[derive(Debug)]
struct Failing {
    since: i64,
    looks: u32,
}

impl Alarm {
    /// Looks until `stop` is cancelled, while the process with the presence `me` is the one that looks.
    pub(super) async fn run(app: App, me: String, stop: CancellationToken) {
        let mut alarm = Self::default();
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = stop.cancelled() => return,
            }
            let first = presence::first(&app.store, &app.clock).await;
            let looked = match first {
                Ok(first) if first.as_deref() == Some(&me) => tokio::select! {
                    looked = alarm.look(&app) => looked,
                    () = stop.cancelled() => return,
                },
                Ok(_) => {
                    alarm = Self::default();
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = looked {
                tracing::warn!(%error, "looking for what is absent failed; trying again");
            }
        }
    }

    /// Looks once.
    pub async fn look(&mut self, app: &App) -> Result<(), StoreError> {
        let subscriptions = subscription::all(&app.store).await?;
        let targets = &app.resources.targets;
        let wanted = |kind: Kind| {
            let wants = |target: &Target, one: &Subscription| {
                one.concerns(&target.name) && one.kinds.contains(&kind)
            };
            targets.iter().partition::<Vec<&Arc<Target>>, _>(|target| {
                subscriptions.iter().any(|one| wants(target, one))
            })
        };
        let (watched, left) = wanted(Kind::TargetDown);
        let tries = watched.iter().map(|target| answers(target));
        let answers = join_all(tries).await;
        for (target, answer) in watched.into_iter().zip(answers) {
            self.heard(app, target, answer).await?;
        }
        for target in left {
            self.failing.remove(&target.name);
            forget(app, target, Kind::TargetDown).await?;
        }
        let now = app.clock.now_ms();
        if self.archive_read_at.is_some_and(|at| now - at < ARCHIVE_MS) {
            return Ok(());
        }
        self.archive_read_at = Some(now);
        let (watched, left) = wanted(Kind::BackupAbsent);
        for target in watched {
            look_for_backup(app, target).await?;
        }
        for target in left {
            forget(app, target, Kind::BackupAbsent).await?;
        }
        Ok(())
    }

    async fn heard(
        &mut self,
        app: &App,
        target: &Target,
        answer: Result<(), Trouble>,
    ) -> Result<(), StoreError> {
        let (name, now) = (&target.name, app.clock.now_ms());
        let Err(trouble) = answer else {
            self.failing.remove(name);
            let Some(since) = condition::since(&app.store, name, Kind::TargetDown).await? else {
                return Ok(());
            };
            let text = format!(
                "{} answers again. People were told at {} that it did not.",
                target.url.safe(),
                minute(since)
            );
            let tell = Some((Kind::TargetBack, "The target is back", text.as_str()));
            condition::end(&app.store, &app.clock, name, Kind::TargetDown, tell).await?;
            return Ok(());
        };
        let failing = self.failing.entry(name.clone()).or_insert(Failing {
            since: now,
            looks: 0,
        });
        failing.looks += 1;
        let since = failing.since;
        if failing.looks < DOWN_LOOKS || now - since < DOWN_MS {
            return Ok(());
        }
        let Trouble {
            what, data, next, ..
        } = trouble;
        let text = format!(
            "It has not answered since {} at the latest.\n{what}\n{data}\n{next}",
            minute(since)
        );
        let (kind, subject) = (Kind::TargetDown, "The target is down");
        condition::begin(&app.store, &app.clock, name, kind, subject, &text).await?;
        Ok(())
    }
}

/// Whether a session can be opened.
async fn answers(target: &Target) -> Result<(), Trouble> {
    let opened = async {
        let session = target.connect(Purpose::Look).await?;
        session.close().await;
        Ok(())
    };
    let late = || {
        Err(Trouble::new(
            format!("{} has not answered in time.", target.url.safe()),
            "Nothing was read or changed.",
            "Check that the server runs and that this machine reaches it.",
        ))
    };
    let opened = tokio::time::timeout(PATIENCE, opened).await;
    opened.unwrap_or_else(|_| late())
}

/// Compares the newest backup with the target's policy.
async fn look_for_backup(app: &App, target: &Target) -> Result<(), StoreError> {
    let name = &target.name;
    let Some(hours) = policy::backup_age_hours(&app.store, name).await? else {
        return forget(app, target, Kind::BackupAbsent).await;
    };
    let (archive, of) = (app.resources.archive.clone(), name.clone());
    let listed = tokio::task::spawn_blocking(move || archive.list(&of)).await;
    let Ok(listing) = listed else {
        return Ok(());
    };
    let newest = listing
        .backups
        .first()
        .map(|backup| backup.created_at.as_millisecond());
    let oldest_allowed = app.clock.now_ms() - i64::from(hours) * HOUR_MS;
    if newest.is_some_and(|at| at >= oldest_allowed) {
        return forget(app, target, Kind::BackupAbsent).await;
    }
    let found = newest.map_or_else(
        || "There is no backup of it at all.".to_owned(),
        |at| format!("The newest one was begun at {}.", minute(at)),
    );
    let text = format!(
        "This target is to have a backup at least every {hours} hours. {found}\n\
         Whatever was written since would be lost with the database.\n\
         Look whether its schedule is on and whether a worker runs, or take a backup now."
    );
    let (kind, subject) = (Kind::BackupAbsent, "A backup is absent");
    condition::begin(&app.store, &app.clock, name, kind, subject, &text).await?;
    Ok(())
}

/// Notes that it is not the matter any more, or that nobody wants to know. Tells nobody.
async fn forget(app: &App, target: &Target, kind: Kind) -> Result<(), StoreError> {
    let known = condition::since(&app.store, &target.name, kind).await?;
    if known.is_some() {
        condition::end(&app.store, &app.clock, &target.name, kind, None).await?;
    }
    Ok(())
}

fn minute(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%d %H:%M UTC").to_string()
}
