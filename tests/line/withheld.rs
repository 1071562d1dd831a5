//! Backups that are not taken, and why: a role that does not see everything, a table that is held, a server that goes away.

use std::path::PathBuf;

use crate::scene::{DONE, Holder, NOT_SO, Said, Scene, UNREACHABLE, cluster, database};
use crate::snapshots::{scene_of, scene_on};
use crate::support::cluster::Cluster;

fn nothing_is_left(scene: &Scene) {
    let left: Vec<PathBuf> = std::fs::read_dir(scene.console.folder().join("backups"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// Whether the server knows a role that may read everything.
fn knows_read_all_data() -> bool {
    let asked = "SELECT current_setting('server_version_num')::int >= 140000";
    cluster().psql("postgres", asked) == "t"
}

/// What lets `ROLE` read all of `schemas`.
fn reading(schemas: &str) -> String {
    if knows_read_all_data() {
        return "GRANT pg_read_all_data TO ROLE".to_owned();
    }
    format!(
        "GRANT USAGE ON SCHEMA {schemas} TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO ROLE; \
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schemas} TO ROLE"
    )
}

/// Takes a backup with a role of its own, which `grants` were given, and must fail.
fn refused(database: &str, grants: &str) -> (Scene, Said) {
    let role = format!("{database} \"ro");
    let quoted = role.replace('"', "\"\"");
    cluster().psql(
        database,
        &format!(
            "CREATE ROLE \"{quoted}\" LOGIN PASSWORD 'p'; {}",
            grants.replace("ROLE", &format!("\"{quoted}\""))
        ),
    );
    let scene = scene_of(database, &cluster().url_as(&role, "p", database));
    let said = scene.run(&["backup", "take"], NOT_SO);
    nothing_is_left(&scene);
    (scene, said)
}

#[test]
fn a_role_that_does_not_see_everything_is_refused_with_what_to_grant() {
    let name = database();
    cluster().psql(
        &name,
        "CREATE TABLE open (n int); CREATE TABLE closed (n int); CREATE SCHEMA other; CREATE TABLE other.hidden (n int)",
    );
    let (scene, said) = refused(&name, "GRANT SELECT ON open TO ROLE");
    let role = format!("\"{name} \"\"ro\"");
    let advice = if knows_read_all_data() {
        format!("GRANT pg_read_all_data TO {role};")
    } else {
        format!(
            "GRANT USAGE ON SCHEMA and GRANT SELECT ON ALL TABLES IN SCHEMA, and ON ALL SEQUENCES IN SCHEMA, to {role}, \
             for each schema."
        )
    };
    said.says(&[
        "may not read all of the database: other.hidden, public.closed.",
        "No backup was taken, because it would not be whole.",
        &advice,
    ]);
    // What it says is enough.
    cluster().psql(&name, &reading("public, other").replace("ROLE", &role));
    scene.run(&["backup", "take"], DONE);
}

#[test]
fn rows_that_security_hides_are_not_left_out_in_silence() {
    let name = database();
    cluster().psql(
        &name,
        "CREATE TABLE secret (n int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
    );
    let (scene, said) = refused(&name, &reading("public"));
    said.says(&[
        "Row-level security hides rows from the role",
        "in public.secret.",
        &format!("ALTER ROLE \"{name} \"\"ro\" BYPASSRLS;"),
    ]);
    cluster().psql(&name, &format!("ALTER ROLE \"{name} \"\"ro\" BYPASSRLS"));
    scene.run(&["backup", "take"], DONE);
}

#[test]
fn a_table_that_somebody_holds_is_waited_for_and_then_named() {
    let scene = scene_on(&database());
    scene.ask("CREATE TABLE word (n int)");
    let _holder = Holder::of(
        &scene.database,
        "SET application_name = 'a migration'; BEGIN; LOCK TABLE word",
    );
    scene.run(&["backup", "take"], NOT_SO).says(&[
        "The dump waits for a lock that a migration (process",
        "pg_dump failed on",
        "a migration (process",
        "held a table for more than 30 seconds",
        "There is no backup of this job",
    ]);
    nothing_is_left(&scene);
}

#[test]
fn through_a_pooler_no_backup_is_taken() {
    let name = database();
    let url = format!("{}?pgbouncer=true", cluster().url(&name));
    let scene = scene_of(&name, &url);
    scene.run(&["backup", "take"], UNREACHABLE).says(&[
        "is reached through a transaction pooler",
        "No backup was taken.",
        "directUrl",
    ]);
    nothing_is_left(&scene);
}

#[test]
fn a_server_that_goes_away_in_the_middle_leaves_no_backup() {
    let cluster = Cluster::start();
    cluster.create_database("app");
    cluster.psql(
        "app",
        "CREATE TABLE big AS SELECT n, repeat(md5(n::text), 40) AS text FROM generate_series(1, 200000) n",
    );
    let scene = scene_of("app", &cluster.url("app"));
    let said = std::thread::scope(|scope| {
        let crash = scope.spawn(|| {
            let copying = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY public.big%'";
            while cluster.psql("app", copying) == "0" {}
            cluster.crash("app");
        });
        let said = scene.run(&["backup", "take"], NOT_SO);
        crash.join().unwrap();
        said
    });
    // The session that holds the target may notice before the dump does.
    let words = said.all();
    let either = ["The database was not changed.", "Nothing was left behind."];
    assert!(either.iter().any(|told| words.contains(told)), "{words}");
    nothing_is_left(&scene);
    scene.run(&["backup", "take"], DONE);
}
