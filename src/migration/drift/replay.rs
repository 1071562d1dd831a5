//! Replaying: which migrations, that none of them reaches beyond its database, and running them one after the other.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::super::{Script, Survey, create_table_sql};
use super::trouble;
use crate::operation::{Context, OperationError, Progress, Trouble};
use crate::sql::{self, Effect, Statement, quote_identifier};
use crate::target::{Session, script};

/// Which migrations of the folder are replayed, in the order of the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Replay {
    /// Those that the ledger has as applied, whether their script ran or they were marked.
    #[default]
    Applied,
    /// Everything in the folder.
    All,
    /// Everything up to this one, whatever the ledger says.
    UpTo(String),
}

/// A migration that is replayed.
pub(super) type Replayed<'a> = (&'a str, &'a Script);

impl Replay {
    /// The migrations, in order.
    pub(super) fn of<'a>(&self, survey: &'a Survey) -> Result<Vec<Replayed<'a>>, Trouble> {
        if let Some(problem) = &survey.folder.problem {
            return Err(Trouble::new(
                problem.to_string(),
                "Nothing was done. What the migrations make cannot be told without the folder.",
                "Correct `migrations` of this target (or --migrations), or mount the folder where it is expected.",
            ));
        }
        let names = survey.folder.migrations.iter().map(|one| one.name.as_str());
        let chosen: Vec<&str> = match self {
            Self::All => names.collect(),
            Self::Applied if !survey.has_ledger => return Err(trouble::no_ledger()),
            Self::Applied => names
                .filter(|name| {
                    let entry = survey.history.entry(name);
                    entry.is_some_and(|entry| entry.applied_row().is_some())
                })
                .collect(),
            Self::UpTo(last) => {
                let names: Vec<&str> = names.collect();
                let at = names.iter().position(|name| name == last);
                let at = at.ok_or_else(|| trouble::no_such(last))?;
                names[..=at].to_vec()
            }
        };
        chosen
            .into_iter()
            .map(|name| Ok((name, survey.script(name)?)))
            .collect()
    }
}

/// Refuses scripts of which something would be in effect outside of the database in which they are replayed.
pub(super) fn must_stay_inside(scripts: &[Replayed]) -> Result<(), Trouble> {
    let parsed: Vec<(&str, Vec<Statement>)> = scripts
        .iter()
        // One that cannot be read is refused by the server as well, before anything of it runs.
        .filter_map(|(name, script)| Some((*name, sql::parse(&script.text).ok()?)))
        .collect();
    let called: HashSet<&str> = parsed
        .iter()
        .flat_map(|(_, statements)| statements)
        .flat_map(|statement| &statement.effects)
        .filter_map(|effect| match effect {
            Effect::Call { function } => function.rsplit('.').next(),
            _ => None,
        })
        .collect();
    for (name, statements) in &parsed {
        for statement in statements {
            let Some(reach) = statement.reaches_outside() else {
                continue;
            };
            let runs = |function: &String| called.contains(function.as_str());
            if reach.within.as_ref().is_none_or(runs) {
                let summary = statement.summary();
                return Err(trouble::reaches_outside(
                    name,
                    statement.line,
                    &summary,
                    &reach,
                ));
            }
        }
    }
    Ok(())
}

/// Makes what a deploy finds before the first script: schemas, and the ledger in the first of them. Returns the schemas that
/// were not there.
pub(super) async fn prepare(session: &Session, schemas: &[String]) -> Result<Vec<String>, Trouble> {
    let failed = |error: tokio_postgres::Error| trouble::unprepared(&error);
    let client = session.client();
    let mut made = Vec::new();
    for schema in schemas {
        let exists = client
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
                &[schema],
            )
            .await
            .map_err(failed)?;
        if !exists.get::<_, bool>(0) {
            let create = format!("CREATE SCHEMA {}", quote_identifier(schema));
            client.simple_query(&create).await.map_err(failed)?;
            made.push(schema.clone());
        }
    }
    if let Some(schema) = schemas.first() {
        let create = create_table_sql(schema);
        client.simple_query(&create).await.map_err(failed)?;
    }
    Ok(made)
}

/// Runs the scripts, each as a deploy would, and stops at the first that fails.
pub(super) async fn run(
    session: &Session,
    scripts: &[Replayed<'_>],
    context: &Context,
) -> Result<(), OperationError> {
    let all = scripts.len() as u64;
    // A line for each statement would be a log that nobody reads: they have all run once.
    let (quiet, _unheard) = Progress::new(context.clock.clone());
    for (done, (name, script)) in scripts.iter().enumerate() {
        context.progress.count(done as u64, Some(all), "migrations");
        script::run(session, &script.text, &quiet)
            .await
            .map_err(|error| trouble::not_replayed(name, script, &error))?;
        script::reset(session).await.map_err(|error| {
            Trouble::new(
                format!(
                    "Taking back what {name} had set for its session failed: {}",
                    crate::target::describe(&error)
                ),
                trouble::UNTOUCHED,
                "Compare again.",
            )
        })?;
    }
    context.progress.count(all, Some(all), "migrations");
    Ok(())
}

/// Whether any of the scripts makes the schema `name` itself, as far as their words tell.
pub(super) fn makes_schema(scripts: &[Replayed], name: &str) -> bool {
    scripts.iter().any(|(_, script)| {
        script.text.contains(name) && script.text.to_lowercase().contains("create schema")
    })
}
