//! Judging what is pending: parse, ask the rules, count what would be lost.

use std::time::Duration;

use super::{PlannedMigration, PlannedStatement};
use crate::guard::finding::{Count, Finding, Loss};
use crate::guard::rules::{self, Question};
use crate::migration::Survey;
use crate::operation::Trouble;
use crate::sql::{self, Effect, TableName};
use crate::target::Session;
use crate::target::catalog::table;

/// How long one count may take before Postgres's own estimate stands in for it.
const BUDGET: Duration = Duration::from_secs(20);

/// A statement that is still being judged, and its findings with what has to be counted for each.
pub(super) type Judged = (PlannedStatement, Vec<(Finding, Option<Question>)>);

pub(super) fn parse(survey: &Survey) -> Result<Vec<(String, Vec<Judged>)>, Trouble> {
    let mut migrations = Vec::new();
    let mut changed = Vec::new();
    for entry in survey.history.pending() {
        let script = survey.script(&entry.name)?;
        let statements = sql::parse(&script.text).map_err(|error| {
            if script.text.len() > sql::MAX_SCRIPT_BYTES {
                return Trouble::new(
                    format!("The migration {} cannot be judged: {}.", entry.name, error.message),
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
                    "The migration {}{place} is not valid SQL: {}.",
                    entry.name, error.message
                ),
                "Nothing was applied. Postgres would refuse this script as well.",
                "Correct the script, then make the plan again.",
            )
        })?;
        let judged = statements
            .iter()
            .map(|statement| {
                let findings = rules::look(&statement.effects)
                    .map(|remark| {
                        let (what, question) = remark.loss.unzip();
                        // What is counted now is not what would be lost then.
                        let question =
                            question.filter(|question| !changed.contains(question.table()));
                        let unit = match question {
                            Some(Question::Values(..)) => "values",
                            _ => "rows",
                        };
                        let loss = what.map(|what| Loss {
                            what,
                            unit: unit.to_owned(),
                            count: Count::Unknown,
                        });
                        let finding = Finding {
                            rule: remark.rule.to_owned(),
                            severity: remark.severity,
                            sentence: remark.sentence,
                            advice: remark.advice,
                            loss,
                        };
                        (finding, question)
                    })
                    .collect();
                changed.extend(statement.effects.iter().flat_map(tables_that_change));
                let planned = PlannedStatement {
                    line: statement.line,
                    sql: statement.text(&script.text).to_owned(),
                    summary: statement.summary(),
                    findings: Vec::new(),
                    locks: Vec::new(),
                    tables: Vec::new(),
                };
                (planned, findings)
            })
            .collect();
        migrations.push((entry.name.clone(), judged));
    }
    Ok(migrations)
}

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

pub(super) async fn answer(session: &Session, question: &Question) -> Count {
    let named = |name: &sql::TableName| {
        let schema = name.schema.as_deref().unwrap_or(session.schema());
        table::TableName::new(schema, &name.name)
    };
    let count = match question {
        Question::Rows(name) => table::count_rows(session, &named(name), BUDGET).await,
        Question::Values(name, column) => {
            table::count_values(session, &named(name), column, BUDGET).await
        }
    };
    match count {
        table::Count::Exact(n) => Count::Exact(n),
        table::Count::Estimated(n) => Count::Estimated(n),
        table::Count::Unknown(_) => Count::Unknown,
    }
}

/// Tables that hold other rows, or are other tables, once this has run.
fn tables_that_change(effect: &Effect) -> Vec<TableName> {
    match effect {
        Effect::RenameTable { table, to } => {
            let renamed = TableName {
                schema: table.schema.clone(),
                name: to.clone(),
            };
            vec![table.clone(), renamed]
        }
        Effect::CreateTable { table }
        | Effect::RenameColumn { table, .. }
        | Effect::Update { table, .. }
        | Effect::Delete { table, .. }
        | Effect::Truncate { table, .. }
        | Effect::Other {
            kind: "insert" | "merge" | "copy",
            table: Some(table),
        } => vec![table.clone()],
        _ => Vec::new(),
    }
}

/// What is pending in `survey`, judged with what the database of `session` says of it now.
pub(super) async fn judged(
    session: &Session,
    survey: &Survey,
) -> Result<Vec<(String, Vec<Judged>)>, Trouble> {
    // Asked first, so that a session that is gone is noticed before anything is judged.
    crate::target::catalog::facts(session).await?;
    parse(survey)
}
