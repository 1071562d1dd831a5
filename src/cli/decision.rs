//! `lockkeeper plan approve` and `plan reject`: a person's yes or no.
//!
//! An approval is a console user's: the operating system's user is not an approver, so `approve` asks for a sign-in. A no destroys
//! nothing, so whoever has a shell may say it.

use clap::Args;
use secrecy::SecretString;
use serde_json::json;

use super::plan::{Which, find};
use super::terminal::{Exit, Terminal, first_line};
use super::{Failure, code, operator, sign_in};
use crate::app::App;
use crate::clock::timestamp;
use crate::guard::{Verdict, approval};

#[derive(Args, Debug)]
pub(super) struct Approve {
    #[command(flatten)]
    which: Which,
    /// Why it is right; it stands in the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The console user who approves
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password, and on the next line a code where one is needed, from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
    /// Do not ask for the target's name to be typed
    #[arg(long)]
    yes: bool,
}

#[derive(Args, Debug)]
pub(super) struct Reject {
    #[command(flatten)]
    which: Which,
    /// Why not; it stands in the audit and on the plan's page
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) async fn approve(app: &App, args: Approve, terminal: Terminal) -> Result<Exit, Failure> {
    let stored = find(app, &args.which).await?;
    let plan = stored.plan;
    if plan.verdict != Verdict::Destructive {
        terminal.say("This plan destroys nothing: it needs no approval.");
        terminal.json(&json!({"plan": plan.id, "approved": false, "verdict": plan.verdict.word()}));
        return Ok(Exit::Done);
    }
    terminal.talk(format!(
        "Plan {} for {} would destroy:",
        plan.short_digest(),
        plan.target
    ));
    for loss in plan.losses() {
        terminal.talk(format!("  - {loss}"));
    }
    let unreadable =
        |error: std::io::Error| Failure::Usage(format!("the terminal could not be read: {error}"));
    let typed_name = if args.yes {
        plan.target.clone()
    } else if terminal.can_ask() {
        terminal
            .ask(&format!(
                "Type the target's name ({}) to approve:",
                plan.target
            ))
            .map_err(unreadable)?
    } else {
        return Err(Failure::Usage(
            "nobody can be asked here: add --yes to say that you have read the plan".to_owned(),
        ));
    };
    let reason = match args.reason {
        Some(reason) => reason,
        None if terminal.can_ask() => terminal.ask("Why is it right?").map_err(unreadable)?,
        None => {
            return Err(Failure::Usage(
                "say why it is right with --reason: it stands in the audit".to_owned(),
            ));
        }
    };
    let name = match args.user {
        Some(name) => name,
        None if terminal.can_ask() => terminal.ask("Console user:").map_err(unreadable)?,
        None => {
            return Err(Failure::Usage(
                "name the console user who approves with --user".to_owned(),
            ));
        }
    };
    let password: SecretString = if args.password_stdin {
        first_line().map_err(unreadable)?.into()
    } else if terminal.can_ask() {
        terminal.ask_password("Password:").map_err(unreadable)?
    } else {
        return Err(Failure::Usage(
            "hand the password over with --password-stdin".to_owned(),
        ));
    };
    let user = sign_in::approver(app, &plan, &name, password).await?;
    code::ask(app, &user, args.password_stdin, terminal).await?;
    let yes = approval::Yes {
        typed_name: &typed_name,
        digest: &plan.digest,
        reason: &reason,
        actor: &user.name,
        place: "terminal",
    };
    match approval::approve(&app.store, &app.clock, &plan, &yes).await {
        Ok(approval) => {
            let until = timestamp(approval.expires_at).strftime("%Y-%m-%d %H:%M UTC");
            terminal.say(format!(
                "Approved by {}. The approval is good for one try until {until}.",
                user.name
            ));
            terminal.json(&json!({"plan": plan.id, "digest": plan.digest, "approvedBy": user.name, "until": until.to_string()}));
            Ok(Exit::Done)
        }
        Err(approval::ApprovalError::Store(error)) => Err(error.into()),
        Err(refused) => Err(Failure::Usage(refused.to_string())),
    }
}

pub(super) async fn reject(app: &App, args: Reject, terminal: Terminal) -> Result<Exit, Failure> {
    let plan = find(app, &args.which).await?.plan;
    let actor = operator();
    let by = (actor.as_str(), "terminal");
    match approval::reject(&app.store, &app.clock, &plan, &args.reason, by).await {
        Ok(()) => {
            terminal.say("Rejected. Nothing is applied from this plan.");
            terminal.json(&json!({"plan": plan.id, "digest": plan.digest, "rejectedBy": actor}));
            Ok(Exit::Done)
        }
        Err(approval::ApprovalError::Store(error)) => Err(error.into()),
        Err(refused) => Err(Failure::Usage(refused.to_string())),
    }
}
