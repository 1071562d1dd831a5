//! Nothing of a replay reaches beyond its scratch database, and scripts that do not run say where.

use lockkeeper::migration::drift::{self, Replay};
use lockkeeper::target::DatabaseUrl;

use crate::base::{Base, PLAIN, cluster, context, scratch_databases};

/// What a replay must never touch.
fn shared() -> String {
    cluster().psql(
        "postgres",
        "SELECT (SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles), \
             (SELECT string_agg(setting, ',' ORDER BY name) FROM pg_settings WHERE name IN ('work_mem', 'log_statement')), \
             (SELECT count(*) FROM pg_file_settings), (SELECT count(*) FROM pg_subscription), \
             (SELECT count(*) FROM pg_replication_slots)",
    )
}

#[tokio::test]
async fn what_is_not_known_to_stay_inside_is_refused_before_anything_runs() {
    for (script, line, why) in [
        (
            "CREATE EXTENSION dblink;",
            1,
            "installs the extension dblink",
        ),
        (
            "SELECT 1;\nSELECT pg_reload_conf();",
            2,
            "calls pg_reload_conf()",
        ),
        (
            "SELECT 1;\n\nDO $$ BEGIN EXECUTE 'CREATE ' || 'ROLE stowaway'; END $$;",
            3,
            "runs a statement that it puts together itself",
        ),
        (
            "CREATE FUNCTION tenant(n text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN \
             EXECUTE format('CREATE ROLE %I', n); RETURN n; END $$;\nALTER TABLE t ADD x text DEFAULT tenant('stowaway');",
            2,
            "calls tenant()",
        ),
        ("CREATE SERVER s FOREIGN DATA WRAPPER w;", 1, "is of a kind"),
    ] {
        let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
        base.record("2_outside", script);
        let before = shared();
        let (context, mut reports) = context();
        let ended = drift::run(&base.target(), &Replay::Applied, PLAIN, &context).await;
        let trouble = base.refused().await;
        assert!(ended.is_err());
        drop(context);
        while let Some(report) = reports.recv().await {
            let said = format!("{report:?}");
            assert!(!said.contains("scratch database"), "{said}");
        }
        let said = format!("The migration 2_outside cannot be replayed: line {line} (");
        assert!(trouble.what.starts_with(&said), "{trouble:?}");
        assert!(trouble.what.contains(why), "{trouble:?}");
        assert_eq!(shared(), before);
    }
}

#[tokio::test]
async fn what_concerns_the_server_or_only_rows_is_left_out() {
    // All of it has happened once, and would be seen if it happened again.
    let base = Base::with(&[(
        "1_init",
        "CREATE TABLE t (a int); CREATE SEQUENCE s;\
         CREATE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE stowaway; RETURN NEW; END $$;",
    )]);
    base.run("CREATE TABLE copied (n int); CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t");
    base.run("CREATE TRIGGER tells AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tells()");
    base.record(
        "2_more",
        "CREATE TRIGGER tells AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tells();\n\
         INSERT INTO t VALUES (1);\n\
         COPY t TO PROGRAM 'touch /tmp/stowaway';\n\
         CREATE ROLE stowaway;\n\
         ALTER SYSTEM SET work_mem = '7MB';\n\
         DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stowaway') THEN CREATE ROLE stowaway; END IF; END $$;\n\
         SET statement_timeout = '1ms';\n\
         CREATE TABLE copied AS SELECT n::int FROM generate_series(1, 1000000000) AS n;\n\
         CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t;",
    );
    let before = shared();
    let drift = base.compared(PLAIN).await;
    assert!(drift.is_none(), "{:?}", drift.lines());
    assert!(
        drift.notes.contains(
            &"Statements that make no schema were not replayed: 2 that are about rows, 3 that concern the whole server, \
              1 that concern their session."
                .to_owned()
        ),
        "{:?}",
        drift.notes
    );
    assert_eq!(shared(), before);
    assert!(!std::path::Path::new("/tmp/stowaway").exists());
}

