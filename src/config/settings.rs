//! The sections, except the server and the targets, read and checked.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::layer::Layer;
use super::{ConfigError, secret};

/// `[store]`: Lockkeeper's own database.
#[derive(Clone, Debug)]
pub struct Store {
    /// `sqlite://<absolute path>` or a Postgres URL.
    pub url: SecretString,
    /// The file, when the store is a SQLite one.
    pub file: Option<PathBuf>,
    /// Whether it was set by the operator, or is the default file.
    pub given: bool,
    /// How long what has ended is kept in it.
    pub keep: Keep,
}

/// How many days are kept of what has ended; 0 is for ever.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// `keep_jobs_days`: a job, counted from its end.
    pub jobs_days: u32,
    /// `keep_events_days`: the log of a job, counted from the job's end. It goes with the job at the latest.
    pub events_days: u32,
}

/// `[archive]`: where backups are kept.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The folder; made when the first backup is taken.
    pub folder: PathBuf,
}

/// `[auth]`: lifetimes, and the key of what is sealed.
#[derive(Clone, Debug)]
pub struct Auth {
    /// How long a sign-in lasts, in hours.
    pub session_hours: u32,
    /// After how many minutes without use it ends.
    pub idle_minutes: u32,
    /// How many minutes a proof is good for: after that, dangerous requests ask for the password or a code again.
    pub proof_minutes: u32,
    /// The file with the key that seals second factors; made at first need.
    pub secret_file: PathBuf,
    /// How long the link that makes the first user is good for, in minutes.
    pub setup_minutes: u32,
}

/// `[worker]`: how jobs are run.
#[derive(Clone, Debug)]
pub struct Worker {
    /// How many jobs one worker runs at a time, on different targets; 4 unless said otherwise.
    pub at_once: u32,
}

/// `[metrics]`: who may read the figures.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Whether there is a page of figures at all.
    pub enabled: bool,
    /// What a reader has to show. Without one, only this machine may read.
    pub token: Option<SecretString>,
}

pub(super) fn store(
    layer: &Layer,
    base: &Path,
    warnings: &mut Vec<String>,
) -> Result<Store, ConfigError> {
    let keep = Keep {
        jobs_days: number(layer, "store", "keep_jobs_days", 90, 0..=36_500)?,
        events_days: number(layer, "store", "keep_events_days", 30, 0..=36_500)?,
    };
    let section = layer.section("store");
    let Some(url) = secret::from_section(&section, "url", warnings)? else {
        let file = base.join("lockkeeper-data").join("store.db");
        return Ok(sqlite(&file, "", false, keep));
    };
    let written = section.get("url").or_else(|| section.get("url_file"));
    let base = written.map_or(base, |written| &written.base);
    let place = written.map_or("", |written| &written.place);
    let text = url.expose_secret();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Store {
            url,
            file: None,
            given: true,
            keep,
        });
    }
    let path = text.strip_prefix("sqlite:").unwrap_or(text);
    if path.contains("://") {
        return Err(ConfigError::new(format!(
            "The store's `url` ({place}) must be a file (sqlite://./lockkeeper-data/store.db) or a postgresql:// URL."
        )));
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" {
        return Err(ConfigError::new(format!(
            "The store's `url` ({place}) names no file: a store in memory would forget every job at a restart."
        )));
    }
    Ok(sqlite(&base.join(path), query, true, keep))
}

/// A SQLite store: the path becomes absolute, and what a URL gives a meaning to is escaped in it.
fn sqlite(path: &Path, query: &str, given: bool, keep: Keep) -> Store {
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let escaped = file
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3F");
    let mark = if query.is_empty() { "" } else { "?" };
    Store {
        url: format!("sqlite://{escaped}{mark}{query}").into(),
        file: Some(file),
        given,
        keep,
    }
}

