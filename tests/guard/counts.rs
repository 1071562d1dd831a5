//! What is told of the data that is there: rows, NULLs, orphans, sizes; and where a count would not be true any more.

use lockkeeper::guard::{Count, Severity, Verdict};

use super::{Base, lines};

const APP: &str = r#"
CREATE TABLE "User" (id int PRIMARY KEY, name text, phone text, plan text);
INSERT INTO "User" SELECT n, CASE WHEN n > 12 THEN 'x' END, CASE WHEN n <= 5 THEN '1' END, 'free' FROM generate_series(1, 20000) n;
CREATE TABLE "Post" (id int PRIMARY KEY, author int, title text);
INSERT INTO "Post" SELECT n, n, 'x' FROM generate_series(1, 20003) n;
CREATE TABLE tiny (id int, note text);
INSERT INTO tiny VALUES (1, 'x'), (2, NULL);
CREATE TABLE empty (id int, note text);
ANALYZE;
"#;

#[tokio::test]
async fn the_data_decide_whether_a_statement_will_fail() {
    let base = Base::with(APP);
    for (script, expected) in [
        (
            "ALTER TABLE \"User\" ALTER name SET NOT NULL",
            "set-not-null warning: It will fail: name of \"User\" has 12 NULLs.",
        ),
        (
            "ALTER TABLE \"User\" ADD COLUMN mail text NOT NULL",
            "required-column warning: It will fail: \"User\" has 20,000 rows, the new column mail must have a value, and \
             there is no default.",
        ),
        (
            "ALTER TABLE \"Post\" ADD CONSTRAINT f FOREIGN KEY (author) REFERENCES \"User\" (id)",
            "add-foreign-key warning: It will fail: 3 rows of \"Post\" point to rows that are not in \"User\".",
        ),
        (
            "CREATE UNIQUE INDEX ON \"User\" (plan)",
            "create-index warning: It will fail: 19,999 rows of \"User\" are like another one.",
        ),
        (
            "DROP TABLE nowhere",
            "drop-table warning: It will fail: there is no table nowhere. If it is gone already, the migration needs IF EXISTS.",
        ),
        (
            "ALTER TABLE tiny DROP COLUMN nothing",
            "drop-column warning: It will fail: tiny has no column nothing. If it is gone already, the migration needs IF EXISTS.",
        ),
    ] {
        assert_eq!(base.found(script).await, [expected]);
    }
}

#[tokio::test]
async fn nothing_is_said_where_there_is_nothing_to_lose_or_to_wait_for() {
    let base = Base::with(APP);
    for script in [
        "ALTER TABLE empty ADD COLUMN x text NOT NULL",
        "ALTER TABLE empty ALTER note SET NOT NULL",
        "ALTER TABLE empty ALTER note TYPE int USING note::int",
        "CREATE INDEX ON empty (id)",
        "ALTER TABLE empty ADD FOREIGN KEY (id) REFERENCES \"User\" (id)",
        "ALTER TABLE empty ADD CHECK (id > 0)",
        "ALTER TABLE \"User\" ALTER id SET NOT NULL",
        "DROP TABLE IF EXISTS nowhere",
        "ALTER TABLE tiny DROP COLUMN IF EXISTS nothing",
        "UPDATE \"User\" SET name = 'x' WHERE name IS NULL AND id > 3",
        "CREATE TABLE a (id int PRIMARY KEY, u int REFERENCES \"User\" (id)); CREATE INDEX ON a (u); \
         ALTER TABLE a ALTER u SET NOT NULL; ALTER TABLE a ADD CHECK (u > 0); ALTER TABLE a RENAME TO b; DROP TABLE b",
        "ALTER TABLE \"User\" ADD COLUMN x int; ALTER TABLE \"User\" RENAME x TO y; ALTER TABLE \"User\" DROP COLUMN y",
    ] {
        assert_eq!(base.found(script).await, [""; 0], "{script}");
    }
}

#[tokio::test]
async fn a_small_table_is_a_note_and_a_larger_one_a_warning() {
    let base = Base::with(APP);
    let small = base.plan(&["CREATE INDEX ON tiny (id)"]).await;
    assert_eq!(small.verdict, Verdict::Safe);
    let note = small.findings().next().unwrap();
    assert_eq!(note.severity, Severity::Note);
    assert!(
        note.sentence.contains("The table is small (2 rows, "),
        "{}",
        note.sentence
    );
    let large = base.plan(&["CREATE INDEX ON \"User\" (name)"]).await;
    assert_eq!(large.verdict, Verdict::Caution);
    let warning = large.findings().next().unwrap();
    assert!(
        warning.sentence.contains("20,000 rows, "),
        "{}",
        warning.sentence
    );
    assert!(warning.advice.as_ref().unwrap().contains("CONCURRENTLY"));
    assert_eq!(large.losses(), [""; 0], "a warning is no loss");
}

#[tokio::test]
async fn a_statement_has_its_tables_as_they_are_now() {
    let base = Base::with(APP);
    let plan = base
        .plan(&[
            "ALTER TABLE \"User\" ADD COLUMN x int",
            "CREATE TABLE z (id int)",
        ])
        .await;
    let tables: Vec<_> = plan.statements().map(|one| one.tables.clone()).collect();
    let [user] = tables[0].as_slice() else {
        panic!("{tables:?}");
    };
    assert_eq!(
        (user.table.as_str(), user.rows),
        ("\"User\"", Count::Exact(20_000))
    );
    assert!(matches!(user.bytes, Count::Exact(bytes) if bytes > 500_000));
    assert_eq!(tables[1], []);
}

