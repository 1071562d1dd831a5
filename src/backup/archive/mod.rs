//! The archive: one folder with artifacts (`NAME.dump`) and their manifests (`NAME.json`).
//!
//! What must stay true: a file becomes visible under its name only when it is whole (`.part`, fsync, rename); the
//! manifest comes after the artifact; no path is ever made from what a browser or a database says.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::backup::manifest::{Manifest, VERSION};
use crate::operation::Trouble;

/// The archive in one folder. Its calls touch the disk: from async code, use `spawn_blocking`.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// A place in the archive that one running backup writes to. Dropping it unpublished removes what was written.
#[derive(Debug)]
pub struct Draft {
    archive: Archive,
    stem: String,
    part: PathBuf,
    published: bool,
}

/// What a listing found.
#[derive(Debug, Default)]
pub struct Listing {
    /// The backups, newest first.
    pub backups: Vec<Manifest>,
    /// Sentences about manifests that cannot be read or whose artifact is gone.
    pub problems: Vec<String>,
}

impl Archive {
    /// The archive in `folder`, which is made when the first backup is.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes that may still be written, as far as the file system of the folder (or of its nearest existing parent)
    /// tells.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let existing = self
            .folder
            .ancestors()
            .map(|path| {
                if path == Path::new("") {
                    Path::new(".")
                } else {
                    path
                }
            })
            .find(|path| path.exists())?;
        let stat = rustix::fs::statvfs(existing).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Opens a draft for a backup of `target` that begins now. Its name says when and of what, in UTC; a second one in
    /// the same minute gets `.2`: a target's name may end in `-2`, and none holds a dot.
    pub fn draft(&self, target: &str, now: jiff::Timestamp) -> Result<Draft, Trouble> {
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
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(refused)?;
        let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d_%H%M");
        let name = format!("{stamp}-{target}");
        for attempt in 1..1000 {
            let stem = if attempt == 1 {
                name.clone()
            } else {
                format!("{name}.{attempt}")
            };
            if self.path(&stem, "dump").exists() || self.path(&stem, "json").exists() {
                continue;
            }
            let part = self.path(&stem, "dump.part");
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&part);
            match made {
                Ok(_) => {
                    return Ok(Draft {
                        archive: self.clone(),
                        stem,
                        part,
                        published: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Err(refused(io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    /// The backups of `target`, newest first. A missing folder is an empty archive.
    #[must_use]
    pub fn list(&self, target: &str) -> Listing {
        let mut listing = Listing::default();
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return listing,
            Err(error) => {
                listing.problems.push(format!(
                    "The archive folder {} cannot be read: {error}.",
                    self.folder.display()
                ));
                return listing;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read_manifest(&path) {
                Ok(manifest) if manifest.target == target => {
                    if self.artifact(&manifest).is_some() {
                        listing.backups.push(manifest);
                    } else {
                        listing.problems.push(format!(
                            "The manifest {} is here, but its artifact {} is not, or not in full.",
                            path.display(),
                            manifest.file.name
                        ));
                    }
                }
                Ok(_) => {}
                Err(reason) => listing.problems.push(format!(
                    "The manifest {} cannot be read: {reason}.",
                    path.display()
                )),
            }
        }
        listing
            .backups
            .sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        listing
    }

    /// One backup of `target` by its id.
    #[must_use]
    pub fn find(&self, target: &str, id: &str) -> Option<Manifest> {
        let listing = self.list(target);
        listing.backups.into_iter().find(|backup| backup.id == id)
    }

    /// The artifact's path, if it is there in its full length. The name comes from a manifest, that is from a file that
    /// somebody may have edited: only a plain name in our folder is accepted.
    #[must_use]
    pub fn artifact(&self, manifest: &Manifest) -> Option<PathBuf> {
        let name = Path::new(&manifest.file.name);
        if name.file_name() != Some(name.as_os_str()) {
            return None;
        }
        let path = self.folder.join(name);
        let facts = std::fs::symlink_metadata(&path).ok()?;
        (facts.is_file() && facts.len() == manifest.file.bytes).then_some(path)
    }

    /// Whether the artifact's bytes are still those that were written: reads all of them.
    #[must_use]
    pub fn is_intact(&self, manifest: &Manifest) -> bool {
        let measured = self.artifact(manifest).map(|path| measure(&path));
        matches!(measured, Some(Ok((_, sha256))) if sha256 == manifest.file.sha256)
    }

    /// Removes what an interrupted backup of `target` left behind, and returns the names. A target's backups never run
    /// beside each other, so while one is known to be interrupted every `.part` of the target is a leftover.
    #[must_use]
    pub fn sweep(&self, target: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let stem = name
                    .strip_suffix(".dump.part")
                    .or_else(|| name.strip_suffix(".json.part"))?;
                let ours = belongs_to(stem, target) && std::fs::remove_file(entry.path()).is_ok();
                ours.then_some(name)
            })
            .collect()
    }

    fn path(&self, stem: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{stem}.{extension}"))
    }
}

/// Whether a stem `2025-09-21_1200-jarvis` or `…-jarvis.2` is of `target`, and not of one whose name only begins so.
fn belongs_to(stem: &str, target: &str) -> bool {
    let Some(rest) = stem.get(16..).and_then(|rest| rest.strip_prefix(target)) else {
        return false;
    };
    rest.is_empty()
        || rest
            .strip_prefix('.')
            .is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The length and the SHA-256 of a file, read once from its beginning.
fn measure(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, base16ct::lower::encode_string(&hasher.finalize())))
}

fn read_manifest(path: &Path) -> Result<Manifest, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if manifest.v != VERSION {
        return Err(format!(
            "it has the layout {}, this program knows {VERSION}",
            manifest.v
        ));
    }
    Ok(manifest)
}

impl Draft {
    /// Where the artifact is written until it is whole.
    #[must_use]
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// The name that the artifact will have.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.dump", self.stem)
    }

    /// The artifact's length and SHA-256, by one read after it was synced to the disk.
    pub fn measure(&self) -> io::Result<(u64, String)> {
        File::open(&self.part)?.sync_all()?;
        measure(&self.part)
    }

    /// Makes the backup exist: the artifact gets its name, then the manifest is written beside it.
    pub fn publish(mut self, manifest: &Manifest) -> io::Result<()> {
        let folder = File::open(&self.archive.folder)?;
        let data = self.archive.path(&self.stem, "dump");
        let json = self.archive.path(&self.stem, "json");
        let json_part = self.archive.path(&self.stem, "json.part");
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&json_part)?;
            let text = serde_json::to_string_pretty(manifest).map_err(io::Error::other)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&self.part, &data)?;
            std::fs::rename(&json_part, &json)?;
            folder.sync_all()
        })();
        if let Err(error) = written {
            // Without its manifest an artifact is no backup: it must not stay and look like one.
            let _gone = [&json_part, &json, &data].map(std::fs::remove_file);
            return Err(error);
        }
        self.published = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            let _gone = std::fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests;
