//! The page of a plan with findings of every kind: what would be lost comes first, and nothing is told by colour alone.

use std::fmt::Write;

use crate::browser::Browser;
use crate::stage::{CLUSTER, sign_in};
use crate::support::console::{Console, TargetLines};
use crate::support::project::Project;

const BASE: &str = r#"
CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
  migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);
CREATE TABLE "Team" (id int PRIMARY KEY);
INSERT INTO "Team" SELECT generate_series(1, 40);
CREATE TABLE "User" (id int PRIMARY KEY, name text, phone text, team int CONSTRAINT "User_team_fkey" REFERENCES "Team" (id));
INSERT INTO "User" SELECT n, CASE WHEN n > 12 THEN 'x' END, '1', 1 + n % 40 FROM generate_series(1, 52118) n;
CREATE TABLE "Message" (id int PRIMARY KEY, at timestamp(3), text varchar(500), author int);
INSERT INTO "Message" SELECT n, now(), 'hello', n FROM generate_series(1, 30000) n;
CREATE TABLE "Tag" (id int PRIMARY KEY, name text);
INSERT INTO "Tag" VALUES (1, 'x');
ANALYZE;
"#;

const PHONE: &str = r#"-- CreateTable
CREATE TABLE "Phone" (
    "id" SERIAL NOT NULL,
    "number" TEXT NOT NULL,
    CONSTRAINT "Phone_pkey" PRIMARY KEY ("id")
);
-- AlterTable
ALTER TABLE "User" DROP COLUMN "phone", DROP CONSTRAINT "User_team_fkey",
ALTER COLUMN "name" SET NOT NULL;
-- CreateIndex
CREATE INDEX "Tag_name_idx" ON "Tag"("name");
"#;

const MESSAGE: &str = r#"-- AlterTable
ALTER TABLE "Message" ALTER COLUMN "text" SET DATA TYPE VARCHAR(200), ADD COLUMN "room" INTEGER NOT NULL;
-- CreateIndex
CREATE INDEX "Message_at_idx" ON "Message"("at");
-- AddForeignKey
ALTER TABLE "Message" ADD CONSTRAINT "Message_author_fkey" FOREIGN KEY ("author") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;
DELETE FROM "Message" WHERE "at" < now() - interval '1 year';
"#;

/// A console on a database of its own with these migrations pending, and a browser on the page of their plan.
async fn on_plan(database: &str, project: &Project) -> (Console, Browser) {
    CLUSTER.create_database(database);
    CLUSTER.psql(database, BASE);
    let url = CLUSTER.url(database);
    let console = Console::start(&[TargetLines {
        name: "jarvis",
        environment: "production",
        url: &url,
        migrations: &project.migrations(),
    }]);
    let browser = Browser::open(&console.url("")).await;
    sign_in(&browser).await;
    browser.go("/t/jarvis").await;
    browser.click("main button.primary").await;
    browser.wait_for("Read the plan").await;
    browser.click("main .btn.primary").await;
    (console, browser)
}

#[tokio::test]
async fn a_plan_tells_what_is_lost_who_waits_and_what_to_do_instead() {
    let project = Project::new()
        .migration("20261120093000_phone", PHONE)
        .migration("20261121101500_message", MESSAGE);
    let (_console, mut browser) = on_plan("findings", &project).await;
    let text = browser.text().await;
    for part in [
        "2 errors, 5 warnings, 1 note",
        "column phone of \"User\"",
        "52,118 values, counted",
        "blocks reads and writes of \"User\" · ACCESS EXCLUSIVE",
        "blocks reads and writes of \"Team\" · ACCESS EXCLUSIVE",
        "blocks writes of \"Message\" · SHARE",
        "\"User\" had 52,118 rows, ",
        "It will fail: name of \"User\" has 12 NULLs.",
        "It will fail: \"Message\" has 30,000 rows, the new column room must have a value",
        "Every value fits now.",
        "Every row points to one that is there now.",
        "The table is small (1 row, ",
        "What to do: Use CREATE INDEX CONCURRENTLY",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let lost = text.find("What this destroys").unwrap();
    assert!(
        lost < text.find("20261120093000_phone").unwrap(),
        "the loss comes first"
    );
    // Each finding has a shape and a word.
    let findings = browser.count("ol .say").await;
    assert_eq!(findings, 8);
    assert_eq!(browser.count("ol .say > svg").await, findings);
    let words = "return [...document.querySelectorAll('ol .say b:first-child')].every(b => \
                 ['error', 'warning', 'note', 'What to do:'].includes(b.textContent))";
    assert_eq!(browser.eval(words).await, serde_json::json!(true));
    browser.picture("plan-findings").await;
    browser.must_be_sound().await;
}

#[tokio::test]
async fn a_plan_that_only_needs_care_asks_for_no_approval() {
    let project = Project::new().migration(
        "20261121101500_index",
        "CREATE INDEX \"Message_at_idx\" ON \"Message\"(\"at\");",
    );
    let (_console, mut browser) = on_plan("caution", &project).await;
    let text = browser.text().await;
    assert!(
        text.contains("caution") && text.contains("1 warning"),
        "{text}"
    );
    assert!(!text.contains("What this destroys"));
    assert_eq!(
        browser.count("#target_name").await,
        0,
        "nobody has to approve it"
    );
    browser.picture("plan-caution").await;
    browser.must_be_sound().await;
}

#[tokio::test]
async fn a_plan_of_five_thousand_statements_can_be_read() {
    let mut script = String::new();
    for number in 0..5_000 {
        writeln!(script, "ALTER TABLE \"Tag\" ADD COLUMN \"c{number}\" TEXT;").unwrap();
    }
    let project = Project::new().migration("20261121101500_many", &script);
    let (_console, browser) = on_plan("many", &project).await;
    assert_eq!(browser.count("ol.rows > li").await, 5_000);
    let characters = browser
        .eval("return document.documentElement.outerHTML.length")
        .await;
    assert!(characters.as_u64().unwrap() < 6_000_000, "{characters}");
    browser.must_be_sound().await;
}
