//! `lockkeeper doctor`: what was found, and what to fix. It changes nothing.

use std::sync::Arc;

use serde_json::{Value, json};

use super::terminal::{Exit, Terminal};
use super::{Failure, targets};
use crate::auth::factor::Factors;
use crate::auth::factor::key::KeyFile;
use crate::backup::Archive;
use crate::clock::{Clock, timestamp};
use crate::config::Config;
use crate::job::{figures, presence};
use crate::migration::Survey;
use crate::store::{Store, StoreError, snapshot};
use crate::target::Target;
use crate::target::tool::{self, ToolVersion};

/// One thing that was looked at.
struct Check {
    what: String,
    found: String,
    /// What to do about it; nothing when it is well.
    fix: Option<String>,
    /// Whether the target of it cannot be reached.
    unreachable: bool,
}

impl Check {
    fn well(what: &str, found: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            found: found.into(),
            fix: None,
            unreachable: false,
        }
    }

    fn ill(what: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..Self::well(what, found)
        }
    }
}

pub(super) async fn run(config: &Config, terminal: Terminal) -> Result<Exit, Failure> {
    let targets = targets(config)?;
    let tools = tool::installed().await;
    let mut checks = vec![
        Check::well("settings", format!("from {}", config.origin)),
        Check::well(
            "console",
            format!(
                "{}, listening on {}",
                config.server.public_url, config.server.listen
            ),
        ),
    ];
    checks.extend(config.warnings.iter().map(|warning| {
        Check::ill(
            "settings",
            warning,
            "Correct it, or leave it if it is meant so.",
        )
    }));
    checks.extend(store(config).await);
    checks.push(archive(config));
    checks.extend(client_tools(&tools));
    if targets.is_empty() {
        checks.push(Check::ill(
            "targets",
            "none",
            "Set DATABASE_URL, or write a [[target]] with name, url_file and migrations into lockkeeper.toml.",
        ));
    }
    for one in &targets {
        checks.extend(target(one, &tools).await);
    }
    for check in &checks {
        let mark = if check.fix.is_some() { "fix" } else { "ok " };
        terminal.say(format!("{mark}  {}: {}", check.what, check.found));
        if let Some(fix) = &check.fix {
            terminal.say(format!("       {fix}"));
        }
    }
    let list: Vec<Value> = checks
        .iter()
        .map(|check| json!({"what": check.what, "found": check.found, "ok": check.fix.is_none(), "fix": check.fix}))
        .collect();
    terminal.json(&json!({ "checks": list }));
    Ok(if checks.iter().any(|check| check.unreachable) {
        Exit::Unreachable
    } else if checks.iter().any(|check| check.fix.is_some()) {
        Exit::NotSo
    } else {
        Exit::Done
    })
}

async fn store(config: &Config) -> Vec<Check> {
    if let Some(file) = config.store.file.as_ref().filter(|file| !file.exists()) {
        return vec![Check::well(
            "store",
            format!(
                "{} does not exist yet; the console makes it",
                file.display()
            ),
        )];
    }
    let ill = |error: StoreError| {
        vec![Check::ill(
            "store",
            error.to_string(),
            "Correct `url` in [store]; jobs and sign-in need it.",
        )]
    };
    match Store::open(&config.store.url).await {
        Err(error) => ill(error),
        Ok(store) => {
            let size = store.size().await.unwrap_or_default();
            let written = match snapshot::last_written(&store).await {
                Ok(Some(at)) => {
                    let at = timestamp(at).strftime("%Y-%m-%d %H:%M UTC");
                    format!("last written to a file by `lockkeeper store backup` {at}")
                }
                _ => "never written to a file by `lockkeeper store backup`".to_owned(),
            };
            let found = format!("{}, {} kB, {written}", store.place(), size / 1000);
            let mut checks = vec![Check::well("store", found)];
            checks.extend(workers(&store).await.unwrap_or_else(ill));
            let key = KeyFile::at(config.auth.secret_file.clone());
            checks.push(factors(Factors::new(store, Clock::system(), key)).await);
            checks
        }
    }
}

/// Whether the codes of those who have a second factor can be checked.
async fn factors(factors: Factors) -> Check {
    let what = "second factors";
    let sealed = match factors.sealed().await {
        Ok(sealed) => sealed,
        Err(error) => {
            return Check::ill(what, error.to_string(), "Correct `secret_file` in [auth].");
        }
    };
    let file = sealed.file.display();
    let fix = "Put back the file that they were set up with: until then nobody of them can give a code. A user without it signs \
               in with a recovery code, or after `lockkeeper user reset-factor NAME`.";
    match (&sealed.key, sealed.ours, sealed.others) {
        (None, _, 0) => Check::well(what, format!("none; their key will be made as {file}")),
        (None, _, others) => Check::ill(what, format!("{others}, but {file} is not there"), fix),
        (Some(key), ours, 0) => {
            Check::well(what, format!("{ours}, sealed with the key {key} in {file}"))
        }
        (Some(key), _, others) => Check::ill(
            what,
            format!("{others} are sealed with another key than {key} in {file}"),
            fix,
        ),
    }
}

