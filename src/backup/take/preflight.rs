//! What can be known to go wrong before anything is begun: no room, no server of its own.

use super::blocking;
use crate::backup::Archive;
use crate::operation::Trouble;
use crate::target::size::Bytes;
use crate::target::{Session, Target};

/// A first dump is smaller than the database by at least this factor, in percent; used to ask for room beforehand.
const FIRST_DUMP_PERCENT: u64 = 35;

/// Refuses when the archive has less room than the backup will probably take: filling the disk may stop the database,
/// which often lives on the same one.
pub(super) async fn check_room(
    archive: &Archive,
    target: &Target,
    size_bytes: Option<i64>,
) -> Result<(), Trouble> {
    let (asked, name) = (archive.clone(), target.name.clone());
    let (newest, free) = blocking(move || {
        let newest = asked.list(&name).backups.into_iter().next();
        (newest, asked.free_bytes())
    })
    .await;
    let last = newest.map(|backup| backup.file.bytes + backup.file.bytes / 3);
    let first = size_bytes
        .and_then(|bytes| u64::try_from(bytes).ok())
        .map(|bytes| bytes / 100 * FIRST_DUMP_PERCENT);
    let (Some(free), Some(needed)) = (free, last.or(first)) else {
        return Ok(());
    };
    if free >= needed {
        return Ok(());
    }
    let bytes = |bytes| Bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
    Err(Trouble::new(
        format!(
            "The archive folder {} has {} free, and this backup will probably take {}.",
            archive.folder().display(),
            bytes(free),
            bytes(needed)
        ),
        "No backup was started, so that the disk does not fill up. The database was not touched.",
        "Make room, or name a folder on another disk as `folder` in the section [archive].",
    ))
}

/// Refuses a pooler before anything waits for it: neither would it keep the snapshot, nor would `pg_dump` reach it.
pub(super) fn refuse_pooler(target: &Target, look: &Session) -> Result<(), Trouble> {
    let Some(why) = look.pooled() else {
        return Ok(());
    };
    Err(Trouble::new(
        format!(
            "{} is reached through a transaction pooler ({why}), which keeps no snapshot: rows could not be counted in the \
             moment that is dumped.",
            target.url.safe()
        ),
        "No backup was taken. The database was not touched.",
        "Give the server's direct URL, the one that Prisma calls directUrl. If there is no pooler, add pgbouncer=false to \
         the URL.",
    )
    .unreachable())
}
