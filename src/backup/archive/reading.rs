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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Archive;
    use super::*;

    const NAME: &str = "2025-09-21_1200-app";
    const ID: &str = "01a20440-7d4c-7cab-b841-45b4e28e8e24";

    /// A manifest of the first layout, as an older version wrote it.
    fn text(name: &str, id: &str) -> String {
        let hash = "0".repeat(64);
        format!(
            r#"{{"v": 1, "id": "{id}", "target": "app", "actor": "ada", "job": "j", "note": "",
                "created_at": "2025-09-21T12:00:00Z", "finished_at": "2025-09-21T12:00:01Z",
                "file": {{"name": "{name}.dump", "bytes": 1, "sha256": "{hash}", "format": "pg_custom", "compression": "gzip:1"}},
                "server": {{"version_num": 150018, "cluster": "7", "database": "app", "encoding": "UTF8", "size_bytes": null}},
                "pg_dump": "15.18", "migrations": []}}"#
        )
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }

        fn archive(&self) -> Archive {
            Archive::new(self.0.path().to_path_buf())
        }
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let folder = Folder::new();
        let path = folder.put(&format!("{NAME}.json"), &text(NAME, ID));
        folder.put(&format!("{NAME}.dump"), "x");
        let found = manifest(&path).unwrap();
        assert_eq!((found.v, found.worth().word()), (1, "taken"));
        assert_eq!(contents(&path), None);
        assert_eq!(folder.archive().list("app").backups, [found]);
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_manifest() {
        let folder = Folder::new();
        let honest = text(NAME, ID);
        for (hostile, why) in [
            (honest.replace(ID, "../../jobs"), "id"),
            (honest.replace(ID, ""), "id"),
            (
                honest.replace(&"0".repeat(64), "x\\r\\nSet-Cookie: a=b"),
                "sha256",
            ),
            (honest.replace(&"0".repeat(64), &"A".repeat(64)), "sha256"),
            (
                honest.replace(&format!("{NAME}.dump"), "../secret.dump"),
                "another name",
            ),
            (
                honest.replace(&format!("{NAME}.dump"), "other.dump"),
                "another name",
            ),
            (honest.replace(".dump", ".json"), "another name"),
            (honest.replace("\"v\": 1", "\"v\": 3"), "layout 3"),
            (honest.replace("\"v\": 1", "\"v\": 0"), "layout 0"),
            ("[".repeat(100_000), "invalid type"),
            ("\0".to_owned(), "expected"),
        ] {
            let path = folder.put(&format!("{NAME}.json"), &hostile);
            let said = manifest(&path).unwrap_err();
            assert!(said.contains(why), "{why}: {said}");
        }
    }

    #[test]
    fn only_plain_files_are_opened() {
        let folder = Folder::new();
        let elsewhere = Folder::new();
        let secret = elsewhere.put("secret.json", &text(NAME, ID));
        let link = folder.0.path().join(format!("{NAME}.json"));
        std::os::unix::fs::symlink(secret, &link).unwrap();
        manifest(&link).unwrap_err();
        std::fs::remove_file(&link).unwrap();
        // A pipe that nobody writes to would make its reader wait for ever.
        let device = rustix::fs::Dev::default();
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &link, kind, 0o600.into(), device).unwrap();
        assert!(manifest(&link).unwrap_err().contains("no plain file"));
        std::fs::remove_file(&link).unwrap();
        std::fs::create_dir(&link).unwrap();
        assert!(manifest(&link).unwrap_err().contains("no plain file"));
        let huge = std::fs::File::create(folder.0.path().join("huge.json")).unwrap();
        huge.set_len(LONGEST + 1).unwrap();
        assert!(
            manifest(&folder.0.path().join("huge.json"))
                .unwrap_err()
                .contains("too long")
        );
        assert_eq!(folder.archive().list("app").problems.len(), 2);
    }

    #[test]
    fn copies_and_strays_are_named_and_hide_nothing() {
        let folder = Folder::new();
        for name in [NAME, &format!("{NAME}-2"), &format!("{NAME}-3")] {
            folder.put(&format!("{name}.dump"), "x");
        }
        folder.put(&format!("{NAME}.json"), &text(NAME, ID));
        folder.put(&format!("{NAME}-2.json"), &text(&format!("{NAME}-2"), ID));
        // Somebody's own, another target's, and one that is being published right now.
        folder.put("mine.dump", "x");
        folder.put("2025-09-21_1200-apple.dump", "x");
        folder.put(&format!("{NAME}-4.dump"), "x");
        folder.put(&format!("{NAME}-4.draft"), "{}");
        let listing = folder.archive().list("app");
        assert_eq!(listing.backups.len(), 1);
        let [stray, twin] = listing.problems.as_slice() else {
            panic!("{:?}", listing.problems)
        };
        assert!(
            stray.contains(&format!("{NAME}-3.dump has no manifest")),
            "{stray}"
        );
        assert!(twin.contains("has the id of another backup"), "{twin}");
    }
}
