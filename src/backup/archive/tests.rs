//! The archive on a real folder.

use super::*;
use crate::backup::manifest::{File as Artifact, Server};

const NOON: &str = "2025-09-21T12:00:30Z";

fn archive() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::new(folder.path().join("backups"));
    (folder, archive)
}

fn draft(archive: &Archive, target: &str) -> Draft {
    archive.draft(target, NOON.parse().unwrap()).unwrap()
}

fn manifest(target: &str, id: &str, created_at: &str, file: Artifact) -> Manifest {
    Manifest {
        v: VERSION,
        id: id.to_owned(),
        target: target.to_owned(),
        actor: "ada".to_owned(),
        job: "a job".to_owned(),
        note: String::new(),
        created_at: created_at.parse().unwrap(),
        finished_at: created_at.parse().unwrap(),
        file,
        server: Server {
            version_num: 150_018,
            cluster: "7400000000000000000".to_owned(),
            database: "app".to_owned(),
            encoding: "UTF8".to_owned(),
            size_bytes: None,
        },
        pg_dump: "15.18".to_owned(),
        migrations: Vec::new(),
    }
}

/// Takes a backup of `bytes`, as far as the archive is concerned.
fn publish(archive: &Archive, target: &str, id: &str, created_at: &str, bytes: &[u8]) -> Manifest {
    let draft = draft(archive, target);
    std::fs::write(draft.part(), bytes).unwrap();
    let (length, sha256) = draft.measure().unwrap();
    let file = Artifact {
        name: draft.file_name(),
        bytes: length,
        sha256,
        format: "pg_custom".to_owned(),
        compression: "gzip:1".to_owned(),
    };
    let manifest = manifest(target, id, created_at, file);
    draft.publish(&manifest).unwrap();
    manifest
}

