//! The file of a snapshot: private, whole or not there, and refused when it is anything else.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lockkeeper::store::snapshot::{self, SnapshotError};
use tempfile::TempDir;

use crate::first;
use crate::ground::Ground;

async fn written(folder: &TempDir) -> PathBuf {
    let ground = Ground::sqlite();
    let store = ground.open().await;
    first::fill(store.read()).await;
    let file = folder.path().join("store.jsonl");
    snapshot::write(&store, &ground.clock, &file, false)
        .await
        .unwrap();
    file
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn it_is_private_and_replaces_nothing_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder).await;
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let ground = Ground::sqlite();
    let store = ground.open().await;
    let before = std::fs::read(&file).unwrap();
    let error = snapshot::write(&store, &ground.clock, &file, false).await;
    assert!(matches!(error.unwrap_err(), SnapshotError::Exists(_)));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // What a crash left is no obstacle; what somebody writes is.
    let part = folder.path().join("store.jsonl.part");
    std::fs::write(&part, "half").unwrap();
    let other = std::fs::File::open(&part).unwrap();
    other.lock().unwrap();
    let error = snapshot::write(&store, &ground.clock, &file, true).await;
    assert!(matches!(error.unwrap_err(), SnapshotError::Busy(_)));
    assert_eq!(std::fs::read(&part).unwrap(), b"half");
    drop(other);
    snapshot::write(&store, &ground.clock, &file, true)
        .await
        .unwrap();
    assert_ne!(std::fs::read(&file).unwrap(), before);
    assert_eq!(names(folder.path()), ["store.jsonl"]);
}

#[tokio::test]
async fn one_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::sqlite();
    let store = ground.open().await;
    first::fill(store.read()).await;
    let file = folder.path().join("store.jsonl");
    {
        let mut writing = Box::pin(snapshot::write(&store, &ground.clock, &file, false));
        let begun = std::future::poll_fn(|context| {
            std::task::Poll::Ready(writing.as_mut().poll(context).is_pending())
        });
        assert!(begun.await);
        assert_eq!(names(folder.path()), ["store.jsonl.part"]);
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let nowhere = folder.path().join("nowhere/store.jsonl");
    let error = snapshot::write(&store, &ground.clock, &nowhere, false).await;
    assert!(matches!(error.unwrap_err(), SnapshotError::File { .. }));
}

#[tokio::test]
async fn any_cut_and_any_change_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder).await;
    let whole = std::fs::read(&file).unwrap();
    let found = snapshot::check(&file).unwrap();
    assert_eq!(found.footer.rows["job"], 6);
    let refused = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        snapshot::check(&file).unwrap_err()
    };
    for length in (0..whole.len()).step_by(31) {
        refused(&whole[..length]);
    }
    // At the end of a line as well.
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    let error = refused(&whole[..=last]);
    assert!(error.to_string().contains("was cut"), "{error}");
    for at in (0..whole.len()).step_by(23) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes);
    }
    let text = String::from_utf8(whole.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without: Vec<&str> = [&lines[..3], &lines[4..]].concat();
    let error = refused(format!("{}\n", without.join("\n")).as_bytes());
    assert!(error.to_string().contains("rows of"), "{error}");
    let error = refused(text.replace("c0ffee", "c0ffef").as_bytes());
    assert!(error.to_string().contains("SHA-256"), "{error}");
    let error = refused(&[whole.as_slice(), b"{}\n"].concat());
    assert!(error.to_string().contains("after its last line"), "{error}");
}

#[test]
fn a_foreign_or_a_newer_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        snapshot::check(&file).unwrap_err()
    };
    for foreign in [
        "",
        "{}",
        "PGDMP\u{1}",
        "{\"lockkeeper_store\":0,\"schema\":1,\"at\":\"2026-11-22T19:00:00Z\",\"version\":\"1\"}\n",
    ] {
        let error = refused(foreign);
        assert!(matches!(error, SnapshotError::Foreign(..)), "{error:?}");
    }
    for newer in ["2,\"schema\":1", "1,\"schema\":9001"] {
        let error = refused(&format!(
            "{{\"lockkeeper_store\":{newer},\"at\":\"2026-11-22T19:00:00Z\",\"version\":\"9.9.9\"}}\n"
        ));
        assert!(matches!(error, SnapshotError::Newer { .. }), "{error:?}");
        assert!(error.to_string().contains("9.9.9"), "{error}");
    }
    let header =
        "{\"lockkeeper_store\":1,\"schema\":1,\"at\":\"2026-11-22T19:00:00Z\",\"version\":\"1\"}\n";
    for row in [
        "{\"t\":\"pg_class\",\"r\":{\"a\":1}}",
        "{\"t\":\"job\",\"r\":{\"id\\\") --\":1}}",
        "{\"t\":\"job\",\"r\":{\"id\":1.5}}",
        "{\"t\":\"job\",\"r\":{\"id\":[1]}}",
        "{\"t\":\"job\",\"r\":{}}",
        "{\"t\":\"job\"}",
    ] {
        let error = refused(&format!("{header}{row}\n"));
        assert!(matches!(error, SnapshotError::Altered { .. }), "{error:?}");
    }
    let missing = snapshot::check(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(missing, SnapshotError::File { .. }), "{missing:?}");
}