/// Who runs jobs. That nobody does is ill only when a job waits: a console that is not running is no fault.
async fn workers(store: &Store) -> Result<Vec<Check>, StoreError> {
    let clock = Clock::system();
    let workers = presence::list(store, &clock).await?;
    if !workers.is_empty() {
        let well = |worker: &presence::Worker| {
            let presence::Worker {
                host, pid, version, ..
            } = worker;
            let found = format!(
                "process {pid} on {host}, version {version}, {} jobs at a time",
                worker.at_once
            );
            Check::well("worker", found)
        };
        return Ok(workers.iter().map(well).collect());
    }
    let waiting = figures::jobs(store, &clock).await?.count("queued");
    Ok(vec![if waiting == 0 {
        Check::well("workers", "none is running, and no job waits for one")
    } else {
        Check::ill(
            "workers",
            format!("none is running, and jobs wait for one: {waiting}"),
            "Start `lockkeeper serve`, or `lockkeeper worker` on this store.",
        )
    }])
}

fn archive(config: &Config) -> Check {
    let archive = Archive::new(config.archive.folder.clone());
    let folder = archive.folder().display().to_string();
    match archive.free_bytes() {
        None => Check::ill(
            "archive",
            folder,
            "The room there cannot be told. Check that the disk is mounted.",
        ),
        Some(free) if free < 1_000_000_000 => Check::ill(
            "archive",
            format!("{folder}, {} MB free", free / 1_000_000),
            "Make room, or name a folder on another disk as `folder` in [archive].",
        ),
        Some(free) => Check::well(
            "archive",
            format!("{folder}, {} GB free", free / 1_000_000_000),
        ),
    }
}

fn client_tools(tools: &[ToolVersion]) -> Vec<Check> {
    if tools.is_empty() {
        return vec![Check::ill(
            "client tools",
            "no pg_dump was found",
            "Install the client of your server's major, for example postgresql-client-15: without it no backup can be taken.",
        )];
    }
    tools
        .iter()
        .map(|tool| {
            let found = format!("pg_dump {} in {}", tool.version, tool.folder.display());
            match tool.below_floor() {
                Some(true) => Check::ill(
                    "client tools",
                    found,
                    "This minor version lacks the fix of CVE-2026-18408 in psql. Update the Postgres client packages.",
                ),
                _ => Check::well("client tools", found),
            }
        })
        .collect()
}

async fn target(target: &Arc<Target>, tools: &[ToolVersion]) -> Vec<Check> {
    let what = format!("target {}", target.name);
    let mut checks: Vec<Check> = target
        .url
        .warnings
        .iter()
        .map(|warning| {
            Check::ill(
                &what,
                warning,
                "Correct the URL, or leave it if it is meant so.",
            )
        })
        .collect();
    if let Some(pooler) = &target.url.pooler {
        checks.push(Check::ill(
            &what,
            format!("its URL leads through a pooler: {pooler}"),
            "Use the direct URL of the database: migrations and backups need a session of their own.",
        ));
    }
    let survey = match Survey::of(target).await {
        Ok(survey) => survey,
        Err(trouble) => {
            checks.push(Check {
                unreachable: true,
                ..Check::ill(&what, trouble.what, trouble.next)
            });
            return checks;
        }
    };
    let facts = &survey.facts;
    checks.push(Check::well(
        &what,
        format!(
            "Postgres {} ({}), {}",
            facts.version_text,
            target.environment.word(),
            target.url.safe()
        ),
    ));
    let major = facts.version_num / 10_000;
    if !tools.iter().any(|tool| tool.major == major) {
        checks.push(Check::ill(
            &what,
            format!("there is no pg_dump {major} here"),
            format!("Install postgresql-client-{major}: a backup is taken with the server's own major only."),
        ));
    }
    let folder = target.migrations.display();
    match &survey.folder.problem {
        Some(problem) => checks.push(Check::ill(
            &what,
            problem.to_string(),
            "Correct `migrations` of this target.",
        )),
        None => checks.push(Check::well(
            &what,
            format!("{} migrations in {folder}", survey.folder.migrations.len()),
        )),
    }
    if let Some(trouble) = survey.blocked() {
        checks.push(Check::ill(&what, trouble.what, trouble.next));
    }
    checks
}
