//! Names that attack: of a database, of migrations, tables and columns. They are applied as they are, and shown as text.

use scraper::{Html, Selector};

use crate::scene::{DONE, REFUSED, Scene, cluster, target};
use crate::support::console::Console;
use crate::support::project::Project;
use crate::support::visitor::Visitor;

const DATABASE: &str = "we\"ird <b>db</b> 'x' $& %41";

/// Each is the name of a table and of a column in it; at most 63 bytes, which is what Postgres keeps.
const NAMES: [&str; 8] = [
    "a\"; DROP TABLE keep; --",
    "<script>alert(1)</script>",
    "two\nlines\r\n-- 'and' \\ more",
    "🚀 семь ضبط",
    "a123456789b123456789c123456789d123456789e123456789f123456789ghi",
    "{{ 7 * 7 }} ${x} %s",
    "it's \u{202e}txt.exe",
    "SELECT",
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names of migrations; the last is as long as a folder's name may be.
fn migrations() -> Vec<String> {
    [
        "2 <img src=x onerror=alert(1)>",
        "3 \"; DROP TABLE keep; --",
        "4 'two\nlines'",
        "5 🚀 50% off? #1 & more\\",
        "6 \u{202e}txt.exe",
        "7 ..%2f..",
        "8 {{ 7 * 7 }}",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(["9".repeat(255)])
    .collect()
}

#[tokio::test]
async fn hostile_names_are_only_names() {
    let create = NAMES
        .map(|name| {
            let (table, value) = (quoted(name), name.replace('\'', "''"));
            format!(
                "CREATE TABLE {table} (id int, {table} text);\n\
                 INSERT INTO {table} VALUES (1, '{value}'), (2, '{value}'), (3, NULL);"
            )
        })
        .join("\n");
    let project =
        Project::new().migration("1_init", &format!("CREATE TABLE keep (id int);\n{create}"));
    cluster().create_database(DATABASE);
    let url = cluster().url(DATABASE);
    let console = Console::prepare(&[target("app", &url, &project)], None);
    console.add_user();
    let mut scene = Scene {
        console,
        project,
        database: DATABASE.to_owned(),
    };
    scene.plan_and_apply(DONE);
    let names = migrations();
    for (migration, name) in names.iter().zip(NAMES) {
        let name = quoted(name);
        scene.project.write(
            migration,
            &format!("ALTER TABLE {name} DROP COLUMN {name};"),
        );
    }
    let plan = scene.run(&["plan", "make", "--json"], REFUSED).json();
    let planned = plan["plan"]["migrations"].as_array().unwrap();
    assert_eq!(planned.len(), names.len());
    for (migration, name) in planned.iter().zip(&names) {
        assert_eq!(migration["name"], name.as_str());
        let count = &migration["statements"][0]["findings"][0]["loss"]["count"];
        assert_eq!(count["n"], 2, "{migration}");
        assert_eq!(count["kind"], "exact", "{migration}");
    }
    // Nothing of them commands the terminal.
    for args in [
        &["plan", "show"][..],
        &["migrate", "status"],
        &["target", "list"],
        &["target", "check"],
    ] {
        let said = scene.console.cli(args);
        let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        let commands = |each: char| each.is_control() && !matches!(each, '\n' | '\t');
        assert!(!text.contains(commands), "{text:?}");
    }
    scene.run(&["backup", "take"], DONE);
    scene.approve(DONE);

    scene.console.serve();
    let visitor = Visitor::signed_in(&scene.console).await;
    look_at_everything(&visitor, &names).await;
    scene.run(&["plan", "apply"], DONE);
    look_at_everything(&visitor, &names).await;
    let columns = |condition: &str| {
        scene.ask(&format!(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND {condition}"
        ))
    };
    // The ledger has an id as well, and the table that was to be dropped by so many is still there.
    let tables = NAMES.len() + 2;
    assert_eq!(columns("column_name = 'id'"), tables.to_string());
    assert_eq!(columns("column_name = table_name"), "0");
    let recorded = "SELECT json_agg(migration_name ORDER BY started_at) FROM _prisma_migrations WHERE finished_at IS NOT NULL";
    let recorded: Vec<String> = serde_json::from_str(&scene.ask(recorded)).unwrap();
    assert_eq!(recorded[1..], names);
}

/// Reads every page that shows such names, and finds no markup in any that a name has brought.
async fn look_at_everything(visitor: &Visitor, names: &[String]) {
    let mut paths: Vec<String> = ["/", "/t/app", "/t/app/backups", "/jobs", "/audit"]
        .map(str::to_owned)
        .into();
    paths.extend(links(visitor, "/t/app/plans", "td a[href*='/plans/']").await);
    paths.extend(links(visitor, "/jobs", "td a[href^='/jobs/']").await);
    let history = links(visitor, "/t/app/migrations", "td a[href*='/migrations/']").await;
    assert_eq!(history.len(), names.len() + 1);
    paths.extend(history);
    paths.push("/t/app/migrations".to_owned());
    for path in paths {
        let page = visitor.read(&path).await;
        for attack in ["<script>alert", "<img", "<b>db", "\u{202e}"] {
            assert!(!page.text.contains(attack), "{attack} on {path}");
        }
    }
}

async fn links(visitor: &Visitor, path: &str, selector: &str) -> Vec<String> {
    let page = visitor.read(path).await;
    let document = Html::parse_document(&page.text);
    let selector = Selector::parse(selector).unwrap();
    let links: Vec<String> = document
        .select(&selector)
        .map(|link| link.value().attr("href").unwrap().to_owned())
        .collect();
    assert!(!links.is_empty(), "{path}: {}", page.text);
    links
}
