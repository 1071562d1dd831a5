//! The archive: one folder with artifacts (`NAME.dump`) and their manifests (`NAME.json`).
//!
//! What must stay true: a file becomes visible under its name only when it is whole (`.part`, fsync, rename); the
//! manifest comes after the artifact and goes before it; no path is ever made from what a browser or a database says.
//! Lists are made from the manifests alone, so they are whole also when the store was lost. Read [`draft`] for how a
//! backup comes in.

pub mod draft;
mod reading;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::backup::contents::Contents;
use crate::backup::manifest::Manifest;
use draft::Place;
pub use draft::{Claim, Draft};

/// How a name begins: `2025-09-21_1200-`.
const STAMP: &str = "0000-00-00_0000-";

/// The archive in one folder. Its calls touch the disk: from async code, use `spawn_blocking`.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// What a listing found.
#[derive(Debug, Default)]
pub struct Listing {
    /// The backups, newest first.
    pub backups: Vec<Manifest>,
    /// Sentences about what looks like a backup and is none: manifests that cannot be read, artifacts that are gone.
    pub problems: Vec<String>,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes of the whole file system.
    pub total: u64,
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

    /// Bytes that may still be written, as far as the file system of the folder tells.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        Some(self.room()?.free)
    }

    /// The room, as far as the file system of the folder (or of its nearest existing parent) tells.
    #[must_use]
    pub fn room(&self) -> Option<Room> {
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
        Some(Room {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
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
            let ending = path.extension().and_then(|ending| ending.to_str());
            match ending {
                Some("json") => self.take_in(&mut listing, &path, target),
                Some("dump") => listing.problems.extend(self.orphan(&path, target)),
                _ => {}
            }
        }
        listing.backups.sort_by(|a, b| {
            (b.created_at, &b.id, &b.file.name).cmp(&(a.created_at, &a.id, &a.file.name))
        });
        let mut seen = std::collections::HashSet::new();
        let problems = &mut listing.problems;
        listing.backups.retain(|backup| {
            let is_first = seen.insert(backup.id.clone());
            if !is_first {
                problems.push(format!(
                    "{} has the id of another backup: one of the two manifests was changed by hand.",
                    backup.file.name
                ));
            }
            is_first
        });
        listing.problems.sort();
        listing
    }

    fn take_in(&self, listing: &mut Listing, path: &Path, target: &str) {
        match reading::manifest(path) {
            Ok(manifest) if manifest.target != target => {}
            Ok(manifest) if self.artifact(&manifest).is_some() => listing.backups.push(manifest),
            Ok(manifest) => listing.problems.push(format!(
                "The manifest {} is here, but its artifact {} is not, or not in full.",
                path.display(),
                manifest.file.name
            )),
            Err(reason) => listing.problems.push(format!(
                "The manifest {} cannot be read: {reason}.",
                path.display()
            )),
        }
    }

    /// The sentence about an artifact without a manifest, whose name may mean `target`. Nobody is writing it: whoever
    /// does has a claim until the manifest is there, so the claim is looked for first.
    fn orphan(&self, path: &Path, target: &str) -> Option<String> {
        let stem = path.file_stem()?.to_str()?;
        let rest = stem.get(STAMP.len()..)?.strip_prefix(target)?;
        let number = rest.strip_prefix('-').unwrap_or("0");
        let place = Place::new(&self.folder, stem);
        let is_ours = is_stamp(stem.get(..STAMP.len())?)
            && (rest.is_empty() || number.parse::<u32>().is_ok_and(|number| number > 0))
            && !place.has("draft")
            && !place.has("json");
        is_ours.then(|| {
            format!(
                "{} has no manifest, so it is not a backup that anything is known of.",
                path.display()
            )
        })
    }

    /// One backup of `target` by its id.
    #[must_use]
    pub fn find(&self, target: &str, id: &str) -> Option<Manifest> {
        let listing = self.list(target);
        listing.backups.into_iter().find(|backup| backup.id == id)
    }

    /// What is inside of a backup; of older ones that is not known.
    #[must_use]
    pub fn contents(&self, manifest: &Manifest) -> Option<Contents> {
        reading::contents(&Place::new(&self.folder, manifest.name()).file("json"))
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

    /// Whether the artifact's bytes are still those that were written: reads all of them, unless it is told to stop.
    #[must_use]
    pub fn is_intact(&self, manifest: &Manifest, stop: &CancellationToken) -> bool {
        let measured = self.artifact(manifest).map(|path| measure(&path, stop));
        matches!(measured, Some(Ok((_, sha256))) if sha256 == manifest.file.sha256)
    }

    /// Removes a backup for good: its manifest, which ends its being one, then its artifact. Whoever has the artifact open
    /// reads it to the end.
    pub fn remove(&self, manifest: &Manifest) -> io::Result<()> {
        let artifact = self
            .artifact(manifest)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let folder = File::open(&self.folder)?;
        std::fs::remove_file(Place::new(&self.folder, manifest.name()).file("json"))?;
        folder.sync_all()?;
        std::fs::remove_file(artifact)?;
        folder.sync_all()
    }
}

/// Whether a text has the shape of [`STAMP`].
fn is_stamp(text: &str) -> bool {
    text.chars()
        .zip(STAMP.chars())
        .all(|(each, model)| match model {
            '0' => each.is_ascii_digit(),
            model => each == model,
        })
}

/// The length and the SHA-256 of a file, read once from its beginning. An error when it is told to stop.
fn measure(path: &Path, stop: &CancellationToken) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if stop.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, base16ct::lower::encode_string(&hasher.finalize())))
}

#[cfg(test)]
mod tests;
