//! The Prisma project around a folder: where its migrations are, as far as its own files say so plainly.
//!
//! The files are programs and a schema; they are read as text and never run. What is a plain literal there counts, what is
//! computed is named in a remark and the default counts. Prisma looks for the config file by name (`prisma7.config.*` before
//! `prisma.config.*`, `.config/` in between), takes `migrations.path` from it, and otherwise the folder `migrations` beside the
//! schema; in projects of Prisma 8 it is `migrations.dir`, or the folder beside the config file. [`literal`] reads the program, [`datasource`] the schema.

mod datasource;
mod literal;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use datasource::Datasource;
use literal::{Found, Object};

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// Beginnings of the config file's path, in Prisma's order.
const NAMES: [&str; 4] = [
    "prisma7.config",
    ".config/prisma7",
    "prisma.config",
    ".config/prisma",
];
/// Its endings, in Prisma's order.
const ENDINGS: [&str; 6] = ["js", "ts", "mjs", "cjs", "mts", "cts"];
/// Providers that are Postgres, by Prisma's names.
const POSTGRES: [&str; 2] = ["postgresql", "postgres"];

/// What the files of a project say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its migrations folder; it may not exist.
    pub migrations: PathBuf,
    /// The schemas that its models are spread over, where the schema names them.
    pub schemas: Vec<String>,
    /// What could not be read, and what does not fit, as whole sentences.
    pub remarks: Vec<String>,
}

impl Project {
    /// The project whose root is `folder`.
    #[must_use]
    pub fn around(folder: &Path) -> Self {
        let mut remarks = Vec::new();
        let (mut migrations, mut schema) = (None, None);
        if let Some((path, text)) = config_file(folder) {
            let base = path.parent().unwrap_or(folder);
            let config = literal::config(&text);
            // Paths are those of the config file, but below `.config` those of the folder above.
            let base = if base.ends_with(".config") {
                folder
            } else {
                base
            };
            let mut said = |found: Found, what: &str| match found {
                Found::Text(text) => Some(base.join(text)),
                Found::Nothing => None,
                Found::Computed => {
                    remarks.push(format!(
                        "{} computes `{what}`, and it is not run here: the default counts; set `migrations` of the target, \
                         or --migrations.",
                        path.display()
                    ));
                    None
                }
            };
            if let Some(options) = literal::orm(&text) {
                // A project of Prisma 8: its folder is beside the config file.
                let path = said(within(&options, "dir"), "migrations.dir");
                migrations = Some(path.unwrap_or_else(|| base.join("migrations")));
            } else {
                migrations = said(within(&config, "path"), "migrations.path");
                schema = match config.text("schema") {
                    // Where the migrations are is known without it.
                    Found::Computed if migrations.is_some() => None,
                    found => said(found, "schema"),
                };
            }
        }
        let schema = schema_file(folder, schema);
        let source = schema
            .as_ref()
            .map(|(_, text)| datasource::read(text))
            .unwrap_or_default();
        if let Some((path, _)) = &schema {
            remarks.extend(misfit(&source, path));
        }
        let beside = schema
            .as_ref()
            .and_then(|(path, _)| path.parent())
            .map_or_else(|| folder.join("prisma"), Path::to_path_buf);
        Self {
            migrations: migrations.unwrap_or_else(|| beside.join("migrations")),
            schemas: source.schemas,
            remarks,
        }
    }

    /// The schemas that the project of a migrations folder names: the schema beside it says, or that of a project around it.
    #[must_use]
    pub fn schemas_of(migrations: &Path) -> Vec<String> {
        let beside = migrations.parent().map(schema_in);
        match beside.flatten() {
            Some((_, text)) => datasource::read(&text).schemas,
            None => migrations
                .ancestors()
                .skip(1)
                .take(3)
                .find(|folder| config_file(folder).is_some())
                .map(|folder| Self::around(folder).schemas)
                .unwrap_or_default(),
        }
    }
}

fn within(config: &Object, name: &str) -> Found {
    match config.object("migrations") {
        Ok(migrations) => migrations.text(name),
        Err(found) => found,
    }
}

fn misfit(source: &Datasource, path: &Path) -> Option<String> {
    let provider = source.provider.as_deref()?;
    (!POSTGRES.contains(&provider)).then(|| {
        format!(
            "{} names the provider {}; Lockkeeper looks after Postgres only.",
            path.display(),
            provider.escape_debug()
        )
    })
}

fn config_file(folder: &Path) -> Option<(PathBuf, String)> {
    NAMES.iter().find_map(|name| {
        ENDINGS.iter().find_map(|ending| {
            let path = folder.join(format!("{name}.{ending}"));
            Some((path.clone(), read(&path)?))
        })
    })
}

/// The schema at `named`, a file or a folder of several, else at the two places where Prisma looks.
fn schema_file(folder: &Path, named: Option<PathBuf>) -> Option<(PathBuf, String)> {
    match named {
        Some(path) if path.is_dir() => schema_in(&path),
        Some(path) => read(&path).map(|text| (path, text)),
        None => ["schema.prisma", "prisma/schema.prisma"]
            .iter()
            .map(|name| folder.join(name))
            .find_map(|path| Some((path.clone(), read(&path)?)))
            .or_else(|| schema_in(&folder.join("prisma"))),
    }
}

/// Of the schema's files in a folder the one with the datasource.
fn schema_in(folder: &Path) -> Option<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "prisma"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| Some((path.clone(), read(&path)?)))
        .find(|(_, text)| datasource::has(text))
}

/// The text of a file; none where there is no such file, or it is too long or no text.
fn read(path: &Path) -> Option<String> {
    // A named pipe would wait for a writer for ever.
    if !path.is_file() {
        return None;
    }
    let mut text = String::new();
    let read = File::open(path)
        .ok()?
        .take(LONGEST + 1)
        .read_to_string(&mut text);
    (read.ok()? as u64 <= LONGEST).then_some(text)
}

#[cfg(test)]
mod tests;
