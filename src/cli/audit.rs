//! `lockkeeper audit`: what was recorded, and whether the chain of it holds.

use clap::{Args, Subcommand};
use serde_json::json;

use super::terminal::{Exit, Terminal};
use super::{Failure, open};
use crate::audit::verify::{Break, Verdict, Whole, verify};
use crate::audit::{self, Filter, Head, Recorded, moment};
use crate::clock::timestamp;
use crate::config::Config;
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List what was recorded, newest first
    List(ListArgs),
    /// Read the whole chain and say whether it holds; exits 1 where it does not
    Verify {
        /// An anchor that was noted at an earlier time and kept elsewhere
        #[arg(long, value_name = "SEQ:HASH")]
        anchor: Option<Head>,
    },
}

#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Of this actor only: a user's name, or terminal:NAME
    #[arg(long)]
    actor: Option<String>,
    /// Of this action only: sign-in, backup.take …
    #[arg(long)]
    action: Option<String>,
    /// On this target only
    #[arg(long)]
    target: Option<String>,
    /// With this outcome only: requested, succeeded, failed, refused …
    #[arg(long)]
    outcome: Option<String>,
    /// From this day (2026-11-22, UTC) or moment (2026-11-22T16:05:00Z) on
    #[arg(long, value_name = "DATE", value_parser = moment::since)]
    since: Option<i64>,
    /// Up to the end of this day, or before this moment
    #[arg(long, value_name = "DATE", value_parser = moment::until)]
    until: Option<i64>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    limit: i64,
}

pub(super) async fn run(
    command: AuditCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    // Opening would make an empty store, and nothing is wrong with an empty one.
    if let Some(file) = config.store.file.as_ref().filter(|file| !file.exists()) {
        return Err(Failure::Usage(format!(
            "there is no store at {}: name the one that is meant with --config or LOCKKEEPER_STORE_URL",
            file.display()
        )));
    }
    let store = open(config).await?.store;
    match command {
        AuditCommand::List(args) => list(&store, args, terminal).await,
        AuditCommand::Verify { anchor } => {
            let verdict = verify(&store, anchor.as_ref()).await?;
            Ok(tell(&verdict, terminal))
        }
    }
}

async fn list(store: &Store, args: ListArgs, terminal: Terminal) -> Result<Exit, Failure> {
    let filter = Filter {
        actor: args.actor,
        action: args.action,
        target: args.target,
        outcome: args.outcome,
        from_ms: args.since,
        to_ms: args.until,
        scope: None,
    };
    let mut entries = audit::page(store, &filter, None, args.limit + 1).await?;
    let more = i64::try_from(entries.len()).is_ok_and(|found| found > args.limit);
    if more {
        entries.pop();
    }
    if entries.is_empty() {
        terminal.say("No such entry.");
    } else {
        terminal.table(
            &[
                "entry", "when", "who", "what", "target", "outcome", "from", "detail",
            ],
            entries.iter().map(row),
        );
    }
    if more {
        terminal.talk(format!(
            "There are older ones: ask for more with --limit, or with --until for those before {}.",
            entries
                .last()
                .map(|entry| when(entry.at))
                .unwrap_or_default()
        ));
    }
    let entries: Vec<_> = entries.iter().map(Recorded::to_json).collect();
    terminal.json(&json!({"entries": entries, "more": more}));
    Ok(Exit::Done)
}

fn row(entry: &Recorded) -> Vec<String> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut detail = entry.detail.clone();
    if entry.before.is_some() || entry.after.is_some() {
        let (before, after) = (value(&entry.before), value(&entry.after));
        detail = format!("{detail} {before} became {after}");
    }
    vec![
        entry.seq.to_string(),
        when(entry.at),
        entry.actor.clone(),
        entry.action.clone(),
        entry.target.clone().unwrap_or_default(),
        entry.outcome.clone(),
        entry.place.clone(),
        detail.trim_start().to_owned(),
    ]
}

fn when(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn tell(verdict: &Verdict, terminal: Terminal) -> Exit {
    match verdict {
        Verdict::Whole(Whole {
            count,
            first_at,
            last_at,
            head,
        }) => {
            let noun = if *count == 1 { "entry" } else { "entries" };
            terminal.say(format!(
                "The audit is whole: {count} {noun}, from {} to {}.",
                when(*first_at),
                when(*last_at)
            ));
            terminal.say("Keep this anchor where nobody who can write the store can change it:");
            terminal.say(format!("  {head}"));
            terminal.say("and hold the audit against it later with: lockkeeper audit verify --anchor SEQ:HASH");
            terminal.json(&json!({
                "whole": true,
                "entries": count,
                "first": timestamp(*first_at).to_string(),
                "last": timestamp(*last_at).to_string(),
                "anchor": head.to_string(),
            }));
            Exit::Done
        }
        Verdict::Empty => {
            terminal.say("The audit holds no entry, so there is nothing that could be proven.");
            terminal.say("A console that was ever used has entries: is this the right store?");
            terminal.json(&json!({"whole": false, "entries": 0, "fault": "empty"}));
            Exit::NotSo
        }
        Verdict::Broken(Break { fault, sound }) => {
            let noun = if *sound == 1 {
                "entry before it holds"
            } else {
                "entries before it hold"
            };
            terminal.say(format!("The audit is broken: {fault}"));
            terminal.say(format!(
                "{sound} {noun}. What comes after proves nothing: somebody changed the store behind Lockkeeper's back."
            ));
            terminal.say("Keep a copy of the store as it is, and compare it with an earlier backup or export of it.");
            terminal.json(&json!({
                "whole": false,
                "entries_that_hold": sound,
                "broken_at": fault.seq(),
                "fault": fault.word(),
                "found": fault.to_string(),
            }));
            Exit::NotSo
        }
    }
}
