//! What is expected of a script, and how it is told.

use super::*;

/// What is expected of a script, as `line kind name: there`.
fn expected(script: &str) -> Option<Vec<String>> {
    let statements = sql::parse(script).expect("the script parses");
    let expected = Expected::of(&statements)?;
    let mut lines: Vec<String> = expected
        .things
        .iter()
        .map(|(thing, (by, there))| {
            let sign = if *there { '+' } else { '-' };
            let what = match thing {
                Thing::Relation(name) => name.name.clone(),
                Thing::Index(name) => format!("index {}", name.name),
                Thing::Type(name) => format!("type {}", name.name),
                Thing::Schema(name) => format!("schema {name}"),
                Thing::Column(table, part) => format!("{}.{part}", table.name),
                Thing::NotNull(table, part) => format!("{}.{part} not null", table.name),
                Thing::Constraint(table, part) => format!("{} {part}", table.name),
            };
            format!("{by}{sign}{what}")
        })
        .collect();
    lines.sort();
    Some(lines)
}

#[test]
fn what_the_script_itself_undoes_leaves_no_trace() {
    for (script, traces) in [
        (
            "CREATE TABLE a (); ALTER TABLE a ADD b int; DROP TABLE a",
            vec!["2-a"],
        ),
        (
            "ALTER TABLE a ADD b int; ALTER TABLE a RENAME TO c",
            vec!["0+c.b", "1+c", "1-a"],
        ),
        (
            "ALTER TABLE a ADD b int; ALTER TABLE a RENAME b TO c; ALTER TABLE a ALTER c SET NOT NULL",
            vec!["1+a.c", "1-a.b", "2+a.c not null"],
        ),
        (
            "ALTER TABLE a ALTER c SET NOT NULL; ALTER TABLE a ALTER c DROP NOT NULL; ALTER TABLE a DROP d",
            vec!["2-a.d"],
        ),
        (
            "CREATE INDEX i ON a (b); CREATE UNIQUE INDEX j ON a (b); DROP INDEX i; CREATE INDEX ON a (b)",
            vec!["1+index j", "2-i"],
        ),
        (
            "CREATE TYPE r_new AS ENUM ('a'); ALTER TYPE r RENAME TO r_old; ALTER TYPE r_new RENAME TO r; DROP TYPE r_old; \
             ALTER TABLE a ADD CONSTRAINT k CHECK (true), DROP CONSTRAINT l",
            vec!["4+a k", "4-a l"],
        ),
        (
            "CREATE TABLE a (); DROP SCHEMA b CASCADE",
            vec!["1-schema b"],
        ),
    ] {
        let traces = traces.iter().map(ToString::to_string).collect();
        assert_eq!(expected(script), Some(traces), "{script}");
    }
    assert_eq!(expected("SET search_path = x; CREATE TABLE a ()"), None);
    assert_eq!(
        expected("INSERT INTO a VALUES (1); CREATE TEMP TABLE b ()"),
        None
    );
}

#[test]
fn a_trace_is_told_in_one_sentence() {
    let trace = |there: &[usize], absent: &[usize], without| {
        let (there, absent) = (there.to_vec(), absent.to_vec());
        Trace {
            name: "2_more".to_owned(),
            there,
            absent,
            without,
        }
        .sentence()
    };
    assert_eq!(
        trace(&[1, 3], &[], 0),
        "Of 2 statements, everything that the catalogue can show of 2_more is there."
    );
    assert_eq!(
        trace(&[], &[4], 1),
        "Of 1 statement, nothing that the catalogue can show of 2_more is there. One more statement leaves no trace there."
    );
    assert_eq!(
        trace(&[1], &[2, 5], 2),
        "Of 3 statements, a part of 2_more is there: the statements in line 1; and a part is not: those in lines 2, 5. \
         2 more statements leave no trace there."
    );
}
