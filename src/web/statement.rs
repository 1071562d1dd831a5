//! The statements of a plan and what they would destroy, as its page shows them.

use super::page::plan::{Loss, PlanMigration};
use super::page::statement::{self, Finding, Lock, PlanStatement, TableSize};
use super::view;
use crate::guard::finding::grouped;
use crate::guard::plan::PlannedStatement;
use crate::guard::{self, Count, Plan, Severity};

/// What a plan would destroy, or may: its findings that are errors.
pub(super) fn losses(plan: &Plan) -> Vec<Loss> {
    plan.findings()
        .filter(|finding| finding.severity == Severity::Error)
        .map(loss)
        .collect()
}

fn loss(finding: &guard::Finding) -> Loss {
    let Some(loss) = &finding.loss else {
        return Loss {
            what: finding.sentence.clone(),
            amount: "not counted".to_owned(),
        };
    };
    Loss {
        what: loss.what.clone(),
        amount: match loss.count {
            Count::Exact(1) => format!("1 {}, counted", loss.unit.trim_end_matches('s')),
            Count::Exact(n) => format!("{} {}, counted", grouped(n), loss.unit),
            Count::Estimated(n) => format!("≈ {} {}, estimated", grouped(n), loss.unit),
            Count::Unknown => format!("an unknown number of {}", loss.unit),
        },
    }
}

/// How many findings there are of each severity, the worst first: `1 error, 2 warnings`. Empty when there are none.
pub(super) fn tally(plan: &Plan) -> String {
    let of = |severity: Severity| {
        let found = plan.findings().filter(|one| one.severity == severity);
        match found.count() {
            0 => None,
            n => Some(view::plural(n, severity.word())),
        }
    };
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(of);
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The migrations of a plan, their statements numbered throughout.
pub(super) fn migrations(plan: &Plan) -> Vec<PlanMigration> {
    let mut numbers = 1..;
    plan.migrations
        .iter()
        .map(|migration| PlanMigration {
            name: migration.name.clone(),
            note: migration.not_atomic.clone(),
            statements: migration
                .statements
                .iter()
                .zip(&mut numbers)
                .map(|(statement, number)| shown(number, statement))
                .collect(),
        })
        .collect()
}

fn shown(number: usize, statement: &PlannedStatement) -> PlanStatement {
    let locks = statement.locks.iter().map(|lock| Lock {
        blocks: lock.mode.blocks(),
        table: lock.table.clone(),
        mode: lock.mode.name(),
    });
    let tables = statement.tables.iter().map(|table| TableSize {
        table: table.table.clone(),
        size: table.size(),
    });
    let findings = statement.findings.iter().map(|finding| Finding {
        severity: match finding.severity {
            Severity::Note => statement::Severity::Note,
            Severity::Warning => statement::Severity::Warning,
            Severity::Error => statement::Severity::Error,
        },
        text: finding.sentence.clone(),
        advice: finding.advice.clone(),
        rule: finding.rule.clone(),
    });
    PlanStatement {
        number,
        summary: statement.summary.clone(),
        lines: view::code(&statement.sql),
        locks: locks.collect(),
        tables: tables.collect(),
        findings: findings.collect(),
    }
}
