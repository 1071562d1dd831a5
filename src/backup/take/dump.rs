//! Running `pg_dump` on the snapshot, and what its failure means.
//!
//! What must stay true: the dump is of the snapshot and of nothing else; a failure leaves no artifact; what the tool said
//! is told, with what to do about it.

use std::ffi::OsString;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::report::{self, Noted, Watched};
use super::snapshot::Snapshot;
use super::tally::{self, Tally};
use crate::backup::archive::Draft;
use crate::backup::manifest::MigrationRow;
use crate::backup::{Archive, Contents};
use crate::operation::{Context, OperationError, Trouble};
use crate::target::catalog::session::LockHolder;
use crate::target::size::Bytes;
use crate::target::tool::{Child, ConnectionFiles, Ended, Tools};
use crate::target::{Session, Target};

/// How long the dump may wait for a table that somebody holds exclusively.
const LOCK_WAIT: &str = "--lock-wait-timeout=30s";

/// What a dump works with.
pub(super) struct Dump<'a> {
    pub archive: &'a Archive,
    pub target: &'a Target,
    pub tools: &'a Tools,
    pub draft: &'a Draft,
    pub snapshot: &'a Snapshot,
    /// A session that looks at the dump from outside.
    pub look: &'a Session,
    pub context: &'a Context,
}

/// A dump that ended well.
pub(super) struct Dumped {
    /// The compression that was used.
    pub compression: &'static str,
    /// What is inside, with what was counted meanwhile.
    pub contents: Contents,
    /// The ledger, oldest first.
    pub migrations: Vec<MigrationRow>,
}

impl Dump<'_> {
    /// Dumps and counts side by side. Once the dump has ended, counting has as long as its budget allows.
    pub async fn run(self) -> Result<Dumped, OperationError> {
        let tally = Tally::default();
        let compression = {
            let began = Instant::now();
            let mut counting = std::pin::pin!(tally.make(self.snapshot, &self.context.progress));
            let dumping = self.compressed(&tally);
            let mut dumping = std::pin::pin!(dumping);
            let mut counted = false;
            let compression = loop {
                tokio::select! {
                    ended = &mut dumping => break ended?,
                    () = &mut counting, if !counted => counted = true,
                }
            };
            if !counted {
                let grace = tally::grace(began.elapsed());
                tokio::select! {
                    _ = tokio::time::timeout(grace, &mut counting) => {}
                    () = self.context.cancel.cancelled() => return Err(OperationError::Cancelled),
                }
            }
            compression
        };
        Ok(Dumped {
            compression,
            contents: Contents {
                tables: tally.tables(self.snapshot),
                sequences: tally.sequences(),
                ..self.snapshot.contents.clone()
            },
            migrations: tally.migrations(),
        })
    }

    /// Dumps with zstd where this `pg_dump` knows it, else with gzip.
    async fn compressed(&self, tally: &Tally) -> Result<&'static str, OperationError> {
        if self.snapshot.session.major() >= 16 {
            let (ended, noted) = self.once("zstd:3", tally).await?;
            if !unknown_compression(&ended) {
                return self.judge(&ended, &noted, "zstd:3");
            }
            self.context
                .progress
                .info("This pg_dump was built without zstd; gzip is used.");
            // Since 16 a level alone means gzip, as before.
        }
        let (ended, noted) = self.once("1", tally).await?;
        self.judge(&ended, &noted, "gzip:1")
    }

    async fn once(
        &self,
        compression: &str,
        tally: &Tally,
    ) -> Result<(Ended, Noted), OperationError> {
        let files = ConnectionFiles::write(&self.target.url)?;
        let mut output = OsString::from("--file=");
        output.push(
            std::path::absolute(self.draft.part())
                .map_err(|error| super::unwritten(self.archive, &error.to_string()))?,
        );
        let args: Vec<OsString> = vec![
            "--format=custom".into(),
            "--no-password".into(),
            "--verbose".into(),
            LOCK_WAIT.into(),
            format!("--snapshot={}", self.snapshot.id).into(),
            format!("--compress={compression}").into(),
            output,
            ConnectionFiles::dbname_argument().into(),
        ];
        let (lines, said) = mpsc::unbounded_channel();
        let child = Child::start(
            &self.tools.pg_dump,
            args,
            files.env(&self.context.job),
            move |line: &str| {
                let _ended = lines.send(line.to_owned());
            },
        )?;
        let stop: CancellationToken = self.context.cancel.child_token();
        let watched = Watched {
            archive: self.archive,
            draft: self.draft,
            snapshot: self.snapshot,
            tally,
            look: self.look,
            context: self.context,
            stop: &stop,
        };
        let (ended, noted) =
            tokio::join!(child.wait_or_cancel(&stop), report::report(&watched, said));
        Ok((ended?, noted))
    }

    fn judge(
        &self,
        ended: &Ended,
        noted: &Noted,
        compression: &'static str,
    ) -> Result<&'static str, OperationError> {
        if let Some(room) = noted.full {
            return Err(Trouble::new(
                format!(
                    "The disk of the archive folder {} is almost full: {} are free.",
                    self.archive.folder().display(),
                    Bytes(i64::try_from(room.free).unwrap_or(i64::MAX))
                ),
                "The dump was stopped before it filled the disk, which might have stopped the database. There is no backup \
                 of this job; what was written is removed. The database was not changed.",
                "Make room, or name a folder on another disk as `folder` in the section [archive], then take the backup again.",
            )
            .into());
        }
        if ended.cancelled {
            return Err(OperationError::Cancelled);
        }
        if ended.status.success() {
            return Ok(compression);
        }
        let holder = noted.blocker.as_ref().map(LockHolder::words);
        Err(Trouble::new(
            format!("pg_dump failed on {}: {}", self.target.url.safe(), reason(&ended.stderr)),
            "There is no backup of this job; what was written is removed. The database was not changed.",
            advice(&ended.stderr, holder.as_deref()),
        )
        .into())
    }
}

