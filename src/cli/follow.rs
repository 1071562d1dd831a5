//! Running an operation from the terminal: enqueue it, run it here, print its events as they are stored.
//!
//! The job, its events and its audit entries are those of the browser's door. When another worker takes the job, or the
//! target is busy, the terminal follows it all the same.

use std::convert::Infallible;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::terminal::{Exit, Terminal};
use super::{Failure, operator};
use crate::app::App;
use crate::clock::timestamp;
use crate::job::catalogue::Reconcile;
use crate::job::queue::{self, By, Counted, Job, Line, Request, State};
use crate::job::{Operation, Reaper};
use crate::operation::{Level, Trouble};

/// How many lines of a log are read at a time.
const LINES: i64 = 1_000;
/// How often to look whether the program that runs a job is still there.
const REAP: Duration = Duration::from_secs(2);

/// Runs `operation` as a job and returns the job as it ended. When `stop` is cancelled, what only reads or dumps is cancelled,
/// wherever it runs; what a person would have to reconcile is finished first, or left to the program that runs it.
pub(super) async fn operation(
    app: &App,
    operation: &Operation,
    stop: &CancellationToken,
    terminal: Terminal,
) -> Result<Job, Failure> {
    let operator = operator();
    let request = Request {
        operation,
        by: by(&operator),
        key: None,
    };
    let id = app.enqueue(&request).await?;
    let over = CancellationToken::new();
    // A task of its own: a terminal that takes no more lines (a pager, a screen that is held) holds up what it prints, and
    // must not hold up the work or its lease.
    let mut work = {
        let (app, id, stop, over) = (app.clone(), id.clone(), stop.clone(), over.clone());
        tokio::spawn(async move {
            match work(&app, &id, &stop, terminal).await? {
                Runs::Here => Ok(()),
                Runs::Elsewhere => attend(&app, &id, &stop, &over, terminal).await,
            }
        })
    };
    // On the heap: what it holds is large, and every future around it would be as well.
    let mut follow = Box::pin(async {
        let job = follow(app, &id, terminal).await;
        over.cancel();
        job
    });
    tokio::select! {
        worked = &mut work => {
            done(worked)?;
            follow.await
        }
        job = &mut follow => {
            done(work.await)?;
            job
        }
    }
}

/// What the task of the work came to. It is never aborted, so one that did not end has panicked.
fn done(worked: Result<Result<(), Failure>, JoinError>) -> Result<(), Failure> {
    worked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Who runs a job that the terminal has asked for.
enum Runs {
    /// This program did; it is over, or was withdrawn before it began.
    Here,
    /// Another one does, or did.
    Elsewhere,
}

/// Notices jobs that have lost their program, as a console does all the time; where none runs nobody else would.
pub(super) async fn notice(app: &App) -> Result<(), Failure> {
    let mut reaper = Reaper::default();
    while app.reap(&mut reaper).await? {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Who acts, and from where.
pub(super) fn by(actor: &str) -> By<'_> {
    By {
        actor,
        place: "terminal",
    }
}

/// Claims the job as soon as its target is free. Another process may take it first, which is as good.
async fn work(
    app: &App,
    id: &str,
    stop: &CancellationToken,
    terminal: Terminal,
) -> Result<Runs, Failure> {
    // Where no console runs, nobody else notices a job that has lost its program.
    let mut reaper = Reaper::default();
    loop {
        let job = get(app, id).await?;
        if job.state != State::Queued {
            return Ok(Runs::Elsewhere);
        }
        if stop.is_cancelled() {
            // Another worker may have taken it just now; then it is that worker's to end.
            let withdrawn = queue::withdraw(&app.store, &app.clock, &job, by(&operator())).await?;
            return Ok(if withdrawn {
                Runs::Here
            } else {
                Runs::Elsewhere
            });
        }
        let waits_for_person = job.operation.reconcile() == Reconcile::Person;
        let said = async {
            stop.cancelled().await;
            if waits_for_person {
                let words = "It is not stopped in the middle: what was begun is finished first.";
                tokio::task::spawn_blocking(move || terminal.talk(words));
            }
            std::future::pending::<Infallible>().await
        };
        let ran = tokio::select! {
            ran = app.run_here(id, stop) => ran?,
            never = said => match never {},
        };
        if ran {
            return Ok(Runs::Here);
        }
        app.reap(&mut reaper).await?;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(300)) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Listens while another program runs the job: a stop is passed on to it where stopping is harmless. Returns when the job is
/// over, or with [`Failure::Left`] when the person goes and the job does not.
async fn attend(
    app: &App,
    id: &str,
    stop: &CancellationToken,
    over: &CancellationToken,
    terminal: Terminal,
) -> Result<(), Failure> {
    let mut asked = false;
    let mut reaper = Reaper::default();
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => return Ok(()),
            () = stop.cancelled(), if !asked => {
                let job = get(app, id).await?;
                if job.state.is_over() {
                    return Ok(());
                }
                if job.operation.reconcile() == Reconcile::Person {
                    return Err(Failure::Left(left(id)));
                }
                terminal.talk("Another program runs it; it is asked to stop.");
                app.cancel(&job, by(&operator())).await?;
                asked = true;
            }
            // That program may be gone, and no console here to notice.
            () = tokio::time::sleep(REAP) => {
                app.reap(&mut reaper).await?;
            }
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
        let job = get(app, id).await?;
        loop {
            let lines = queue::lines(&app.store, id, seen, LINES).await?;
            let Some(last) = lines.last() else { break };
            seen = last.seq;
            bar.suspend(|| lines.iter().for_each(|line| print(line, terminal)));
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
        (State::Failed, Some(trouble)) => {
            terminal.trouble(trouble);
            Exit::of(trouble)
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

async fn get(app: &App, id: &str) -> Result<Job, Failure> {
    let job = queue::get(&app.store, id).await?;
    job.ok_or_else(|| {
        Failure::Operation(Trouble::new(
            format!("The job {id} is not in the store any more."),
            "What it did is not known from here.",
            "Look at the history with `lockkeeper migrate status`.",
        ))
    })
}

fn left(id: &str) -> Trouble {
    Trouble::new(
        format!("You do not follow the job {id} any more. It goes on in another program."),
        "What it changes in the database, it still changes.",
        format!(
            "`lockkeeper job show {id} --follow` follows it again; `lockkeeper job cancel {id}` asks it to stop."
        ),
    )
}
