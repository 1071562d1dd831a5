//! `/t/{target}/backups/{id}`: everything that is known of one backup, how to use it without Lockkeeper, and deleting it.

use askama::Template;

use super::backups::BackupState;
use super::confirm::{ConfirmField, ConfirmKind};
use super::measure::Bytes;
use super::target::Fact;
use super::when::When;
use crate::web::layout::{Environment, Layout, Link, Tab};

/// A table whose rows are in the backup.
#[derive(Clone, Debug)]
pub struct TableRow {
    /// Schema and name.
    pub name: String,
    /// `41,203 rows`, `≈ 41,000 rows, estimated` or `rows not known`.
    pub rows: String,
    /// Its bytes on the server, where they were measured.
    pub bytes: Option<Bytes>,
    /// Its share of the largest one, in percent.
    pub share: u8,
}

/// A migration at that time.
#[derive(Clone, Debug)]
pub struct MigrationRow {
    /// Its name.
    pub name: String,
    /// `applied`, `failed` or `rolled back`.
    pub state: String,
}

/// The form that deletes it.
#[derive(Clone, Debug)]
pub struct DeleteForm {
    /// Where it is sent to.
    pub path: String,
    /// The single-use token.
    pub token: String,
    /// What was typed, kept after a refusal.
    pub typed: String,
    /// Why it was refused.
    pub error: Option<String>,
    /// What would be left to go back to.
    pub without: String,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/backup.html")]
pub struct BackupPage {
    /// What every page shares.
    pub layout: Layout,
    /// Its name, without its ending.
    pub name: String,
    /// What is known about it, in a word.
    pub state: BackupState,
    /// The same in sentences, with what is not known.
    pub meaning: String,
    /// The moment that it goes back to.
    pub taken_at: When,
    /// What the person wrote beside it.
    pub note: Option<String>,
    /// The path of the download, for those who may.
    pub download: Option<String>,
    /// The artifact and where it comes from.
    pub facts: Vec<Fact>,
    /// The job that took it.
    pub job: Link,
    /// The migrations at that time, in one sentence.
    pub migrations_sentence: String,
    /// Those, newest first.
    pub migrations: Vec<MigrationRow>,
    /// The tables in one sentence.
    pub tables_sentence: String,
    /// The largest ones.
    pub tables: Vec<TableRow>,
    /// What the dump does not carry, and what it asks for.
    pub beside: Vec<Fact>,
    /// The command that checks the artifact.
    pub check: String,
    /// The commands that use it.
    pub restore: String,
    /// What they do and need, in one sentence.
    pub needs: String,
    /// The command that prints all of it.
    pub example: String,
    /// The form that deletes it, for those who may.
    pub delete: Option<DeleteForm>,
}

impl BackupPage {
    /// A readable one, for an admin.
    #[must_use]
    pub fn sample() -> Self {
        let fact = |name: &str, value: &str| Fact {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let table = |name: &str, rows: &str, bytes, share| TableRow {
            name: name.to_owned(),
            rows: rows.to_owned(),
            bytes: Some(Bytes(bytes)),
            share,
        };
        let name = "2026-11-22_1605-jarvis";
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let path = "/t/jarvis/backups/01a20440-7d4c-7cab-b841-45b4e28e8e24";
        Self {
            layout: Layout {
                crumbs: vec![Link::new("Backups", "/t/jarvis/backups")],
                ..Layout::sample_target(name, "jarvis", Environment::Production, Tab::Backups)
            },
            name: name.to_owned(),
            state: BackupState::Readable,
            meaning: crate::backup::manifest::Worth::Readable.sentence().to_owned(),
            taken_at: When::at(1_795_363_533_000),
            note: Some("before the phone migration".to_owned()),
            download: Some(format!("{path}/download")),
            facts: vec![
                fact("Size", "1.24 GB"),
                fact("Took", "1 min 34 s"),
                fact("SHA-256", hash),
                fact("Database", "jarvis on Postgres 15.14, 3.61 GB on the server"),
                fact("Format", "pg_custom 1.14, gzip:1, pg_dump 15.14"),
                fact("Asked for by", "ada"),
            ],
            job: Link::new("See the job", "/jobs/1"),
            migrations_sentence: "13 are applied; 1 has failed.".to_owned(),
            migrations: [
                ("20250918080000_user_phone_index", "failed"),
                ("20250911101500_study_reminder", "applied"),
                ("20250301090000_init", "applied"),
            ]
            .map(|(name, state)| MigrationRow {
                name: name.to_owned(),
                state: state.to_owned(),
            })
            .to_vec(),
            tables_sentence: "3 tables, 1,264,113 rows counted in the snapshot; the others are estimates."
                .to_owned(),
            tables: vec![
                table("public.Review", "≈ 31,000,000 rows, estimated", 2_900_000_000, 100),
                table("public.Card", "1,222,910 rows", 640_000_000, 22),
                table("public.User", "41,203 rows", 9_400_000, 1),
            ],
            beside: vec![
                fact("Owner", "jarvis_owner"),
                fact("Encoding", "UTF8, en_US.UTF-8 (libc 2.36)"),
                fact("Roles", "jarvis_app, jarvis_owner, reporting"),
                fact("Extensions", "citext 1.6, pg_trgm 1.6"),
                fact("Settings", "statement_timeout; search_path of reporting"),
                fact("Sequences", "12"),
                fact("Log position", "4F/9A31C2D8"),
            ],
            check: format!("echo '{hash}  {name}.dump' | sha256sum --check"),
            restore: format!(
                "createdb --template=template0 --encoding=UTF8 restored\npg_restore --exit-on-error --dbname=restored ./{name}.dump"
            ),
            needs: "Restore it into a new database, with the client tools of Postgres 15 and on a server that has the roles \
                    and extensions that it names:"
                .to_owned(),
            example: format!("lockkeeper backup show {name}"),
            delete: Some(DeleteForm {
                path: format!("{path}/delete"),
                token: "token".to_owned(),
                typed: String::new(),
                error: None,
                without: "It is the newest one; the next is of 2026-11-22 15:05 UTC.".to_owned(),
            }),
        }
    }

    /// The same after a wrong name, with a proof to be given.
    #[must_use]
    pub fn sample_refused() -> Self {
        let mut page = Self::sample();
        if let Some(form) = &mut page.delete {
            "2026-11-22_1505\"><b>".clone_into(&mut form.typed);
            form.error = Some("That is not the name of this backup.".to_owned());
        }
        page.layout.confirm = Some(ConfirmField {
            kind: ConfirmKind::Password,
            error: None,
        });
        page
    }

    /// One of an older version, with hostile names in it, for somebody who may only look.
    #[must_use]
    pub fn sample_hostile() -> Self {
        let hostile = "\"><script>alert(1)</script>\u{202e}\n🚀";
        let page = Self::sample();
        Self {
            state: BackupState::Taken,
            note: Some(hostile.to_owned()),
            download: None,
            delete: None,
            tables: page
                .tables
                .into_iter()
                .map(|table| TableRow {
                    name: format!("{hostile}.{}", "l".repeat(63)),
                    bytes: None,
                    ..table
                })
                .collect(),
            migrations: vec![MigrationRow {
                name: hostile.to_owned(),
                state: "applied".to_owned(),
            }],
            beside: Vec::new(),
            ..Self::sample()
        }
    }
}
