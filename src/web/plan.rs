//! The page of one plan: what it would do and destroy. What is decided about it is in [`super::decision`].

use super::decision::{self, Typed};
use super::error::PageError;
use super::layout::{Link, Tab, Tone};
use super::page::plan::{Finding, Loss, PlanMigration, PlanPage, PlanStatement};
use super::page::when::When;
use super::plans::state;
use super::view;
use super::visit::SignedIn;
use crate::guard::plan::Stored;
use crate::guard::{self, Count, Plan, Severity};
use crate::target::Target;

/// A plan in one line: `2 migrations, 6 statements`.
pub(super) fn headline(plan: &Plan) -> String {
    format!(
        "{}, {}",
        view::plural(plan.migrations.len(), "migration"),
        view::plural(plan.statements().count(), "statement")
    )
}

/// The page of a plan. `typed` is what was sent and not taken.
pub(super) async fn page(
    who: &SignedIn,
    target: &Target,
    stored: &Stored,
    typed: Typed,
) -> Result<PlanPage, PageError> {
    let plan = &stored.plan;
    let newest = guard::plan::list(&who.app().store, &target.name, 1)
        .await?
        .first()
        .is_none_or(|newest| newest.plan.digest == plan.digest);
    let mut layout = who.layout_of(&format!("Plan {}", plan.short_digest()), target, Tab::Plans);
    layout.crumbs = vec![Link::new(
        "Plans",
        format!("/t/{}/plans", view::segment(&target.name)),
    )];
    Ok(PlanPage {
        decision: decision::of(who, target, stored, newest, typed).await?,
        state: state(who, stored, newest).await?,
        layout,
        target: target.name.clone(),
        environment: view::environment(target.environment),
        id: plan.id.clone(),
        headline: headline(plan),
        short: plan.short_digest().to_owned(),
        digest: plan.digest.clone(),
        made_at: When::at(plan.made_at),
        made_by: plan.made_by.clone(),
        verdict: view::verdict(plan.verdict),
        losses: plan
            .findings()
            .filter(|finding| finding.severity == Severity::Error)
            .map(loss)
            .collect(),
        losses_note: format!("As of {}", When::at(plan.made_at).text),
        migrations: migrations(plan),
        tolerance: guard::plan::TOLERANCE,
    })
}

fn loss(finding: &guard::Finding) -> Loss {
    let Some(loss) = &finding.loss else {
        return Loss {
            what: finding.sentence.clone(),
            amount: "not counted".to_owned(),
        };
    };
    let grouped = guard::finding::grouped;
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

fn migrations(plan: &Plan) -> Vec<PlanMigration> {
    let mut number = 0;
    plan.migrations
        .iter()
        .map(|migration| PlanMigration {
            name: migration.name.clone(),
            note: migration.not_atomic.clone(),
            statements: migration
                .statements
                .iter()
                .map(|statement| {
                    number += 1;
                    PlanStatement {
                        number,
                        lines: view::code(&statement.sql),
                        kinds: vec![statement.summary.clone()],
                        table: None,
                        lock: None,
                        finding: statement.findings.first().map(|finding| Finding {
                            tone: Tone::Bad,
                            rule: finding.rule.clone(),
                            text: statement
                                .findings
                                .iter()
                                .map(|finding| finding.sentence.as_str())
                                .collect::<Vec<_>>()
                                .join(" "),
                        }),
                    }
                })
                .collect(),
        })
        .collect()
}
