//! A draft: the place in the archive that one running backup writes to, until it is published or given up.
//!
//! What must stay true: whose a draft is stands in its claim, `NAME.draft`, which is there before anything else of that
//! name and goes last; a name alone tells nothing, for `app-2` is the second backup of `app` in a minute, or the first
//! of a target called so. A claim is written once, so no two backups get one name.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Archive, measure};
use crate::backup::contents::Contents;
use crate::backup::manifest::{Manifest, Whole};
use crate::operation::Trouble;

/// How many backups of one target may begin in a minute.
const MOST: u32 = 1000;
/// A claim is written a moment after it is made. One that cannot be read for longer is a leftover.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// Whose a draft is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The target's name.
    pub target: String,
    /// The job that writes it.
    pub job: String,
}

/// A place in the archive that one running backup writes to. Dropping it unpublished removes what was written.
#[derive(Debug)]
pub struct Draft {
    place: Place,
    published: bool,
}

/// The files of one name.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    stem: String,
}

impl Place {
    pub fn new(folder: &Path, stem: &str) -> Self {
        Self {
            folder: folder.to_path_buf(),
            stem: stem.to_owned(),
        }
    }

    pub fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.stem))
    }

    pub fn has(&self, ending: &str) -> bool {
        std::fs::symlink_metadata(self.file(ending)).is_ok()
    }

    /// Removes what is not published of it, and the claim last.
    fn clear(&self) -> Vec<String> {
        let mut endings = vec!["dump.part", "json.part"];
        if !self.has("json") {
            endings.push("dump");
        }
        endings.push("draft");
        endings.retain(|ending| std::fs::remove_file(self.file(ending)).is_ok());
        endings
            .into_iter()
            .map(|ending| format!("{}.{ending}", self.stem))
            .collect()
    }
}

impl Archive {
    /// Opens a draft for a backup that begins now. Its name says when, on the clocks of `zone`, and of what; one that is
    /// taken gets `-2`, `-3` and so on: in the same minute, or in an hour that the clocks repeat.
    pub fn draft(&self, claim: &Claim, zone: &TimeZone, now: Timestamp) -> Result<Draft, Trouble> {
        let refused = |error: io::Error| {
            Trouble::new(
                format!(
                    "The archive folder {} cannot be written: {error}.",
                    self.folder.display()
                ),
                "No backup was taken. The database was not touched.",
                "Make the folder writable for the user that Lockkeeper runs as, or name another one as `folder` in the \
                 section [archive].",
            )
        };
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder);
        made.map_err(refused)?;
        let stamp = now.to_zoned(zone.clone()).strftime("%Y-%m-%d_%H%M");
        let name = format!("{stamp}-{}", claim.target);
        for attempt in 1..MOST {
            let stem = match attempt {
                1 => name.clone(),
                _ => format!("{name}-{attempt}"),
            };
            let place = Place::new(&self.folder, &stem);
            if let Some(draft) = Draft::claimed(place, claim).map_err(refused)? {
                return Ok(draft);
            }
        }
        Err(refused(io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    /// Removes what an interrupted run of `job` left behind, and returns the names. What it had published stays.
    #[must_use]
    pub fn sweep(&self, job: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut removed = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".draft")) else {
                continue;
            };
            let place = Place::new(&self.folder, stem);
            let is_left = match read_claim(&entry.path()) {
                Some(claim) => claim.job == job,
                None => !place.has("dump") && !place.has("dump.part") && is_old(&entry.path()),
            };
            if is_left {
                removed.extend(place.clear());
            }
        }
        removed
    }
}

fn read_claim(path: &Path) -> Option<Claim> {
    let text = super::reading::text_of(path, 64 * 1024).ok()?;
    serde_json::from_str(&text).ok()
}

fn is_old(path: &Path) -> bool {
    let modified = std::fs::symlink_metadata(path).and_then(|facts| facts.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > WRITTEN_WITHIN))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

impl Draft {
    /// Claims a name, unless it is taken.
    fn claimed(place: Place, claim: &Claim) -> io::Result<Option<Self>> {
        let taken = |place: &Place| {
            ["dump", "json", "dump.part", "json.part"]
                .iter()
                .any(|ending| place.has(ending))
        };
        if taken(&place) {
            return Ok(None);
        }
        let mut file = match private().open(place.file("draft")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        };
        // Another one of this name may have been published since it was looked for.
        if taken(&place) {
            std::fs::remove_file(place.file("draft"))?;
            return Ok(None);
        }
        let draft = Self {
            place,
            published: false,
        };
        serde_json::to_writer(&mut file, claim)?;
        file.sync_all()?;
        private().open(draft.part())?;
        Ok(Some(draft))
    }

    /// Where the artifact is written until it is whole.
    #[must_use]
    pub fn part(&self) -> PathBuf {
        self.place.file("dump.part")
    }

    /// The name that the artifact will have.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.dump", self.place.stem)
    }

    /// The artifact's length and SHA-256, by one read after it was synced to the disk.
    pub fn measure(&self, stop: &CancellationToken) -> io::Result<(u64, String)> {
        File::open(self.part())?.sync_all()?;
        measure(&self.part(), stop)
    }

    /// Makes the backup exist: the artifact gets its name, then its manifest does.
    pub fn publish(mut self, manifest: &Manifest, contents: &Contents) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&Whole { manifest, contents })?;
        let folder = File::open(&self.place.folder)?;
        let json_part = self.place.file("json.part");
        let mut file = private().open(&json_part)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(self.part(), self.place.file("dump"))?;
        // The name of the artifact has to be on the disk before anything says that it is a backup.
        folder.sync_all()?;
        std::fs::rename(&json_part, self.place.file("json"))?;
        if let Err(error) = folder.sync_all() {
            // Without its manifest an artifact is no backup, and goes with the rest of the draft.
            std::fs::remove_file(self.place.file("json"))?;
            return Err(error);
        }
        self.published = true;
        // The backup is there: a claim that stays is swept up with the job's other leftovers.
        let _left = std::fs::remove_file(self.place.file("draft"));
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            let _gone = self.place.clear();
        }
    }
}
