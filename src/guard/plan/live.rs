//! Asking the live database what the rules want to know.
//!
//! Catalogues are read for all tables at once. Tables are counted within a budget for each and one for all; what does not
//! fit is taken from the planner's statistics, and called so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::subject::Subject;
use crate::guard::finding::Count;
use crate::guard::rules::{self, Database, Facts, Known, Live, Question};
use crate::operation::Trouble;
use crate::sql::{Effect, TableName};
use crate::target::Session;
use crate::target::catalog::relation::{self, Kind, Relation};
use crate::target::catalog::table::{self, TableName as Name};

/// How long one count may take before Postgres's own estimate stands in for it.
const BUDGET: Duration = Duration::from_secs(20);
/// The same where the size is only told, and does not decide.
const SIZE_BUDGET: Duration = Duration::from_secs(2);
/// How long all counts of one kind may take together: the last look happens while others wait for the lock of the migrations.
const WHOLE_BUDGET: Duration = Duration::from_mins(1);
/// What each count gets in any case: enough for a small table, and for the estimate of a large one.
const SHORTEST: Duration = Duration::from_millis(100);
/// Larger tables are not counted only to tell their size.
const LARGE: i64 = 64 * 1024 * 1024;

/// What the database of `session` says of what is pending.
pub(super) async fn facts(session: &Session, subject: &Subject<'_>) -> Result<Facts, Trouble> {
    let mut facts = Facts {
        database: Some(Database {
            tables: BTreeMap::new(),
            path: subject.reading.path.clone(),
            utc: subject.reading.utc,
            dependents: subject.dependents.clone(),
        }),
        ..Facts::default()
    };
    let mut found = relation::relations(session, &subject.names).await?;
    reach(session, &mut found, subject).await?;
    let began = Instant::now();
    for (name, relation) in found {
        let rows = rows(session, &name, &relation, began).await;
        if let Count::Exact(_) = rows {
            let table = TableName::within(name.schema.as_str(), name.name.as_str());
            facts.answers.insert(Question::Rows(table), rows);
        }
        if let Some(database) = &mut facts.database {
            database.tables.insert(name, Live { relation, rows });
        }
    }
    let began = Instant::now();
    for question in wanted(subject, &facts) {
        if !facts.answers.contains_key(&question) && began.elapsed() < WHOLE_BUDGET {
            let count = answer(session, &question, began).await;
            facts.answers.insert(question, count);
        }
    }
    Ok(facts)
}

/// Adds the tables that a `TRUNCATE … CASCADE` reaches, which no text names.
async fn reach(
    session: &Session,
    found: &mut BTreeMap<Name, Relation>,
    subject: &Subject<'_>,
) -> Result<(), Trouble> {
    let mut effects = subject.effects();
    let cascades = effects.any(|effect| matches!(effect, Effect::Truncate { cascade: true, .. }));
    if !cascades {
        return Ok(());
    }
    loop {
        let further: BTreeSet<Name> = found
            .values()
            .flat_map(|relation| &relation.links)
            .map(|link| link.from.clone())
            .filter(|name| !found.contains_key(name))
            .collect();
        let further: Vec<Name> = further.into_iter().collect();
        let more = relation::relations(session, &further).await?;
        if more.is_empty() {
            return Ok(());
        }
        found.extend(more);
    }
}

/// How many rows a table has, exactly where that is quickly known.
async fn rows(session: &Session, name: &Name, relation: &Relation, began: Instant) -> Count {
    let estimate = relation
        .rows_estimate
        .map_or(Count::Unknown, Count::Estimated);
    let small = relation.bytes <= LARGE || relation.rows_estimate.is_none();
    if relation.kind != Kind::Table || !small || began.elapsed() >= WHOLE_BUDGET {
        return estimate;
    }
    match table::count_rows(session, name, SIZE_BUDGET).await.into() {
        Count::Unknown => estimate,
        known => known,
    }
}

/// What the rules ask when they know the catalogues, each question once.
fn wanted(subject: &Subject<'_>, facts: &Facts) -> Vec<Question> {
    let mut known = Known::new(facts);
    let mut wanted = Vec::new();
    for script in &subject.scripts {
        known.begin_script();
        for statement in script.statements {
            for remark in rules::look(&statement.effects, &mut known) {
                wanted.extend(remark.asks.filter(|question| !wanted.contains(question)));
            }
        }
    }
    wanted
}

/// The answer to a question, within its budget and what is left of the one of all that began then.
pub(super) async fn answer(session: &Session, question: &Question, began: Instant) -> Count {
    let budget = BUDGET.min(WHOLE_BUDGET.saturating_sub(began.elapsed()));
    // A limit of zero would be none.
    let budget = budget.max(SHORTEST);
    let named = |name: &TableName| {
        let schema = name.schema.as_deref().unwrap_or(session.schema());
        Name::new(schema, name.name.as_str())
    };
    let table = named(question.table());
    match question {
        Question::Rows(_) => table::count_rows(session, &table, budget).await,
        Question::Values(_, column) => table::count_values(session, &table, column, budget).await,
        Question::Missing(_, column) => table::count_missing(session, &table, column, budget).await,
        Question::Longer(_, column, limit) => {
            table::count_longer(session, &table, column, *limit, budget).await
        }
        Question::Outside(_, column, values) => {
            table::count_outside(session, &table, column, values, budget).await
        }
        Question::Doubles(_, columns) => {
            table::count_doubles(session, &table, columns, budget).await
        }
        Question::Altered {
            column, from, to, ..
        } => {
            let kinds = (from.as_str(), to.to_sql());
            table::count_altered(session, &table, column, (kinds.0, &kinds.1), budget).await
        }
        Question::Orphans {
            columns,
            to,
            to_columns,
            ..
        } => {
            let other = named(to);
            let ends = (
                (&table, columns.as_slice()),
                (&other, to_columns.as_slice()),
            );
            table::count_orphans(session, ends.0, ends.1, budget).await
        }
    }
    .into()
}
