//! Names and scripts as nobody should write them, and databases as somebody has them.

use std::fmt::Write;
use std::time::Instant;

use lockkeeper::guard::{Count, Verdict};

use super::{Base, cluster, lines};

#[tokio::test]
async fn names_are_what_they_are() {
    let name = "<script>alert(1)</script>\"; DROP TABLE \"x🚀";
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    let base = Base::with(&format!(
        "CREATE TABLE {quoted} (id int, {quoted} text); INSERT INTO {quoted} VALUES (1, 'a'), (2, NULL); \
         CREATE TABLE user_ (id int); CREATE TABLE \"User_\" (id int); INSERT INTO \"User_\" VALUES (1)"
    ));
    let plan = base
        .plan(&[&format!("ALTER TABLE {quoted} DROP COLUMN {quoted}")])
        .await;
    assert_eq!(
        plan.losses(),
        [format!("column {quoted} of {quoted}: 1 value")]
    );
    let plan = base
        .plan(&[&format!("ALTER TABLE {quoted} ALTER {quoted} SET NOT NULL")])
        .await;
    assert!(
        lines(&plan)[0].ends_with("has 1 NULL."),
        "{:?}",
        lines(&plan)
    );
    // Case decides.
    let plan = base
        .plan(&["DROP TABLE User_", "DROP TABLE \"User_\""])
        .await;
    assert_eq!(
        plan.losses(),
        ["table user_: 0 rows", "table \"User_\": 1 row"]
    );
}

#[tokio::test]
async fn names_without_a_schema_are_found_where_the_session_looks() {
    let base = Base::with(
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (x int); CREATE TABLE b.t (x int); CREATE TABLE t (x int); \
         INSERT INTO a.t VALUES (1); INSERT INTO b.t VALUES (1), (2); INSERT INTO t VALUES (1), (2), (3)",
    );
    for (script, rows) in [
        ("DROP TABLE t", Count::Exact(3)),
        ("DROP TABLE b.t", Count::Exact(2)),
        ("SET search_path = a; DROP TABLE t", Count::Exact(1)),
        (
            "SET search_path TO nowhere, b; DROP TABLE t",
            Count::Exact(2),
        ),
        (
            "SELECT set_config('search_path', 'b', false); DROP TABLE t",
            Count::Unknown,
        ),
        ("SET search_path TO DEFAULT; DROP TABLE t", Count::Unknown),
    ] {
        let plan = base.plan(&[script]).await;
        let losses: Vec<_> = plan.findings().filter_map(|one| one.loss.clone()).collect();
        assert_eq!(losses.last().map(|loss| loss.count), Some(rows), "{script}");
    }
    // What a script sets ends with it.
    let plan = base.plan(&["SET search_path = a", "DROP TABLE t"]).await;
    assert_eq!(plan.losses(), ["table t: 3 rows"]);
    // A new table in one schema is not the one of another, and neither is a temporary one.
    for script in [
        "CREATE TABLE a.fresh (x int); DROP TABLE t",
        "SET search_path = a; CREATE TABLE u (x int); SET search_path = public; DROP TABLE t",
        "CREATE TABLE IF NOT EXISTS t (x int); DROP TABLE t",
        "CREATE TEMP TABLE u (x int); DROP TABLE public.t",
        "BEGIN; ALTER TABLE t RENAME TO old; CREATE TABLE t (x int); ROLLBACK; DROP TABLE t",
    ] {
        assert_eq!(
            base.plan(&[script]).await.verdict,
            Verdict::Destructive,
            "{script}"
        );
    }
    let own = "CREATE TEMP TABLE t (x int); DROP TABLE t";
    assert_eq!(base.plan(&[own]).await.verdict, Verdict::Safe);
    let shadow = ["CREATE TEMP TABLE t (x int)", "DROP TABLE t"];
    assert_eq!(base.plan(&shadow).await.verdict, Verdict::Destructive);
    // Prisma's own way of saying where.
    let url = format!("{}?schema=b", base.url());
    base.run("CREATE TABLE b._prisma_migrations (LIKE public._prisma_migrations INCLUDING ALL)");
    let plan = base.try_plan(&url, &["DROP TABLE t"]).await.unwrap();
    assert_eq!(plan.losses(), ["table t: 2 rows"]);
}

