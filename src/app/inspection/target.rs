//! A target: its URL, whether it answered, and whether this machine can back it up.

use super::Check;
use crate::clock::timestamp;
use crate::migration::Survey;
use crate::operation::Trouble;
use crate::target::Target;
use crate::target::tool::ToolVersion;

/// What was seen of a target.
#[derive(Debug)]
pub enum Seen<'a> {
    /// Just now.
    Now(Result<&'a Survey, &'a Trouble>),
    /// At that time, in milliseconds since the epoch.
    At(i64, Result<&'a Survey, &'a Trouble>),
    /// Nobody has looked yet.
    NotYet,
}

/// The target's URL and what was seen of it. `tools`: the client tools of this machine, if they are known.
#[must_use]
pub fn target(target: &Target, seen: &Seen<'_>, tools: Option<&[ToolVersion]>) -> Vec<Check> {
    let what = format!("target {}", target.name);
    let mut checks = url(&what, target);
    let (survey, when) = match seen {
        Seen::NotYet => {
            checks.push(Check::ill(
                &what,
                "it has not answered yet since the console started",
                "Load this page again in a few seconds. If it stays so, check that the server runs and that this machine \
                 reaches it.",
            ));
            return checks;
        }
        Seen::Now(survey) => (survey, String::new()),
        Seen::At(at, survey) => {
            let at = timestamp(*at).strftime("%Y-%m-%d %H:%M:%S UTC");
            (survey, format!(", seen {at}"))
        }
    };
    match survey {
        Ok(survey) => checks.extend(answered(&what, target, survey, &when, tools)),
        Err(trouble) => checks.push(Check {
            unreachable: true,
            ..Check::ill(&what, format!("{}{when}", trouble.what), &trouble.next)
        }),
    }
    checks
}

/// What is odd about the URL.
fn url(what: &str, target: &Target) -> Vec<Check> {
    let mut checks: Vec<Check> = target
        .url
        .warnings
        .iter()
        .map(|warning| {
            Check::ill(
                what,
                warning,
                "Correct the URL, or leave it if it is meant so.",
            )
        })
        .collect();
    if let Some(pooler) = &target.url.pooler {
        checks.push(Check::ill(
            what,
            format!("its URL leads through a pooler: {pooler}"),
            "Use the direct URL of the database: migrations and backups need a session of their own.",
        ));
    }
    checks
}

fn answered(
    what: &str,
    target: &Target,
    survey: &Survey,
    when: &str,
    tools: Option<&[ToolVersion]>,
) -> Vec<Check> {
    let facts = &survey.facts;
    let mut checks = vec![Check::well(
        what,
        format!(
            "Postgres {} ({}), {}{when}",
            facts.version_text,
            target.environment.word(),
            target.url.safe()
        ),
    )];
    let major = facts.version_num / 10_000;
    if tools.is_some_and(|tools| tools.iter().all(|tool| tool.major != major)) {
        checks.push(Check::ill(
            what,
            format!("there is no pg_dump {major} here"),
            format!("Install postgresql-client-{major}: a backup is taken with the server's own major only."),
        ));
    }
    let folder = target.migrations.display();
    match &survey.folder.problem {
        Some(problem) => checks.push(Check::ill(
            what,
            problem.to_string(),
            "Correct `migrations` of this target.",
        )),
        None => checks.push(Check::well(
            what,
            match survey.folder.migrations.len() {
                1 => format!("1 migration in {folder}"),
                many => format!("{many} migrations in {folder}"),
            },
        )),
    }
    if let Some(trouble) = survey.trouble() {
        checks.push(Check::ill(what, trouble.what, trouble.next));
    }
    checks
}
