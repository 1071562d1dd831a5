use std::time::{Duration, Instant};

use lockkeeper::target::catalog::facts;
use lockkeeper::target::catalog::ledger::{
    MIGRATE_LOCK, bearer, elsewhere, has_tables_besides_ledger, lock_holder,
};
use lockkeeper::target::catalog::table::{
    Count, TableName, count_rows, count_values, largest_tables,
};

use super::support::cluster::Cluster;
use super::{look, work};

const BUDGET: Duration = Duration::from_secs(2);

#[tokio::test]
async fn facts_tell_the_servers_own_state() {
    let cluster = Cluster::start();
    let session = look(&cluster.url("postgres")).await.unwrap();
    let known = facts(&session).await.unwrap();
    assert_eq!(known.version_num, session.server_version_num());
    assert!(
        known
            .version_text
            .starts_with(|first: char| first.is_ascii_digit())
    );
    assert_eq!(
        (known.database.as_str(), known.encoding.as_str()),
        ("postgres", "UTF8")
    );
    assert!(known.size_bytes.unwrap() > 1_000_000);
    assert!(known.system_identifier.is_some());
    assert!(!known.in_recovery);
    assert!(
        !known.read_only,
        "our own read-only setting is not the server's"
    );
    assert_eq!((known.connections_used, known.connections_max), (1, 40));

    cluster.psql(
        "postgres",
        "CREATE ROLE small LOGIN PASSWORD 'hunter2'; ALTER ROLE small SET default_transaction_read_only = on; \
         REVOKE ALL ON FUNCTION pg_control_system() FROM PUBLIC",
    );
    let small = look(&cluster.url_as("small", "hunter2", "postgres"))
        .await
        .unwrap();
    let known = facts(&small).await.unwrap();
    assert!(known.read_only);
    assert_eq!(known.system_identifier, None);
    assert_eq!(known.connections_used, 2);
}