#[tokio::test]
async fn no_function_of_an_extension_is_replaced() {
    let replaces = "CREATE OR REPLACE FUNCTION citext_eq(citext, citext) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN \
                    CREATE ROLE stowaway; RETURN true; END $$;";
    let base = Base::with(&[
        ("1_init", "CREATE EXTENSION citext;"),
        ("2_replaces", replaces),
    ]);
    base.record(
        "3_calls",
        "ALTER TABLE _prisma_migrations ADD x bool DEFAULT ('a'::citext = 'b'::citext);",
    );
    let trouble = base.refused().await;
    assert!(
        trouble.what.contains("2_replaces") && trouble.what.contains("already exists"),
        "{trouble:?}"
    );
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'stowaway'";
    assert_eq!(cluster().psql("postgres", roles), "0");
}

#[tokio::test]
async fn no_statement_outlives_its_program_for_long() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.record(
        "2_unsets",
        "RESET ALL;\nSET statement_timeout = 0;\n\
         DO $$ BEGIN IF current_setting('statement_timeout') <> '2min' THEN RAISE EXCEPTION 'no end'; END IF; \
         CREATE TABLE ended (); END $$;",
    );
    assert_eq!(
        base.lines().await,
        ["table public.ended is not in the database"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_into_the_scratch_database() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.record(
        "2_slow",
        "DO $$ BEGIN PERFORM pg_sleep(3); CREATE TABLE slow (); END $$;",
    );
    cluster().psql("postgres", "CREATE ROLE onlooker LOGIN PASSWORD 'onlooker'");
    let (context, _reports) = context();
    let (target, job) = (base.target(), context.job.clone());
    let asked =
        tokio::spawn(async move { drift::run(&target, &Replay::Applied, PLAIN, &context).await });
    let name = loop {
        let name = scratch_databases(&job);
        let sleeps = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '{name}'"
        );
        if !name.is_empty() && cluster().psql("postgres", &sleeps) == "1" {
            break name;
        }
        assert!(!asked.is_finished());
    };
    let url = cluster().url(&name).replacen("postgres:", "onlooker:", 1);
    let url = url.replacen(crate::support::cluster::PASSWORD, "onlooker", 1);
    let url = DatabaseUrl::parse(&url.into(), std::path::Path::new("/")).unwrap();
    let refused = lockkeeper::target::Session::open(&url, lockkeeper::target::Purpose::Look).await;
    let refused = refused.unwrap_err();
    assert!(refused.what.contains("may not connect"), "{refused:?}");
    assert_eq!(asked.await.unwrap().unwrap().count, 1);
}

#[tokio::test]
async fn a_script_that_does_not_run_is_told_with_its_place() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.record("2_bad", "SELECT 1;\nSELECT 2;\nALTER TABLE nope ADD b int;");
    let trouble = base.refused().await;
    assert!(
        trouble.what.starts_with(
            "The migration 2_bad does not run in an empty database after those before it (P3006): line 3: ERROR: relation \"nope\" does not exist"
        ),
        "{trouble:?}"
    );
    base.record("2_bad", "CREATE TABEL t (a int);");
    let trouble = base.refused().await;
    assert!(
        trouble
            .what
            .contains("line 1 (no statement) cannot be read"),
        "{trouble:?}"
    );
}

#[tokio::test]
async fn without_a_ledger_or_a_folder_there_is_nothing_to_compare_with() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.run("DROP TABLE _prisma_migrations");
    let trouble = base.refused().await;
    assert!(trouble.what.contains("has no ledger"), "{trouble:?}");
    assert!(trouble.next.contains("--all"), "{trouble:?}");
    std::fs::remove_dir_all(base.project.migrations()).unwrap();
    let trouble = base.refused().await;
    assert!(trouble.what.contains("does not exist"), "{trouble:?}");
}
