//! One backup: everything that is known of it, and deleting it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use super::backups::{blocking, find, state};
use super::error::PageError;
use super::layout::{Layout, Link, Tab};
use super::page::backup::{BackupPage, DeleteForm, MigrationRow, TableRow};
use super::page::measure::{Bytes, Count, Millis};
use super::page::target::Fact;
use super::page::when::When;
use super::proof::{Asking, Proof};
use super::view;
use super::visit::SignedIn;
use crate::app::backups::{self, DeleteError};
use crate::auth::role::Permission;
use crate::backup::contents::{Database, Table};
use crate::backup::{Contents, Manifest, commands};
use crate::target::Target;

/// How many tables are shown; the terminal has all of them.
const TABLES: usize = 100;
/// How many migrations are shown, newest first.
const MIGRATIONS: usize = 200;

#[derive(Deserialize)]
pub(super) struct DeleteBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    token: String,
    confirm: Option<SecretString>,
}

/// `GET /t/{target}/backups/{id}`.
pub(super) async fn detail(
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (target, id) = path.into_inner();
    let target = who.target(&target)?;
    let backup = find(&who, &target.name, id).await?;
    Ok(view::ok(&page(&who, &target, backup, None).await?))
}

/// `POST /t/{target}/backups/{id}/delete`.
pub(super) async fn delete(
    asking: Asking,
    path: web::Path<(String, String)>,
    form: web::Form<DeleteBody>,
) -> Result<HttpResponse, PageError> {
    let (target, id) = path.into_inner();
    let form = form.into_inner();
    let proof = asking.prove(form.confirm).await?;
    let (who, proven) = match proof {
        Proof::Given(who) => (who, true),
        Proof::Wanting(who) => (who, false),
    };
    let target = who.target(&target)?;
    let backup = find(&who, &target.name, id).await?;
    let typed = form.name.trim();
    let refused = if !proven {
        // The field below says what is missing.
        None
    } else if typed != backup.name() && typed != backup.file.name {
        Some("That is not the name of this backup.".to_owned())
    } else if !who.use_form_token(&form.token) {
        Some("This form was sent before, or another page took its place. Read it again.".to_owned())
    } else {
        match who.app().delete_backup(who.by(), &backup).await {
            Ok(()) => {
                who.flash(true, &format!("{} was deleted.", backup.name()));
                let list = format!("/t/{}/backups", view::segment(&target.name));
                return Ok(view::go(&list));
            }
            Err(DeleteError::Refused(trouble)) => {
                who.explain(&trouble);
                Some(format!(
                    "{} {} {}",
                    trouble.what, trouble.data, trouble.next
                ))
            }
            Err(DeleteError::Store(error)) => return Err(error.into()),
        }
    };
    let page = page(&who, &target, backup, Some((form.name, refused))).await?;
    Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// The page. `refused` is what was typed to delete it, and why that was not enough, unless something else was.
async fn page(
    who: &SignedIn,
    target: &Target,
    backup: Manifest,
    refused: Option<(String, Option<String>)>,
) -> Result<BackupPage, PageError> {
    let (archive, asked) = (who.app().resources.archive.clone(), backup.clone());
    let (contents, all) = blocking(move || {
        let all = archive.list(&asked.target).backups;
        (archive.contents(&asked), all)
    })
    .await;
    let path = format!("/t/{}/backups", view::segment(&target.name));
    let own = format!("{path}/{}", view::segment(&backup.id));
    let delete = if who.grants.may(&target.name, Permission::Manage) {
        let (typed, error) = refused.unwrap_or_default();
        Some(DeleteForm {
            path: format!("{own}/delete"),
            token: who.form_token()?,
            typed,
            error,
            without: backups::without(&backup, &all),
        })
    } else {
        None
    };
    let may_download = who.grants.may(&target.name, Permission::Download);
    let (tables_sentence, tables) = tables(contents.as_ref());
    Ok(BackupPage {
        layout: Layout {
            crumbs: vec![Link::new("Backups", path)],
            ..who.layout_of(backup.name(), target, Tab::Backups)
        },
        name: backup.name().to_owned(),
        state: state(&backup),
        meaning: backup.worth().sentence().to_owned(),
        taken_at: When::at(backup.created_at.as_millisecond()),
        note: (!backup.note.is_empty()).then(|| backup.note.clone()),
        download: may_download.then(|| format!("{own}/download")),
        facts: facts(&backup),
        job: Link::new(
            "See the job",
            format!("/jobs/{}", view::segment(&backup.job)),
        ),
        migrations_sentence: migrations_sentence(&backup),
        migrations: backup
            .migrations
            .iter()
            .rev()
            .take(MIGRATIONS)
            .map(|row| MigrationRow {
                name: row.name.clone(),
                state: row.state.clone(),
            })
            .collect(),
        tables_sentence,
        tables,
        beside: contents.as_ref().map(beside).unwrap_or_default(),
        check: commands::check(&backup),
        restore: commands::restore(&backup, contents.as_ref()),
        needs: format!(
            "Restore it into a new database, with the client tools of Postgres {} and on a server that has the roles and \
             extensions that it names:",
            backup.server.major()
        ),
        example: format!("lockkeeper backup show {}", backup.id),
        delete,
    })
}

fn fact(name: &str, value: impl Into<String>) -> Fact {
    Fact {
        name: name.to_owned(),
        value: value.into(),
    }
}

fn facts(backup: &Manifest) -> Vec<Fact> {
    let server = &backup.server;
    let size = server
        .size_bytes
        .map(|bytes| format!(", {} on the server", Bytes(bytes)))
        .unwrap_or_default();
    let version = backup.file.archive_version.as_deref().unwrap_or_default();
    let bytes = i64::try_from(backup.file.bytes).unwrap_or(i64::MAX);
    vec![
        fact("Size", Bytes(bytes).to_string()),
        fact("Took", Millis(backup.duration_ms()).to_string()),
        fact("SHA-256", &backup.file.sha256),
        fact(
            "Database",
            format!("{} on Postgres {}{size}", server.database, server.version()),
        ),
        fact("Cluster", &server.cluster),
        fact(
            "Format",
            format!(
                "{} {version}, {}, pg_dump {}",
                backup.file.format, backup.file.compression, backup.pg_dump
            ),
        ),
        fact("Asked for by", &backup.actor),
    ]
}

fn migrations_sentence(backup: &Manifest) -> String {
    let of = |state: &str| {
        let rows = backup.migrations.iter();
        rows.filter(|row| row.state == state).count()
    };
    if backup.migrations.is_empty() {
        return "The database had no ledger, or none that could be read.".to_owned();
    }
    let mut said = vec![match of("applied") {
        1 => "1 is applied".to_owned(),
        n => format!("{n} are applied"),
    }];
    for state in ["failed", "rolled back"] {
        match of(state) {
            0 => {}
            n => said.push(format!("{n} {state}")),
        }
    }
    said.join("; ") + "."
}

/// The tables in one sentence, and the largest of them.
fn tables(contents: Option<&Contents>) -> (String, Vec<TableRow>) {
    let Some(contents) = contents else {
        let older = "Taken by an older version, which did not count.";
        return (older.to_owned(), Vec::new());
    };
    let (rows, all) = contents.counted_rows();
    let number = contents.tables.len();
    let others = if all {
        ""
    } else {
        "; the others are estimates"
    };
    let cut = if number > TABLES {
        format!("; the {TABLES} largest are shown")
    } else {
        String::new()
    };
    let sentence = format!(
        "{}, {} rows counted in the snapshot{others}{cut}.",
        view::plural(number, "table"),
        Count(rows)
    );
    let mut largest: Vec<&Table> = contents.tables.iter().collect();
    largest.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    let most = largest.first().and_then(|table| table.bytes).unwrap_or(0);
    let shown = largest.into_iter().take(TABLES).map(|table| TableRow {
        name: format!("{}.{}", table.schema, table.name),
        rows: match (table.rows, table.rows_exact) {
            (None, _) => "rows not known".to_owned(),
            (Some(1), true) => "1 row".to_owned(),
            (Some(rows), true) => format!("{} rows", Count(rows)),
            (Some(rows), false) => format!("≈ {} rows, estimated", Count(rows)),
        },
        bytes: table.bytes.map(Bytes),
        share: share(table.bytes.unwrap_or(0), most),
    });
    (sentence, shown.collect())
}

fn share(bytes: i64, most: i64) -> u8 {
    let share = i128::from(bytes) * 100 / i128::from(most.max(1));
    u8::try_from(share).unwrap_or(100)
}

/// What the dump does not carry, and what it asks for. Settings are named without their values, which may be secrets.
fn beside(contents: &Contents) -> Vec<Fact> {
    let database = &contents.database;
    let list = |names: Vec<String>| match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let settings = database.settings.iter().map(|setting| match &setting.role {
        Some(role) => format!("{} of {role}", setting.name),
        None => setting.name.clone(),
    });
    let extensions = contents.extensions.iter();
    let mut facts = vec![
        fact("Owner", &database.owner),
        fact("Collation", collation(database)),
        fact("Roles", list(contents.roles.clone())),
        fact(
            "Extensions",
            list(
                extensions
                    .map(|it| format!("{} {}", it.name, it.version))
                    .collect(),
            ),
        ),
        fact("Settings", list(settings.collect())),
        fact(
            "Grants",
            if database.grants.is_some() {
                "its own"
            } else {
                "the usual"
            },
        ),
        fact("Sequences", contents.sequences.len().to_string()),
    ];
    if database.connection_limit >= 0 {
        facts.push(fact("Connections", database.connection_limit.to_string()));
    }
    if contents.large_objects > 0 {
        facts.push(fact(
            "Large objects",
            Count(contents.large_objects).to_string(),
        ));
    }
    if let Some(lsn) = &contents.lsn {
        facts.push(fact("Log position", lsn));
    }
    facts
}

fn collation(database: &Database) -> String {
    let named = database.locale.as_ref().or(database.collate.as_ref());
    let named = named.map_or("not known", String::as_str);
    match &database.collation_version {
        Some(version) => format!("{named} ({} {version})", database.locale_provider),
        None => format!("{named} ({})", database.locale_provider),
    }
}