fn names(archive: &Archive) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(archive.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_name_says_when_and_of_what_and_is_given_once() {
    let (_folder, archive) = archive();
    let first = draft(&archive, "app");
    let second = draft(&archive, "app");
    assert_eq!(first.file_name(), "2025-09-21_1200-app.dump");
    assert_eq!(second.file_name(), "2025-09-21_1200-app.2.dump");
    drop((first, second));
    let published = publish(&archive, "app", "1", NOON, b"x").file.name;
    assert_eq!(published, "2025-09-21_1200-app.dump");
    let next = draft(&archive, "app").file_name();
    assert_eq!(
        next, "2025-09-21_1200-app.2.dump",
        "a backup is not overwritten"
    );
}

#[test]
fn an_unpublished_draft_leaves_nothing() {
    let (_folder, archive) = archive();
    let draft = draft(&archive, "app");
    std::fs::write(draft.part(), b"half").unwrap();
    assert_eq!(names(&archive), ["2025-09-21_1200-app.dump.part"]);
    assert!(archive.list("app").backups.is_empty());
    drop(draft);
    assert!(names(&archive).is_empty());
}

#[test]
fn what_is_published_is_listed_newest_first_and_only_for_its_target() {
    let (_folder, archive) = archive();
    assert!(archive.list("app").backups.is_empty(), "no folder yet");
    assert!(archive.list("app").problems.is_empty());
    let old = publish(&archive, "app", "1", "2025-09-20T12:00:00Z", b"old");
    let new = publish(&archive, "app", "2", NOON, b"new");
    let other = publish(&archive, "app-2", "3", NOON, b"other");
    let listing = archive.list("app");
    assert_eq!(listing.backups, [new.clone(), old]);
    assert!(listing.problems.is_empty());
    assert_eq!(archive.find("app", "2"), Some(new.clone()));
    assert_eq!(archive.find("app", &other.id), None, "another target's");
    let bytes = std::fs::read(archive.artifact(&new).unwrap()).unwrap();
    assert_eq!(bytes, b"new");
    assert_eq!(
        new.file.sha256,
        "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"
    );
}

#[test]
fn files_and_folder_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, archive) = archive();
    publish(&archive, "app", "1", NOON, b"x");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(archive.folder()), 0o700);
    for name in names(&archive) {
        assert_eq!(mode(&archive.folder().join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_backup_whose_artifact_is_gone_or_cut_is_a_problem() {
    let (_folder, archive) = archive();
    let cut = publish(&archive, "app", "1", NOON, b"whole");
    let gone = publish(&archive, "app", "2", NOON, b"whole");
    std::fs::write(archive.folder().join(&cut.file.name), b"whol").unwrap();
    std::fs::remove_file(archive.folder().join(&gone.file.name)).unwrap();
    let listing = archive.list("app");
    assert!(listing.backups.is_empty());
    assert_eq!(listing.problems.len(), 2, "{:?}", listing.problems);
    for manifest in [cut, gone] {
        let named = |problem: &String| problem.contains(&manifest.file.name);
        assert!(listing.problems.iter().any(named));
        assert_eq!(archive.artifact(&manifest), None);
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_a_problem_and_hides_no_other() {
    let (_folder, archive) = archive();
    publish(&archive, "app", "1", NOON, b"x");
    let newer = std::fs::read_to_string(archive.folder().join("2025-09-21_1200-app.json"))
        .unwrap()
        .replace("\"v\": 1", "\"v\": 9");
    std::fs::write(archive.folder().join("newer.json"), newer).unwrap();
    std::fs::write(archive.folder().join("broken.json"), "{").unwrap();
    let listing = archive.list("app");
    assert_eq!(listing.backups.len(), 1);
    assert_eq!(listing.problems.len(), 2, "{:?}", listing.problems);
}

#[test]
fn a_hostile_file_name_leads_nowhere() {
    let (folder, archive) = archive();
    let honest = publish(&archive, "app", "1", NOON, b"12345");
    std::fs::write(folder.path().join("secret"), b"12345").unwrap();
    let link = archive.folder().join("link.dump");
    std::os::unix::fs::symlink(folder.path().join("secret"), link).unwrap();
    let absolute = folder.path().join("secret").display().to_string();
    for name in [
        "../secret",
        "../../etc/passwd",
        &absolute,
        "link.dump",
        "./../secret",
        "..",
        ".",
        "",
        "a/",
    ] {
        let mut hostile = honest.clone();
        name.clone_into(&mut hostile.file.name);
        assert_eq!(archive.artifact(&hostile), None, "{name:?}");
    }
    assert!(archive.artifact(&honest).is_some());
}

#[test]
fn sweeping_takes_the_leftovers_of_one_target_only() {
    let (_folder, archive) = archive();
    publish(&archive, "app", "1", NOON, b"x");
    for left in [
        "2025-09-21_1201-app.dump.part",
        "2025-09-21_1201-app.2.dump.part",
        "2025-09-21_1201-app.json.part",
        "2025-09-21_1201-app-2.dump.part",
        "2025-09-21_1201-app-2.2.dump.part",
        "2025-09-21_1201-apple.dump.part",
        "2025-09-21_1201-my-app.dump.part",
        "app.dump.part",
        "é.dump.part",
    ] {
        std::fs::write(archive.folder().join(left), b"half").unwrap();
    }
    let mut removed = archive.sweep("app");
    removed.sort();
    assert_eq!(
        removed,
        [
            "2025-09-21_1201-app.2.dump.part",
            "2025-09-21_1201-app.dump.part",
            "2025-09-21_1201-app.json.part"
        ]
    );
    assert_eq!(
        names(&archive),
        [
            "2025-09-21_1200-app.dump",
            "2025-09-21_1200-app.json",
            "2025-09-21_1201-app-2.2.dump.part",
            "2025-09-21_1201-app-2.dump.part",
            "2025-09-21_1201-apple.dump.part",
            "2025-09-21_1201-my-app.dump.part",
            "app.dump.part",
            "é.dump.part",
        ]
    );
}

#[test]
fn an_archive_that_cannot_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let archive = Archive::new(file.join("backups"));
    let trouble = archive.draft("app", NOON.parse().unwrap()).unwrap_err();
    assert!(
        trouble.what.contains("cannot be written"),
        "{}",
        trouble.what
    );
    assert!(archive.free_bytes().is_some_and(|bytes| bytes > 0));
    assert!(!archive.list("app").problems.is_empty());
}
