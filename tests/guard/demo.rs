//! The migrations of a real-looking app, each on a database with people in it: what is said, and above all what is not.

use std::fs;
use std::path::Path;

use super::{Base, lines};

/// The demo's migrations in order: name and script.
fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/jarvis/prisma/migrations");
    let mut migrations: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let script = fs::read_to_string(path.join("migration.sql")).unwrap();
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                script,
            )
        })
        .collect();
    migrations.sort();
    migrations
}

/// Rows that come with a migration, by the end of its name.
const ROWS: &[(&str, &str)] = &[
    (
        "init",
        "INSERT INTO \"User\" SELECT n::text, n || '@x', 'x', 'x', 'STUDENT', 'en', now(), now() FROM generate_series(1, 12000) n; \
         INSERT INTO \"StudySet\" SELECT n::text, 't', 's' || n, NULL, n::text, now(), now() FROM generate_series(1, 12000) n; \
         INSERT INTO \"Card\" SELECT n::text, n::text, 1, 'f', 'b', now() FROM generate_series(1, 12000) n; ANALYZE",
    ),
    (
        "add_reviews",
        "INSERT INTO \"Review\" (\"userId\", \"cardId\", grade) SELECT n::text, n::text, 'GOOD' FROM generate_series(1, 12000) n; ANALYZE",
    ),
    (
        "add_visibility_and_phone",
        "UPDATE \"User\" SET phone = '1' WHERE id::int <= 7000",
    ),
    (
        "add_legacy_import",
        "INSERT INTO legacy_import (source, file_name, card_count) VALUES ('a', 'b', 1)",
    ),
];

#[tokio::test]
async fn each_migration_of_an_app_says_what_matters_and_no_more() {
    let base = Base::with("SELECT 1");
    let mut said = Vec::new();
    for (name, script) in migrations() {
        let plan = base.plan(&[&script]).await;
        let own = name.split_once('_').unwrap().1;
        said.push(format!("{own}: {}", plan.verdict.word()));
        said.extend(lines(&plan).into_iter().map(|line| format!("  {line}")));
        base.run(&script);
        for (_, rows) in ROWS.iter().filter(|(migration, _)| own == *migration) {
            base.run(rows);
        }
    }
    let expected = include_str!("demo.txt");
    // Sizes on disk are the server's business.
    let plain = |text: &str| {
        let parts = text
            .split(" rows, ")
            .map(|part| match part.split_once('B') {
                Some((size, rest)) if size.len() < 9 => rest.to_owned(),
                _ => part.to_owned(),
            });
        parts.collect::<Vec<_>>().join(" rows, ")
    };
    assert_eq!(
        plain(&said.join("\n")),
        plain(expected.trim_end()),
        "\n{}",
        said.join("\n")
    );
}

#[tokio::test]
async fn nothing_is_said_about_a_first_deploy() {
    let base = Base::with("SELECT 1");
    let scripts: Vec<String> = migrations().into_iter().map(|(_, script)| script).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let plan = base.plan(&scripts).await;
    assert_eq!(lines(&plan), [""; 0]);
    let locks = plan.statements().map(|one| one.locks.len()).sum::<usize>();
    assert_eq!(locks, 0, "nobody uses a table that is not there yet");
}
