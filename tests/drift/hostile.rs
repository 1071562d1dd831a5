//! Names that somebody made up to do harm, wherever a name may stand.

use crate::base::{Base, PLAIN};

const NAMES: [&str; 6] = [
    "\"; DROP TABLE \"User\"; --",
    "two\nlines",
    "🚀 \u{202e}evil",
    "w23456789012345678901234567890123456789012345678901234567890123",
    "it's $$ a 'quote' \\",
    "{\"json\": null}",
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn script(name: &str) -> String {
    let (q, label) = (quoted(name), name.replace('\'', "''"));
    format!(
        "CREATE SCHEMA {q}; CREATE TYPE {q}.{q} AS ENUM ('{label}'); \
         CREATE TABLE {q}.t ({q} serial PRIMARY KEY, e {q}.{q} DEFAULT '{label}'); \
         CREATE INDEX {q} ON {q}.t (e); \
         CREATE FUNCTION {q}.{q}(e {q}.{q}) RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         CREATE POLICY {q} ON {q}.t USING (true); ALTER TABLE {q}.t ADD CONSTRAINT {q} CHECK (e IS NOT NULL);"
    )
}

#[tokio::test]
async fn hostile_names_are_compared_and_told_like_others() {
    for (number, name) in NAMES.iter().enumerate() {
        let script = script(name);
        let migration = format!("1_{}", name.replace(['/', '\n'], "_"));
        let migration: String = migration.chars().take(60).collect();
        // The database has such a name, too.
        let database: String = format!("{number}{name}").chars().take(60).collect();
        let base = Base::named(database, "", &[(&migration, &script)]);
        let drift = base.compared(PLAIN).await;
        assert!(drift.is_none(), "{name}: {:#?}", drift.lines());
        let q = quoted(name);
        base.run(&format!(
            "ALTER TABLE {q}.t DROP COLUMN e; CREATE TABLE public.{q} (a int); DROP POLICY {q} ON {q}.t"
        ));
        let drift = base.compared(PLAIN).await;
        assert!(drift.count >= 4, "{:#?}", drift.lines());
        for line in drift.lines().iter().chain(&drift.notes) {
            assert!(
                !line.contains('\n') && !line.contains('\u{202e}'),
                "{line:?}"
            );
        }
    }
}
