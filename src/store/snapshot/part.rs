//! A file that gets its name when it is whole: `FILE.part` until then, removed when it is given up.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{LONGEST, SnapshotError};

/// A file that is being written. It is locked, so that a second writer of the same name is noticed and what a crash left
/// behind is told from what somebody writes.
pub(super) struct Part {
    path: PathBuf,
    name: PathBuf,
    replace: bool,
    out: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    named: bool,
}

impl Part {
    /// Begins the file that is to be called `name`; only the owner can read it. One that is there is refused unless
    /// `replace`.
    pub fn begin(name: &Path, replace: bool) -> Result<Self, SnapshotError> {
        refuse_existing(name, replace)?;
        let mut path = name.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let create = || {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
        };
        let file = match create() {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                remove_left_over(&path)?;
                create()
            }
            other => other,
        };
        let file = file.map_err(|error| failed(&path, error))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(SnapshotError::Busy(path)),
            // A file system without locks is no reason to have no snapshot.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        Ok(Self {
            path,
            name: name.to_path_buf(),
            replace,
            out: BufWriter::with_capacity(1 << 16, file),
            hash: Sha256::new(),
            bytes: 0,
            named: false,
        })
    }

    /// Appends a line; `what` names it if it is too long.
    pub fn line(&mut self, what: &str, mut line: Vec<u8>) -> Result<(), SnapshotError> {
        line.push(b'\n');
        if line.len() > LONGEST {
            return Err(SnapshotError::Long(what.to_owned()));
        }
        self.hash.update(&line);
        self.bytes += line.len() as u64;
        self.out
            .write_all(&line)
            .map_err(|error| failed(&self.path, error))
    }

    /// SHA-256 of what has been written so far.
    pub fn sha256(&self) -> String {
        base16ct::lower::encode_string(&self.hash.clone().finalize())
    }

    /// Gives the file its name once it is on the disk; its size in bytes.
    pub fn publish(mut self) -> Result<u64, SnapshotError> {
        self.out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            .map_err(|error| failed(&self.path, error))?;
        refuse_existing(&self.name, self.replace)?;
        std::fs::rename(&self.path, &self.name).map_err(|error| failed(&self.name, error))?;
        self.named = true;
        // The name itself is on the disk when its folder is.
        let folder = self.name.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed(&self.name, error))?;
        Ok(self.bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After `publish` a file of that name would be somebody else's.
        if !self.named {
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

fn refuse_existing(name: &Path, replace: bool) -> Result<(), SnapshotError> {
    if !replace && name.symlink_metadata().is_ok() {
        return Err(SnapshotError::Exists(name.to_path_buf()));
    }
    Ok(())
}

/// Removes what a writer left that is gone; one that still writes holds the lock.
fn remove_left_over(path: &Path) -> Result<(), SnapshotError> {
    let file = File::open(path).map_err(|error| failed(path, error))?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(SnapshotError::Busy(path.to_path_buf()));
    }
    std::fs::remove_file(path).map_err(|error| failed(path, error))
}

fn failed(path: &Path, reason: std::io::Error) -> SnapshotError {
    SnapshotError::File {
        path: path.to_path_buf(),
        deed: "written",
        reason,
    }
}
