//! One source of settings as names and texts, before any of them is read; layers are put over each other.
//!
//! Both spellings of a secret (`url`, `url_file`) are one setting: giving both in one layer is refused, and a higher layer
//! that gives either displaces both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::nearest;
use super::name::{LISTS, SECTIONS, SWITCHES, VARIABLES};
use super::{ConfigError, Environment, Flags};

/// A setting as it was written. It may be a secret, hence no `Debug`.
#[derive(Clone)]
pub(super) struct Written {
    pub text: String,
    /// Where, as words that end a sentence: "line 3", "`LOCKKEEPER_SERVER_LISTEN`".
    pub place: String,
    /// The folder that a relative path in it starts from.
    pub base: PathBuf,
}

pub(super) type Section = BTreeMap<String, Written>;

/// The settings of one source.
#[derive(Default)]
pub(super) struct Layer {
    sections: BTreeMap<&'static str, Section>,
    lists: BTreeMap<&'static str, Vec<Section>>,
}

impl Layer {
    /// The settings of a file that lies at `path`.
    pub fn from_file(text: &str, path: &Path) -> Result<Self, ConfigError> {
        // toml's own rendering of an error quotes the line, which may hold a password: only its message is used.
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            ConfigError::new(format!(
                "{}, line {line}, is not TOML: {}.",
                path.display(),
                error.message()
            ))
        })?;
        let base = path.parent().unwrap_or(Path::new("."));
        let mut layer = Self::default();
        for (name, value) in table.get_ref() {
            let line = line_of(text, name.span().start);
            let name = name.get_ref().as_ref();
            if let Some((known, keys)) = LISTS.iter().find(|(known, _)| *known == name) {
                let DeValue::Array(several) = value.get_ref() else {
                    return Err(ConfigError::new(format!(
                        "[{known}], line {line}, must be written [[{known}]]: there can be several."
                    )));
                };
                for one in several {
                    let DeValue::Table(table) = one.get_ref() else {
                        return Err(wants_table(name, line));
                    };
                    let section = section(table, &format!("[[{known}]]"), keys, text, base)?;
                    layer.lists.entry(known).or_default().push(section);
                }
                continue;
            }
            let Some((known, keys)) = SECTIONS.iter().find(|(known, _)| *known == name) else {
                let names = SECTIONS.iter().chain(&LISTS).map(|(known, _)| *known);
                return Err(ConfigError::new(format!(
                    "unknown section `{name}`, line {line}{}",
                    nearest(name, names)
                )));
            };
            let DeValue::Table(table) = value.get_ref() else {
                return Err(wants_table(name, line));
            };
            let section = section(table, &format!("[{known}]"), keys, text, base)?;
            layer.sections.insert(known, section);
        }
        Ok(layer)
    }

    /// The settings of the variables `LOCKKEEPER_<SECTION>_<KEY>`.
    pub fn from_environment(
        env: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        let mut layer = Self::default();
        for (variable, value) in env.iter() {
            let Some(rest) = variable.strip_prefix("LOCKKEEPER_") else {
                continue;
            };
            if VARIABLES.contains(&variable) {
                continue;
            }
            let rest = rest.to_lowercase();
            let found = SECTIONS.iter().find_map(|(section, keys)| {
                let key = rest.strip_prefix(section)?.strip_prefix('_')?;
                Some((*section, *keys, key))
            });
            match found {
                Some((section, keys, key)) if keys.contains(&key) => {
                    let written = Written {
                        text: value.to_owned(),
                        place: variable.to_owned(),
                        base: env.folder().to_path_buf(),
                    };
                    layer.put(section, key, written);
                }
                found => {
                    let known = known_variables();
                    let hint = nearest(variable, known.iter().map(String::as_str));
                    if found.is_some() {
                        return Err(ConfigError::new(format!(
                            "unknown variable `{variable}`{hint}"
                        )));
                    }
                    warnings.push(format!(
                        "The variable {variable} is not one of Lockkeeper's and was ignored{hint}"
                    ));
                }
            }
        }
        for section in layer.sections.values() {
            refuse_twins(section)?;
        }
        Ok(layer)
    }

    /// The settings of the flags that have a section.
    pub fn from_flags(flags: &Flags, folder: &Path) -> Self {
        let mut layer = Self::default();
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let given = [
            ("server", "listen", "--listen", flags.listen.clone()),
            (
                "server",
                "public_url",
                "--public-url",
                flags.public_url.clone(),
            ),
            (
                "store",
                "url",
                "--store-url",
                flags
                    .store_url
                    .as_ref()
                    .map(|url| url.expose_secret().to_owned()),
            ),
            (
                "archive",
                "folder",
                "--archive",
                flags.archive_folder.as_ref().map(path),
            ),
            (
                "worker",
                "at_once",
                "--at-once",
                flags.at_once.as_ref().map(ToString::to_string),
            ),
        ];
        for (section, key, flag, text) in given {
            if let Some(text) = text {
                let place = flag.to_owned();
                let base = folder.to_path_buf();
                layer.put(section, key, Written { text, place, base });
            }
        }
        layer
    }

    /// This layer with `higher` over it.
    pub fn under(mut self, higher: Self) -> Self {
        for (section, settings) in higher.sections {
            for (key, written) in settings {
                if let Some(mine) = self.sections.get_mut(section) {
                    mine.remove(&twin(&key));
                }
                self.put(section, &key, written);
            }
        }
        for (name, several) in higher.lists {
            self.lists.entry(name).or_default().extend(several);
        }
        self
    }

    /// The setting, if any layer gave it.
    pub fn get(&self, section: &str, key: &str) -> Option<&Written> {
        self.sections.get(section)?.get(key)
    }

    /// The whole section, empty if nothing of it was given.
    pub fn section(&self, section: &str) -> Section {
        self.sections.get(section).cloned().unwrap_or_default()
    }

    /// The sections of that name of which there can be several, in the order of the file.
    pub fn list(&self, name: &str) -> &[Section] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, section: &'static str, key: &str, written: Written) {
        self.sections
            .entry(section)
            .or_default()
            .insert(key.to_owned(), written);
    }
}

