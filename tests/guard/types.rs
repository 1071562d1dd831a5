//! A change of type is judged by the type that is there and by the values that are there.

use lockkeeper::guard::{Severity, Verdict};

use super::support::skip::skipped;
use super::{Base, lines};

const CARDS: &str = r#"
CREATE TYPE "Role" AS ENUM ('STUDENT', 'TEACHER');
CREATE TABLE "Card" (id int PRIMARY KEY, front varchar(50), ease numeric(4,2), score double precision,
  at timestamp(6), role "Role" NOT NULL DEFAULT 'STUDENT', tags text[], raw bytea);
INSERT INTO "Card" SELECT n, repeat('x', n % 30), 2.50, n, '2026-01-01 10:00:00.25', 'STUDENT', '{}', ''
  FROM generate_series(1, 20000) n;
UPDATE "Card" SET ease = 2.55, score = 0.5 WHERE id <= 3;
ANALYZE "Card";
"#;

/// The severity of what is found in a change of one column, if anything is.
async fn severity(base: &Base, change: &str) -> Option<Severity> {
    let plan = base
        .plan(&[&format!("ALTER TABLE \"Card\" {change}")])
        .await;
    assert!(plan.findings().count() <= 1, "{change}: {:?}", lines(&plan));
    plan.findings().next().map(|finding| finding.severity)
}

#[tokio::test]
async fn a_change_of_type_is_judged_by_the_old_type() {
    let base = Base::with(CARDS);
    base.run(&format!(
        "ALTER DATABASE \"{}\" SET timezone = 'UTC'",
        base.name
    ));
    for (change, expected) in [
        ("ALTER front TYPE varchar(100)", None),
        ("ALTER front TYPE text", None),
        ("ALTER ease TYPE numeric(6,2)", None),
        ("ALTER ease TYPE numeric", None),
        ("ALTER at TYPE timestamptz(6)", None),
        ("ALTER at SET DATA TYPE timestamp", None),
        ("ALTER id TYPE bigint", Some(Severity::Warning)),
        ("ALTER front TYPE varchar(40)", Some(Severity::Warning)),
        ("ALTER front TYPE varchar(10)", Some(Severity::Warning)),
        ("ALTER ease TYPE numeric(4,1)", Some(Severity::Error)),
        (
            "ALTER front TYPE varchar(10) USING front::varchar(10)",
            Some(Severity::Error),
        ),
        (
            "ALTER front TYPE varchar(10) USING left(front, 10)",
            Some(Severity::Error),
        ),
        ("ALTER score TYPE integer", Some(Severity::Error)),
        ("ALTER at TYPE date", Some(Severity::Error)),
        ("ALTER at TYPE timestamp(2)", Some(Severity::Warning)),
        (
            "ALTER front TYPE \"Role\" USING front::\"Role\"",
            Some(Severity::Error),
        ),
        ("ALTER tags TYPE varchar(5)[]", Some(Severity::Error)),
        (
            "ALTER raw TYPE text USING encode(raw, 'hex')",
            Some(Severity::Error),
        ),
    ] {
        assert_eq!(severity(&base, change).await, expected, "{change}");
    }
}

#[tokio::test]
async fn what_changes_is_counted() {
    let base = Base::with(CARDS);
    let rounded = base
        .plan(&["ALTER TABLE \"Card\" ALTER ease TYPE numeric(4,1)"])
        .await;
    assert_eq!(rounded.verdict, Verdict::Destructive);
    assert_eq!(
        rounded.losses(),
        ["column ease of \"Card\", where its value changes: 3 values"]
    );
    let longer = base
        .found("ALTER TABLE \"Card\" ALTER front TYPE varchar(10)")
        .await;
    assert_eq!(
        longer,
        [
            "change-type warning: It will fail: 12,664 values of front in \"Card\" do not fit varchar(10)."
        ]
    );
    // All of it fits, so it is only a matter of waiting.
    let fits = base
        .found("ALTER TABLE \"Card\" ALTER front TYPE varchar(29)")
        .await;
    assert!(
        fits[0].starts_with("change-type warning: Every value fits now."),
        "{fits:?}"
    );
    assert!(fits[0].contains("The table has 20,000 rows"), "{fits:?}");
}

#[tokio::test]
async fn an_enum_that_prisma_swaps_loses_nothing() {
    let base = Base::with(CARDS);
    let swap = r#"
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('STUDENT');
ALTER TABLE "Card" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "Card" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
ALTER TABLE "Card" ALTER COLUMN "role" SET DEFAULT 'STUDENT';
COMMIT;
"#;
    let plan = base.plan(&[swap]).await;
    assert_eq!(plan.verdict, Verdict::Caution, "{:?}", lines(&plan));
    assert_eq!(plan.findings().count(), 1);
    let finding = &plan.statements().nth(3).unwrap().findings[0];
    assert!(
        finding.sentence.starts_with("Every value fits now."),
        "{}",
        finding.sentence
    );
    let of_text = "CREATE TYPE \"Front\" AS ENUM (''); ALTER TABLE \"Card\" ALTER front TYPE \"Front\" USING front::\"Front\"";
    assert_eq!(
        lines(&base.plan(&[of_text]).await),
        [
            "change-type warning: It will fail: 19,334 values of front in \"Card\" do not fit \"Front\"."
        ]
    );
    base.run("UPDATE \"Card\" SET role = 'TEACHER' WHERE id <= 7");
    assert_eq!(
        lines(&base.plan(&[swap]).await),
        [
            "change-type warning: It will fail: 7 values of role in \"Card\" do not fit \"Role_new\"."
        ]
    );
}

#[tokio::test]
async fn a_zone_is_free_only_where_clocks_are_utc() {
    let base = Base::with(CARDS);
    base.run(&format!(
        "ALTER DATABASE \"{}\" SET timezone = 'Europe/Zurich'",
        base.name
    ));
    let change = "ALTER at TYPE timestamptz(6)";
    // Every value of these tests comes back, so it only rewrites.
    assert_eq!(severity(&base, change).await, Some(Severity::Warning));
    base.run(&format!(
        "ALTER DATABASE \"{}\" SET timezone = 'UTC'",
        base.name
    ));
    assert_eq!(severity(&base, change).await, None);
    let script = format!("SET timezone = 'Europe/Zurich'; ALTER TABLE \"Card\" {change}");
    assert_ne!(base.plan(&[&script]).await.verdict, Verdict::Safe);
}

#[tokio::test]
async fn a_not_null_that_was_not_validated_is_no_proof() {
    let base = Base::with("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)");
    if base.run("SELECT current_setting('server_version_num')::int >= 180000") == "f" {
        skipped("a NOT NULL that is not validated, which Postgres has from 18 on");
        return;
    }
    base.run("ALTER TABLE t ADD CONSTRAINT has_a NOT NULL a NOT VALID");
    let found = base.found("ALTER TABLE t ALTER a SET NOT NULL").await;
    assert!(
        found.len() == 1 && found[0].contains("It will fail: a of t has 1 NULL."),
        "{found:?}"
    );
}
