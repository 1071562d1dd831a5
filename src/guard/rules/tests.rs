//! The rules on their fixtures, without a database.

use super::*;

/// What the rules say about a script of which nothing is known but its text.
fn remarks(script: &str) -> Vec<Vec<Remark>> {
    let facts = Facts::default();
    let mut known = Known::new(&facts);
    let statements = crate::sql::parse(script).expect("the script parses");
    statements
        .iter()
        .map(|statement| look(&statement.effects, &mut known))
        .collect()
}

fn fixture(file: &str, rule: &str) -> String {
    let path = format!("{}/tests/rules/{rule}/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is missing"))
}

#[test]
fn every_statement_of_a_bad_example_is_found() {
    for (name, _) in RULES {
        let script = fixture("bad.sql", name);
        let statements = crate::sql::parse(&script).expect("the fixture parses");
        assert!(!statements.is_empty(), "the bad.sql of {name} is empty");
        for (statement, found) in statements.iter().zip(remarks(&script)) {
            assert!(
                found.iter().any(|remark| remark.rule == name),
                "{name} is blind to: {}",
                statement.text(&script)
            );
        }
    }
}

#[test]
fn every_rule_is_silent_about_its_good_example() {
    for (name, _) in RULES {
        let script = fixture("good.sql", name);
        let found: Vec<Remark> = remarks(&script).into_iter().flatten().collect();
        assert_eq!(found, [], "something is said about the good.sql of {name}");
    }
}

#[test]
fn the_document_tells_every_rule_with_its_examples() {
    let path = format!("{}/docs/rules.md", env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(path).expect("the document is there");
    let told: Vec<&str> = document
        .split("\n## ")
        .skip(1)
        .filter_map(|part| part.lines().next())
        .filter(|title| *title != "Locks")
        .collect();
    let mut names: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(told.len(), names.len(), "{told:?}");
    names.retain(|name| !told.contains(name));
    assert_eq!(names, [""; 0], "rules that the document leaves out");
    for (name, _) in RULES {
        for file in ["bad.sql", "good.sql"] {
            let block = format!("```sql\n{}\n```", fixture(file, name).trim_end());
            assert!(
                document.contains(&block),
                "the {file} of {name} is another one"
            );
        }
    }
}
