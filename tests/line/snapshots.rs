//! What a backup holds and what its manifest says of it: the moment that is dumped, hostile names, nothing at all.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::scene::{DONE, Scene, cluster, database, target};
use crate::support::console::Console;
use crate::support::project::Project;

/// A console on its terminal, whose target is this database, as `url` reaches it.
pub fn scene_of(database: &str, url: &str) -> Scene {
    let project = Project::new();
    Scene {
        console: Console::prepare(&[target("app", url, &project)], None),
        project,
        database: database.to_owned(),
    }
}

/// The same, as the superuser reaches it.
pub fn scene_on(database: &str) -> Scene {
    scene_of(database, &cluster().url(database))
}

/// The only manifest of the archive, and the artifact beside it.
fn manifest(scene: &Scene) -> (Value, PathBuf) {
    let archive = scene.console.folder().join("backups");
    let files = std::fs::read_dir(&archive).unwrap();
    let names: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let json = names
        .iter()
        .find(|name| name.extension().unwrap() == "json");
    let text = std::fs::read_to_string(json.unwrap()).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let artifact = archive.join(manifest["file"]["name"].as_str().unwrap());
    (manifest, artifact)
}

/// Puts an artifact back into a new database; its name.
fn restore(artifact: &Path) -> String {
    let name = database();
    #[expect(clippy::disallowed_methods, reason = "the tool that anybody has")]
    let done = std::process::Command::new(cluster().bin().join("pg_restore"))
        .args(["--exit-on-error", "--dbname", &cluster().url(&name)])
        .arg(artifact)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    name
}

/// A table of the manifest.
fn table<'a>(manifest: &'a Value, name: &str) -> &'a Value {
    let tables = manifest["contents"]["tables"].as_array().unwrap();
    let found = tables.iter().find(|table| table["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {tables:?}"))
}

#[test]
fn the_counts_belong_to_the_moment_that_is_dumped() {
    let scene = scene_on(&database());
    scene.ask(
        "CREATE TABLE early (n int); CREATE TABLE filler AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 60000) n; \
         CREATE TABLE late (n int)",
    );
    let stop = AtomicBool::new(false);
    let said = std::thread::scope(|scope| {
        let write = |table: &'static str| {
            let (scene, stop) = (&scene, &stop);
            move || {
                while !stop.load(Ordering::Relaxed) {
                    scene.ask(&format!(
                        "DO $$ BEGIN FOR n IN 1..50 LOOP INSERT INTO {table} VALUES (n); COMMIT; END LOOP; END $$"
                    ));
                }
            }
        };
        scope.spawn(write("early"));
        scope.spawn(write("late"));
        while scene.ask("SELECT count(*) > 0 FROM late") == "f" {}
        let said = scene.run(&["backup", "take"], DONE);
        stop.store(true, Ordering::Relaxed);
        said
    });
    said.says(&[
        "Counted in the snapshot:",
        "rows in 3 tables.",
        "It is readable.",
    ]);
    let (manifest, artifact) = manifest(&scene);
    let restored = restore(&artifact);
    for name in ["early", "late", "filler"] {
        let table = table(&manifest, name);
        let there = cluster().psql(&restored, &format!("SELECT count(*) FROM {name}"));
        assert_eq!(table["rows"].to_string(), there, "{name}");
        assert_eq!(table["rows_exact"], true);
        assert_ne!(there, "0");
    }
    let now = scene.ask("SELECT count(*) FROM late");
    assert_ne!(
        now,
        table(&manifest, "late")["rows"].to_string(),
        "nothing was written meanwhile"
    );
}

