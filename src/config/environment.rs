//! The process environment, captured once, so that nothing else reads it and tests need no real one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variables and the working folder that settings are read from. It holds secrets, hence no `Debug`.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    folder: PathBuf,
}

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out: none of ours may be.
    #[must_use]
    pub fn capture() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            variables,
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }

    /// An environment of these variables, standing in `folder`.
    pub fn of<'a>(
        folder: impl Into<PathBuf>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            folder: folder.into(),
        }
    }

    /// The variable, unless it is missing or empty: Compose writes `${X:-}` as an empty one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The folder that relative paths of variables and flags start from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The variables that are not empty, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !value.is_empty())
    }
}

/// `PATH` of this process: the only variable that child processes inherit.
#[must_use]
pub fn search_path() -> Option<OsString> {
    std::env::var_os("PATH")
}
