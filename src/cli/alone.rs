//! Running an operation without a store: no job, no audit, only what it says.

use serde_json::json;

use super::terminal::{Exit, Terminal};
use super::{Failure, operator, signal};
use crate::clock::Clock;
use crate::operation::{Context, Event, OperationError, Outcome, Progress, Report};
use crate::target::{Hold, Target};

/// Runs an operation that changes a target, keeps other consoles from it meanwhile, and tells how it ended.
pub(super) async fn change(
    target: &Target,
    terminal: Terminal,
    work: impl AsyncFnOnce(&Context) -> Result<Outcome, OperationError>,
) -> Result<Exit, Failure> {
    let held = async |context: Context| {
        let hold = Hold::take(target, &context).await?;
        // On the heap: an operation's future is large.
        let work = Box::pin(work(&context));
        hold.during(&context, work).await
    };
    let (ended, _reported) = run(terminal, held).await;
    match ended {
        Ok(outcome) => {
            terminal.say(&outcome.summary);
            terminal.json(&json!({"state": "succeeded", "summary": outcome.summary}));
            Ok(Exit::Done)
        }
        Err(error) => stopped(error, terminal),
    }
}

/// How a run ends that did not end well.
pub(super) fn stopped(error: OperationError, terminal: Terminal) -> Result<Exit, Failure> {
    match error {
        OperationError::Fail(trouble) | OperationError::NeedsHuman(trouble) => {
            Err(Failure::Operation(trouble))
        }
        OperationError::Stopped(trouble) => {
            terminal.trouble(&trouble);
            Ok(Exit::Cancelled)
        }
        OperationError::Cancelled => {
            terminal.json(&json!({"state": "cancelled"}));
            terminal.talk("Stopped. Nothing was changed.");
            Ok(Exit::Cancelled)
        }
    }
}

/// Runs `work` with a context of its own and prints what it reports. Returns its result and everything it reported.
pub(super) async fn run<T>(
    terminal: Terminal,
    work: impl AsyncFnOnce(Context) -> T,
) -> (T, Vec<Event>) {
    let clock = Clock::system();
    let (progress, mut reports) = Progress::new(clock.clone());
    let context = Context {
        job: clock.id(),
        actor: operator(),
        clock,
        progress,
        cancel: signal::stop(),
    };
    // It ends when the work has dropped its context.
    let printed = async {
        let mut reported = Vec::new();
        while let Some(report) = reports.recv().await {
            if let Report::Event(event) = report {
                terminal.talk(&event.text);
                reported.push(event);
            }
        }
        reported
    };
    tokio::join!(work(context), printed)
}