#[tokio::test]
async fn what_the_plan_itself_has_written_is_its_own_to_lose() {
    let base = Base::with(APP);
    let moved = "CREATE TABLE keep AS SELECT * FROM tiny; DROP TABLE tiny; DROP TABLE keep";
    let plan = base.plan(&[moved]).await;
    let severities: Vec<usize> = plan.statements().map(|one| one.findings.len()).collect();
    assert_eq!(severities, [0, 1, 1], "{:?}", lines(&plan));
    assert_eq!(plan.losses()[0], "table tiny: 2 rows");
    assert!(plan.losses()[1].contains("rows that this plan may have put into it"));

    // A part may have been written into through the whole, and a cascade may leave the plan.
    base.run("CREATE TABLE log (at int) PARTITION BY LIST (at)");
    for script in [
        "CREATE TABLE part PARTITION OF log FOR VALUES IN (1); INSERT INTO log VALUES (1); DROP TABLE part",
        "CREATE TABLE part (at int); ALTER TABLE log ATTACH PARTITION part FOR VALUES IN (1); DROP TABLE part",
        "CREATE TABLE head (id int PRIMARY KEY); ALTER TABLE tiny ADD FOREIGN KEY (id) REFERENCES head (id) NOT VALID; \
         TRUNCATE head CASCADE",
        "CREATE TRIGGER t AFTER UPDATE ON tiny EXECUTE FUNCTION f(); CREATE TABLE x (id int); \
         UPDATE tiny SET id = 1 WHERE id IS NULL; DROP TABLE x",
    ] {
        assert_eq!(
            base.plan(&[script]).await.verdict,
            Verdict::Destructive,
            "{script}"
        );
    }

    let filled = "ALTER TABLE tiny ADD COLUMN c int; UPDATE tiny SET c = id WHERE id = 1";
    assert_eq!(base.plan(&[filled]).await.verdict, Verdict::Safe);
    let gone = "ALTER TABLE tiny DROP COLUMN c";
    assert_eq!(
        base.plan(&[filled, gone]).await.verdict,
        Verdict::Destructive
    );
}

#[tokio::test]
async fn a_count_of_before_is_not_told_for_after() {
    let base = Base::with(APP);
    for script in [
        "INSERT INTO tiny VALUES (3, 'x'); DROP TABLE tiny",
        "DELETE FROM tiny WHERE id = 1; TRUNCATE tiny",
        "ALTER TABLE tiny RENAME TO t; DROP TABLE t",
        "DO $$ BEGIN END $$; DROP TABLE tiny",
        "ALTER TABLE tiny RENAME note TO old; ALTER TABLE tiny RENAME id TO note; ALTER TABLE tiny DROP COLUMN note",
    ] {
        let plan = base.plan(&[script]).await;
        assert!(
            plan.losses()
                .last()
                .unwrap()
                .ends_with("could not be counted"),
            "{:?}",
            plan.losses()
        );
    }
    // The rows that there were do not decide over those that there are then.
    let later = base
        .found("INSERT INTO empty VALUES (1, NULL); ALTER TABLE empty ALTER note SET NOT NULL")
        .await;
    assert!(
        later[0].contains("could not be counted beforehand"),
        "{later:?}"
    );
}

#[tokio::test]
async fn a_proof_that_is_there_makes_a_scan_needless() {
    let base = Base::with(APP);
    base.run("ALTER TABLE \"User\" ADD CONSTRAINT given CHECK (plan IS NOT NULL)");
    let set = "ALTER TABLE \"User\" ALTER plan SET NOT NULL";
    assert_eq!(base.found(set).await, [""; 0]);
    let gone = format!("ALTER TABLE \"User\" DROP CONSTRAINT given; {set}");
    assert_eq!(base.found(&gone).await.len(), 1);
    base.run("ALTER TABLE \"User\" DROP CONSTRAINT given; ALTER TABLE \"User\" ADD CONSTRAINT given CHECK (plan IS NOT NULL) NOT VALID");
    assert_eq!(
        base.found(set).await.len(),
        1,
        "nobody has looked at the rows"
    );
    let looked = ["ALTER TABLE \"User\" VALIDATE CONSTRAINT given", set];
    assert_eq!(
        base.plan(&looked).await.findings().count(),
        1,
        "of a check that is not the plan's, the text is not known"
    );
}

#[tokio::test]
async fn a_cascade_is_followed() {
    let base = Base::with(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a (id) ON DELETE CASCADE); \
         CREATE SCHEMA s; CREATE TABLE s.c (b int REFERENCES b (id)); \
         INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1, 1); INSERT INTO s.c VALUES (1), (1), (1)",
    );
    let plan = base.plan(&["TRUNCATE a CASCADE"]).await;
    assert_eq!(
        plan.losses(),
        ["table a: 2 rows", "table b: 1 row", "table s.c: 3 rows"]
    );
    let deleted = base.found("DELETE FROM a").await;
    assert_eq!(
        deleted,
        [
            "delete-all error: Every row of a goes: there is no condition. With them go the rows of b that point to them \
          (ON DELETE CASCADE); those are not counted. | table a: 2 rows"
        ]
    );
}
