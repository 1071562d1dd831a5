//! What people are told of a job that needs somebody: it failed, or nobody knows what is in effect.

use super::Job;
use crate::clock::Clock;
use crate::job::Operation;
use crate::notify::{self, Kind, News};
use crate::operation::Trouble;
use crate::store::{StoreError, Tx};

/// Announces that a job failed, in the transaction that says so.
pub(super) async fn failed(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    trouble: &Trouble,
) -> Result<(), StoreError> {
    let kind = match job.operation {
        Operation::TakeBackup { .. } => Kind::BackupFailed,
        _ => Kind::JobFailed,
    };
    let subject = match kind {
        Kind::BackupFailed => "The backup failed".to_owned(),
        _ => format!("“{}” failed", job.operation.words()),
    };
    tell(tx, clock, job, kind, "failed", &subject, trouble).await
}

/// Announces that a person has to look, in the transaction that says so.
pub(super) async fn interrupted(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    trouble: &Trouble,
) -> Result<(), StoreError> {
    let subject = format!(
        "“{}” is interrupted: somebody has to look",
        job.operation.words()
    );
    let kind = Kind::JobInterrupted;
    tell(tx, clock, job, kind, "interrupted", &subject, trouble).await
}

async fn tell(
    tx: &mut Tx,
    clock: &Clock,
    job: &Job,
    kind: Kind,
    end: &str,
    subject: &str,
    trouble: &Trouble,
) -> Result<(), StoreError> {
    let Trouble {
        what, data, next, ..
    } = trouble;
    let news = News {
        event: &format!("job:{}:{end}", job.id),
        kind,
        target: job.operation.target(),
        job: Some(&job.id),
        subject,
        text: &format!("{what}\n{data}\n{next}\n\nAsked for by {}.", job.actor),
    };
    notify::announce(tx, clock, &news).await?;
    Ok(())
}
