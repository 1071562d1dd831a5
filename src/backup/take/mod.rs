//! Taking a backup: `pg_dump -Fc` of the server's own major, on a snapshot in which the rows are counted, into a draft that
//! is published only when it is whole.
//!
//! Steps: Preflight (facts, tool, room), Snapshot (rights, catalogue), Dump (and the counts beside it), Check (length,
//! SHA-256 by one read, table of contents), Publish. Cancelling, failing and vanishing leave no artifact behind; on the
//! server, the sessions end with the tool and with us. Read `snapshot` for what is dumped, `tally` for what is counted.

mod dump;
mod preflight;
mod report;
mod snapshot;
mod tally;
mod toc;

use jiff::Timestamp;

use super::archive::{Archive, Claim, Draft};
use super::contents::Contents;
use super::manifest::{self, Manifest};
use crate::operation::{Context, OperationError, Outcome, Trouble};
use crate::target::catalog::{self, Facts};
use crate::target::size::Count;
use crate::target::tool::Tools;
use crate::target::{Purpose, Session, Target};
use dump::{Dump, Dumped};
use snapshot::{Relation, Snapshot};

/// The steps of taking a backup.
pub const STEPS: &[&str] = &["Preflight", "Snapshot", "Dump", "Check", "Publish"];

/// Whose steps the phases are told as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// As those of [`STEPS`].
    Own,
    /// As lines of the step that the caller has begun.
    Callers,
}

/// What a run works with.
struct Taking<'a> {
    archive: &'a Archive,
    target: &'a Target,
    note: &'a str,
    context: &'a Context,
    steps: Steps,
}

/// Takes a backup of `target`. The caller holds the target.
pub async fn run(
    archive: &Archive,
    target: &Target,
    note: &str,
    steps: Steps,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let taking = Taking {
        archive,
        target,
        note,
        context,
        steps,
    };
    taking.run().await
}

