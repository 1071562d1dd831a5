//! The lock watch: a second session that looks at a session of work, and says who keeps it waiting, whom it keeps waiting, and how
//! far an index is.
//!
//! What must stay true: it only looks, so nothing waits for it; that it cannot look is no reason to stop the work; what it says of
//! others holds no value of theirs ([`without_values`]). Postgres docs: `pg_blocking_pids`, 28.2.3 `pg_stat_activity`, 28.4.4
//! `pg_stat_progress_create_index`.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::catalog::blocking::{self, Activity, Standing};
use super::{Purpose, Session, Target};
use crate::operation::Progress;
use crate::sql::without_values;

/// How often it is looked.
const POLL: Duration = Duration::from_secs(1);
/// How often the same is said again.
const AGAIN: Duration = Duration::from_secs(30);
/// How many sessions are named one by one.
const NAMED: usize = 3;

/// Runs `work`, which is done on `session`, and looks after it from a session of its own until it has ended.
pub async fn during<T>(
    target: &Target,
    session: &Session,
    progress: &Progress,
    work: impl Future<Output = T>,
) -> T {
    let pid = match blocking::own_pid(session).await {
        Ok(pid) => pid,
        Err(error) => {
            tracing::debug!(%error, "the process of a session is not known, so it is not watched");
            return work.await;
        }
    };
    tokio::select! {
        done = work => done,
        () = watch(target, pid, progress) => std::future::pending().await,
    }
}

/// Looks until it cannot any more.
async fn watch(target: &Target, pid: i32, progress: &Progress) {
    let mut said = Said::default();
    let looked = async {
        // Most work has ended by then.
        tokio::time::sleep(POLL).await;
        let watcher = target.connect(Purpose::Look).await?;
        loop {
            let standing = blocking::standing(&watcher, pid).await?;
            said.tell(&standing, progress);
            tokio::time::sleep(POLL).await;
        }
    };
    let ended: Result<(), crate::operation::Trouble> = looked.await;
    if let Err(error) = ended {
        tracing::debug!(%error, "the lock watch has ended");
    }
}

/// What was said already, so that it is not said every second.
#[derive(Debug, Default)]
struct Said {
    blockers: BTreeSet<i32>,
    waiting: usize,
    index: Option<String>,
    at: Option<Instant>,
}

impl Said {
    fn tell(&mut self, standing: &Standing, progress: &Progress) {
        let again = self.at.is_some_and(|at| at.elapsed() >= AGAIN);
        let blockers: BTreeSet<i32> = standing.blockers.iter().map(|one| one.pid).collect();
        if !blockers.is_empty() && (blockers != self.blockers || again) {
            progress.warn(format!(
                "It waits for a lock that others hold: {}.",
                named(&standing.blockers)
            ));
            self.at = Some(Instant::now());
        } else if blockers.is_empty() && !self.blockers.is_empty() {
            progress.info("It waits for no lock any more.");
        }
        self.blockers = blockers;
        let waiting = standing.waiting.len();
        if waiting > 0 && (waiting >= 2 * self.waiting.max(1) || self.waiting == 0 || again) {
            let sessions = if waiting == 1 {
                "1 session waits".to_owned()
            } else {
                format!("{waiting} sessions wait")
            };
            progress.warn(format!("{sessions} for it: {}.", named(&standing.waiting)));
            self.at = Some(Instant::now());
            self.waiting = waiting;
        } else if waiting == 0 && self.waiting > 0 {
            progress.info("Nobody waits for it any more.");
            self.waiting = 0;
        }
        if let Some(index) = &standing.index
            && (self.index.as_ref() != Some(&index.phase) || again)
        {
            progress.info(index.words());
            self.index = Some(index.phase.clone());
            self.at = Some(Instant::now());
        }
    }
}

/// The first of some sessions, in words.
fn named(sessions: &[Activity]) -> String {
    let mut words: Vec<String> = sessions.iter().take(NAMED).map(words).collect();
    if sessions.len() > NAMED {
        words.push(format!("and {} more", sessions.len() - NAMED));
    }
    words.join("; ")
}

/// `process 4711 (user app, psql), idle in transaction for 12 s: SELECT …`.
fn words(session: &Activity) -> String {
    if session.pid == 0 {
        return "a prepared transaction (see pg_prepared_xacts)".to_owned();
    }
    let mut who: Vec<String> = Vec::new();
    who.extend(session.user.as_ref().map(|user| format!("user {user}")));
    who.extend(session.application.clone());
    let who = if who.is_empty() {
        String::new()
    } else {
        format!(" ({})", who.join(", "))
    };
    let state = session.state.as_deref().unwrap_or("in an unknown state");
    let since = session
        .seconds
        .map(|seconds| format!(" for {seconds} s"))
        .unwrap_or_default();
    let doing = match session.query.as_deref().map(without_values) {
        Some(query) if !query.is_empty() => format!(": {query}"),
        _ => String::new(),
    };
    format!("process {}{who}, {state}{since}{doing}", session.pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::operation::{Level, Report};

    fn session(pid: i32) -> Activity {
        Activity {
            pid,
            user: Some("app".to_owned()),
            application: Some("psql".to_owned()),
            state: Some("idle in transaction".to_owned()),
            seconds: Some(12),
            query: Some("SELECT * FROM \"User\" WHERE mail = 'a@b'".to_owned()),
        }
    }

    #[tokio::test]
    async fn what_has_not_changed_is_said_once() {
        let (progress, mut reports) = Progress::new(Clock::fixed(0));
        let mut said = Said::default();
        let blocked = Standing {
            blockers: vec![session(7)],
            ..Standing::default()
        };
        let crowd = |n: i32| Standing {
            waiting: (1..=n).map(session).collect(),
            ..Standing::default()
        };
        for standing in [
            &blocked,
            &blocked,
            &crowd(1),
            &crowd(1),
            &crowd(5),
            &crowd(6),
            &Standing::default(),
        ] {
            said.tell(standing, &progress);
        }
        drop(progress);
        let mut lines = Vec::new();
        while let Some(Report::Event(event)) = reports.recv().await {
            lines.push((event.level, event.text));
        }
        let one = |pid| {
            format!(
                "process {pid} (user app, psql), idle in transaction for 12 s: SELECT * FROM \"User\" WHERE mail = …"
            )
        };
        assert_eq!(
            lines,
            [
                (
                    Level::Warn,
                    format!("It waits for a lock that others hold: {}.", one(7))
                ),
                (Level::Info, "It waits for no lock any more.".to_owned()),
                (Level::Warn, format!("1 session waits for it: {}.", one(1))),
                (
                    Level::Warn,
                    format!(
                        "5 sessions wait for it: {}; {}; {}; and 2 more.",
                        one(1),
                        one(2),
                        one(3)
                    )
                ),
                (Level::Info, "Nobody waits for it any more.".to_owned()),
            ]
        );
    }

    #[test]
    fn what_a_role_may_not_see_is_left_out() {
        let hidden = Activity {
            pid: 9,
            ..Activity::default()
        };
        assert_eq!(words(&hidden), "process 9, in an unknown state");
        assert!(words(&Activity::default()).starts_with("a prepared transaction"));
    }
}
