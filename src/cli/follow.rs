//! Running an operation from the terminal: enqueue it, run it here, print its events as they are stored.
//!
//! The job, its events and its audit entries are those of the browser's door. When another worker takes the job, or the
//! target is busy, the terminal follows it all the same.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::terminal::{Exit, Terminal};
use super::{Failure, operator};
use crate::app::App;
use crate::clock::timestamp;
use crate::job::catalogue::Reconcile;
use crate::job::queue::{self, By, Counted, Job, Line, Request, State};
use crate::job::{Operation, Reaper};
use crate::operation::{Level, Trouble};

/// Runs `operation` as a job and returns the job as it ended.
pub(super) async fn operation(
    app: &App,
    operation: &Operation,
    terminal: Terminal,
) -> Result<Job, Failure> {
    let operator = operator();
    let request = Request {
        operation,
        by: by(&operator),
        key: None,
    };
    let id = app.enqueue(&request).await?;
    let stop = CancellationToken::new();
    let interrupt = stop.clone();
    let waits_for_person = operation.reconcile() == Reconcile::Person;
    let watch = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            if waits_for_person {
                terminal.talk("It is not stopped in the middle: what was begun is finished first.");
            }
            interrupt.cancel();
        }
    });
    let work = work(app, &id, &stop);
    let follow = follow(app, &id, terminal);
    let (ran, job) = tokio::join!(work, follow);
    watch.abort();
    ran?;
    job
}

/// Who acts, and from where.
pub(super) fn by(actor: &str) -> By<'_> {
    By {
        actor,
        place: "terminal",
    }
}

/// Claims the job as soon as its target is free. Another process may take it first, which is as good.
async fn work(app: &App, id: &str, stop: &CancellationToken) -> Result<(), Failure> {
    // Where no console runs, nobody else notices a job that has lost its program.
    let mut reaper = Reaper::default();
    loop {
        if app.run_here(id, stop).await? {
            return Ok(());
        }
        app.reap(&mut reaper).await?;
        let queued = queue::get(&app.store, id)
            .await?
            .is_some_and(|job| job.state == State::Queued);
        if stop.is_cancelled()
            && let Some(job) = queue::get(&app.store, id).await?
        {
            // Another worker may have taken it just now; then it is that worker's to end.
            app.cancel(&job, by(&operator())).await?;
            return Ok(());
        }
        if !queued {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(300)) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Prints what a job reports until it is over.
pub(super) async fn follow(app: &App, id: &str, terminal: Terminal) -> Result<Job, Failure> {
    let bar = if terminal.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let mut seen = 0;
    loop {
        // The state first: lines that come after it are in the next round, and a job that is over writes no more.
        let job = queue::get(&app.store, id).await?.ok_or_else(|| gone(id))?;
        for line in queue::lines(&app.store, id, seen, 1000).await? {
            seen = line.seq;
            bar.suspend(|| print(&line, terminal));
        }
        if job.state.is_over() {
            bar.finish_and_clear();
            return Ok(job);
        }
        if let Some(step) = &job.step {
            bar.set_message(match &job.count {
                Some(count) => format!("{step}: {}", progress(count)),
                None => step.clone(),
            });
        }
        if job.state == State::Queued {
            bar.set_message("waiting for the target to be free");
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

/// How far a step is, in words; a percentage only where the whole is known.
fn progress(count: &Counted) -> String {
    match count.total {
        Some(total) if total > 0 => format!(
            "{} of {total} {} ({} %)",
            count.done,
            count.unit,
            count.done.saturating_mul(100) / total
        ),
        _ if count.unit == "bytes" => HumanBytes(count.done.unsigned_abs()).to_string(),
        _ => format!("{} {}", count.done, count.unit),
    }
}

fn print(line: &Line, terminal: Terminal) {
    let event = &line.event;
    terminal.json(&value(line));
    if !terminal.json {
        let mark = match event.level {
            Level::Step => format!("{:<10}", event.step),
            Level::Info => " ".repeat(10),
            Level::Warn => format!("{:<10}", "warning"),
            Level::Error => format!("{:<10}", "error"),
        };
        terminal.talk(format!("{mark} {}", event.text));
    }
}

/// A line of a log as JSON.
pub(super) fn value(line: &Line) -> serde_json::Value {
    let event = &line.event;
    json!({
        "seq": line.seq,
        "at": timestamp(event.at).to_string(),
        "level": event.level.word(),
        "step": event.step,
        "text": event.text,
    })
}

/// Prints how the job ended and returns its exit code. A success is the caller's to print.
pub(super) fn ended(job: &Job, terminal: Terminal) -> Exit {
    match (job.state, &job.trouble) {
        (State::Succeeded, _) => {
            let outcome = job.outcome.clone().unwrap_or_default();
            terminal.say(&outcome.summary);
            terminal.json(&json!({
                "job": job.id,
                "state": job.state.word(),
                "summary": outcome.summary,
                "made": outcome.made,
            }));
            Exit::Done
        }
        (State::Cancelled, None) => {
            terminal.talk("Cancelled. Nothing was left behind.");
            Exit::Cancelled
        }
        (State::Cancelled, Some(trouble)) => {
            terminal.trouble(trouble);
            Exit::Cancelled
        }
        (_, Some(trouble)) => {
            terminal.trouble(trouble);
            Exit::NotSo
        }
        (_, None) => {
            terminal.trouble(&Trouble::new(
                format!("The job {} was interrupted.", job.id),
                job.operation.after_crash(),
                format!("`lockkeeper job reconcile {}` shows what the database says and what you may decide.", job.id),
            ));
            Exit::NotSo
        }
    }
}

fn gone(id: &str) -> Failure {
    Failure::Operation(Trouble::new(
        format!("The job {id} is not in the store any more."),
        "What it did is not known from here.",
        "Look at the history with `lockkeeper migrate status`.",
    ))
}