#[test]
fn a_manifest_says_what_a_dump_does_not_carry() {
    let name = database();
    let scene = scene_on(&name);
    scene.ask(&format!(
        "CREATE ROLE \"{name} reader\"; CREATE ROLE \"{name} owner\"; \
         CREATE EXTENSION citext; \
         CREATE TABLE parent (id serial); CREATE TABLE child () INHERITS (parent); \
         INSERT INTO parent DEFAULT VALUES; INSERT INTO child DEFAULT VALUES; INSERT INTO child DEFAULT VALUES; \
         CREATE TABLE part (n int) PARTITION BY LIST (n); CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1); \
         INSERT INTO part VALUES (1); \
         CREATE MATERIALIZED VIEW seen AS SELECT * FROM part; \
         CREATE SEQUENCE unused; SELECT lo_from_bytea(0, '\\x01'); \
         GRANT SELECT ON part TO \"{name} reader\"; \
         ALTER DATABASE \"{name}\" SET app.secret = 'hush'; ALTER DATABASE \"{name}\" CONNECTION LIMIT 77; \
         ALTER DATABASE \"{name}\" OWNER TO \"{name} owner\"; COMMENT ON DATABASE \"{name}\" IS 'the one'"
    ));
    scene
        .run(&["backup", "take"], DONE)
        .says(&["It is readable."]);
    let (manifest, artifact) = manifest(&scene);
    assert_eq!(manifest["v"], 2);
    let major: u32 = scene.ask("SHOW server_version_num")[..2].parse().unwrap();
    let archive = match major {
        ..=15 => "1.14",
        16 => "1.15",
        _ => "1.16",
    };
    assert_eq!(manifest["file"]["archive_version"], archive);
    assert!(manifest["readable_at"].is_string());
    let contents = &manifest["contents"];
    let rows: Vec<String> = contents["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| format!("{} {}", table["name"].as_str().unwrap(), table["rows"]))
        .collect();
    // The rows of a child are not its parent's, and what is partitioned has none of its own.
    assert_eq!(rows, ["child 2", "parent 1", "part_1 1"]);
    assert_eq!(
        contents["sequences"],
        json!([
            {"schema": "public", "name": "parent_id_seq", "last_value": 3},
            {"schema": "public", "name": "unused", "last_value": null}
        ])
    );
    assert_eq!(contents["extensions"][0]["name"], "citext");
    assert_eq!(contents["large_objects"], 1);
    let roles = contents["roles"].as_array().unwrap();
    for role in [
        "postgres",
        &format!("{name} reader"),
        &format!("{name} owner"),
    ] {
        assert!(roles.contains(&json!(role)), "{role}: {roles:?}");
    }
    let kept = &contents["database"];
    assert_eq!(kept["owner"], format!("{name} owner"));
    assert_eq!(kept["connection_limit"], 77);
    assert_eq!(kept["comment"], "the one");
    assert_eq!(
        kept["settings"],
        json!([{"role": null, "name": "app.secret", "value": "hush"}])
    );
    assert!(contents["lsn"].as_str().unwrap().contains('/'));
    restore(&artifact);
}

#[test]
fn hostile_names_are_dumped_counted_and_told() {
    let long = "l".repeat(62);
    let hostile = format!("host=evil dbname=x '\"\\ 🚀 {}", std::process::id());
    cluster().create_database(&hostile);
    let scene = scene_on(&hostile);
    let names = [
        "quo\"te",
        "line\nbreak",
        "line\nbroken",
        "🚀 <script>alert(1)</script>",
        "TABLE DATA public x; 0 1 TABLE DATA",
        "-- no; DROP TABLE \"x\"",
        "x\npg_dump: dumping contents of table \"public.y",
        &long,
    ];
    for (rows, name) in names.iter().enumerate() {
        let quoted = name.replace('"', "\"\"");
        scene.ask(&format!(
            "CREATE SCHEMA \"{quoted}\"; CREATE TABLE \"{quoted}\".\"{quoted}\" AS SELECT generate_series(1, {rows}) n"
        ));
    }
    scene
        .run(&["backup", "take"], DONE)
        .says(&["rows in 8 tables.", "It is readable."]);
    let (manifest, artifact) = manifest(&scene);
    for (rows, name) in names.iter().enumerate() {
        assert_eq!(table(&manifest, name)["rows"], rows, "{name:?}");
    }
    restore(&artifact);
}

#[test]
fn an_empty_database_is_a_backup_too() {
    let scene = scene_on(&database());
    scene
        .run(&["backup", "take"], DONE)
        .says(&["0 rows in 0 tables.", "It is readable."]);
    let (manifest, artifact) = manifest(&scene);
    assert_eq!(manifest["contents"]["tables"], json!([]));
    assert_eq!(manifest["migrations"], json!([]));
    restore(&artifact);
}

#[test]
fn names_are_of_the_targets_clocks() {
    let scene = scene_on(&database());
    let file = scene.console.folder().join("lockkeeper.toml");
    let text = std::fs::read_to_string(&file).unwrap() + "time_zone = \"Pacific/Kiritimati\"\n";
    std::fs::write(&file, text).unwrap();
    scene.run(&["backup", "take"], DONE);
    scene.run(&["backup", "take"], DONE);
    let list = scene.run(&["backup", "list", "--json"], DONE).json();
    let backups = list["backups"].as_array().unwrap();
    for backup in backups {
        let name = backup["file"]["name"].as_str().unwrap();
        let taken: jiff::Timestamp = backup["created_at"].as_str().unwrap().parse().unwrap();
        // Fourteen hours ahead, so that the day is another one for most of it.
        let there = taken.in_tz("Pacific/Kiritimati").unwrap();
        let day = there.strftime("%Y-%m-%d_").to_string();
        assert!(name.starts_with(&day), "{name} was taken {there}");
        assert!(name.contains("-app"), "{name}");
    }
    assert_ne!(backups[0]["file"]["name"], backups[1]["file"]["name"]);
}
