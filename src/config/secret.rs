//! Settings that are secrets: given as a value or as the path of a file that holds it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::SecretString;

use super::layer::Section;
use super::{ConfigError, Environment};

/// The secret `key` of a section, from `key` itself or from the file that `key_file` names.
pub(super) fn from_section(
    section: &Section,
    key: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<SecretString>, ConfigError> {
    if let Some(written) = section.get(key) {
        return Ok(Some(written.text.clone().into()));
    }
    match section.get(&format!("{key}_file")) {
        Some(written) => {
            let path = written.base.join(&written.text);
            from_file(&path, &written.place, warnings).map(Some)
        }
        None => Ok(None),
    }
}

/// The secret of the variable `name`, or of the file that `<name>_FILE` names.
pub(super) fn from_environment(
    env: &Environment,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<SecretString>, ConfigError> {
    let file = format!("{name}_FILE");
    match (env.get(name), env.get(&file)) {
        (Some(_), Some(_)) => Err(ConfigError::new(format!(
            "{name} and {file} say the same thing: give one of them."
        ))),
        (Some(value), None) => Ok(Some(value.to_owned().into())),
        (None, Some(path)) => from_file(&env.folder().join(path), &file, warnings).map(Some),
        (None, None) => Ok(None),
    }
}

fn from_file(
    path: &Path,
    place: &str,
    warnings: &mut Vec<String>,
) -> Result<SecretString, ConfigError> {
    let unreadable = |error: std::io::Error| {
        ConfigError::new(format!(
            "The secret file {} ({place}) cannot be read: {error}.",
            path.display()
        ))
    };
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode();
    if mode & 0o004 != 0 {
        warnings.push(format!(
            "The secret file {} can be read by every user of this machine; `chmod 600` it.",
            path.display()
        ));
    }
    let mut text = std::fs::read_to_string(path).map_err(unreadable)?;
    // Editors and `echo` end a file with a newline, which is never part of a secret here.
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        return Err(ConfigError::new(format!(
            "The secret file {} ({place}) is empty.",
            path.display()
        )));
    }
    Ok(text.into())
}
