//! The scribe: stores what a running operation reports, in order.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::queue::{self, Job};
use crate::clock::Clock;
use crate::operation::{Count, Event, Level, Report};
use crate::store::Store;

/// At most so many reports in one transaction.
const BATCH: usize = 500;
/// At most ten transactions a second, however chatty the tool is.
const PAUSE: Duration = Duration::from_millis(100);
/// How many lines of one job are kept; of what comes after, only steps, warnings and errors.
const MOST_LINES: usize = 50_000;

/// Stores reports as they come, several in one transaction when they come fast. Ends when the operation has dropped the
/// last sender.
pub(super) async fn write(
    store: &Store,
    clock: &Clock,
    job: &Job,
    mut reports: UnboundedReceiver<Report>,
) {
    let mut batch = Vec::new();
    let (mut lines, mut dropped) = (0, 0_usize);
    while reports.recv_many(&mut batch, BATCH).await > 0 {
        let (mut events, mut count): (Vec<Event>, Option<Count>) = (Vec::new(), None);
        for report in batch.drain(..) {
            match report {
                Report::Count(newer) => count = Some(newer),
                Report::Event(event) if lines >= MOST_LINES && event.level == Level::Info => {
                    dropped += 1;
                }
                Report::Event(event) => {
                    lines += 1;
                    if event.level == Level::Step {
                        // What was counted before belongs to the step before.
                        count = None;
                    }
                    events.push(event);
                }
            }
        }
        if events.is_empty() && count.is_none() {
            // Nothing but lines that are not kept: however many there are, they are not waited for.
            continue;
        }
        store_all(store, job, &events, count.as_ref()).await;
        tokio::time::sleep(PAUSE).await;
    }
    if dropped > 0 {
        let event = Event {
            at: clock.now_ms(),
            level: Level::Warn,
            step: String::new(),
            text: format!("{dropped} more lines were not kept: a log holds {MOST_LINES}."),
        };
        store_all(store, job, &[event], None).await;
    }
}

/// Stores a batch; a store that is busy for a moment is asked again.
async fn store_all(store: &Store, job: &Job, events: &[Event], count: Option<&Count>) {
    for pause in [0, 500, 2_000] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match queue::append(store, job, events, count).await {
            Ok(true) => return store.wake().await,
            // The job is another's now; what this run says of it counts no more.
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(job.id, %error, events = events.len(), "events could not be stored");
            }
        }
    }
}
