//! Running an operation without a store: no job, no audit, only what it says.

use super::terminal::Terminal;
use super::{operator, signal};
use crate::clock::Clock;
use crate::operation::{Context, Event, Progress, Report};

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