fn unknown_compression(ended: &Ended) -> bool {
    !ended.status.success()
        && !ended.cancelled
        && ended.stderr.contains("does not support compression")
}

/// What `pg_dump` gave as its reason. The last lines hold it; before them it tells what it did.
fn reason(stderr: &str) -> String {
    let reasons: Vec<&str> = stderr
        .lines()
        .filter(|line| {
            line.contains("error:") || line.contains("detail:") || line.contains("hint:")
        })
        .collect();
    if reasons.is_empty() {
        let last = stderr.lines().last();
        return last.unwrap_or("it ended without a word").to_owned();
    }
    reasons.join("\n")
}

/// What to do about it. Servers may speak another language; then the reason has to be enough.
fn advice(stderr: &str, holder: Option<&str>) -> String {
    let said = |words: &str| stderr.contains(words);
    if said("LOCK TABLE") && said("canceling statement due to") {
        let holder = holder.unwrap_or("another session");
        return format!(
            "{holder} held a table for more than 30 seconds, as a migration does: wait until it has ended, then take the \
             backup again."
        );
    }
    if said("snapshot") && (said("invalid") || said("could not import")) {
        return "The dump did not reach the server that keeps the snapshot, as happens behind a pooler or a load balancer: \
                give the server's direct URL, the one that Prisma calls directUrl."
            .to_owned();
    }
    if said("permission denied for large object") {
        return "The role may not read a large object, and no grant covers all of them: give the target's URL the role that \
                owns them, or a superuser."
            .to_owned();
    }
    if said("permission denied") {
        return "As a superuser, GRANT pg_read_all_data to the role (from Postgres 14 on), or SELECT on what pg_dump names; \
                then take the backup again."
            .to_owned();
    }
    if said("out of shared memory") {
        return "The server has no room for the locks of so many tables: raise max_locks_per_transaction and restart it, or \
                take the backup when less is going on."
            .to_owned();
    }
    if said("No space left") {
        return "Make room on the disk of the archive folder, then take the backup again."
            .to_owned();
    }
    "Correct what pg_dump names (rights, room, a lock that is held, a connection that was lost) and take the backup again."
        .to_owned()
}
