//! Databases that were really migrated have no drift, whatever their migrations did.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::path::Path;
use std::process::Command;

use lockkeeper::migration::drift::{self, Replay};

use crate::base::{Base, PLAIN, cluster, context};
use crate::support::console::binary;
use crate::support::project::Project;

/// Applies what is pending, with the program itself and without a store.
fn deploy(project: &Project, database: &str) {
    let output = Command::new(binary())
        .env_clear()
        .env("DATABASE_URL", cluster().url(database))
        .current_dir(project.folder())
        .args(["migrate", "deploy"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// How many things the generated migrations make; each is changed nine times.
const THINGS: usize = 30;
/// How many of the ten migrations of a thing need nobody's approval.
const SAFE: usize = 7;

/// The `step`th migration of the `t`th thing.
fn generated(t: usize, step: usize) -> String {
    match step {
        0 => format!(
            "CREATE TYPE \"State{t}\" AS ENUM ('NEW', 'OLD');\n\
             CREATE TABLE \"Thing{t}\" (\n    \"id\" SERIAL NOT NULL,\n    \"name\" VARCHAR(100),\n    \"state\" \"State{t}\" NOT NULL DEFAULT 'NEW',\n    \
             \"at\" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,\n    CONSTRAINT \"Thing{t}_pkey\" PRIMARY KEY (\"id\")\n);"
        ),
        1 => format!("ALTER TYPE \"State{t}\" ADD VALUE 'ODD' BEFORE 'OLD';"),
        2 => format!("CREATE UNIQUE INDEX \"Thing{t}_name_key\" ON \"Thing{t}\"(\"name\");"),
        3 => format!(
            "ALTER TABLE \"Thing{t}\" ADD COLUMN \"parentId\" INTEGER;\n\
             ALTER TABLE \"Thing{t}\" ADD CONSTRAINT \"Thing{t}_parentId_fkey\" FOREIGN KEY (\"parentId\") \
             REFERENCES \"Thing{t}\"(\"id\") ON DELETE SET NULL ON UPDATE CASCADE;"
        ),
        4 => format!(
            "ALTER TABLE \"Thing{t}\" ADD COLUMN \"words\" TEXT[] DEFAULT ARRAY[]::TEXT[], ADD COLUMN \"doc\" JSONB DEFAULT '{{\"a\": 1}}';"
        ),
        5 => format!(
            "CREATE INDEX CONCURRENTLY \"Thing{t}_at_idx\" ON \"Thing{t}\"(\"at\" DESC) WHERE \"parentId\" IS NULL;"
        ),
        7 => format!("ALTER TABLE \"Thing{t}\" ALTER COLUMN \"name\" SET DATA TYPE TEXT;"),
        8 => format!(
            "BEGIN;\nCREATE TYPE \"State{t}_new\" AS ENUM ('NEW', 'OLD');\n\
             ALTER TABLE \"Thing{t}\" ALTER COLUMN \"state\" DROP DEFAULT;\n\
             ALTER TABLE \"Thing{t}\" ALTER COLUMN \"state\" TYPE \"State{t}_new\" USING (\"state\"::text::\"State{t}_new\");\n\
             ALTER TYPE \"State{t}\" RENAME TO \"State{t}_old\";\nALTER TYPE \"State{t}_new\" RENAME TO \"State{t}\";\n\
             DROP TYPE \"State{t}_old\";\nALTER TABLE \"Thing{t}\" ALTER COLUMN \"state\" SET DEFAULT 'NEW';\nCOMMIT;"
        ),
        6 => format!(
            "CREATE VIEW \"recent{t}\" AS SELECT \"id\", \"at\" FROM \"Thing{t}\" WHERE \"at\" > '2020-01-01';\n\
             CREATE FUNCTION \"touch{t}\"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at = now(); RETURN NEW; END $$;\n\
             CREATE TRIGGER touched BEFORE UPDATE ON \"Thing{t}\" FOR EACH ROW EXECUTE FUNCTION \"touch{t}\"();"
        ),
        _ => format!(
            "SET search_path = pg_catalog;\nALTER TABLE public.\"Thing{t}\" RENAME COLUMN \"words\" TO \"tags\";\n\
             INSERT INTO public.\"Thing{t}\" (\"name\") VALUES ('one');"
        ),
    }
}

#[tokio::test]
async fn three_hundred_generated_migrations_leave_no_drift() {
    // The first is there for Base, which needs a ledger; the program applies what it may.
    let base = Base::with(&[("0000_init", "SELECT 1;")]);
    let name = |n: usize| format!("{:04}_generated", n + 1);
    for n in 0..THINGS * SAFE {
        base.project.write(&name(n), &generated(n / SAFE, n % SAFE));
    }
    deploy(&base.project, &base.name);
    // A new type, a new enum and a new name are for a person to approve; here psql does it.
    for n in THINGS * SAFE..THINGS * 10 {
        let at = n - THINGS * SAFE;
        let script = generated(at % THINGS, SAFE + at / THINGS);
        base.run(&script);
        base.record(&name(n), &script);
    }
    deploy(&base.project, &base.name);
    let drift = base.compared(PLAIN).await;
    assert!(drift.is_none(), "{:#?}", drift.lines());
    assert_eq!(drift.replayed, 301);
    assert_eq!(
        drift.notes,
        ["Statements that make no schema were not replayed: 31 that are about rows."]
    );
    assert_eq!(
        drift.summary(),
        "No drift: the database is what its 301 applied migrations make."
    );
}

#[tokio::test]
async fn the_demo_has_no_drift_and_its_pending_migrations_are_told_apart() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/jarvis/prisma/migrations");
    let folder = lockkeeper::migration::Folder::read(&demo);
    let scripts: Vec<(&str, &str)> = folder
        .migrations
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.script.as_ref().unwrap().text.as_str(),
            )
        })
        .collect();
    assert!(scripts.len() > 5, "{scripts:?}");
    let whole = Base::with(&scripts);
    let drift = whole.compared(PLAIN).await;
    assert!(drift.is_none(), "{:#?}", drift.lines());

    let (applied, pending) = scripts.split_at(scripts.len() - 2);
    let part = Base::with(applied);
    for (name, script) in pending {
        part.project.write(name, script);
    }
    let drift = part.compared(PLAIN).await;
    assert!(drift.is_none(), "{:#?}", drift.lines());
    assert_eq!(drift.replayed, applied.len());
    // With everything, or up to a place, what differs is what these do.
    let (context, _reports) = context();
    let target = part.target();
    let all = drift::run(&target, &Replay::All, PLAIN, &context)
        .await
        .unwrap();
    assert!(!all.is_none());
    assert!(
        all.notes[0].starts_with("Pending, and replayed all the same"),
        "{:?}",
        all.notes
    );
    let last = applied[applied.len() - 1].0;
    let up_to = Replay::UpTo(last.to_owned());
    let some = drift::run(&target, &up_to, PLAIN, &context).await.unwrap();
    assert!(some.is_none(), "{:#?}", some.lines());
    let up_to = Replay::UpTo(applied[0].0.to_owned());
    let less = drift::run(&target, &up_to, PLAIN, &context).await.unwrap();
    assert!(less.count > 0);
}

#[tokio::test]
async fn what_makes_a_comparison_doubtful_is_said() {
    let base = Base::with(&[
        ("1_init", "CREATE TABLE t (a int);"),
        ("2_gone", "CREATE TABLE u (a int);"),
    ]);
    base.project.write("1_init", "CREATE TABLE t (a bigint);");
    std::fs::remove_dir_all(base.project.migrations().join("2_gone")).unwrap();
    base.run(
        "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', '', '3_bad')",
    );
    let drift = base.compared(PLAIN).await;
    assert_eq!(
        drift.lines(),
        [
            "table public.t",
            "  column a",
            "    type: integer in the database, bigint in the history",
            "table public.u is only in the database",
        ]
    );
    assert_eq!(
        drift.notes,
        [
            "Edited after they were applied; the text of today is what was replayed: 1_init.",
            "Applied, but without a folder, so what they made counts as drift: 2_gone.",
            "Begun and not finished; what is in effect of them counts as drift: 3_bad.",
        ]
    );
}
