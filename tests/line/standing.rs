//! What a yes rests on: a backup that is young and readable, a plan that is open, a person who may; and what becomes of it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::scene::{DONE, DROP, Holder, NOT_SO, REFUSED, Scene, USAGE};

/// The manifest of the only backup.
fn manifest(scene: &Scene) -> PathBuf {
    let archive = std::fs::read_dir(scene.console.folder().join("backups")).unwrap();
    let manifests = archive.map(|entry| entry.unwrap().path());
    let mut manifests = manifests.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let only = manifests.next().unwrap();
    assert_eq!(manifests.next(), None);
    only
}

/// Whether a plan is applied on the backup that there is, or on one of its own.
const THERE: &str = "There is a fresh one.";
const OWN: &str = "There is no fresh one, so one is taken now.";

#[test]
fn what_destroys_data_is_applied_on_a_readable_backup_only() {
    let scene = Scene::about_to_drop();
    let path = manifest(&scene);
    let mut manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert!(manifest["readable_at"].is_string(), "{manifest}");
    manifest["readable_at"] = serde_json::Value::Null;
    std::fs::write(&path, manifest.to_string()).unwrap();
    let id = manifest["id"].as_str().unwrap();
    scene.run(&["backup", "show", id], DONE).says(&["taken"]);
    scene.run(&["plan", "apply"], DONE).says(&[OWN]);
    assert!(!scene.has_phones());
}

#[test]
fn what_destroys_data_is_applied_on_a_backup_from_after_the_plan() {
    let scene = Scene::about_to_drop();
    // The backup is older than this plan, which is of another digest.
    scene.ask("ALTER TABLE \"Person\" ADD mail text");
    scene.run(&["plan", "make"], REFUSED);
    scene.approve(DONE);
    scene.run(&["plan", "apply"], DONE).says(&[OWN]);
    // A plan that destroys nothing takes what there is.
    scene.project.write("3_more", "CREATE TABLE more (id int);");
    scene.run(&["backup", "take"], DONE);
    scene.run(&["plan", "make"], DONE);
    scene.run(&["plan", "apply"], DONE).says(&[THERE]);
}

#[test]
fn a_backup_from_before_somebody_elses_migration_goes_back_too_far() {
    let scene = Scene::about_to_drop();
    scene.ask(
        "INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at) \
         SELECT 'theirs', checksum, '0_theirs', now(), now() FROM _prisma_migrations LIMIT 1",
    );
    scene.run(&["plan", "apply"], DONE).says(&[OWN]);
    assert!(!scene.has_phones());
}

#[test]
fn whatever_stops_a_script_the_yes_is_used_and_that_is_said() {
    let scene = Scene::about_to_drop();
    let script = format!("{DROP}\nSELECT 1 / (SELECT count(*) FROM \"Person\" WHERE id > 9);");
    scene.project.write("2_drop", &script);
    scene.run(&["plan", "make"], REFUSED);
    scene.approve(DONE);
    scene
        .run(&["plan", "apply"], NOT_SO)
        .says(&["division by zero", "The approval is used."]);
    assert!(scene.has_phones());
    scene
        .run(&["plan", "show"], DONE)
        .says(&["Next: lockkeeper plan approve"]);
}

#[test]
fn an_applied_plan_is_not_applied_again() {
    let scene = Scene::about_to_drop();
    let plan = scene.run(&["plan", "show", "--json"], DONE).json();
    let plan = plan["plan"]["id"].as_str().unwrap().to_owned();
    scene.run(&["plan", "apply"], DONE);
    let before = scene.ledger();
    // Also when the ledger would let it: nobody said yes to a second time.
    scene.ask(
        "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '2_drop'",
    );
    scene.ask("ALTER TABLE \"Person\" ADD phone text");
    scene
        .run(&["plan", "apply", &plan], REFUSED)
        .says(&["closed (applied)", "Nothing was applied."]);
    assert!(scene.has_phones());
    assert_eq!(scene.ledger().lines().count(), before.lines().count());
    // A safe one needs no yes, and is claimed once all the same.
    scene.project.write("2_drop", "CREATE TABLE more (id int);");
    scene.plan_and_apply(DONE);
    scene.ask("DROP TABLE more; DELETE FROM _prisma_migrations WHERE migration_name = '2_drop'");
    scene
        .run(&["plan", "apply", "--no-backup"], REFUSED)
        .says(&["closed (applied)"]);
    assert_eq!(scene.ask("SELECT to_regclass('more')"), "");
}

#[test]
fn a_closed_plan_is_refused_before_a_backup_is_taken() {
    let scene = Scene::about_to_drop();
    std::fs::remove_dir_all(scene.console.folder().join("backups")).unwrap();
    scene.run(&["plan", "reject", "--reason", "no"], DONE);
    let said = scene.run(&["plan", "apply"], REFUSED);
    said.says(&["closed (rejected)"]);
    assert!(!said.all().contains(OWN), "{}", said.all());
    // So is one that rests on what is not so any more.
    scene.run(&["plan", "make"], REFUSED);
    scene.approve(DONE);
    scene.ask("INSERT INTO \"Person\" SELECT n, 'x' FROM generate_series(10, 30) n");
    let said = scene.run(&["plan", "apply"], REFUSED);
    said.says(&["(it was 2 values)"]);
    assert!(!said.all().contains(OWN), "{}", said.all());
    assert!(!scene.console.folder().join("backups").exists());
}

#[test]
fn a_no_is_said_to_all_plans_of_the_digest() {
    let scene = Scene::about_to_drop();
    let first = scene.run(&["plan", "show", "--json"], DONE).json();
    let first = first["plan"]["id"].as_str().unwrap().to_owned();
    // The same scripts on the same tables with more rows: another plan of the same digest, and the yes to the older one would
    // be found.
    scene.ask("INSERT INTO \"Person\" SELECT n, 'x' FROM generate_series(10, 40) n");
    scene.run(&["plan", "make"], REFUSED);
    let newest = scene.run(&["plan", "show", "--json"], DONE).json();
    assert_ne!(newest["plan"]["id"], first.as_str());
    scene.run(&["plan", "reject", "--reason", "no"], DONE);
    scene
        .run(&["plan", "show", &first], DONE)
        .says(&["It is rejected"]);
    scene.run(&["migrate", "deploy"], REFUSED);
    scene.run(&["plan", "apply", &first], REFUSED);
    assert!(scene.has_phones());
}

#[test]
fn a_no_comes_too_late_while_a_job_applies_the_plan() {
    let scene = Scene::about_to_drop();
    let holder = Holder::of(
        &scene.database,
        "BEGIN; LOCK TABLE \"Person\" IN ACCESS SHARE MODE",
    );
    let mut command = scene.console.command();
    let apply = command
        .args(["plan", "apply"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !scene.ledger().contains("2_drop") {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    scene
        .run(&["plan", "reject", "--reason", "stop"], USAGE)
        .says(&["A job applies this plan now"]);
    drop(holder);
    let ended = apply.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(DONE));
    assert!(!scene.has_phones());
    scene.run(&["plan", "show"], DONE).says(&["Applied "]);
}
