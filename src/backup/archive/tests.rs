//! The archive on a real folder.

use super::*;
use jiff::tz::TimeZone;

use crate::backup::manifest::{File as Artifact, Server, VERSION};

const NOON: &str = "2025-09-21T12:00:30Z";

fn archive() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::new(folder.path().join("backups"));
    (folder, archive)
}

fn draft(archive: &Archive, target: &str) -> Draft {
    draft_at(archive, target, &TimeZone::UTC, NOON)
}

fn draft_at(archive: &Archive, target: &str, zone: &TimeZone, now: &str) -> Draft {
    let claim = claim(target, "a job");
    archive.draft(&claim, zone, now.parse().unwrap()).unwrap()
}

fn claim(target: &str, job: &str) -> Claim {
    Claim {
        target: target.to_owned(),
        job: job.to_owned(),
    }
}

/// An id of ours from one digit.
fn id(digit: &str) -> String {
    format!("01a20440-7d4c-7cab-b841-45b4e28e8e2{digit}")
}

fn manifest(target: &str, id: &str, created_at: &str, file: Artifact) -> Manifest {
    Manifest {
        v: VERSION,
        id: self::id(id),
        target: target.to_owned(),
        actor: "ada".to_owned(),
        job: "a job".to_owned(),
        note: String::new(),
        created_at: created_at.parse().unwrap(),
        finished_at: created_at.parse().unwrap(),
        readable_at: None,
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
    let (length, sha256) = draft.measure(&CancellationToken::new()).unwrap();
    let file = Artifact {
        name: draft.file_name(),
        bytes: length,
        sha256,
        format: "pg_custom".to_owned(),
        archive_version: None,
        compression: "gzip:1".to_owned(),
    };
    let manifest = manifest(target, id, created_at, file);
    draft.publish(&manifest, &Contents::default()).unwrap();
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
    assert_eq!(second.file_name(), "2025-09-21_1200-app-2.dump");
    // The first of another target would be called like the second of this one.
    let other = draft(&archive, "app-2");
    assert_eq!(other.file_name(), "2025-09-21_1200-app-2-2.dump");
    drop((first, second, other));
    let published = publish(&archive, "app", "1", NOON, b"x").file.name;
    assert_eq!(published, "2025-09-21_1200-app.dump");
    let next = draft(&archive, "app").file_name();
    assert_eq!(
        next, "2025-09-21_1200-app-2.dump",
        "a backup is not overwritten"
    );
}

#[test]
fn a_name_is_of_the_targets_clocks_and_an_hour_that_comes_twice_overwrites_nothing() {
    let (_folder, archive) = archive();
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let at = |now: &str| draft_at(&archive, "app", &berlin, now);
    assert_eq!(at(NOON).file_name(), "2025-09-21_1400-app.dump");
    let summer = at("2025-10-26T00:30:00Z");
    let winter = at("2025-10-26T01:30:00Z");
    assert_eq!(summer.file_name(), "2025-10-26_0230-app.dump");
    assert_eq!(winter.file_name(), "2025-10-26_0230-app-2.dump");
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
    assert_eq!(archive.find("app", &id("2")), Some(new.clone()));
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
fn sweeping_takes_the_leftovers_of_one_job_whatever_they_are_called() {
    let (_folder, archive) = archive();
    let leave = |target: &str, job: &str, endings: &[&str]| {
        let claim = claim(target, job);
        let draft = archive
            .draft(&claim, &TimeZone::UTC, NOON.parse().unwrap())
            .unwrap();
        let name = draft.file_name();
        for ending in endings {
            std::fs::write(
                archive.folder().join(name.replace(".dump", ending)),
                b"half",
            )
            .unwrap();
        }
        if !endings.contains(&".dump.part") {
            std::fs::remove_file(draft.part()).unwrap();
        }
        // As a crash does: nothing is cleaned up.
        std::mem::forget(draft);
        name
    };
    let half = leave("app", "1", &[".dump.part"]);
    let theirs = leave("app-2", "2", &[".dump.part"]);
    let unnamed = leave("app", "3", &[".dump", ".json.part"]);
    let published = leave("app", "4", &[".dump", ".json"]);
    assert_eq!(
        [&half, &theirs, &unnamed, &published],
        [
            "2025-09-21_1200-app.dump",
            "2025-09-21_1200-app-2.dump",
            "2025-09-21_1200-app-3.dump",
            "2025-09-21_1200-app-4.dump"
        ]
    );
    assert_eq!(archive.sweep("5"), Vec::<String>::new());
    assert_eq!(
        archive.sweep("1"),
        ["2025-09-21_1200-app.dump.part", "2025-09-21_1200-app.draft"]
    );
    assert_eq!(
        archive.sweep("3").len(),
        3,
        "the artifact without a manifest goes too"
    );
    // What was published stays, without its claim.
    assert_eq!(archive.sweep("4"), ["2025-09-21_1200-app-4.draft"]);
    assert_eq!(
        names(&archive),
        [
            "2025-09-21_1200-app-2.draft",
            "2025-09-21_1200-app-2.dump.part",
            "2025-09-21_1200-app-4.dump",
            "2025-09-21_1200-app-4.json",
        ]
    );
}

#[test]
fn a_claim_that_was_never_written_is_swept_only_when_it_is_old() {
    let (_folder, archive) = archive();
    std::fs::create_dir(archive.folder()).unwrap();
    let claim = archive.folder().join("2025-09-21_1200-app.draft");
    let file = std::fs::File::create(&claim).unwrap();
    assert_eq!(archive.sweep("1"), Vec::<String>::new());
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    file.set_modified(long_ago).unwrap();
    assert_eq!(archive.sweep("1"), ["2025-09-21_1200-app.draft"]);
}

#[test]
fn an_archive_that_cannot_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let archive = Archive::new(file.join("backups"));
    let trouble = archive
        .draft(
            &claim("app", "a job"),
            &TimeZone::UTC,
            NOON.parse().unwrap(),
        )
        .unwrap_err();
    assert!(
        trouble.what.contains("cannot be written"),
        "{}",
        trouble.what
    );
    assert!(archive.free_bytes().is_some_and(|bytes| bytes > 0));
    assert!(!archive.list("app").problems.is_empty());
}