#[tokio::test]
async fn locked_tables_do_not_hold_us_up() {
    let cluster = Cluster::start();
    cluster.psql(
        "postgres",
        "CREATE TABLE free AS SELECT generate_series(1, 20000) AS id; \
         CREATE TABLE held (id int PRIMARY KEY, note text); \
         INSERT INTO held SELECT g, CASE WHEN g % 4 = 0 THEN 'x' END FROM generate_series(1, 1000) g; \
         ANALYZE held",
    );
    let holder = work(&cluster.url("postgres")).await.unwrap();
    let lock = "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE";
    holder.client().batch_execute(lock).await.unwrap();

    let session = look(&cluster.url("postgres")).await.unwrap();
    let began = Instant::now();
    facts(&session).await.unwrap();
    let sizes = largest_tables(&session, 10).await.unwrap();
    assert_eq!(
        sizes
            .iter()
            .map(|size| size.name.as_str())
            .collect::<Vec<_>>(),
        ["free", "held"]
    );
    assert!(sizes[0].bytes_exact && sizes[0].bytes > 500_000);
    assert_eq!(sizes[0].rows_estimate, None, "never analyzed");
    assert!(
        !sizes[1].bytes_exact && sizes[1].bytes > 8192,
        "{:?}",
        sizes[1]
    );
    assert_eq!(sizes[1].rows_estimate, Some(1000));
    let held = TableName::new("public", "held");
    assert_eq!(
        count_rows(&session, &held, BUDGET).await,
        Count::Estimated(1000)
    );
    assert_eq!(
        count_values(&session, &held, "note", BUDGET).await,
        Count::Estimated(250)
    );
    assert_eq!(bearer(&session).await.unwrap(), None);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );

    holder.client().batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(
        count_rows(&session, &held, BUDGET).await,
        Count::Exact(1000)
    );
    assert_eq!(
        count_values(&session, &held, "note", BUDGET).await,
        Count::Exact(250)
    );
    assert_eq!(largest_tables(&session, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lock_on_an_index_alone_is_survived() {
    let cluster = Cluster::start();
    cluster.psql(
        "postgres",
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    let holder = work(&cluster.url("postgres")).await.unwrap();
    holder
        .client()
        .batch_execute("BEGIN; REINDEX INDEX t_pkey")
        .await
        .unwrap();
    let session = look(&cluster.url("postgres")).await.unwrap();
    let sizes = largest_tables(&session, 10).await.unwrap();
    assert!(!sizes[0].bytes_exact);
}

#[tokio::test]
async fn counts_say_what_they_are_worth() {
    let cluster = Cluster::start();
    cluster.psql(
        "postgres",
        r#"CREATE TABLE "we""ird; --" (id int); INSERT INTO "we""ird; --" VALUES (1), (NULL);
           CREATE TABLE veiled (id int); ALTER TABLE veiled ENABLE ROW LEVEL SECURITY;
           INSERT INTO veiled VALUES (1), (2);
           CREATE ROLE small LOGIN PASSWORD 'hunter2'; GRANT SELECT ON veiled TO small;
           CREATE VIEW slow AS SELECT pg_sleep(30)::text AS x"#,
    );
    let session = look(&cluster.url("postgres")).await.unwrap();
    let weird = TableName::new("public", "we\"ird; --");
    assert_eq!(count_rows(&session, &weird, BUDGET).await, Count::Exact(2));
    assert_eq!(
        count_values(&session, &weird, "id", BUDGET).await,
        Count::Exact(1)
    );
    let missing = count_rows(&session, &TableName::new("public", "missing"), BUDGET).await;
    assert!(
        matches!(&missing, Count::Unknown(why) if why.contains("42P01")),
        "{missing:?}"
    );
    let began = Instant::now();
    let slow = TableName::new("public", "slow");
    let late = count_values(&session, &slow, "x", Duration::from_millis(300)).await;
    assert!(
        matches!(&late, Count::Unknown(why) if why.contains("too long")),
        "{late:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));

    let small = look(&cluster.url_as("small", "hunter2", "postgres"))
        .await
        .unwrap();
    let veiled = TableName::new("public", "veiled");
    let hidden = count_rows(&small, &veiled, BUDGET).await;
    assert!(
        matches!(&hidden, Count::Unknown(why) if why.contains("row-level security")),
        "{hidden:?}"
    );
    let denied = count_rows(&small, &weird, BUDGET).await;
    assert!(
        matches!(&denied, Count::Unknown(why) if why.contains("may not")),
        "{denied:?}"
    );
}

#[tokio::test]
async fn questions_work_through_a_pooler_too() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "CREATE TABLE t (id int)");
    let session = look(&(cluster.url("postgres") + "?pgbouncer=true"))
        .await
        .unwrap();
    facts(&session).await.unwrap();
    let table = TableName::new("public", "t");
    assert_eq!(count_rows(&session, &table, BUDGET).await, Count::Exact(0));
}

#[tokio::test]
async fn emptiness_and_the_ledger_are_prismas() {
    let cluster = Cluster::start();
    let session = look(&cluster.url("postgres")).await.unwrap();
    cluster.psql(
        "postgres",
        "CREATE VIEW _prisma_migrations AS SELECT 1; CREATE TABLE \"Spatial_Ref_Sys\" (); CREATE SEQUENCE s; \
         CREATE TABLE parent (id int) PARTITION BY RANGE (id)",
    );
    let public = ["public".to_owned()];
    let found = bearer(&session).await.unwrap().unwrap();
    assert!(!found.is_table(), "{found:?}");
    assert!(!has_tables_besides_ledger(&session, &public).await.unwrap());
    cluster.psql(
        "postgres",
        "DROP VIEW _prisma_migrations; CREATE TABLE _prisma_migrations ()",
    );
    let found = bearer(&session).await.unwrap().unwrap();
    assert!(found.is_table() && found.columns.is_empty(), "{found:?}");
    assert!(!has_tables_besides_ledger(&session, &public).await.unwrap());
    assert!(elsewhere(&session).await.unwrap().is_empty());
    cluster.psql(
        "postgres",
        "CREATE SCHEMA other CREATE TABLE _prisma_migrations (id int NOT NULL, logs text NOT NULL DEFAULT '')",
    );
    assert_eq!(elsewhere(&session).await.unwrap(), ["other"]);
    let all = ["public".to_owned(), "other".to_owned()];
    assert!(!has_tables_besides_ledger(&session, &all).await.unwrap());
    cluster.psql("postgres", "CREATE TABLE other.\"_Prisma_Migrations\" ()");
    assert!(!has_tables_besides_ledger(&session, &public).await.unwrap());
    assert!(has_tables_besides_ledger(&session, &all).await.unwrap());
}

#[tokio::test]
async fn the_holder_of_prismas_lock_is_shown() {
    let cluster = Cluster::start();
    cluster.create_database("other");
    let session = look(&cluster.url("postgres")).await.unwrap();
    assert_eq!(lock_holder(&session).await.unwrap(), None);
    let take = format!("SELECT pg_advisory_lock({MIGRATE_LOCK})");
    let elsewhere = work(&cluster.url("other")).await.unwrap();
    elsewhere.client().batch_execute(&take).await.unwrap();
    assert_eq!(
        lock_holder(&session).await.unwrap(),
        None,
        "the lock is per database"
    );
    let holder = work(&cluster.url("postgres")).await.unwrap();
    holder.client().batch_execute(&take).await.unwrap();
    let found = lock_holder(&session).await.unwrap().unwrap();
    assert_eq!(found.application_name.as_deref(), Some("lockkeeper:a-job"));
    assert_eq!(found.user.as_deref(), Some("postgres"));
    assert!(found.since.unwrap() > 1_600_000_000_000);
    assert_eq!(
        lock_holder(&holder).await.unwrap(),
        None,
        "our own does not count"
    );
}
