//! What the operator wrote: `lockkeeper.toml`, over it the environment, over it the flags of the command line.
//!
//! What must stay true: a name that is not known here is refused with its place and the nearest known name, so a typing
//! error never means "the default"; a secret is a [`SecretString`] from the moment it is read and never part of a message;
//! nothing else in the crate reads the process environment ([`Environment::capture`]). The known names are the tables of
//! `name.rs`, the reading of each is in `server.rs`, `settings.rs` and `target.rs`.

mod channel;
mod environment;
mod error;
mod layer;
mod name;
mod project;
mod secret;
mod server;
mod settings;
mod target;

use std::path::{Path, PathBuf};

use secrecy::SecretString;

pub use channel::{Smtp, SmtpTls, Webhook, WebhookFormat};
pub use environment::{Environment, search_path};
pub use error::ConfigError;
pub use project::Project;
pub use server::{ClientHeader, Server};
pub use settings::{Archive, Auth, Keep, Metrics, Store, Worker};
pub use target::{TargetEnvironment, TargetSettings};

use layer::Layer;

/// The name of the file that is read when none is named and it exists.
pub const FILE: &str = "lockkeeper.toml";

/// What the command line may say; it wins over the environment and the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`: the file to read instead of `./lockkeeper.toml`.
    pub config: Option<PathBuf>,
    /// `--listen`: `server.listen`.
    pub listen: Option<String>,
    /// `--public-url`: `server.public_url`.
    pub public_url: Option<String>,
    /// `--store-url`: `store.url`.
    pub store_url: Option<SecretString>,
    /// `--archive`: `archive.folder`.
    pub archive_folder: Option<PathBuf>,
    /// `--at-once`: `worker.at_once`.
    pub at_once: Option<u32>,
    /// `--database-url`: the only target, whatever the file says.
    pub database_url: Option<SecretString>,
    /// `--migrations`: the migrations folder of the only target.
    pub migrations: Option<PathBuf>,
}

/// Where the settings came from, for `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This file, perhaps with variables and flags over it.
    File(PathBuf),
    /// No file: variables, flags and defaults.
    Environment,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Environment => out.write_str("environment"),
        }
    }
}

/// All settings, checked. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the console listens and how it is reached.
    pub server: Server,
    /// Lockkeeper's own database.
    pub store: Store,
    /// Where backups are kept.
    pub archive: Archive,
    /// Lifetimes of sign-ins, and the key of what is sealed.
    pub auth: Auth,
    /// How jobs are run.
    pub worker: Worker,
    /// Who may read the figures.
    pub metrics: Metrics,
    /// How mail is sent; none: it is not.
    pub smtp: Option<Smtp>,
    /// Where notifications can be posted to, in the order of the file.
    pub webhooks: Vec<Webhook>,
    /// The production databases, in the order of the file; may be empty.
    pub targets: Vec<TargetSettings>,
    /// A connection with more rights than the app's role, from `LOCKKEEPER_ADMIN_URL` or `LOCKKEEPER_ADMIN_URL_FILE`.
    pub admin_url: Option<SecretString>,
    /// The log filter, from `LOCKKEEPER_LOG`.
    pub log: Option<String>,
    /// Where the settings came from.
    pub origin: Origin,
    /// What is allowed but should be looked at, as whole sentences.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the file, the environment and the flags.
    ///
    /// The file is `--config`, else `LOCKKEEPER_CONFIG`, else `./lockkeeper.toml` if that exists; one that is named must exist.
    pub fn load(flags: &Flags, env: &Environment) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let (file, origin) = read_file(flags, env)?;
        let base = match &origin {
            Origin::File(path) => path.parent().unwrap_or(Path::new(".")).to_path_buf(),
            Origin::Environment => env.folder().to_path_buf(),
        };
        let layer = file
            .under(Layer::from_environment(env, &mut warnings)?)
            .under(Layer::from_flags(flags, env.folder()));

        let server = server::server(&layer, &mut warnings)?;
        let store = settings::store(&layer, &base, &mut warnings)?;
        let archive = settings::archive(&layer, &base);
        let auth = settings::auth(&layer, &base, store.file.as_deref())?;
        let worker = settings::worker(&layer)?;
        let metrics = settings::metrics(&layer, &mut warnings)?;
        let smtp = channel::smtp(&layer, &mut warnings)?;
        let webhooks = channel::webhooks(&layer, &mut warnings)?;
        let targets = target::targets(&layer, flags, env, &base, &mut warnings)?;
        let admin_url = secret::from_environment(env, "LOCKKEEPER_ADMIN_URL", &mut warnings)?;
        Ok(Self {
            server,
            store,
            archive,
            auth,
            worker,
            metrics,
            smtp,
            webhooks,
            targets,
            admin_url,
            log: env.get("LOCKKEEPER_LOG").map(str::to_owned),
            origin,
            warnings,
        })
    }

    /// The webhook of that name.
    #[must_use]
    pub fn webhook(&self, name: &str) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.name == name)
    }

    /// The target of that name.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&TargetSettings> {
        self.targets.iter().find(|target| target.name == name)
    }
}

fn read_file(flags: &Flags, env: &Environment) -> Result<(Layer, Origin), ConfigError> {
    let named = flags
        .config
        .clone()
        .or_else(|| env.get("LOCKKEEPER_CONFIG").map(PathBuf::from));
    let path = env
        .folder()
        .join(named.clone().unwrap_or_else(|| PathBuf::from(FILE)));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((Layer::from_file(&text, &path)?, Origin::File(path))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok((Layer::default(), Origin::Environment))
        }
        Err(error) => Err(ConfigError::new(format!(
            "The configuration file {} cannot be read: {error}.",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests;
