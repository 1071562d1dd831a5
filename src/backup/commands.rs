//! The commands with which anybody checks and uses a backup without Lockkeeper.

use super::contents::Contents;
use super::manifest::Manifest;

/// The command that says whether an artifact is still what was written; to be run where it lies.
#[must_use]
pub fn check(backup: &Manifest) -> String {
    let line = format!("{}  {}", backup.file.sha256, backup.file.name);
    format!("echo {} | sha256sum --check", quoted(&line))
}

/// The commands that put an artifact into a new database, with the tools of its server's major.
#[must_use]
pub fn restore(backup: &Manifest, contents: Option<&Contents>) -> String {
    let mut create = format!(
        "createdb --template=template0 --encoding={}",
        quoted(&backup.server.encoding)
    );
    if let Some(database) = contents.map(|contents| &contents.database)
        && database.locale_provider == "libc"
    {
        let parts = [
            ("lc-collate", &database.collate),
            ("lc-ctype", &database.ctype),
        ];
        for (option, value) in parts {
            if let Some(value) = value {
                create.push_str(" --");
                create.push_str(option);
                create.push('=');
                create.push_str(&quoted(value));
            }
        }
    }
    format!(
        "{create} restored\npg_restore --exit-on-error --dbname=restored {}",
        quoted(&format!("./{}", backup.file.name))
    )
}

/// A word as a shell reads it back: what is not plain stands in quotes.
fn quoted(word: &str) -> String {
    let is_plain = |each: char| each.is_ascii_alphanumeric() || "-_./:=@+".contains(each);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_read_more_into_it() {
        assert_eq!(
            quoted("./2025-09-21_1200-app.dump"),
            "./2025-09-21_1200-app.dump"
        );
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("$(x)'`"), "'$(x)'\\''`'");
        assert_eq!(quoted(""), "''");
    }
}
