//! Opening: a new store, one that is there, one of a newer program.

use std::os::unix::fs::PermissionsExt;

use lockkeeper::store::{Store, StoreError};

use crate::ground::{Ground, number, sql};

on_both!(
    a_second_opening_changes_nothing,
    several_processes_may_open_a_new_store_at_once,
    a_newer_schema_is_refused_and_left_alone,
    an_open_store_answers_and_can_be_tidied_up,
);

async fn a_second_opening_changes_nothing(ground: Ground) {
    let first = ground.open().await;
    sql(
        &first,
        "INSERT INTO setting (name, value, updated_at) VALUES ('kept', 'yes', 1)",
    )
    .await
    .unwrap();
    let second = ground.open().await;
    assert_eq!(number(&second, "SELECT count(*) FROM setting").await, 1);
    let steps = number(&second, "SELECT count(*) FROM _sqlx_migrations").await;
    assert_eq!(steps, 5, "each step of the schema was taken once");
    assert_eq!(first.place(), second.place());
    assert!(!first.place().contains("keeper-of-tests"));
}

async fn several_processes_may_open_a_new_store_at_once(ground: Ground) {
    let opened = (0..6).map(|_| {
        let url = ground.url.clone();
        tokio::spawn(async move { Store::open(&url).await })
    });
    for opening in opened.collect::<Vec<_>>() {
        opening.await.unwrap().unwrap();
    }
}

async fn a_newer_schema_is_refused_and_left_alone(ground: Ground) {
    let store = ground.open().await;
    sql(
        &store,
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         SELECT 9001, 'from the future', installed_on, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    )
    .await
    .unwrap();
    let error = Store::open(&ground.url).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { version: 9001, .. }),
        "{error:?}"
    );
    let told = error.to_string();
    assert!(
        told.contains("newer Lockkeeper") && told.contains("9001"),
        "{told}"
    );
    assert!(!told.contains("keeper-of-tests"), "{told}");
    assert_eq!(
        number(&store, "SELECT count(*) FROM _sqlx_migrations").await,
        6
    );
    store.ping().await.unwrap();
}

async fn an_open_store_answers_and_can_be_tidied_up(ground: Ground) {
    let store = ground.open().await;
    store.ping().await.unwrap();
    store.maintain().await.unwrap();
    assert!(store.size().await.unwrap() > 0);
}

#[tokio::test]
async fn a_sqlite_store_is_private_to_its_owner() {
    let ground = Ground::sqlite();
    let store = ground.open().await;
    sql(
        &store,
        "INSERT INTO setting (name, value, updated_at) VALUES ('a', 'b', 1)",
    )
    .await
    .unwrap();
    let file = ground.file().unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(&file), 0o600);
    for beside in ["store.db-wal", "store.db-shm"] {
        assert_eq!(mode(&file.with_file_name(beside)), 0o600, "{beside}");
    }
}

#[tokio::test]
async fn a_sqlite_store_may_stand_in_a_folder_of_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("50%25 of it? yes #1");
    std::fs::create_dir(&odd).unwrap();
    let written = odd.join("store.db").display().to_string();
    // As the configuration writes it: what a URL gives a meaning to is escaped.
    let escaped = written.replace('%', "%25").replace('?', "%3F");
    let store = Store::open(&format!("sqlite://{escaped}").into())
        .await
        .unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.place(), written);
    assert!(odd.join("store.db").metadata().unwrap().len() > 0);
}

#[tokio::test]
async fn any_other_database_is_refused_without_repeating_its_url() {
    for url in ["mysql://root:hunter2@host/db", "sqlite:", ""] {
        let error = Store::open(&url.into()).await.unwrap_err();
        assert!(matches!(error, StoreError::Scheme), "{error:?}");
        assert!(!error.to_string().contains("hunter2"));
    }
}
