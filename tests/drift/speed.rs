//! A large database: two thousand tables.
#![expect(clippy::print_stdout, reason = "where the time goes is worth reading")]

use std::fmt::Write;
use std::time::{Duration, Instant};

use lockkeeper::migration::drift::{self, Replay};
use lockkeeper::operation::Report;

use crate::base::{Base, PLAIN, context};

const TABLES: usize = 2_000;
const IN_ONE: usize = 100;

/// A hundred tables with keys, indexes and an enum each.
fn script(first: usize) -> String {
    let mut script = String::new();
    for n in first..first + IN_ONE {
        write!(
            script,
            "CREATE TYPE \"E{n}\" AS ENUM ('A', 'B');\nCREATE TABLE \"T{n}\" (id serial PRIMARY KEY, a text NOT NULL, b int, c jsonb, \
             d timestamptz DEFAULT now(), e \"E{n}\" DEFAULT 'A', f numeric(10, 2), g boolean, h uuid, i text[], \
             p int REFERENCES \"T{n}\" (id));\nCREATE INDEX \"T{n}_a\" ON \"T{n}\" (a);\n"
        )
        .unwrap();
    }
    script
}

#[tokio::test]
async fn two_thousand_tables_are_compared_in_seconds() {
    let scripts: Vec<(String, String)> = (0..TABLES / IN_ONE)
        .map(|part| (format!("{part:03}_tables"), script(part * IN_ONE)))
        .collect();
    let given: Vec<(&str, &str)> = scripts
        .iter()
        .map(|(name, script)| (name.as_str(), script.as_str()))
        .collect();
    let base = Base::with(&given);
    base.run("ALTER TABLE \"T1234\" DROP COLUMN f; DROP INDEX \"T7_a\"");
    let began = Instant::now();
    let (context, mut reports) = context();
    let drift = drift::run(&base.target(), &Replay::Applied, PLAIN, &context)
        .await
        .unwrap();
    let took = began.elapsed();
    drop(context);
    while let Some(report) = reports.recv().await {
        if let Report::Event(event) = report {
            println!("{} {}: {}", event.at, event.step, event.text);
        }
    }
    println!("{TABLES} tables replayed and compared in {took:?}");
    assert_eq!(drift.count, 2, "{:#?}", drift.lines());
    assert!(took < Duration::from_mins(1), "{took:?}");
}
