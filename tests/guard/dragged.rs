//! What goes with a schema, a type or an extension, and what leaves a digest as it is.

use lockkeeper::guard::{Count, LockOn};

use super::{Base, lines};

const APP: &str = r#"
CREATE SCHEMA old;
CREATE TABLE old.a (id int PRIMARY KEY, note text);
INSERT INTO old.a SELECT n, 'x' FROM generate_series(1, 7) n;
CREATE TABLE old.parts (id int) PARTITION BY RANGE (id);
CREATE TABLE old.part PARTITION OF old.parts FOR VALUES FROM (1) TO (10);
INSERT INTO old.parts VALUES (1), (2);
CREATE VIEW old.v AS SELECT * FROM old.a;
CREATE TYPE "Mood" AS ENUM ('good', 'bad');
CREATE DOMAIN old.mail AS text;
CREATE TABLE person (id int PRIMARY KEY, mood "Mood", past "Mood"[], mail old.mail);
INSERT INTO person VALUES (1, 'good', NULL, 'a@b'), (2, 'bad', '{good}', NULL), (3, NULL, NULL, NULL);
CREATE TABLE other (id int);
"#;

#[tokio::test]
async fn a_schema_goes_with_its_tables_and_with_columns_elsewhere() {
    let base = Base::with(APP);
    let found = base.found("DROP SCHEMA old CASCADE").await;
    let mut expected = vec![
        "unseen-loss error: The schema old goes with everything in it.",
        "unseen-loss error: The table old.a goes with it, with every row. | table old.a: 7 rows",
        "unseen-loss error: The column mail of person goes with it, with every value. | column mail of person: 1 value",
        "unseen-loss error: The table old.parts goes with it, with every row. | table old.parts: 2 rows",
    ];
    let mut sorted: Vec<&str> = found.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    // Dropping an empty schema, or failing to, takes nothing along.
    assert_eq!(base.found("DROP SCHEMA old").await, [""; 0]);
}

#[tokio::test]
async fn a_type_goes_with_the_columns_that_are_of_it() {
    let base = Base::with(APP);
    let found = base.found("DROP TYPE \"Mood\" CASCADE").await;
    assert_eq!(
        found[1..],
        [
            "unseen-loss error: The column mood of person goes with it, with every value. | column mood of person: 2 values",
            "unseen-loss error: The column past of person goes with it, with every value. | column past of person: 1 value",
        ]
    );
    let found = base.found("DROP DOMAIN old.mail CASCADE").await;
    assert!(
        found[1].ends_with("column mail of person: 1 value"),
        "{found:?}"
    );
    assert_eq!(base.found("DROP TYPE \"Mood\"").await, [""; 0]);
}

#[tokio::test]
async fn what_goes_along_is_part_of_the_digest_and_locked() {
    let base = Base::with(APP);
    let script = ["DROP SCHEMA old CASCADE"];
    let plan = base.plan(&script).await;
    let locked: Vec<String> = plan
        .statements()
        .flat_map(|one| one.locks.iter().map(LockOn::sentence))
        .collect();
    assert_eq!(locked.len(), 3, "{locked:?}");
    base.run("CREATE TABLE unrelated (id int)");
    assert_eq!(base.plan(&script).await.digest, plan.digest);
    base.run("CREATE TABLE old.b (id int)");
    let more = base.plan(&script).await;
    assert_ne!(more.digest, plan.digest, "another table would go");
    base.run("ALTER TABLE person ADD second old.mail");
    assert_ne!(base.plan(&script).await.digest, more.digest);
}

#[tokio::test]
async fn of_many_tables_the_largest_are_told_and_the_others_counted() {
    let base = Base::with("CREATE SCHEMA many");
    base.run(
        "DO $$ BEGIN FOR n IN 1..70 LOOP EXECUTE format('CREATE TABLE many.\"t;%s\" (id int)', n); END LOOP; END $$",
    );
    base.run("INSERT INTO many.\"t;70\" SELECT generate_series(1, 5000); ANALYZE many.\"t;70\"");
    let plan = base.plan(&["DROP SCHEMA many CASCADE"]).await;
    let told = lines(&plan);
    assert_eq!(told.len(), 52);
    assert!(
        told[1].ends_with("table many.\"t;70\": 5,000 rows"),
        "{}",
        told[1]
    );
    assert!(
        told[51].contains("20 more tables or columns go with it"),
        "{}",
        told[51]
    );
    let counted = |count: Count| matches!(count, Count::Exact(_));
    assert!(
        plan.findings()
            .filter_map(|one| one.loss.as_ref())
            .all(|loss| counted(loss.count))
    );
}

#[tokio::test]
async fn an_extension_goes_with_the_columns_of_its_types() {
    let base = Base::with(APP);
    base.run("CREATE EXTENSION hstore; ALTER TABLE person ADD more hstore; UPDATE person SET more = 'a=>1' WHERE id = 1");
    let found = base.found("DROP EXTENSION hstore CASCADE").await;
    assert!(
        found
            .iter()
            .any(|line| line.ends_with("column more of person: 1 value")),
        "{found:?}"
    );
}

#[tokio::test]
async fn partitions_and_a_reindex_leave_the_digest_as_it_is() {
    let base = Base::with(
        "CREATE TABLE head (id int PRIMARY KEY, note text); INSERT INTO head SELECT n, 'x' FROM generate_series(1, 9) n; \
         CREATE TABLE log (at int, head int REFERENCES head (id)) PARTITION BY RANGE (at); \
         CREATE TABLE log1 PARTITION OF log FOR VALUES FROM (1) TO (2)",
    );
    let script = ["ALTER TABLE head DROP COLUMN note; ALTER TABLE log ADD more int"];
    let plan = base.plan(&script).await;
    base.run("CREATE TABLE log2 PARTITION OF log FOR VALUES FROM (2) TO (3)");
    assert_eq!(base.plan(&script).await.digest, plan.digest);
    // What a concurrent REINDEX makes for a while, and leaves behind when it is interrupted.
    base.run("CREATE UNIQUE INDEX head_pkey_ccnew ON head (id)");
    base.run(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'head_pkey_ccnew'::regclass",
    );
    assert_eq!(base.plan(&script).await.digest, plan.digest);
    base.run("CREATE INDEX another ON head (note)");
    assert_ne!(base.plan(&script).await.digest, plan.digest);
}
