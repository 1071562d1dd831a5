//! Judging what is pending: parse, ask the live database, ask the rules.

use std::collections::HashMap;

use super::subject::{Parsed, Subject};
use super::{PlannedMigration, PlannedStatement, live};
use crate::guard::finding::{Count, Finding, Loss, TableNow};
use crate::guard::lock;
use crate::guard::rules::{self, Facts, Known, Question, Remark, Table};
use crate::operation::Trouble;
use crate::sql::Effect;
use crate::target::Session;
use crate::target::catalog::relation::Kind;
use crate::target::script;

/// A statement that is still being judged, and its findings with what has to be counted for each.
pub(super) type Judged = (PlannedStatement, Vec<(Finding, Option<Question>)>);

/// What is pending, judged.
pub(super) struct Judgement {
    /// The statements of each migration, in order.
    pub(super) migrations: Vec<Vec<Judged>>,
    /// What was counted in order to judge.
    pub(super) answers: HashMap<Question, Count>,
}

/// What is pending, judged with what the database of `session` says of it now.
pub(super) async fn judged(session: &Session, subject: &Subject<'_>) -> Result<Judgement, Trouble> {
    let facts = live::facts(session, subject).await?;
    Ok(Judgement {
        migrations: judge(&subject.scripts, &facts),
        answers: facts.answers,
    })
}

/// What the rules say to each statement, with its locks and its tables.
fn judge(scripts: &[Parsed<'_>], facts: &Facts) -> Vec<Vec<Judged>> {
    let mut known = Known::new(facts);
    let mut migrations = Vec::new();
    for script in scripts {
        known.begin_script();
        let statements = script.statements.iter().map(|statement| {
            let planned = PlannedStatement {
                line: statement.line,
                sql: statement.text(&script.script.text).to_owned(),
                summary: statement.summary(),
                findings: Vec::new(),
                locks: lock::taken(&statement.effects, &known),
                tables: tables(&statement.effects, &known),
            };
            let remarks = rules::look(&statement.effects, &mut known);
            (planned, remarks.into_iter().map(finding).collect())
        });
        migrations.push(statements.collect());
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
pub(super) fn settle(subject: &Subject<'_>, migrations: Vec<Vec<Judged>>) -> Vec<PlannedMigration> {
    let scripts = subject.scripts.iter();
    scripts
        .zip(migrations)
        .map(|(parsed, judged)| {
            let statements = judged
                .into_iter()
                .map(|(mut statement, findings)| {
                    statement.findings = findings.into_iter().map(|(finding, _)| finding).collect();
                    statement
                })
                .collect();
            PlannedMigration {
                name: parsed.name.to_owned(),
                checksum: parsed.script.checksum.clone(),
                not_atomic: script::not_atomic(&parsed.script.text, parsed.statements),
                statements,
            }
        })
        .collect()
}
