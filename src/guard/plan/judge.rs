//! Judging what is pending: parse, ask the live database, ask the rules.

use std::collections::HashMap;

use super::{PlannedMigration, PlannedStatement, live};
use crate::guard::finding::{Count, Finding, Loss, TableNow};
use crate::guard::lock;
use crate::guard::rules::{self, Facts, Known, Question, Remark, Table};
use crate::migration::Survey;
use crate::operation::Trouble;
use crate::sql::{self, Effect, Statement};
use crate::target::Session;
use crate::target::catalog::relation::Kind;

/// A pending script, parsed.
pub(super) struct Parsed<'a> {
    name: &'a str,
    text: &'a str,
    pub(super) statements: Vec<Statement>,
}

/// A statement that is still being judged, and its findings with what has to be counted for each.
pub(super) type Judged = (PlannedStatement, Vec<(Finding, Option<Question>)>);

/// What is pending, judged.
pub(super) struct Judgement {
    /// The statements of each migration by name, in order.
    pub(super) migrations: Vec<(String, Vec<Judged>)>,
    /// What was counted in order to judge.
    pub(super) answers: HashMap<Question, Count>,
}

/// What is pending in `survey`, judged with what the database of `session` says of it now.
pub(super) async fn judged(session: &Session, survey: &Survey) -> Result<Judgement, Trouble> {
    let parsed = parse(survey)?;
    let facts = live::facts(session, &parsed).await?;
    Ok(Judgement {
        migrations: judge(&parsed, &facts),
        answers: facts.answers,
    })
}

/// The pending scripts, in order.
pub(super) fn parse(survey: &Survey) -> Result<Vec<Parsed<'_>>, Trouble> {
    survey
        .history
        .pending()
        .map(|entry| {
            let text = survey.script(&entry.name)?.text.as_str();
            let statements =
                sql::parse(text).map_err(|error| unreadable(&entry.name, text, &error))?;
            Ok(Parsed {
                name: &entry.name,
                text,
                statements,
            })
        })
        .collect()
}

fn unreadable(name: &str, text: &str, error: &sql::SyntaxError) -> Trouble {
    if text.len() > sql::MAX_SCRIPT_BYTES {
        return Trouble::new(
            format!("The migration {name} cannot be judged: {}.", error.message),
            "Nothing was applied. The limit is Lockkeeper's own; Postgres might take the script.",
            "Split the script, or apply it with `npx prisma migrate deploy` after reading it yourself.",
        );
    }
    let place = error
        .line
        .map(|line| format!(", line {line}"))
        .unwrap_or_default();
    Trouble::new(
        format!(
            "The migration {name}{place} is not valid SQL: {}.",
            error.message
        ),
        "Nothing was applied. Postgres would refuse this script as well.",
        "Correct the script, then make the plan again.",
    )
}

/// What the rules say to each statement, with its locks and its tables.
fn judge(parsed: &[Parsed<'_>], facts: &Facts) -> Vec<(String, Vec<Judged>)> {
    let mut known = Known::new(facts);
    let mut migrations = Vec::new();
    for script in parsed {
        known.begin_script();
        let statements = script.statements.iter().map(|statement| {
            let planned = PlannedStatement {
                line: statement.line,
                sql: statement.text(script.text).to_owned(),
                summary: statement.summary(),
                findings: Vec::new(),
                locks: lock::taken(&statement.effects, &known),
                tables: tables(&statement.effects, &known),
            };
            let remarks = rules::look(&statement.effects, &mut known);
            (planned, remarks.into_iter().map(finding).collect())
        });
        let statements = statements.collect();
        migrations.push((script.name.to_owned(), statements));
    }
    migrations
}

fn finding(remark: Remark) -> (Finding, Option<Question>) {
    let (loss, question) = match remark.loss {
        Some(counted) => {
            let loss = Loss {
                what: counted.what,
                unit: counted.unit.to_owned(),
                count: Count::Unknown,
            };
            (Some(loss), counted.question)
        }
        None => (None, None),
    };
    let finding = Finding {
        rule: remark.rule.to_owned(),
        severity: remark.severity,
        sentence: remark.sentence,
        advice: remark.advice,
        loss,
    };
    (finding, question)
}

/// The tables that a statement is about and that were there before the plan, each once.
fn tables(effects: &[Effect], known: &Known<'_>) -> Vec<TableNow> {
    let mut tables: Vec<TableNow> = Vec::new();
    for table in effects.iter().filter_map(Effect::table) {
        let Table::Live(live) = known.table(table) else {
            continue;
        };
        let shown = table.to_string();
        if live.relation.kind != Kind::Table || tables.iter().any(|known| known.table == shown) {
            continue;
        }
        let bytes = live.relation.bytes;
        tables.push(TableNow {
            table: shown,
            rows: live.rows,
            bytes: if live.relation.bytes_exact {
                Count::Exact(bytes)
            } else {
                Count::Estimated(bytes)
            },
        });
    }
    tables
}

/// The plan's own form of what was judged and counted.
pub(super) fn settle(
    survey: &Survey,
    migrations: Vec<(String, Vec<Judged>)>,
) -> Vec<PlannedMigration> {
    migrations
        .into_iter()
        .map(|(name, judged)| {
            let statements = judged
                .into_iter()
                .map(|(mut statement, findings)| {
                    statement.findings = findings.into_iter().map(|(finding, _)| finding).collect();
                    statement
                })
                .collect();
            let script = survey.script(&name).ok();
            PlannedMigration {
                checksum: script
                    .map(|script| script.checksum.clone())
                    .unwrap_or_default(),
                not_atomic: script
                    .and_then(|script| crate::target::script::not_atomic(&script.text)),
                name,
                statements,
            }
        })
        .collect()
}
