//! `/t/{target}/backups`: what there is to go back to, and the form that takes another one.

use askama::Template;

use super::measure::{Bytes, Millis};
use super::pill::Pill;
use super::trouble::TroubleBox;
use super::when::When;
use crate::web::layout::{Environment, Layout, Tab, Tone};

/// What is known about a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupState {
    /// The dump ended well, and its bytes are recorded.
    Taken,
    /// Also, its table of contents is that of the database.
    Readable,
    /// It was restored and compared.
    Proven,
    /// The bytes are not those that were written.
    Damaged,
    /// The file is not where it was.
    Gone,
}

impl BackupState {
    /// The state as shown. Only a proven one is green.
    #[must_use]
    pub fn pill(self) -> Pill {
        match self {
            Self::Taken => Pill::new("taken", "box", Tone::Info),
            Self::Readable => Pill::new("readable", "check", Tone::Info),
            Self::Proven => Pill::new("proven", "shield", Tone::Good),
            Self::Damaged => Pill::new("damaged", "cross", Tone::Bad),
            Self::Gone => Pill::new("gone", "missing", Tone::Bad),
        }
    }
}

/// One backup.
#[derive(Clone, Debug)]
pub struct BackupRow {
    /// Its name in the archive, without its ending.
    pub name: String,
    /// The path of its page.
    pub href: String,
    /// What somebody wrote beside it.
    pub note: Option<String>,
    /// What is known about it.
    pub state: BackupState,
    /// The moment its snapshot was taken.
    pub taken_at: When,
    /// Its size in the archive.
    pub size: Bytes,
    /// How long it took.
    pub took: Millis,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// The version of the server.
    pub server_version: String,
    /// What it goes back to: `13 migrations`.
    pub contents: String,
    /// The path of the download, for those who may.
    pub download: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/backups.html")]
pub struct BackupsPage {
    /// What every page shares.
    pub layout: Layout,
    /// The name of the target.
    pub target: String,
    /// What there is to go back to, in one sentence.
    pub summary: String,
    /// At most 50 of them, newest first.
    pub backups: Vec<BackupRow>,
    /// The path of the next ones.
    pub older: Option<String>,
    /// The note as typed, kept after a refusal.
    pub note: String,
    /// Where backups go and how much room is left there, in one sentence.
    pub archive: String,
    /// Why none can be taken or read.
    pub trouble: Option<TroubleBox>,
    /// The command that takes one.
    pub example: String,
}

impl BackupsPage {
    /// One backup in every state.
    #[must_use]
    pub fn sample() -> Self {
        let row = |(n, state): (i64, BackupState)| BackupRow {
            name: format!("2026-11-22_{:02}05-jarvis", 16 - n),
            href: format!("/t/jarvis/backups/{n}"),
            note: (n == 1).then(|| "before the phone migration".to_owned()),
            state,
            taken_at: When::at(1_795_363_533_000 - n * 3_600_000),
            size: Bytes(1_240_000_000 - n * 31_000_000),
            took: Millis(94_000 + n * 700),
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            server_version: "15.14".to_owned(),
            contents: "13 migrations".to_owned(),
            download: (state != BackupState::Gone)
                .then(|| format!("/t/jarvis/backups/{n}/download")),
        };
        let states = [
            BackupState::Taken,
            BackupState::Proven,
            BackupState::Readable,
            BackupState::Damaged,
            BackupState::Gone,
        ];
        Self {
            layout: Layout::sample_target("Backups", "jarvis", Environment::Production, Tab::Backups),
            target: "jarvis".to_owned(),
            summary: "The newest is 12 minutes old. The newest that was proven is 1 hour old.".to_owned(),
            backups: (0..).zip(states).map(row).collect(),
            older: None,
            note: String::new(),
            archive: "The archive is /var/lib/lockkeeper/archive: 61.2 GB are free, 5.9 GB are backups of jarvis.".to_owned(),
            trouble: None,
            example: "lockkeeper backup take jarvis".to_owned(),
        }
    }

    /// None yet.
    #[must_use]
    pub fn sample_empty() -> Self {
        Self {
            backups: Vec::new(),
            summary: "None was ever taken.".to_owned(),
            ..Self::sample()
        }
    }
}