fn section(
    table: &DeTable<'_>,
    label: &str,
    keys: &[&str],
    text: &str,
    base: &Path,
) -> Result<Section, ConfigError> {
    let mut section = Section::new();
    for (key, value) in table {
        let line = line_of(text, key.span().start);
        let key: &Spanned<_> = key;
        let name = key.get_ref().as_ref();
        if !keys.contains(&name) {
            return Err(ConfigError::new(format!(
                "unknown key `{name}` in {label}, line {line}{}",
                nearest(name, keys.iter().copied())
            )));
        }
        let value = match value.get_ref() {
            DeValue::String(value) => value.clone().into_owned(),
            DeValue::Integer(value) if value.radix() == 10 => value.as_str().to_owned(),
            DeValue::Boolean(value) if SWITCHES.contains(&name) => value.to_string(),
            _ => {
                return Err(ConfigError::new(format!(
                    "`{name}` in {label}, line {line}, must be a text in quotes or a whole number."
                )));
            }
        };
        let place = format!("line {line}");
        let base = base.to_path_buf();
        section.insert(
            name.to_owned(),
            Written {
                text: value,
                place,
                base,
            },
        );
    }
    refuse_twins(&section)?;
    Ok(section)
}

fn refuse_twins(section: &Section) -> Result<(), ConfigError> {
    for (key, written) in section {
        if let Some(both) = section.get(&twin(key)) {
            let (first, second) = (&written.place, &both.place);
            return Err(ConfigError::new(format!(
                "`{key}` ({first}) and `{}` ({second}) say the same thing: give one of them.",
                twin(key)
            )));
        }
    }
    Ok(())
}

/// The other spelling of a setting that can be given as a value or as a file.
fn twin(key: &str) -> String {
    key.strip_suffix("_file")
        .map_or_else(|| format!("{key}_file"), str::to_owned)
}

fn wants_table(name: &str, line: usize) -> ConfigError {
    ConfigError::new(format!(
        "`{name}`, line {line}, must be a section: write it in brackets."
    ))
}

fn known_variables() -> Vec<String> {
    let sections = SECTIONS.iter().flat_map(|(section, keys)| {
        keys.iter()
            .map(move |key| format!("LOCKKEEPER_{section}_{key}").to_uppercase())
    });
    VARIABLES
        .into_iter()
        .map(str::to_owned)
        .chain(sections)
        .collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}
