//! Scripts that reach beyond their database are not run a second time, and scripts that do not run say where.

use crate::base::{Base, PLAIN, cluster, scratch_databases};

#[tokio::test]
async fn a_script_that_reaches_outside_is_refused_before_anything_runs() {
    for (script, line, what) in [
        ("CREATE ROLE stowaway;", 1, "a role of the cluster"),
        (
            "SELECT 1;\nALTER SYSTEM SET work_mem = '7MB';",
            2,
            "the settings of the server",
        ),
        ("CREATE DATABASE stowaway;", 1, "a database as a whole"),
        (
            "SELECT 1;\n\nDO $$ BEGIN EXECUTE 'CREATE ROLE stowaway'; END $$;",
            3,
            "a role of the cluster",
        ),
        (
            "COPY t TO '/tmp/stowaway';",
            1,
            "a file or a program of the server",
        ),
        (
            "GRANT CREATE ON DATABASE postgres TO pg_monitor;",
            1,
            "a database as a whole",
        ),
    ] {
        let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
        base.record("2_outside", script);
        let trouble = base.refused().await;
        let said = format!("The migration 2_outside cannot be replayed: line {line} (");
        assert!(trouble.what.starts_with(&said), "{trouble:?}");
        assert!(trouble.what.contains(what), "{trouble:?}");
    }
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'stowaway'";
    assert_eq!(cluster().psql("postgres", roles), "0");
}

#[tokio::test]
async fn a_function_that_reaches_outside_counts_when_it_is_called() {
    let makes = "CREATE FUNCTION tenant(n text) RETURNS void LANGUAGE plpgsql AS \
                 $$ BEGIN EXECUTE format('CREATE ROLE %I', n); END $$;";
    let base = Base::with(&[("1_init", makes)]);
    assert!(base.compared(PLAIN).await.is_none());
    base.record("2_call", "SELECT tenant('stowaway');");
    let trouble = base.refused().await;
    assert!(
        trouble.what.contains("the function tenant (line 1)"),
        "{trouble:?}"
    );
}

#[tokio::test]
async fn a_script_that_does_not_run_is_told_with_its_place() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.record("2_bad", "SELECT 1;\nSELECT 2;\nALTER TABLE nope ADD b int;");
    let trouble = base.refused().await;
    assert!(
        trouble.what.starts_with(
            "The migration 2_bad does not run in an empty database after those before it (P3006): statement 3 of 3, \
             line 3: ERROR: relation \"nope\" does not exist"
        ),
        "{trouble:?}"
    );
    base.record("2_bad", "CREATE TABEL t (a int);");
    let trouble = base.refused().await;
    assert!(trouble.what.contains("P3006"), "{trouble:?}");
    assert_eq!(scratch_databases(""), "");
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
