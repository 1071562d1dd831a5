//! What the pending scripts are about: their statements, and everything of the database that they name or drag along.
//!
//! Everybody who judges, counts or compares a plan starts from one of these, so that scripts are parsed once and the catalogues are
//! asked once for what all of them need.

use std::collections::{BTreeMap, BTreeSet};

use crate::guard::rules;
use crate::migration::{Script, Survey};
use crate::operation::Trouble;
use crate::sql::{self, ConstraintKind, Effect, Statement, TableName};
use crate::target::Session;
use crate::target::catalog::dependents::{self, Dependent, Thing};
use crate::target::catalog::relation::{self, Reading};
use crate::target::catalog::table::TableName as Name;

/// A pending script, parsed.
pub(super) struct Parsed<'a> {
    /// The migration's name.
    pub(super) name: &'a str,
    /// Its text.
    pub(super) script: &'a Script,
    /// Its statements, in order.
    pub(super) statements: &'a [Statement],
}

/// What is pending, and what it is about.
pub(super) struct Subject<'a> {
    /// The pending scripts, in order.
    pub(super) scripts: Vec<Parsed<'a>>,
    /// How the server would read them.
    pub(super) reading: Reading,
    /// What goes with the things that are dropped as a whole.
    pub(super) dependents: BTreeMap<Thing, Vec<Dependent>>,
    /// Every table that a statement names or drags along, once; a name without a schema stands for the one of each schema of the
    /// path.
    pub(super) names: Vec<Name>,
}

impl<'a> Subject<'a> {
    /// What is pending in `survey`, and what the catalogues of `session` say of what it is about.
    pub(super) async fn read(session: &Session, survey: &'a Survey) -> Result<Self, Trouble> {
        let scripts = parse(survey)?;
        let reading = relation::reading(session).await?;
        let mut found = BTreeMap::new();
        for thing in effects(&scripts).filter_map(rules::dragging) {
            let those = dependents::dependents(session, &thing).await?;
            found.insert(thing, those);
        }
        Ok(Self {
            names: names(&scripts, &reading.path, &found),
            scripts,
            reading,
            dependents: found,
        })
    }

    /// What the statements do, in order.
    pub(super) fn effects(&self) -> impl Iterator<Item = &Effect> {
        effects(&self.scripts)
    }
}

/// The pending scripts, in order.
fn parse(survey: &Survey) -> Result<Vec<Parsed<'_>>, Trouble> {
    survey
        .history
        .pending()
        .map(|entry| {
            let script = survey.script(&entry.name)?;
            let statements = script
                .statements()
                .map_err(|error| unreadable(&entry.name, &script.text, error))?;
            Ok(Parsed {
                name: &entry.name,
                script,
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

fn effects<'a>(parsed: &'a [Parsed<'_>]) -> impl Iterator<Item = &'a Effect> {
    parsed
        .iter()
        .flat_map(|script| script.statements)
        .flat_map(|statement| &statement.effects)
}

/// Every name of a relation in the text, in each schema where it may be found, and every table that goes with another thing.
fn names(
    parsed: &[Parsed<'_>],
    path: &[String],
    dependents: &BTreeMap<Thing, Vec<Dependent>>,
) -> Vec<Name> {
    let mut schemas: BTreeSet<&str> = path.iter().map(String::as_str).collect();
    for effect in effects(parsed) {
        if let Effect::SetSearchPath {
            schemas: Some(more),
        } = effect
        {
            schemas.extend(more.iter().map(String::as_str));
        }
    }
    let mut names: BTreeSet<Name> = dependents
        .values()
        .flatten()
        .map(|dependent| dependent.table.clone())
        .collect();
    for table in effects(parsed).flat_map(mentioned) {
        match &table.schema {
            Some(schema) => {
                names.insert(Name::new(schema.as_str(), table.name.as_str()));
            }
            None => names.extend(
                schemas
                    .iter()
                    .map(|schema| Name::new(*schema, table.name.as_str())),
            ),
        }
    }
    names.into_iter().collect()
}

/// The relations that an effect names.
fn mentioned(effect: &Effect) -> Vec<&TableName> {
    let mut names: Vec<&TableName> = effect.table().into_iter().collect();
    match effect {
        Effect::CreateTable {
            references,
            parents,
            ..
        } => names.extend(references.iter().chain(parents)),
        Effect::AttachPartition { partition, .. } | Effect::DetachPartition { partition, .. } => {
            names.push(partition);
        }
        Effect::DropIndex { index, .. } => names.push(index),
        Effect::DropView { view, .. } => names.push(view),
        Effect::AddConstraint { constraint, .. } => {
            if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                names.push(references);
            }
        }
        Effect::AddColumn { column, .. } => {
            names.extend(column.constraints.iter().filter_map(
                |constraint| match &constraint.kind {
                    ConstraintKind::ForeignKey { references, .. } => Some(references),
                    _ => None,
                },
            ));
        }
        _ => {}
    }
    names
}
