//! `lockkeeper job`: what runs, what ran, stopping a job, and deciding about an interrupted one.

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::terminal::{Exit, Terminal};
use super::{Failure, follow, open, operator};
use crate::app::{App, Reconciled};
use crate::clock::timestamp;
use crate::config::Config;
use crate::job::queue::{self, Asked, Filter, Job, State};
use crate::job::{Choice, Evidence};

/// The longest finding that is kept, in characters.
const LONGEST_FINDING: usize = 500;
/// How many lines of a log are read at a time.
const LINES: i64 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// List jobs, newest first
    List {
        /// Only those of this target
        #[arg(long)]
        target: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Show a job with its log, and what an interrupted one left behind
    Show {
        /// The job's id
        job: String,
        /// Go on printing until it is over
        #[arg(long)]
        follow: bool,
    },
    /// Ask a job to stop: one that waits is withdrawn, one that runs is stopped by its worker
    Cancel {
        /// The job's id
        job: String,
    },
    /// Say how an interrupted job ended; without --as, show what can be seen and what may be decided
    Reconcile {
        /// The job's id
        job: String,
        /// How it ended, or that its sessions on the server are to be ended
        #[arg(long = "as", value_name = "DECISION", requires = "finding")]
        decision: Option<Decision>,
        /// What you saw in the database; it stands in the audit
        #[arg(long, value_name = "TEXT")]
        finding: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Decision {
    /// Everything it was to do is in effect
    Succeeded,
    /// Not everything is
    Failed,
    /// End the sessions it still has on the server
    EndSessions,
}

impl From<Decision> for Choice {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Succeeded => Self::Succeeded,
            Decision::Failed => Self::Failed,
            Decision::EndSessions => Self::EndSessions,
        }
    }
}

pub(super) async fn run(
    command: JobCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    follow::notice(&app).await?;
    match command {
        JobCommand::List { target, limit } => {
            let filter = Filter {
                target: target.as_deref(),
                ..Filter::default()
            };
            let jobs = queue::page(&app.store, &filter, None, i64::from(limit)).await?;
            list(&jobs, terminal);
            Ok(Exit::Done)
        }
        JobCommand::Show { job, follow } => {
            show(&app, &load(&app, &job).await?, follow, terminal).await
        }
        JobCommand::Cancel { job } => cancel(&app, &load(&app, &job).await?, terminal).await,
        JobCommand::Reconcile {
            job,
            decision,
            finding,
            yes,
        } => {
            let job = load(&app, &job).await?;
            let Some(decision) = decision else {
                let evidence = app.evidence(&job).await?;
                print_evidence(&job, &evidence, terminal);
                return Ok(Exit::NotSo);
            };
            let finding = finding.unwrap_or_default();
            reconcile(&app, &job, decision.into(), finding.trim(), yes, terminal).await
        }
    }
}

async fn load(app: &App, id: &str) -> Result<Job, Failure> {
    queue::get(&app.store, id).await?.ok_or_else(|| {
        Failure::Usage(format!(
            "there is no job {id}; `lockkeeper job list` shows the ids"
        ))
    })
}

fn list(jobs: &[Job], terminal: Terminal) {
    if jobs.is_empty() {
        terminal.say("No job yet. Take a backup with: lockkeeper backup take");
    } else {
        terminal.table(
            &["job", "state", "operation", "target", "asked by", "asked"],
            jobs.iter().map(|job| {
                vec![
                    job.id.clone(),
                    job.state.word().to_owned(),
                    job.operation.words().to_owned(),
                    job.operation.target().to_owned(),
                    job.actor.clone(),
                    moment(job.created_at),
                ]
            }),
        );
    }
    let jobs: Vec<_> = jobs.iter().map(value).collect();
    terminal.json(&json!({"jobs": jobs}));
}

async fn show(app: &App, job: &Job, go_on: bool, terminal: Terminal) -> Result<Exit, Failure> {
    if go_on {
        let job = follow::follow(app, &job.id, terminal).await?;
        return Ok(follow::ended(&job, terminal));
    }
    terminal.say(format!(
        "{} of {}: {}",
        job.operation.words(),
        job.operation.target(),
        job.state.word()
    ));
    terminal.say(format!(
        "Asked for by {} at {}.",
        job.actor,
        moment(job.created_at)
    ));
    if let Some(at) = job.run_at.filter(|_| job.state == State::Scheduled) {
        terminal.say(format!("It will run at {}.", moment(at)));
    }
    if let Some((at, by)) = &job.cancel_asked {
        terminal.say(format!("{by} asked it to stop at {}.", moment(*at)));
    }
    if let Some(outcome) = &job.outcome {
        terminal.say(&outcome.summary);
    }
    if let Some(trouble) = &job.trouble {
        terminal.say(format!(
            "{}\n{}\n{}",
            trouble.what, trouble.data, trouble.next
        ));
    }
    terminal.json(&value(job));
    terminal.say("");
    let mut seen = 0;
    loop {
        let lines = queue::lines(&app.store, &job.id, seen, LINES).await?;
        let Some(last) = lines.last() else { break };
        seen = last.seq;
        for line in &lines {
            let event = &line.event;
            terminal.say(format!(
                "{} {:<5} {:<10} {}",
                moment(event.at),
                event.level.word(),
                event.step,
                event.text
            ));
            terminal.json(&follow::value(line));
        }
    }
    if job.state == State::Interrupted {
        print_evidence(job, &app.evidence(job).await?, terminal);
        return Ok(Exit::NotSo);
    }
    Ok(Exit::Done)
}