pub(super) fn archive(layer: &Layer, base: &Path) -> Archive {
    let folder = layer.get("archive", "folder").map_or_else(
        || base.join("backups"),
        |written| written.base.join(&written.text),
    );
    Archive {
        folder: tidy(&folder),
    }
}

/// The path without `.` in the middle, as it is shown to people.
pub(super) fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// `store`: the file of a SQLite store, beside which the key lies unless it is said otherwise.
pub(super) fn auth(layer: &Layer, base: &Path, store: Option<&Path>) -> Result<Auth, ConfigError> {
    let folder = match store.and_then(Path::parent) {
        Some(folder) => folder.to_path_buf(),
        None => base.join("lockkeeper-data"),
    };
    let secret_file = layer.get("auth", "secret_file").map_or_else(
        || folder.join("secret.key"),
        |written| written.base.join(&written.text),
    );
    Ok(Auth {
        session_hours: number(layer, "auth", "session_hours", 12, 1..=24 * 365)?,
        idle_minutes: number(layer, "auth", "idle_minutes", 60, 1..=60 * 24 * 365)?,
        proof_minutes: number(layer, "auth", "proof_minutes", 5, 1..=60)?,
        secret_file: tidy(&secret_file),
        setup_minutes: number(layer, "auth", "setup_minutes", 60, 1..=60 * 24 * 7)?,
    })
}

pub(super) fn worker(layer: &Layer) -> Result<Worker, ConfigError> {
    let at_once = number(layer, "worker", "at_once", 4, 1..=32)?;
    Ok(Worker { at_once })
}

/// The fewest characters of a token: fewer can be tried out.
const TOKEN_CHARACTERS: usize = 16;

pub(super) fn metrics(layer: &Layer, warnings: &mut Vec<String>) -> Result<Metrics, ConfigError> {
    let enabled = match layer.get("metrics", "enabled") {
        None => true,
        Some(written) => written.text.parse().map_err(|_| {
            ConfigError::new(format!(
                "`enabled` ({}) must be true or false, not `{}`.",
                written.place, written.text
            ))
        })?,
    };
    let section = layer.section("metrics");
    let token = secret::from_section(&section, "token", warnings)?;
    if let Some(token) = &token {
        let text = token.expose_secret();
        let place = section.get("token").or_else(|| section.get("token_file"));
        if text.len() < TOKEN_CHARACTERS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::new(format!(
                "The `token` of [metrics] ({}) must have at least {TOKEN_CHARACTERS} characters, all of them printable \
                 ASCII and no spaces; `openssl rand -hex 32` makes a good one.",
                place.map_or("", |written| &written.place)
            )));
        }
    }
    Ok(Metrics { enabled, token })
}

pub(super) fn number(
    layer: &Layer,
    section: &str,
    key: &str,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    let Some(written) = layer.get(section, key) else {
        return Ok(default);
    };
    match written.text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(ConfigError::new(format!(
            "`{key}` ({}) must be a whole number from {} to {}, not `{}`.",
            written.place,
            range.start(),
            range.end(),
            written.text
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Environment, FILE, Flags};
    use super::Keep;

    fn keep(toml: &str, variables: &[(&str, &str)]) -> Result<Keep, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), toml).unwrap();
        let env = Environment::of(folder.path(), variables.iter().copied());
        Config::load(&Flags::default(), &env)
            .map(|config| config.store.keep)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn how_long_things_are_kept_is_a_number_of_days() {
        let days = |toml, variables| {
            let keep = keep(toml, variables).unwrap();
            (keep.jobs_days, keep.events_days)
        };
        assert_eq!(days("", &[]), (90, 30));
        let file = "[store]\nkeep_jobs_days = 7\nkeep_events_days = 3";
        let variable = ("LOCKKEEPER_STORE_KEEP_EVENTS_DAYS", "0");
        assert_eq!(days(file, &[variable]), (7, 0));
        let told = keep("[store]\nkeep_jobs_days = -1", &[]).unwrap_err();
        assert!(told.contains("from 0 to 36500"), "{told}");
    }
}