impl Taking<'_> {
    async fn run(self) -> Result<Outcome, OperationError> {
        self.begin(
            "Preflight",
            "Looking at the server, the tools and the room in the archive.",
        );
        let look = self.target.connect(Purpose::Look).await?;
        preflight::refuse_pooler(self.target, &look)?;
        let facts = catalog::facts(&look).await?;
        let tools = Tools::find(look.major()).await?;
        self.context.progress.info(format!(
            "Postgres {}, pg_dump {}.",
            facts.version_text, tools.version
        ));
        preflight::check_room(self.archive, self.target, facts.size_bytes).await?;
        self.begin(
            "Snapshot",
            "Taking the snapshot that is dumped and counted in.",
        );
        // Whatever was committed by now is in it.
        let created_at = self.context.clock.now();
        let snapshot = Snapshot::take(self.target, self.context);
        let snapshot = self.unless_cancelled(snapshot).await?;
        let dumped = self.dump(&look, &tools, &snapshot, created_at).await;
        let relations = snapshot.close().await;
        look.close().await;
        let (draft, dumped) = dumped?;
        self.say_counted(&dumped.contents);
        self.begin("Check", "Reading the artifact back and hashing it.");
        let (draft, bytes, sha256) = self.measured(draft).await?;
        let listed = self.listed(&tools, &draft, &relations).await?;
        let now = self.context.clock.now();
        let manifest = Manifest {
            v: manifest::VERSION,
            id: self.context.clock.id(),
            target: self.target.name.clone(),
            actor: self.context.actor.clone(),
            job: self.context.job.clone(),
            note: self.note.to_owned(),
            created_at,
            finished_at: now,
            readable_at: listed.complete.then_some(now),
            file: manifest::File {
                name: draft.file_name(),
                bytes,
                sha256,
                format: "pg_custom".to_owned(),
                archive_version: listed.version,
                compression: dumped.compression.to_owned(),
            },
            server: server(&facts, self.target),
            pg_dump: tools.version,
            migrations: dumped.migrations,
        };
        self.publish(draft, manifest, dumped.contents).await
    }

    /// Dumps the snapshot into a draft.
    async fn dump(
        &self,
        look: &Session,
        tools: &Tools,
        snapshot: &Snapshot,
        created_at: Timestamp,
    ) -> Result<(Draft, Dumped), OperationError> {
        let draft = self.draft(created_at).await?;
        self.begin("Dump", format!("Writing {}.", draft.file_name()));
        let dump = Dump {
            archive: self.archive,
            target: self.target,
            tools,
            draft: &draft,
            snapshot,
            look,
            context: self.context,
        };
        let dumped = dump.run().await?;
        Ok((draft, dumped))
    }

    /// Begins a phase, as a step or as a line of the caller's.
    fn begin(&self, step: &str, text: impl Into<String>) {
        match self.steps {
            Steps::Own => self.context.progress.step(step, text),
            Steps::Callers => self.context.progress.info(text),
        }
    }

    async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, OperationError> {
        tokio::select! {
            done = work => Ok(done?),
            () = self.context.cancel.cancelled() => Err(OperationError::Cancelled),
        }
    }

    async fn draft(&self, now: Timestamp) -> Result<Draft, Trouble> {
        let claim = Claim {
            target: self.target.name.clone(),
            job: self.context.job.clone(),
        };
        let (archive, zone) = (self.archive.clone(), self.target.time_zone.clone());
        blocking(move || archive.draft(&claim, &zone, now)).await
    }

    /// What the counts are worth.
    fn say_counted(&self, contents: &Contents) {
        let (rows, all) = contents.counted_rows();
        let rows = Count(rows);
        let tables = contents.tables.len();
        if all {
            self.context.progress.info(format!(
                "Counted in the snapshot: {rows} rows in {tables} tables."
            ));
            return;
        }
        let counted = contents
            .tables
            .iter()
            .filter(|table| table.rows_exact)
            .count();
        self.context.progress.warn(format!(
            "Counted in the snapshot: {rows} rows in {counted} of {tables} tables. The others took longer than the dump \
             allows, or could not be counted; the manifest marks their rows as estimates."
        ));
    }

    /// The artifact's length and SHA-256.
    async fn measured(&self, draft: Draft) -> Result<(Draft, u64, String), OperationError> {
        let stop = self.context.cancel.clone();
        let (draft, measured) = blocking(move || {
            let measured = draft.measure(&stop);
            (draft, measured)
        })
        .await;
        if self.context.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        let (bytes, sha256) =
            measured.map_err(|error| unwritten(self.archive, &error.to_string()))?;
        if bytes == 0 {
            return Err(unwritten(self.archive, "pg_dump ended well and wrote nothing").into());
        }
        Ok((draft, bytes, sha256))
    }

    /// Whether the table of contents can be read and is that of the snapshot. One that is not makes the backup no worse
    /// than none, so it is kept, and called no more than taken.
    async fn listed(
        &self,
        tools: &Tools,
        draft: &Draft,
        relations: &[Relation],
    ) -> Result<Listed, OperationError> {
        let path = std::path::absolute(draft.part()).unwrap_or_else(|_| draft.part());
        let (version, why) = match toc::read(tools, &path, &self.context.cancel).await? {
            Ok(toc) => (toc.version.clone(), toc.differs(relations)),
            Err(why) => (None, Some(why)),
        };
        if let Some(why) = &why {
            self.context.progress.warn(format!(
                "The table of contents is not what it has to be: {why}. The backup is kept and called taken; do not rely on \
                 it before you have restored it."
            ));
        }
        Ok(Listed {
            version,
            complete: why.is_none(),
        })
    }

    async fn publish(
        &self,
        draft: Draft,
        manifest: Manifest,
        contents: Contents,
    ) -> Result<Outcome, OperationError> {
        if self.context.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        self.begin(
            "Publish",
            format!(
                "{} bytes, SHA-256 {}.",
                manifest.file.bytes, manifest.file.sha256
            ),
        );
        let (id, name) = (manifest.id.clone(), manifest.file.name.clone());
        let word = manifest.worth().word();
        blocking(move || draft.publish(&manifest, &contents))
            .await
            .map_err(|error| unwritten(self.archive, &error.to_string()))?;
        Ok(Outcome {
            summary: match word {
                "taken" => format!("{name} was taken."),
                word => format!("{name} was taken. It is {word}."),
            },
            made: Some(id),
        })
    }
}

/// What the table of contents turned out to be.
struct Listed {
    version: Option<String>,
    complete: bool,
}

fn server(facts: &Facts, target: &Target) -> manifest::Server {
    manifest::Server {
        version_num: facts.version_num,
        cluster: facts.cluster(&target.url),
        database: facts.database.clone(),
        encoding: facts.encoding.clone(),
        size_bytes: facts.size_bytes,
    }
}

/// Removes what a vanished run of `job` left: its files in the archive, and its sessions on the server if they live.
pub async fn clean_up(archive: &Archive, target: Option<&Target>, job: &str) {
    if let Some(target) = target
        && let Ok(session) = target.connect(Purpose::Look).await
    {
        catalog::session::end_sessions_of(&session, job).await;
        session.close().await;
    }
    let (archive, job) = (archive.clone(), job.to_owned());
    let removed = blocking(move || archive.sweep(&job)).await;
    for name in removed {
        tracing::info!(
            archive.file = name,
            "removed what an interrupted backup left behind"
        );
    }
}

/// The backup that `job` published, if it did.
pub async fn published(archive: &Archive, target: &str, job: &str) -> Option<Manifest> {
    let (archive, target) = (archive.clone(), target.to_owned());
    let listing = blocking(move || archive.list(&target)).await;
    listing.backups.into_iter().find(|backup| backup.job == job)
}

fn unwritten(archive: &Archive, reason: &str) -> Trouble {
    Trouble::new(
        format!(
            "The artifact could not be written to {}: {reason}.",
            archive.folder().display()
        ),
        "There is no backup of this job; what was written is removed. The database was not changed.",
        "Look at the free space and the health of that disk, then take the backup again.",
    )
}

/// Runs what touches the disk away from the threads that serve pages.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