async fn cancel(app: &App, job: &Job, terminal: Terminal) -> Result<Exit, Failure> {
    let asked = app.cancel(job, follow::by(&operator())).await?;
    let (said, word, exit) = match asked {
        Asked::Withdrawn => (
            "It is withdrawn; nothing was begun.",
            "cancelled",
            Exit::Done,
        ),
        Asked::Told => (
            "Its worker was told to stop it. `lockkeeper job show --follow` says what is in effect then.",
            "asked",
            Exit::Done,
        ),
        Asked::TooLate => (
            "It is over, or interrupted: there is nothing to stop.",
            "too late",
            Exit::NotSo,
        ),
    };
    if asked == Asked::Told {
        terminal.say(job.operation.when_cancelled());
    }
    terminal.say(said);
    terminal.json(&json!({"job": job.id, "cancel": word}));
    Ok(exit)
}

async fn reconcile(
    app: &App,
    job: &Job,
    choice: Choice,
    finding: &str,
    yes: bool,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    if finding.is_empty() || finding.chars().count() > LONGEST_FINDING {
        return Err(Failure::Usage(format!(
            "--finding takes 1 to {LONGEST_FINDING} characters: say what you saw in the database"
        )));
    }
    if !yes {
        if !terminal.can_ask() {
            return Err(Failure::Usage(
                "this asks for confirmation: add --yes where there is no terminal".to_owned(),
            ));
        }
        print_evidence(job, &app.evidence(job).await?, terminal);
        let question = format!("Decide `{}`? Type yes:", choice.word());
        let answer = terminal
            .ask(&question)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        if answer != "yes" {
            terminal.talk("Nothing was decided.");
            return Ok(Exit::Cancelled);
        }
    }
    let operator = operator();
    let done = app
        .reconcile(job, follow::by(&operator), choice, finding)
        .await?;
    let (said, word, exit) = match done {
        Reconciled::Over => (
            "The job is over, and the target is free.",
            "over",
            Exit::Done,
        ),
        Reconciled::SessionsEnded => (
            "The server was told to end its sessions. Look again with `lockkeeper job reconcile`.",
            "sessions ended",
            Exit::Done,
        ),
        Reconciled::NotInterrupted => (
            "The job is not interrupted any more.",
            "not interrupted",
            Exit::NotSo,
        ),
        Reconciled::NotAllowed(evidence) => {
            print_evidence(job, &evidence, terminal);
            (
                "What can be seen does not allow that decision. Nothing was changed.",
                "not allowed",
                Exit::NotSo,
            )
        }
        Reconciled::Unreachable(trouble) => return Err(Failure::Target(trouble)),
    };
    terminal.say(said);
    terminal.json(&json!({"job": job.id, "reconciled": word}));
    Ok(exit)
}

fn print_evidence(job: &Job, evidence: &Evidence, terminal: Terminal) {
    terminal.say("");
    terminal.say("What can be seen now:");
    for fact in &evidence.facts {
        let mark = match fact.is_well {
            Some(true) => "ok",
            Some(false) => "not",
            None => "?",
        };
        terminal.say(format!("  {mark:<4} {}", fact.text));
    }
    terminal.say(format!("  {}", job.operation.after_crash()));
    let choices: Vec<&str> = evidence
        .choices
        .iter()
        .map(|choice| choice.word())
        .collect();
    for choice in &choices {
        terminal.say(format!(
            "Decide with: lockkeeper job reconcile {} --as {choice} --finding \"what you saw\"",
            job.id
        ));
    }
    let facts: Vec<_> = evidence
        .facts
        .iter()
        .map(|fact| json!({"well": fact.is_well, "text": fact.text}))
        .collect();
    terminal.json(&json!({"job": job.id, "evidence": facts, "choices": choices}));
}

fn value(job: &Job) -> serde_json::Value {
    json!({
        "job": job.id,
        "kind": job.operation.kind(),
        "target": job.operation.target(),
        "state": job.state.word(),
        "actor": job.actor,
        "asked": timestamp(job.created_at).to_string(),
        "runAt": job.run_at.map(|at| timestamp(at).to_string()),
        "started": job.started_at.map(|at| timestamp(at).to_string()),
        "ended": job.ended_at.map(|at| timestamp(at).to_string()),
        "step": job.step,
        "outcome": job.outcome,
        "trouble": job.trouble,
    })
}

fn moment(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
