//! `lockkeeper migrate status`: the history of one target. It takes no lock and changes nothing.
//!
//! Its `--json` is a contract, described in `docs/history.md`: fields are added, never renamed or removed.

use clap::Args;
use serde_json::{Value, json};

use super::TargetArg;
use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failure, pick, targets};
use crate::clock::timestamp;
use crate::config::Config;
use crate::migration::{Contract, Entry, LedgerRow, LockFile, PrismaStatus, State, Survey};
use crate::target::Target;

#[derive(Args, Debug)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    target: TargetArg,
    /// Print what `prisma migrate status` says, and end with its exit code
    #[arg(long)]
    prisma_compatible: bool,
}

pub(super) async fn run(
    args: Status,
    config: &Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let target = pick(&targets(config)?, args.target.target.as_deref())?;
    let survey = Survey::of(&target).await.map_err(Failure::Target)?;
    if args.prisma_compatible {
        return Ok(as_prisma(&survey.prisma_status(), terminal));
    }
    let is_up_to_date = survey.is_up_to_date();
    print(&target, &survey, terminal);
    // A long history makes a large object, which took longer than everything else.
    if terminal.json {
        terminal.json(&value(&target, &survey, is_up_to_date));
    }
    Ok(if is_up_to_date {
        Exit::Done
    } else {
        Exit::NotSo
    })
}

fn as_prisma(status: &PrismaStatus, terminal: Terminal) -> Exit {
    terminal.json(&json!({
        "exit": status.exit,
        "code": status.code,
        "out": status.out,
        "err": status.err,
    }));
    if !terminal.json {
        for (text, on_stdout) in [(&status.out, true), (&status.err, false)] {
            match (text.is_empty(), on_stdout) {
                (true, _) => {}
                (false, true) => terminal.say(text),
                (false, false) => terminal.talk(text),
            }
        }
    }
    if status.exit == 0 {
        Exit::Done
    } else {
        Exit::NotSo
    }
}

fn print(target: &Target, survey: &Survey, terminal: Terminal) {
    terminal.say(format!("{}: {}", target.name, target.url.safe()));
    for sentence in survey.sentences() {
        terminal.say(sentence);
    }
    let odd = || survey.history.entries.iter().filter(|one| !is_settled(one));
    if odd().next().is_some() {
        terminal.say("");
        terminal.table(
            &["migration", "state", "note"],
            odd().map(|entry| {
                vec![
                    entry.name.clone(),
                    if entry.edited {
                        format!("{}, edited", entry.state.word())
                    } else {
                        entry.state.word().to_owned()
                    },
                    entry.note.clone().unwrap_or_default(),
                ]
            }),
        );
    }
    if let Some(trouble) = survey.blocked() {
        terminal.say("");
        terminal.say(format!("{} {}", trouble.what, trouble.next));
    }
    for line in survey.contract.iter().flat_map(Contract::lines) {
        terminal.say(line);
    }
}

fn value(target: &Target, survey: &Survey, is_up_to_date: bool) -> Value {
    let history = &survey.history;
    let names = |wanted: &dyn Fn(&Entry) -> bool| -> Vec<&str> {
        let entries = history.entries.iter().filter(|entry| wanted(entry));
        entries.map(|entry| entry.name.as_str()).collect()
    };
    let in_state = |state: State| names(&|entry| entry.state == state);
    let divergence = history.divergence();
    let prisma = survey.prisma_status();
    json!({
        "target": target.name,
        "database": target.url.safe(),
        "upToDate": is_up_to_date,
        "blocked": survey.blocked_with_code().map(|(code, trouble)| json!({
            "code": code,
            "what": trouble.what,
            "data": trouble.data,
            "next": trouble.next,
        })),
        "needsBaseline": survey.needs_baseline(),
        "pending": names(&|entry| entry.pending),
        "failed": in_state(State::Failed),
        "running": in_state(State::Running),
        "traces": survey.traces,
        "rolledBack": in_state(State::RolledBack),
        "missing": in_state(State::Missing),
        "broken": names(&|entry| entry.broken.is_some()),
        "edited": names(&|entry| entry.edited),
        "outOfOrder": names(&|entry| entry.out_of_order),
        "relation": divergence.relation.word(),
        "lastCommon": divergence.last_common,
        "lock": survey.lock_holder.as_ref().map(|holder| json!({
            "process": holder.pid,
            "role": holder.user,
            "application": holder.application_name,
            "sessionBegan": holder.since.map(|ms| timestamp(ms).to_string()),
        })),
        "ledger": {
            "exists": survey.has_ledger,
            "schema": survey.schema,
            "elsewhere": survey.elsewhere,
            "odd": survey.oddities.iter().map(ToString::to_string).collect::<Vec<_>>(),
        },
        "folder": {
            "path": survey.folder.path.to_string_lossy(),
            "problem": survey.folder.problem.as_ref().map(ToString::to_string),
            "warnings": survey.folder.warnings,
            "lockFile": match survey.folder.lock_file {
                LockFile::Absent => "absent",
                LockFile::Accepted => "accepted",
                LockFile::Refused { .. } => "refused",
            },
        },
        "migrations": history.entries.iter().map(entry).collect::<Vec<_>>(),
        "prisma8": survey.contract,
        "prisma": {"exit": prisma.exit, "code": prisma.code},
    })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "name": entry.name,
        "state": entry.state.word(),
        "pending": entry.pending,
        "edited": entry.edited,
        "outOfOrder": entry.out_of_order,
        "note": entry.note,
        "checksum": entry.checksum,
        "rows": entry.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &LedgerRow) -> Value {
    json!({
        "id": row.id,
        "checksum": row.checksum,
        "startedAt": row.started_at.to_string(),
        "finishedAt": row.finished_at.map(|at| at.to_string()),
        "rolledBackAt": row.rolled_back_at.map(|at| at.to_string()),
        "marked": row.was_marked(),
        "logs": row.logs,
    })
}

/// Whether there is nothing to say about a migration but that it is applied.
fn is_settled(entry: &Entry) -> bool {
    entry.state == State::Applied && !entry.edited && entry.note.is_none()
}
