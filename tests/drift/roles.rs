//! Roles with few rights, and scratch databases that are like their target.

use lockkeeper::migration::drift::{self, Drift, Replay};

use crate::base::{Base, PLAIN, cluster, context, scratch_databases};
use crate::support::skip::skipped;

/// A role with these attributes that owns what the base has.
fn as_role(base: Base, role: &str, attributes: &str) -> Base {
    base.run(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'hunter2' {attributes}; ALTER TABLE _prisma_migrations OWNER TO {role}; \
         ALTER SCHEMA public OWNER TO {role}"
    ));
    let url = cluster().url_as(role, "hunter2", &base.name);
    base.at(url)
}

#[tokio::test]
async fn a_role_that_may_create_no_database_is_told_so() {
    let base = as_role(
        Base::with(&[("1_init", "CREATE TABLE t (a int);")]),
        "poor",
        "",
    );
    let trouble = base.refused().await;
    assert!(
        trouble
            .what
            .starts_with("The role poor may not create databases"),
        "{trouble:?}"
    );
    assert!(trouble.next.contains("CREATEDB"), "{trouble:?}");
}

#[tokio::test]
async fn a_role_compares_schemas_in_which_it_has_no_rights() {
    let script = "CREATE SCHEMA closed; CREATE TABLE closed.t (a int DEFAULT 1); CREATE VIEW closed.v AS SELECT a FROM closed.t;";
    let base = Base::with(&[("1_init", script)]);
    base.run("REVOKE ALL ON SCHEMA closed FROM public; REVOKE ALL ON ALL TABLES IN SCHEMA closed FROM public");
    let base = as_role(base, "modest", "CREATEDB");
    assert!(base.compared(PLAIN).await.is_none());
    base.run("ALTER TABLE closed.t ADD b int");
    assert_eq!(
        base.lines().await,
        [
            "table closed.t",
            "  column b is only in the database: nullable yes, integer"
        ]
    );
}

#[tokio::test]
async fn a_script_that_needs_more_rights_says_so() {
    let base = Base::with(&[("1_init", "CREATE EXTENSION pgstattuple;")]);
    let base = as_role(base, "plain", "CREATEDB");
    let trouble = base.refused().await;
    assert!(trouble.what.contains("permission denied"), "{trouble:?}");
    assert!(trouble.next.contains("lacks a right"), "{trouble:?}");
}

