//! The locks that a plan tells are those that the server takes: each statement is planned, then run, and compared.

use std::collections::BTreeMap;

use lockkeeper::guard::LockMode;
use lockkeeper::target::{DatabaseUrl, Purpose, Session};

use super::Base;

const TABLES: &str = r#"
CREATE SCHEMA crm;
CREATE TYPE mood AS ENUM ('calm', 'tense');
CREATE TABLE "User" (id int PRIMARY KEY, email varchar(50), at timestamp(6), mood mood, score numeric(10,2),
  CONSTRAINT "User_score_check" CHECK (score > 0));
CREATE UNIQUE INDEX "User_email_key" ON "User" (email);
CREATE TABLE "Post" (id int PRIMARY KEY, author int CONSTRAINT "Post_author_fkey" REFERENCES "User" (id), title text);
CREATE INDEX "Post_title_idx" ON "Post" (title);
CREATE TABLE crm."Comment" (id int, post int CONSTRAINT "Comment_post_fkey" REFERENCES "Post" (id));
CREATE TABLE alone (id int, note text);
CREATE TABLE log (at date) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE log_2 (at date NOT NULL);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER tr AFTER INSERT ON alone FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE MATERIALIZED VIEW mv AS SELECT id FROM alone;
INSERT INTO "User" VALUES (1, 'a', now(), 'calm', 1), (2, 'b', now(), 'calm', 2);
INSERT INTO "Post" VALUES (1, 1, 'x');
INSERT INTO alone VALUES (1, 'x');
"#;

const STATEMENTS: &[&str] = &[
    r#"ALTER TABLE "User" ADD COLUMN x int"#,
    r#"ALTER TABLE "User" ADD COLUMN x int DEFAULT 1, DROP COLUMN at"#,
    r#"ALTER TABLE alone ADD COLUMN x int REFERENCES "User" (id)"#,
    r#"ALTER TABLE "User" ALTER email TYPE varchar(100)"#,
    r#"ALTER TABLE "User" ALTER score TYPE numeric(10,1)"#,
    r#"ALTER TABLE "User" ALTER id TYPE bigint"#,
    r#"ALTER TABLE "Post" ALTER author TYPE bigint"#,
    r#"ALTER TABLE "Post" DROP COLUMN author"#,
    r#"ALTER TABLE "User" ALTER email SET NOT NULL"#,
    r#"ALTER TABLE "User" ALTER email DROP NOT NULL"#,
    r#"ALTER TABLE "User" ALTER email SET DEFAULT 'x'"#,
    r#"ALTER TABLE "User" ALTER email SET STATISTICS 10"#,
    r#"ALTER TABLE "User" ALTER email SET STORAGE PLAIN"#,
    r#"ALTER TABLE "User" SET (fillfactor = 80)"#,
    r#"ALTER TABLE "User" ADD CHECK (id > 0)"#,
    r#"ALTER TABLE "User" ADD CHECK (id > 0) NOT VALID"#,
    r#"ALTER TABLE "User" VALIDATE CONSTRAINT "User_score_check""#,
    r#"ALTER TABLE "User" DROP CONSTRAINT "User_score_check""#,
    r#"ALTER TABLE "User" ADD UNIQUE (mood, id)"#,
    r#"ALTER TABLE "User" ADD CONSTRAINT k UNIQUE USING INDEX "User_email_key""#,
    r#"ALTER TABLE alone ADD FOREIGN KEY (id) REFERENCES "User" (id)"#,
    r#"ALTER TABLE alone ADD FOREIGN KEY (id) REFERENCES "User" (id) NOT VALID"#,
    r#"ALTER TABLE "Post" DROP CONSTRAINT "Post_author_fkey""#,
    r#"ALTER TABLE "User" DROP CONSTRAINT "User_pkey" CASCADE"#,
    r#"ALTER TABLE "User" RENAME COLUMN email TO mail"#,
    r#"ALTER TABLE "User" RENAME TO "Person""#,
    r#"ALTER TABLE "User" RENAME CONSTRAINT "User_score_check" TO c"#,
    "ALTER TABLE alone SET SCHEMA crm",
    r#"ALTER TABLE "User" ENABLE ROW LEVEL SECURITY"#,
    r#"ALTER TABLE "User" REPLICA IDENTITY FULL"#,
    "ALTER TABLE alone DISABLE TRIGGER tr",
    "ALTER TABLE alone SET UNLOGGED",
    r#"CREATE INDEX ON "User" (mood)"#,
    r#"CREATE UNIQUE INDEX x ON "Post" (id, title)"#,
    "CREATE INDEX ON log (at)",
    r#"DROP INDEX "Post_title_idx""#,
    "DROP TABLE alone CASCADE",
    r#"DROP TABLE crm."Comment""#,
    r#"DROP TABLE "Post" CASCADE"#,
    r#"DROP TABLE "User" CASCADE"#,
    "TRUNCATE alone",
    r#"TRUNCATE "User" CASCADE"#,
    r#"CREATE TABLE new (id int, u int REFERENCES "User" (id), p int, FOREIGN KEY (p) REFERENCES "Post" (id))"#,
    "CREATE TABLE log_3 PARTITION OF log FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
    "CREATE TABLE heir () INHERITS (alone)",
    "ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    "ALTER TABLE log DETACH PARTITION log_1",
    "ALTER TABLE log ADD COLUMN x int",
    r#"CREATE TRIGGER x AFTER INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION nothing()"#,
    "DROP TRIGGER tr ON alone",
    r#"CREATE POLICY p ON "User" USING (true)"#,
    "CREATE RULE r AS ON INSERT TO alone DO NOTHING",
    r#"CREATE STATISTICS s ON id, email FROM "User""#,
    r#"UPDATE "User" SET email = 'x' WHERE id = 1"#,
    "DELETE FROM alone",
    "INSERT INTO alone VALUES (2)",
    "LOCK TABLE alone IN EXCLUSIVE MODE",
    r#"LOCK TABLE alone, "User""#,
];

