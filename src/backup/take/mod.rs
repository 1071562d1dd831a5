//! Taking a backup: `pg_dump -Fc` of the server's own major, into a draft that is published only when it is whole.
//!
//! Steps: Preflight (facts, tool, room), Dump, Check (length and SHA-256 by one read), Publish. Cancelling, failing and
//! vanishing leave no artifact behind; on the server, the dump's session ends with the tool.

use std::ffi::OsString;
use std::time::Duration;

use tokio::sync::mpsc;

use super::archive::{Archive, Draft};
use super::manifest::{self, Manifest, MigrationRow};
use crate::migration::{RowState, Survey};
use crate::operation::{Context, OperationError, Outcome, Progress, Trouble};
use crate::target::tool::{Child, ConnectionFiles, Ended, Tools};
use crate::target::{Purpose, Session, Target};

/// How long the dump may wait for a table that somebody holds exclusively.
const LOCK_WAIT: &str = "--lock-wait-timeout=30s";
/// How often progress is reported while the dump runs.
const REPORT: Duration = Duration::from_secs(2);
/// A first dump is smaller than the database by at least this factor, in percent; used to ask for room beforehand.
const FIRST_DUMP_PERCENT: u64 = 35;

/// The steps of taking a backup.
pub const STEPS: &[&str] = &["Preflight", "Dump", "Check", "Publish"];

/// Takes a backup of `target`.
pub async fn run(
    archive: &Archive,
    target: &Target,
    note: &str,
    context: &Context,
) -> Result<Outcome, OperationError> {
    let progress = &context.progress;
    progress.step(
        "Preflight",
        "Looking at the server, the tools and the room in the archive.",
    );
    let session = target.connect(Purpose::Look).await?;
    let tools = Tools::find(session.major()).await?;
    let survey = Survey::with(target, &session).await?;
    progress.info(format!(
        "Postgres {}, pg_dump {}.",
        survey.facts.version_text, tools.version
    ));
    check_room(archive, target, survey.facts.size_bytes)?;
    let draft = blocking({
        let (archive, name, now) = (archive.clone(), target.name.clone(), context.clock.now());
        move || archive.draft(&name, now)
    })
    .await?;
    let created_at = context.clock.now();
    progress.step("Dump", format!("Writing {}.", draft.file_name()));
    let compression = dump(target, &tools, &draft, &session, context).await?;
    session.close().await;
    progress.step("Check", "Reading the artifact back and hashing it.");
    let (draft, measured) = blocking(move || {
        let measured = draft.measure();
        (draft, measured)
    })
    .await;
    let (bytes, sha256) = measured.map_err(|error| unwritten(archive, &error.to_string()))?;
    if bytes == 0 {
        return Err(unwritten(archive, "pg_dump ended well and wrote nothing").into());
    }
    if context.cancel.is_cancelled() {
        return Err(OperationError::Cancelled);
    }
    let manifest = Manifest {
        v: manifest::VERSION,
        id: context.clock.id(),
        target: target.name.clone(),
        actor: context.actor.clone(),
        job: context.job.clone(),
        note: note.to_owned(),
        created_at,
        finished_at: context.clock.now(),
        file: manifest::File {
            name: draft.file_name(),
            bytes,
            sha256,
            format: "pg_custom".to_owned(),
            compression,
        },
        server: manifest::Server {
            version_num: survey.facts.version_num,
            cluster: survey.cluster(target),
            database: survey.facts.database.clone(),
            encoding: survey.facts.encoding.clone(),
            size_bytes: survey.facts.size_bytes,
        },
        pg_dump: tools.version,
        migrations: rows(&survey),
    };
    progress.step(
        "Publish",
        format!("{bytes} bytes, SHA-256 {}.", manifest.file.sha256),
    );
    let (id, name) = (manifest.id.clone(), manifest.file.name.clone());
    blocking(move || draft.publish(&manifest))
        .await
        .map_err(|error| unwritten(archive, &error.to_string()))?;
    Ok(Outcome {
        summary: format!("{name} was taken."),
        made: Some(id),
    })
}

/// Removes what a vanished run of `job` left: its files in the archive, and its session on the server if it lives.
pub async fn clean_up(archive: &Archive, target: Option<&Target>, job: &str) {
    let Some(target) = target else { return };
    if let Ok(session) = target.connect(Purpose::Look).await {
        crate::target::catalog::session::end_sessions_of(&session, job).await;
        session.close().await;
    }
    let (archive, name) = (archive.clone(), target.name.clone());
    let removed = blocking(move || archive.sweep(&name)).await;
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

fn rows(survey: &Survey) -> Vec<MigrationRow> {
    survey
        .ledger_rows()
        .map(|row| MigrationRow {
            name: row.migration_name.clone(),
            checksum: row.checksum.clone(),
            state: state_word(row.state()).to_owned(),
        })
        .collect()
}

fn state_word(state: RowState) -> &'static str {
    match state {
        RowState::Applied => "applied",
        RowState::FailedOrRunning => "failed",
        RowState::RolledBack | RowState::BothSet => "rolled back",
    }
}

