//! Names that somebody made up to do harm: in the folder, in the database, in what people type.

use std::path::Path;

use crate::browser::Browser;
use crate::stage::CLUSTER;
use crate::support::console::{Console, TargetLines};

/// In a file name there is no slash.
const SCRIPT: &str = "20260101000000_<script>alert(1)<script> 🚢\"'&amp;";
const LONG: &str = "20260102000000_averylongnamethatneverbreaksaveryl\u{202e}ongnamethatneverbreaks_averylongnamethatneverbreaks";
const TABLE: &str = "</code><img src=x onerror=alert(2)>\u{202e}kcatta";

fn migration(folder: &Path, name: &str, sql: &str) {
    std::fs::create_dir_all(folder.join(name)).unwrap();
    std::fs::write(folder.join(name).join("migration.sql"), sql).unwrap();
}

#[tokio::test]
async fn hostile_names_are_only_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("migration_lock.toml"),
        "provider = \"postgresql\"\n",
    )
    .unwrap();
    let drops = format!("ALTER TABLE \"{TABLE}\" DROP COLUMN \"it's \"\"<b>\"\"\";\n");
    migration(folder.path(), SCRIPT, &drops);
    migration(
        folder.path(),
        LONG,
        &format!("-- \u{202e}; ELBAT PORD --\nDROP TABLE \"{TABLE}\";\n"),
    );
    CLUSTER.create_database("hostile");
    let table = format!(
        "CREATE TABLE \"{TABLE}\" (id int, \"it's \"\"<b>\"\"\" text); \
         INSERT INTO \"{TABLE}\" VALUES (1, 'x'), (2, NULL); \
         CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, \
         finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, \
         started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)"
    );
    CLUSTER.psql("hostile", &table);
    let console = Console::start(&[TargetLines {
        name: "jarvis",
        environment: "staging",
        url: &CLUSTER.url("hostile"),
        migrations: folder.path(),
    }]);
    let mut browser = Browser::open(&console.url("")).await;
    crate::stage::sign_in(&browser).await;

    browser.go("/t/jarvis").await;
    browser.picture("hostile-target").await;
    browser.go("/t/jarvis/migrations").await;
    browser.picture("hostile-migrations").await;
    for link in ["tbody tr:first-child a", "tbody tr:last-child a"] {
        browser.go("/t/jarvis/migrations").await;
        browser.click(link).await;
        assert!(browser.text().await.contains("migration.sql"));
        browser.picture("hostile-migration").await;
    }
    browser.go("/t/jarvis").await;
    browser.click("main button.primary").await;
    browser.wait_for("Read the plan").await;
    browser.picture("hostile-job").await;
    browser.click("main .btn.primary").await;
    let text = browser.text().await;
    for shown in [
        "<script>alert(1)<script> 🚢\"'&amp;",
        "[U+202E]",
        "1 value, counted",
        "2 rows, counted",
    ] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    browser.picture("hostile-plan").await;
    browser.go("/t/%3Cscript%3Ealert(3)%3C%2Fscript%3E").await;
    browser.listen(&["status of 404"]).await;
    browser.inspect().await;
    assert_eq!(browser.count("img, main script").await, 0);
    browser.must_be_sound().await;
}
