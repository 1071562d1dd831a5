//! How far a dump is: what is written, which tables are done, which one is under way, and whom it waits for.
//!
//! What must stay true: every number was measured or counted. How long the rest takes is not known, so nothing is said of
//! it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::snapshot::{Relation, Snapshot};
use super::tally::Tally;
use crate::backup::Archive;
use crate::backup::archive::{Draft, Room};
use crate::operation::Context;
use crate::target::Session;
use crate::target::catalog::dumping::{self, Copying};
use crate::target::catalog::session::LockHolder;
use crate::target::size::{Bytes, Count};

/// How often the dump is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often a line is written, in looks: a dump of hours fills no log.
const EARLY: u32 = 30;
const LATER: u32 = 5;
/// From when on it is said that the snapshot is old.
const OLD: Duration = Duration::from_hours(1);
/// What has to stay free in the archive: the database may live on the same disk, and stops when that is full.
const FLOOR: u64 = 256 * 1024 * 1024;

/// Why a dump was stopped, or what it waited for.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The archive ran out of room.
    pub full: Option<Room>,
    /// Who held a lock that the dump waited for when it was last looked at.
    pub blocker: Option<LockHolder>,
}

/// What is looked at.
pub(super) struct Watched<'a> {
    pub archive: &'a Archive,
    pub draft: &'a Draft,
    pub snapshot: &'a Snapshot,
    pub tally: &'a Tally,
    /// A session that looks at the dump from outside.
    pub look: &'a Session,
    pub context: &'a Context,
    /// Stops the dump.
    pub stop: &'a CancellationToken,
}

/// The tables by what `pg_dump` calls them, and how far it is.
struct Progress<'a> {
    waiting: HashMap<String, Vec<&'a Relation>>,
    total: usize,
    done: Vec<&'a Relation>,
    now: Option<&'a Relation>,
}

/// Reports until the tool has said its last word.
pub(super) async fn report(
    watched: &Watched<'_>,
    mut said: mpsc::UnboundedReceiver<String>,
) -> Noted {
    let mut progress = Progress::new(watched.snapshot);
    let mut noted = Noted::default();
    let began = Instant::now();
    let mut tick = tokio::time::interval_at(began + LOOK, LOOK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looks = 0;
    let mut is_old = false;
    loop {
        tokio::select! {
            line = said.recv() => match line {
                Some(line) => {
                    if !progress.hear(&line) && line.contains("warning:") {
                        watched.context.progress.warn(line);
                    }
                }
                None => return noted,
            },
            _ = tick.tick() => {
                looks += 1;
                let is_due = looks <= EARLY || looks % LATER == 0;
                look(watched, &progress, &mut noted, is_due).await;
                if !is_old && began.elapsed() > OLD {
                    is_old = true;
                    watched.context.progress.warn(
                        "The snapshot of this dump is an hour old. While it is open the server cannot clean up rows that were \
                         changed since: expect the database to grow a little.",
                    );
                }
            }
        }
    }
}

async fn look(watched: &Watched<'_>, progress: &Progress<'_>, noted: &mut Noted, is_due: bool) {
    let (told, job) = (&watched.context.progress, &watched.context.job);
    let written = tokio::fs::metadata(watched.draft.part()).await;
    let written = written.map_or(0, |file| file.len());
    told.count(written, None, "bytes");
    let archive = watched.archive.clone();
    let room = tokio::task::spawn_blocking(move || archive.room()).await;
    if let Some(room) = room.ok().flatten().filter(is_full) {
        noted.full = Some(room);
        watched.stop.cancel();
        return;
    }
    let blocker = dumping::blocker(watched.look, job).await;
    if let Some(holder) = blocker
        .as_ref()
        .filter(|now| noted.blocker.as_ref() != Some(now))
    {
        told.info(format!(
            "The dump waits for a lock that {} holds.",
            holder.words()
        ));
    }
    let is_waiting = blocker.is_some();
    noted.blocker = blocker;
    if is_due && !is_waiting {
        let copying = dumping::copying(watched.look, job).await;
        told.info(progress.sentence(written, copying, watched.tally));
    }
}

/// Whether the archive has so little room left that going on would risk whatever else lives on its disk.
fn is_full(room: &Room) -> bool {
    room.free < FLOOR.min(room.total / 50)
}

impl<'a> Progress<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut waiting: HashMap<String, Vec<&Relation>> = HashMap::new();
        for table in snapshot.tables() {
            waiting.entry(first_line(table)).or_default().push(table);
        }
        Self {
            waiting,
            total: snapshot.tables().count(),
            done: Vec::new(),
            now: None,
        }
    }

    /// Whether the line says that a table has begun; then the one before it is done.
    fn hear(&mut self, line: &str) -> bool {
        let Some((_, name)) = line.split_once("dumping contents of table \"") else {
            return false;
        };
        let name = name.strip_suffix('"').unwrap_or(name);
        if let Some(table) = self.waiting.get_mut(name).and_then(Vec::pop) {
            self.done.extend(self.now.replace(table));
        }
        true
    }

    /// How far it is, in one sentence.
    fn sentence(&self, written: u64, copying: Option<Copying>, tally: &Tally) -> String {
        let size = |tables: &mut dyn Iterator<Item = &&Relation>| {
            Bytes(tables.map(|table| tally.bytes(table)).sum())
        };
        let (done, total) = (self.done.len(), self.total);
        let done_bytes = size(&mut self.done.iter());
        let all = self
            .waiting
            .values()
            .flatten()
            .chain(&self.done)
            .chain(&self.now);
        let all_bytes = size(&mut all.into_iter());
        let written = Bytes(i64::try_from(written).unwrap_or(i64::MAX));
        let now = self.now.map(|table| self::now(table, copying, tally));
        format!(
            "{written} written; {done} of {total} tables are done ({done_bytes} of {all_bytes} on the server){}.",
            now.unwrap_or_default()
        )
    }
}

/// The table that is under way, and how many of its rows are read.
fn now(table: &Relation, copying: Option<Copying>, tally: &Tally) -> String {
    let copying = copying.filter(|copying| copying.oid == table.oid);
    let rows = match (copying, tally.counted(table.oid)) {
        (None, _) => String::new(),
        (Some(copying), Some(counted)) => {
            format!(", {} of {} rows", Count(copying.rows), Count(counted))
        }
        (Some(copying), None) => format!(", {} rows so far", Count(copying.rows)),
    };
    format!("; now {}.{}{rows}", table.schema, table.name)
}

/// What stands on the first line of what `pg_dump` says of a table: a name may hold line breaks.
fn first_line(table: &Relation) -> String {
    let name = format!("{}.{}", table.schema, table.name);
    name.lines().next().unwrap_or_default().to_owned()
}