/// Refuses when the archive has less room than the backup will probably take: filling the disk may stop the database,
/// which often lives on the same one.
fn check_room(archive: &Archive, target: &Target, size_bytes: Option<i64>) -> Result<(), Trouble> {
    let last = archive
        .list(&target.name)
        .backups
        .first()
        .map(|backup| backup.file.bytes + backup.file.bytes / 3);
    let first = size_bytes
        .and_then(|bytes| u64::try_from(bytes).ok())
        .map(|bytes| bytes / 100 * FIRST_DUMP_PERCENT);
    let (Some(free), Some(needed)) = (archive.free_bytes(), last.or(first)) else {
        return Ok(());
    };
    if free >= needed {
        return Ok(());
    }
    Err(Trouble::new(
        format!(
            "The archive folder {} has {} MB free, and this backup will probably take {} MB.",
            archive.folder().display(),
            free / 1_000_000,
            needed / 1_000_000
        ),
        "No backup was started, so that the disk does not fill up. The database was not touched.",
        "Make room, or name a folder on another disk as `folder` in the section [archive].",
    ))
}

/// Runs `pg_dump`, with zstd where this one knows it, else gzip. Returns the compression that was used.
async fn dump(
    target: &Target,
    tools: &Tools,
    draft: &Draft,
    session: &Session,
    context: &Context,
) -> Result<String, OperationError> {
    if session.major() >= 16 {
        let ended = dump_with("zstd:3", target, tools, draft, context).await?;
        if !unknown_compression(&ended) {
            return judge(&ended, target, "zstd:3");
        }
        context
            .progress
            .info("This pg_dump was built without zstd; gzip is used.");
        // Since 16 a level alone means gzip, as before.
    }
    let ended = dump_with("1", target, tools, draft, context).await?;
    judge(&ended, target, "gzip:1")
}

fn unknown_compression(ended: &Ended) -> bool {
    !ended.status.success()
        && !ended.cancelled
        && ended.stderr.contains("does not support compression")
}

async fn dump_with(
    compression: &str,
    target: &Target,
    tools: &Tools,
    draft: &Draft,
    context: &Context,
) -> Result<Ended, OperationError> {
    let files = ConnectionFiles::write(&target.url)?;
    let mut output = OsString::from("--file=");
    output.push(draft.part());
    let args: Vec<OsString> = vec![
        "--format=custom".into(),
        "--no-password".into(),
        "--verbose".into(),
        LOCK_WAIT.into(),
        format!("--compress={compression}").into(),
        output,
        ConnectionFiles::dbname_argument().into(),
    ];
    let (lines, said) = mpsc::unbounded_channel();
    let child = Child::start(
        &tools.pg_dump,
        args,
        files.env(&context.job),
        move |line: &str| {
            let _ended = lines.send(line.to_owned());
        },
    )?;
    let ended = child.wait_or_cancel(&context.cancel);
    let (ended, ()) = tokio::join!(ended, report(&context.progress, draft, said));
    Ok(ended?)
}

/// Says every now and then how much is written and which table is under way. The size of the result is not known
/// beforehand, so no percentage is made up. Ends when the tool does.
async fn report(progress: &Progress, draft: &Draft, mut said: mpsc::UnboundedReceiver<String>) {
    let mut table = None;
    let mut tick = tokio::time::interval(REPORT);
    tick.tick().await;
    loop {
        tokio::select! {
            line = said.recv() => match line {
                // "pg_dump: dumping contents of table "public"."Card"": the only line worth repeating.
                Some(line) => {
                    if let Some((_, name)) = line.split_once("dumping contents of table ") {
                        table = Some(name.trim().to_owned());
                    } else if line.contains("warning:") {
                        progress.warn(line);
                    }
                }
                None => return,
            },
            _ = tick.tick() => {
                let bytes = tokio::fs::metadata(draft.part()).await.map_or(0, |file| file.len());
                progress.count(bytes, None, "bytes");
                let megabytes = bytes / 1_000_000;
                progress.info(match &table {
                    Some(table) => format!("{megabytes} MB written, now {table}."),
                    None => format!("{megabytes} MB written."),
                });
            }
        }
    }
}

fn judge(ended: &Ended, target: &Target, compression: &str) -> Result<String, OperationError> {
    if ended.cancelled {
        return Err(OperationError::Cancelled);
    }
    if ended.status.success() {
        return Ok(compression.to_owned());
    }
    // The last lines hold the reason; before them pg_dump tells what it did.
    let reasons: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| {
            line.contains("error:") || line.contains("detail:") || line.contains("hint:")
        })
        .collect();
    let reason = if reasons.is_empty() {
        ended
            .stderr
            .lines()
            .last()
            .unwrap_or("it said nothing")
            .to_owned()
    } else {
        reasons.join("\n")
    };
    Err(Trouble::new(
        format!("pg_dump failed on {}: {reason}", target.url.safe()),
        "There is no backup of this job; what was written is removed. The database was not changed.",
        "Correct what pg_dump names (rights, room, a lock that is held) and take the backup again.",
    )
    .into())
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
