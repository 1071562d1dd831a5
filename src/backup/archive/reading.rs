//! Reading manifests: files that somebody may have edited, copied from elsewhere, or put there to do harm.
//!
//! What must stay true: a file that cannot be read stops nothing; nothing is followed out of the folder; what is taken
//! from a manifest into a path, a header or an address has been checked here.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use serde::Deserialize;

use crate::backup::contents::Contents;
use crate::backup::manifest::{Manifest, OLDEST, VERSION};

/// The longest manifest that is read, in bytes: room for some hundred thousand tables.
const LONGEST: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Inside {
    contents: Option<Contents>,
}

/// The manifest in a file, or why there is none.
pub(super) fn manifest(path: &Path) -> Result<Manifest, String> {
    let text = text_of(path, LONGEST).map_err(|error| error.to_string())?;
    let found: Manifest = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if !(OLDEST..=VERSION).contains(&found.v) {
        return Err(format!(
            "it has the layout {}, this program knows {OLDEST} to {VERSION}",
            found.v
        ));
    }
    if uuid::Uuid::parse_str(&found.id).is_err() {
        return Err("its id is none of ours".to_owned());
    }
    let hash = found.file.sha256.as_bytes();
    if hash.len() != 64
        || !hash
            .iter()
            .all(|each| matches!(each, b'0'..=b'9' | b'a'..=b'f'))
    {
        return Err("its sha256 is none".to_owned());
    }
    let name = Path::new(&found.file.name);
    let fits = name.file_name() == Some(name.as_os_str())
        && name.extension().is_some_and(|ending| ending == "dump")
        && name.file_stem() == path.file_stem();
    if !fits {
        return Err(format!(
            "it is of the artifact {}, which has another name than the manifest",
            found.file.name.escape_debug()
        ));
    }
    Ok(found)
}

/// The contents in a manifest's file; older ones have none.
pub(super) fn contents(path: &Path) -> Option<Contents> {
    let text = text_of(path, LONGEST).ok()?;
    let inside: Inside = serde_json::from_str(&text).ok()?;
    inside.contents
}

/// The text of a plain file. Neither a link nor a pipe is opened: one leads elsewhere, the other makes its reader wait.
pub(super) fn text_of(path: &Path, longest: u64) -> io::Result<String> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    if facts.len() > longest {
        return Err(io::Error::other("it is too long to be one"));
    }
    let mut text = String::new();
    file.take(longest).read_to_string(&mut text)?;
    Ok(text)
}
