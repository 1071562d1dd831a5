//! `migrate deploy` on a machine without a store: what lets a destructive plan through there, and what a dry run does.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::process::Command;

use crate::scene::{DONE, DROP, NOT_SO, REFUSED, Said, Scene, USAGE, cluster, database};
use crate::support::console::binary;
use crate::support::project::Project;

/// A folder and a database, and no store.
struct Bare {
    project: Project,
    database: String,
    folder: tempfile::TempDir,
}

impl Bare {
    /// One applied migration, and one pending that drops a column of two values.
    fn about_to_drop() -> Self {
        let init = "CREATE TABLE \"Person\" (id int PRIMARY KEY, phone text);\n\
                    INSERT INTO \"Person\" VALUES (1, '1'), (2, '2'), (3, NULL);";
        let bare = Self {
            project: Project::new().migration("1_init", init),
            database: database(),
            folder: tempfile::tempdir().unwrap(),
        };
        bare.deploy(&[], DONE);
        bare.project.write("2_drop", DROP);
        bare
    }

    fn deploy(&self, flags: &[&str], code: i32) -> Said {
        let output = Command::new(binary())
            .env_clear()
            .env("DATABASE_URL", cluster().url(&self.database))
            .current_dir(self.folder.path())
            .args(["--migrations", self.project.migrations().to_str().unwrap()])
            .args(["migrate", "deploy"])
            .args(flags)
            .output();
        Said::of(output.unwrap(), flags, code)
    }

    fn has_phones(&self) -> bool {
        let question =
            "SELECT count(*) FROM information_schema.columns WHERE column_name = 'phone'";
        cluster().psql(&self.database, question) == "1"
    }

    fn rows(&self) -> String {
        cluster().psql(&self.database, "SELECT count(*) FROM _prisma_migrations")
    }
}

#[test]
fn what_destroys_data_is_refused_until_its_digest_is_given() {
    let bare = Bare::about_to_drop();
    let said = bare.deploy(&["--json"], REFUSED).json();
    assert_eq!(
        said["error"]["losses"][0],
        "column phone of \"Person\": 2 values"
    );
    let digest = said["digest"].as_str().unwrap().to_owned();
    bare.deploy(&[], REFUSED)
        .says(&["--approved-digest", &digest]);
    bare.deploy(&["--approved-digest", "0123"], REFUSED)
        .says(&["has the digest", "not 0123"]);
    assert!(bare.has_phones());
    assert_eq!(bare.rows(), "1");
    // The digest is of the scripts: with another one it opens nothing.
    bare.project
        .write("2_drop", &format!("{DROP}\nDROP TABLE \"Person\";"));
    bare.deploy(&["--approved-digest", &digest], REFUSED);
    bare.project.write("2_drop", DROP);
    bare.deploy(&["--approved-digest", &digest], DONE)
        .says(&["was approved elsewhere", "1 migration was applied."]);
    assert!(!bare.has_phones());
    // Nothing is left to approve.
    bare.deploy(&["--approved-digest", &digest], DONE)
        .says(&["Nothing is pending."]);
    assert_eq!(std::fs::read_dir(bare.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_reason_lets_it_through_and_stands_in_the_log() {
    let bare = Bare::about_to_drop();
    for reason in ["", "  ", "two\nlines"] {
        bare.deploy(&["--allow-destructive", reason], USAGE);
    }
    bare.deploy(
        &["--allow-destructive", "x", "--approved-digest", "y"],
        USAGE,
    );
    assert!(bare.has_phones());
    bare.deploy(&["--allow-destructive", "preview data only"], DONE)
        .says(&["allows this plan to destroy data: preview data only"]);
    assert!(!bare.has_phones());
}

#[test]
fn a_dry_run_shows_the_plan_and_leaves_nothing() {
    let bare = Bare::about_to_drop();
    bare.deploy(&["--dry-run"], REFUSED).says(&[
        "drop column \"phone\" of \"Person\"",
        "2 values",
        "A deploy would refuse this, for it is not approved.",
    ]);
    let said = bare.deploy(&["--dry-run", "--json"], REFUSED).json();
    let digest = said["plan"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(said["wouldApply"], false);
    bare.deploy(&["--dry-run", "--approved-digest", &digest], DONE)
        .says(&["A deploy would apply this."]);
    bare.deploy(&["--dry-run", "--approved-digest", "0"], REFUSED)
        .says(&["another digest"]);
    bare.deploy(&["--dry-run", "--allow-destructive", "x"], DONE);
    assert!(bare.has_phones());
    assert_eq!(bare.rows(), "1");
    bare.project.write("2_drop", "SELECT nonsense FROM");
    bare.deploy(&["--dry-run"], NOT_SO)
        .says(&["is not valid SQL"]);
    bare.project.write("2_drop", "CREATE TABLE more (id int);");
    bare.deploy(&["--dry-run"], DONE);
    assert_eq!(bare.rows(), "1");
}

#[test]
fn where_there_is_a_store_its_approval_counts() {
    let scene = Scene::about_to_approve();
    scene
        .run(&["migrate", "deploy", "--allow-destructive", "x"], USAGE)
        .says(&["lockkeeper plan approve"]);
    let plan = scene.run(&["plan", "show", "--json"], DONE).json();
    let digest = plan["plan"]["digest"].as_str().unwrap().to_owned();
    let approved = ["migrate", "deploy", "--approved-digest", &digest];
    scene.run(&approved, REFUSED).says(&["not approved"]);
    scene.run(&["migrate", "deploy", "--dry-run"], REFUSED);
    let jobs = |scene: &Scene| {
        let listed = scene.run(&["job", "list", "--json"], DONE).out;
        listed.matches("\"plan.make\"").count()
    };
    let before = jobs(&scene);
    scene.approve(DONE);
    scene.run(&["migrate", "deploy", "--dry-run"], DONE);
    assert_eq!(jobs(&scene), before, "a dry run is no job");
    scene
        .run(&["migrate", "deploy", "--approved-digest", "0"], REFUSED)
        .says(&["has the digest"]);
    assert!(scene.has_phones());
    scene.run(&approved, DONE);
    assert!(!scene.has_phones());
}