/// What the server says of the scratch database while scripts run in it; `$` in the question is its name. Returns the comparison
/// too.
async fn watched(base: &Base, question: &str) -> (String, Drift) {
    let slow = "DO $$ BEGIN PERFORM pg_sleep(2); CREATE TABLE IF NOT EXISTS slow (); END $$;";
    base.record("9_slow", slow);
    base.run("CREATE TABLE IF NOT EXISTS slow ()");
    let (context, _reports) = context();
    let (target, job) = (base.target(), context.job.clone());
    let asked =
        tokio::spawn(async move { drift::run(&target, &Replay::Applied, PLAIN, &context).await });
    let sleeps = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 'lockkeeper:{job}'"
    );
    while cluster().psql("postgres", &sleeps) != "1" {
        assert!(!asked.is_finished(), "{:?}", asked.await);
    }
    let said = cluster().psql("postgres", &question.replace('$', &scratch_databases(&job)));
    (said, asked.await.unwrap().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scratch_database_is_like_the_target() {
    let options = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    let base = Base::named("latin".to_owned(), options, &[]);
    base.run(
        "CREATE SCHEMA app; CREATE SCHEMA extensions; ALTER TABLE _prisma_migrations SET SCHEMA app; \
         ALTER DATABASE latin SET search_path = app, public, extensions; ALTER DATABASE latin SET intervalstyle = iso_8601; \
         ALTER DATABASE latin SET default_text_search_config = 'app.none'",
    );
    let made =
        "CREATE TABLE t (a citext, b interval DEFAULT '1 day'); CREATE TABLE public.u (a int);";
    let extension = "CREATE EXTENSION citext SCHEMA extensions;";
    base.run(&format!("{extension}{made}"));
    base.record("2_extension", extension);
    base.record("3_made", made);
    let (said, drift) = watched(
        &base,
        "SELECT pg_encoding_to_char(encoding), datcollate, array_to_string(setconfig, ' ') FROM pg_database d \
         JOIN pg_db_role_setting s ON s.setdatabase = d.oid WHERE datname = '$'",
    )
    .await;
    assert!(
        said.starts_with("LATIN1|C|")
            && said.contains("IntervalStyle=iso_8601")
            && said.contains("search_path=app, public, extensions"),
        "{said}"
    );
    assert!(drift.is_none(), "{:#?}", drift.lines());
    assert_eq!(drift.schemas, ["app", "public"]);
    assert_eq!(drift.notes, [""; 0]);
}

#[tokio::test]
async fn an_extension_s_schema_need_not_be_on_the_path() {
    let base = Base::named("unpathed".to_owned(), "", &[]);
    base.run("CREATE SCHEMA extensions");
    let extension =
        "CREATE EXTENSION citext SCHEMA extensions; CREATE TABLE t (a extensions.citext);";
    base.run(extension);
    base.record("1_extension", extension);
    let drift = base.compared(PLAIN).await;
    assert!(drift.is_none(), "{:#?}", drift.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_locale_provider_is_taken_over() {
    let ask = |sql: &str| cluster().psql("postgres", sql);
    let version: u32 = ask("SELECT current_setting('server_version_num')")
        .parse()
        .unwrap();
    let has_icu = ask("SELECT count(*) > 0 FROM pg_collation WHERE collname LIKE '%-x-icu'") == "t";
    let mut manners = Vec::new();
    if version >= 150_000 && has_icu {
        manners.push((
            "i",
            "en-US-u-kn-true",
            "LOCALE_PROVIDER icu ICU_LOCALE 'en-US-u-kn-true'",
        ));
    }
    if version >= 170_000 {
        manners.push((
            "b",
            "C.UTF-8",
            "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'",
        ));
    }
    if manners.is_empty() {
        skipped("locale providers, which Postgres has from 15 on");
    }
    for (provider, locale, manner) in manners {
        let options = format!("TEMPLATE template0 {manner}");
        let base = Base::named(format!("locale_{provider}"), &options, &[]);
        let question = "SELECT concat(d ->> 'datlocprovider', ' ', d ->> 'datlocale', d ->> 'daticulocale') \
             FROM (SELECT to_jsonb(x) AS d FROM pg_database x WHERE datname = '$') y";
        let (said, drift) = watched(&base, question).await;
        assert_eq!(said, format!("{provider} {locale}"));
        assert!(drift.is_none());
    }
}

#[tokio::test]
async fn the_schema_of_the_url_is_the_one_that_is_compared() {
    let base = Base::with(&[]);
    base.run("CREATE SCHEMA \"My App\"; ALTER TABLE _prisma_migrations SET SCHEMA \"My App\"; CREATE TABLE public.other (a int)");
    let script = "CREATE TABLE t (a int);";
    base.run(&format!("SET search_path = \"My App\"; {script}"));
    let url = format!("{}?schema=My%20App", cluster().url(&base.name));
    let base = base.at(url);
    base.run(&format!(
        "SET search_path = \"My App\"; INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) \
         VALUES ('1', '{}', '1_init', now())",
        lockkeeper::migration::Script::from_bytes(script.as_bytes()).checksum
    ));
    base.project.write("1_init", script);
    let drift = base.compared(PLAIN).await;
    assert!(drift.is_none(), "{:#?}", drift.lines());
    assert_eq!(drift.schemas, ["My App"]);
    assert_eq!(drift.replayed, 1);
}

#[tokio::test]
async fn the_schemas_that_prismas_schema_names_are_compared_too() {
    let base = Base::with(&[("1_init", "CREATE TABLE t (a int);")]);
    base.run("CREATE SCHEMA billing; CREATE TABLE billing.invoice (a int); CREATE SCHEMA lockkeeper_app; CREATE TABLE lockkeeper_app.t (a int)");
    assert!(base.compared(PLAIN).await.is_none());
    std::fs::write(
        base.project.folder().join("prisma/schema.prisma"),
        "datasource db {\n  provider = \"postgresql\"\n  schemas = [\"billing\", \"public\"]\n}\n",
    )
    .unwrap();
    let drift = base.compared(PLAIN).await;
    assert_eq!(
        drift.lines(),
        [
            "schema billing is only in the database",
            "table billing.invoice is only in the database"
        ]
    );
    assert_eq!(drift.schemas, ["billing", "public"]);
    assert_eq!(
        drift.notes,
        ["Not compared, because no migration makes anything there: lockkeeper_app."]
    );
}