async fn open(url: &str, purpose: Purpose) -> Session {
    let url = DatabaseUrl::parse(&url.into(), std::path::Path::new("/")).unwrap();
    Session::open(&url, purpose).await.unwrap()
}

/// The strongest lock on each table that was there before, of those that block anybody.
async fn measured(
    worker: &Session,
    watcher: &Session,
    statement: &str,
) -> BTreeMap<String, String> {
    let begin = format!("BEGIN; {statement}");
    worker.client().batch_execute(&begin).await.unwrap();
    let pid: i32 = worker
        .client()
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let rows = watcher
        .client()
        .query(
            "SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || quote_ident(c.relname), l.mode \
               FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace \
              WHERE l.pid = $1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                AND c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'crm')",
            &[&pid],
        )
        .await
        .unwrap();
    worker.client().batch_execute("ROLLBACK").await.unwrap();
    let mut locks: BTreeMap<String, LockMode> = BTreeMap::new();
    for row in rows {
        let (table, mode): (String, String) = (row.get(0), row.get(1));
        let mode = mode
            .trim_end_matches("Lock")
            .chars()
            .fold(String::new(), |name, letter| {
                let gap = if letter.is_uppercase() && !name.is_empty() {
                    " "
                } else {
                    ""
                };
                format!("{name}{gap}{}", letter.to_ascii_uppercase())
            });
        let mode: LockMode = serde_json::from_value(mode.into()).unwrap();
        if mode >= LockMode::RowExclusive {
            let kept = locks.entry(table).or_insert(mode);
            *kept = mode.max(*kept);
        }
    }
    locks
        .into_iter()
        .map(|(table, mode)| (table, mode.to_string()))
        .collect()
}

#[tokio::test]
async fn the_locks_of_a_plan_are_those_that_the_server_takes() {
    let base = Base::with(TABLES);
    let job = "a-job".to_owned();
    let worker = open(&base.url(), Purpose::Work { job }).await;
    let watcher = open(&base.url(), Purpose::Look).await;
    let mut wrong = Vec::new();
    for statement in STATEMENTS {
        let plan = base.plan(&[statement]).await;
        let told: BTreeMap<String, String> = plan
            .statements()
            .flat_map(|statement| &statement.locks)
            .map(|lock| (lock.table.clone(), lock.mode.to_string()))
            .collect();
        let mut taken = measured(&worker, &watcher, statement).await;
        // Postgres 13 is gentler to a partition that it detaches; a plan tells what all later ones take.
        if watcher.major() == 13 && statement.contains("DETACH") {
            let taken = taken.insert("log_1".to_owned(), "ACCESS EXCLUSIVE".to_owned());
            assert_eq!(taken.as_deref(), Some("SHARE UPDATE EXCLUSIVE"));
        }
        // A plan names a table with its partitions.
        if let Some(mode) = taken.get("log").cloned()
            && told.keys().any(|table| table.ends_with("partition"))
            && taken.remove("log_1").is_some()
        {
            taken.remove("log");
            taken.insert("log and its partition".to_owned(), mode);
        }
        if told != taken {
            wrong.push(format!(
                "{statement}\n     told {told:?}\n    taken {taken:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
