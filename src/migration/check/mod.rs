//! The check of a target: what it is, how large it is and where its migrations stand, said and measured.
//!
//! It is a look: catalogs and the ledger are read, never a user's table, and no lock is waited for longer than a look
//! does. That something is wrong with the target is no failure of the check; it is a warning among its events. A target
//! that cannot be looked at is one.

mod report;
mod tally;

use tally::Tally;

use super::Survey;
use super::history::words::printable;
use crate::operation::{Context, Event, Level, OperationError};
use crate::target::catalog::{self, standing, table};
use crate::target::measurement::Measurement;
use crate::target::{Purpose, Target, tool};

/// The first step: a check that fails in it could not reach its target.
pub const CONNECT: &str = "Connect";
/// The step that is about this machine's client tools.
const VERSIONS: &str = "Versions";
/// The names of the steps, in their order.
pub const STEPS: &[&str] = &[CONNECT, VERSIONS, "Sizes", "Ledger"];
/// How many tables are named.
const TABLES: i64 = 10;

/// What a check saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// One sentence.
    pub summary: String,
    /// What is kept of it.
    pub measurement: Measurement,
}

/// Whether an event of a check warns of the target. Warnings of this machine's client tools do not.
#[must_use]
pub fn is_concern(event: &Event) -> bool {
    event.level == Level::Warn && event.step != VERSIONS
}

/// Looks at `target` and reports what it sees.
pub async fn run(target: &Target, context: &Context) -> Result<Seen, OperationError> {
    // Dropping the session ends it, so a check can be cancelled anywhere.
    tokio::select! {
        seen = look(target, context) => seen,
        () = context.cancel.cancelled() => Err(OperationError::Cancelled),
    }
}

async fn look(target: &Target, context: &Context) -> Result<Seen, OperationError> {
    let progress = &context.progress;
    progress.step(CONNECT, format!("Connecting to {}.", target.url.safe()));
    let session = target.connect(Purpose::Look).await?;
    let facts = catalog::facts(&session).await?;
    let standing = standing::standing(&session).await?;
    report::connection(target, &session, &facts, &standing, progress);
    let at = context.clock.now_ms();

    progress.step(
        VERSIONS,
        format!(
            "Looking for the client tools of Postgres {}.",
            session.major()
        ),
    );
    report::client_tools(session.major(), &tool::installed().await, progress);

    progress.step("Sizes", "Measuring the database and its tables.");
    let tables = table::largest_tables(&session, TABLES).await?;
    report::sizes(&facts, &tables, progress);

    progress.step(
        "Ledger",
        format!(
            "Comparing the ledger with {}.",
            printable(&target.migrations.display().to_string())
        ),
    );
    let survey = Survey::knowing(facts, target, &session).await?;
    session.close().await;
    let tally = Tally::of(&survey);
    report::ledger(&survey, &tally, progress);
    Ok(Seen {
        summary: tally.summary(&survey.facts),
        measurement: Measurement {
            target: target.name.clone(),
            at,
            job: context.job.clone(),
            version_num: survey.facts.version_num.into(),
            database_bytes: survey.facts.size_bytes,
            applied: whole(tally.applied),
            pending: whole(tally.pending),
            troubled: whole(tally.troubled),
        },
    })
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_warnings_of_the_target_are_concerns() {
        let event = |level, step: &str| Event {
            at: 0,
            level,
            step: step.to_owned(),
            text: String::new(),
        };
        assert!(is_concern(&event(Level::Warn, "Ledger")));
        assert!(!is_concern(&event(Level::Info, "Ledger")));
        assert!(!is_concern(&event(Level::Warn, VERSIONS)));
    }
}