#[tokio::test]
async fn partitions_are_counted_with_their_table() {
    let base = Base::with(
        "CREATE TABLE log (at date NOT NULL, note text) PARTITION BY RANGE (at); \
         CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); \
         CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); \
         INSERT INTO log SELECT '2026-01-05' FROM generate_series(1, 11000); INSERT INTO log VALUES ('2026-02-05'); \
         CREATE VIEW v AS SELECT 1 AS x",
    );
    let plan = base.plan(&["CREATE INDEX ON log (at)"]).await;
    let statement = plan.statements().next().unwrap();
    assert_eq!(statement.tables[0].rows, Count::Exact(11_001));
    assert!(matches!(statement.tables[0].bytes, Count::Exact(bytes) if bytes > 300_000));
    assert_eq!(statement.locks[0].table, "log and its 2 partitions");
    assert!(
        statement.findings[0]
            .advice
            .as_ref()
            .unwrap()
            .contains("each partition")
    );
    let plan = base.plan(&["DROP TABLE log"]).await;
    assert_eq!(plan.losses(), ["table log: 11,001 rows"]);
}

#[tokio::test]
async fn a_role_that_may_not_look_is_told_so() {
    let base = Base::with(
        "CREATE TABLE secret (id int); INSERT INTO secret VALUES (1); CREATE ROLE deployer LOGIN PASSWORD 'x'; \
         GRANT SELECT ON _prisma_migrations TO deployer",
    );
    let url = cluster().url_as("deployer", "x", &base.name);
    let plan = base.try_plan(&url, &["DROP TABLE secret"]).await.unwrap();
    assert_eq!(plan.losses(), ["table secret: could not be counted"]);
    let plan = base
        .try_plan(&url, &["ALTER TABLE secret ADD COLUMN x int NOT NULL"])
        .await
        .unwrap();
    assert!(
        lines(&plan)[0].contains("It fails if secret has a row"),
        "{:?}",
        lines(&plan)
    );
}

#[tokio::test]
async fn a_table_that_somebody_holds_holds_nobody_up() {
    let base = Base::with(
        "CREATE TABLE held (id int, note text); INSERT INTO held VALUES (1, NULL); ANALYZE held",
    );
    let url = lockkeeper::target::DatabaseUrl::parse(&base.url().into(), std::path::Path::new("/"))
        .unwrap();
    let job = "a-job".to_owned();
    let holder = lockkeeper::target::Session::open(&url, lockkeeper::target::Purpose::Work { job })
        .await
        .unwrap();
    holder
        .client()
        .batch_execute("BEGIN; LOCK TABLE held")
        .await
        .unwrap();
    let began = Instant::now();
    let plan = base
        .plan(&[
            "ALTER TABLE held ALTER note SET NOT NULL",
            "DROP TABLE held",
        ])
        .await;
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert_eq!(plan.losses(), ["table held: about 1 row (estimated)"]);
    let now = &plan.statements().next().unwrap().tables[0];
    assert!(matches!(now.bytes, Count::Estimated(_)), "{now:?}");
}

#[tokio::test]
async fn a_script_that_does_not_parse_is_refused_in_words() {
    let base = Base::with("SELECT 1");
    let error = base
        .try_plan(&base.url(), &["CREATE TABLE a (id int);\nDROP TABEL a;"])
        .await
        .unwrap_err();
    assert!(format!("{error:?}").contains("line 2"), "{error:?}");
    let plan = base.plan(&["", "-- nothing", "SELECT 1"]).await;
    assert_eq!(plan.verdict, Verdict::Safe);
}

#[tokio::test]
async fn five_thousand_statements_are_judged_in_seconds() {
    let mut tables = String::new();
    let mut script = String::new();
    for number in 0..500 {
        write!(
            tables,
            "CREATE TABLE \"T{number}\" (id int PRIMARY KEY, a text, b text);"
        )
        .unwrap();
        for column in 0..10 {
            writeln!(
                script,
                "ALTER TABLE \"T{number}\" ADD COLUMN \"c{column}\" TEXT;"
            )
            .unwrap();
        }
    }
    let base = Base::with(&tables);
    let began = Instant::now();
    let plan = base.plan(&[&script]).await;
    assert_eq!(plan.statements().count(), 5_000);
    assert_eq!(plan.verdict, Verdict::Safe);
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
