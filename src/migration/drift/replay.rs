//! Replaying: which migrations, what of them stays inside of its database, and running that one after the other.

use serde::{Deserialize, Serialize};

use super::super::history::words::listed;
use super::super::{Script, Survey, create_table_sql};
use super::trouble;
use crate::operation::{Context, OperationError, Progress, Trouble};
use crate::sql::{LeftOut, Replayable, Replayer, quote_identifier};
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

/// The scripts as they may be run on the server of the target.
pub(super) struct Prepared<'a> {
    scripts: Vec<(Replayed<'a>, Replayable)>,
    replayer: Replayer,
}

impl<'a> Prepared<'a> {
    /// Refuses the first statement of which it is not known that it stays inside of its database.
    pub(super) fn of(scripts: Vec<Replayed<'a>>) -> Result<Self, Trouble> {
        let mut replayer = Replayer::default();
        let mut prepared = Vec::with_capacity(scripts.len());
        for (name, script) in scripts {
            let replayable = replayer.script(&script.text);
            let replayable = replayable.map_err(|found| trouble::not_safe(name, &found))?;
            prepared.push(((name, script), replayable));
        }
        Ok(Self {
            scripts: prepared,
            replayer,
        })
    }

    /// How many scripts these are.
    pub(super) fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Whether any of the scripts makes the schema `name` itself.
    pub(super) fn makes_schema(&self, name: &str) -> bool {
        self.replayer.makes_schema(name)
    }

    /// Whether any of the scripts makes the ledger.
    pub(super) fn makes_ledger(&self) -> bool {
        self.replayer.makes_ledger()
    }

    /// The schemas that extensions are put into, and that no script makes.
    pub(super) fn wanted_schemas(&self) -> Vec<String> {
        self.replayer.wanted_schemas().map(str::to_owned).collect()
    }

    /// A sentence about what is left out, if anything is.
    pub(super) fn remark(&self) -> Option<String> {
        let all = || self.scripts.iter().flat_map(|(_, script)| &script.left_out);
        let kinds: Vec<String> = [
            (LeftOut::Rows, "that are about rows"),
            (LeftOut::Server, "that concern the whole server"),
            (LeftOut::Session, "that concern their session"),
        ]
        .into_iter()
        .map(|(kind, words)| (all().filter(|one| **one == kind).count(), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        (!kinds.is_empty()).then(|| {
            format!(
                "Statements that make no schema were not replayed: {}.",
                listed(&kinds)
            )
        })
    }
}

/// Makes what a deploy finds before the first script: schemas, and the ledger in the first of them unless the scripts make it, as
/// one does that was dumped. Returns the schemas that
/// were not there.
pub(super) async fn prepare(
    session: &Session,
    schemas: &[String],
    makes_ledger: bool,
) -> Result<Vec<String>, Trouble> {
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
    if let Some(schema) = schemas.first().filter(|_| !makes_ledger) {
        let create = create_table_sql(schema);
        client.simple_query(&create).await.map_err(failed)?;
    }
    Ok(made)
}

/// Runs the scripts, each as a deploy would, and stops at the first that fails.
pub(super) async fn run(
    session: &Session,
    prepared: &Prepared<'_>,
    context: &Context,
) -> Result<(), OperationError> {
    let all = prepared.len() as u64;
    // A line for each statement would be a log that nobody reads: they have all run once.
    let (quiet, _unheard) = Progress::new(context.clock.clone());
    for (done, ((name, script), replayable)) in prepared.scripts.iter().enumerate() {
        context.progress.count(done as u64, Some(all), "migrations");
        script::run(session, &replayable.text, &quiet)
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
