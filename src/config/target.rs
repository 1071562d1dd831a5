//! The production databases: every `[[target]]`, or the one that `DATABASE_URL` makes when there is none.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use super::error::nearest;
use super::layer::{Layer, Section, Written};
use super::project::Project;
use super::settings::tidy;
use super::{ConfigError, Environment, Flags, secret};

/// How careful we must be with a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetEnvironment {
    /// Real data of real people; also what a target is that says nothing.
    #[default]
    Production,
    /// A copy to try things on.
    Staging,
    /// Somebody's own.
    Development,
}

impl TargetEnvironment {
    const ALL: [Self; 3] = [Self::Production, Self::Staging, Self::Development];

    /// The word that is written in the file and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
        }
    }
}

/// A target as it was written. The URL is not read here: that is [`crate::target`]'s trade.
#[derive(Clone, Debug)]
pub struct TargetSettings {
    /// `[a-z0-9][a-z0-9_-]{0,62}`, unique.
    pub name: String,
    /// How careful we must be with it.
    pub environment: TargetEnvironment,
    /// Prisma's connection URL.
    pub url: SecretString,
    /// The migrations folder: as written, else that of the Prisma project around; it may not exist.
    pub migrations: PathBuf,
    /// The clocks that its backups are named by; UTC when it says nothing.
    pub time_zone: TimeZone,
    /// The folder that relative paths inside the URL (`sslcert`) start from.
    pub base: PathBuf,
}

pub(super) fn targets(
    layer: &Layer,
    flags: &Flags,
    env: &Environment,
    base: &Path,
    warnings: &mut Vec<String>,
) -> Result<Vec<TargetSettings>, ConfigError> {
    let folder = flags
        .migrations
        .as_ref()
        .map(|path| env.folder().join(path));
    if let Some(url) = &flags.database_url {
        return Ok(vec![of_url(url.clone(), folder, env.folder(), warnings)]);
    }
    if layer.list("target").is_empty() {
        let url = secret::from_environment(env, "DATABASE_URL", warnings)?;
        return Ok(url
            .map(|url| of_url(url, folder, env.folder(), warnings))
            .into_iter()
            .collect());
    }
    let mut targets: Vec<TargetSettings> = Vec::new();
    for (index, section) in layer.list("target").iter().enumerate() {
        let target = configured(section, index + 1, base, warnings)?;
        if targets.iter().any(|other| other.name == target.name) {
            return Err(ConfigError::new(format!(
                "Two targets are named `{}`: give each its own name.",
                target.name
            )));
        }
        targets.push(target);
    }
    match (folder, targets.as_mut_slice()) {
        (None, _) => {}
        (Some(folder), [only]) => only.migrations = tidy(&folder),
        (Some(_), _) => {
            return Err(ConfigError::new(
                "--migrations is meant for one target, but the configuration file has several: set `migrations` in each [[target]].",
            ));
        }
    }
    Ok(targets)
}

fn configured(
    section: &Section,
    number: usize,
    base: &Path,
    warnings: &mut Vec<String>,
) -> Result<TargetSettings, ConfigError> {
    let Some(name) = section.get("name") else {
        return Err(ConfigError::new(format!(
            "[[target]] number {number} has no `name`."
        )));
    };
    if !is_name(&name.text) {
        return Err(ConfigError::new(format!(
            "`{}` ({}) cannot be a target's name: use up to 63 of a-z, 0-9, - and _, beginning with a letter or digit.",
            name.text.escape_debug(),
            name.place
        )));
    }
    let environment = match section.get("environment") {
        None => TargetEnvironment::default(),
        Some(written) => TargetEnvironment::ALL
            .into_iter()
            .find(|known| known.word() == written.text)
            .ok_or_else(|| {
                let words = TargetEnvironment::ALL.map(TargetEnvironment::word);
                ConfigError::new(format!(
                    "unknown environment `{}` of target `{}`, {}{}",
                    written.text,
                    name.text,
                    written.place,
                    nearest(&written.text, words)
                ))
            })?,
    };
    let Some(url) = secret::from_section(section, "url", warnings)? else {
        return Err(ConfigError::new(format!(
            "The target `{}` has neither `url` nor `url_file`.",
            name.text
        )));
    };
    let migrations = match section.get("migrations") {
        Some(written) => written.base.join(&written.text),
        None => of_project(base, warnings),
    };
    let time_zone = match section.get("time_zone") {
        None => TimeZone::UTC,
        Some(written) => zone(written, &name.text)?,
    };
    Ok(TargetSettings {
        name: name.text.clone(),
        environment,
        url,
        migrations: tidy(&migrations),
        time_zone,
        base: base.to_path_buf(),
    })
}

/// The one target of a bare URL, named after its database.
fn of_url(
    url: SecretString,
    migrations: Option<PathBuf>,
    base: &Path,
    warnings: &mut Vec<String>,
) -> TargetSettings {
    let database = url::Url::parse(url.expose_secret())
        .ok()
        .and_then(|url| {
            let segment = url.path_segments()?.next()?;
            // A lone key of a form is percent-decoded the same way, which is near enough for a name.
            let (name, _) = url::form_urlencoded::parse(segment.as_bytes()).next()?;
            Some(name.into_owned())
        })
        .unwrap_or_else(|| "postgres".to_owned());
    let migrations = migrations.unwrap_or_else(|| of_project(base, warnings));
    TargetSettings {
        name: to_name(&database),
        environment: TargetEnvironment::default(),
        url,
        migrations: tidy(&migrations),
        time_zone: TimeZone::UTC,
        base: base.to_path_buf(),
    }
}

/// Where the Prisma project in `folder` has its migrations; what it does not say plainly is a warning, once.
fn of_project(folder: &Path, warnings: &mut Vec<String>) -> PathBuf {
    let project = Project::around(folder);
    for remark in project.remarks {
        if !warnings.contains(&remark) {
            warnings.push(remark);
        }
    }
    project.migrations
}

/// A zone by its name in the IANA database. The machine's own is never meant: it changes with the machine.
fn zone(written: &Written, target: &str) -> Result<TimeZone, ConfigError> {
    let found = TimeZone::get(&written.text).ok();
    if let Some(zone) = found.filter(|zone| zone.iana_name().is_some() && !zone.is_unknown()) {
        return Ok(zone);
    }
    let names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    Err(ConfigError::new(format!(
        "unknown time zone `{}` of target `{target}`, {}{}",
        written.text.escape_debug(),
        written.place,
        nearest(&written.text, names.iter().map(String::as_str))
    )))
}

/// Whether `text` can name a target or a channel.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && text
            .chars()
            .all(|each| matches!(each, 'a'..='z' | '0'..='9' | '_' | '-'))
}

/// The nearest valid name. Two databases may come out alike, which is no harm: a bare URL makes only one target.
fn to_name(database: &str) -> String {
    let mut name: String = database
        .chars()
        .flat_map(char::to_lowercase)
        .map(|each| match each {
            'a'..='z' | '0'..='9' | '_' | '-' => each,
            _ => '-',
        })
        .skip_while(|each| matches!(each, '_' | '-'))
        .take(63)
        .collect();
    if name.is_empty() {
        name.push_str("database");
    }
    name
}
