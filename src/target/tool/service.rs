//! How libpq's tools learn where to connect: a service file and a password file in a folder that only we can read.
//!
//! Neither arguments nor variables carry a secret, because both can be seen by others. A database name is written into the
//! service file, where libpq takes it as it is; as an argument, a name like `host=evil dbname=x` would be taken apart.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use crate::operation::Trouble;
use crate::target::url::{ChannelBinding, DatabaseUrl, Encryption, Host, Trust};

/// The name of the one service in the file.
const SERVICE: &str = "lockkeeper";
/// Where systems keep the public authorities as one PEM file (Debian, Fedora, Alpine and macOS).
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The files for one connection; they are deleted when this is dropped.
#[derive(Debug)]
pub struct ConnectionFiles {
    folder: PathBuf,
    timeout_seconds: u64,
}

impl ConnectionFiles {
    /// Writes the files for a URL. Names and passwords that the format of these files cannot hold (line breaks, blanks at
    /// the end) are refused.
    pub fn write(url: &DatabaseUrl) -> Result<Self, Trouble> {
        let folder = std::env::temp_dir().join(format!("lockkeeper-{}", uuid::Uuid::new_v4()));
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| unwritable(&folder, &error))?;
        let files = Self {
            folder,
            // libpq takes 1 for 2; 0 is no limit there too.
            timeout_seconds: url
                .connect_timeout
                .map_or(0, |limit| limit.as_secs().max(2)),
        };
        files.put("pg_service.conf", &files.service(url)?)?;
        files.put("pgpass", &password_line(url)?)?;
        Ok(files)
    }

    /// The variables that lead libpq to these files; `job` names the session on the server, `lockkeeper:<job>`.
    #[must_use]
    pub fn env(&self, job: &str) -> impl IntoIterator<Item = (&'static str, OsString)> + use<> {
        [
            ("PGSERVICEFILE", self.folder.join("pg_service.conf").into()),
            ("PGSERVICE", SERVICE.into()),
            ("PGPASSFILE", self.folder.join("pgpass").into()),
            ("PGAPPNAME", format!("lockkeeper:{job}").into()),
            ("PGCONNECT_TIMEOUT", self.timeout_seconds.to_string().into()),
        ]
    }

    /// `--dbname=service=…`: the argument with which `pg_restore` connects instead of printing a script.
    #[must_use]
    pub fn dbname_argument() -> String {
        format!("--dbname=service={SERVICE}")
    }

    fn service(&self, url: &DatabaseUrl) -> Result<String, Trouble> {
        let mut text = format!("[{SERVICE}]\n");
        let mut line = |key: &str, value: &str| -> Result<(), Trouble> {
            if value.contains(['\n', '\r', '\0']) || value.ends_with(char::is_whitespace) {
                return Err(inexpressible(key));
            }
            text.extend([key, "=", value, "\n"]);
            Ok(())
        };
        match &url.host {
            Host::Tcp(host) => line("host", host)?,
            Host::Socket(folder) => line("host", &folder.to_string_lossy())?,
        }
        line("port", &url.port.to_string())?;
        line("user", &url.user)?;
        line("dbname", &url.database)?;
        if let Some(options) = &url.options {
            line("options", options)?;
        }
        line(
            "channel_binding",
            match url.channel_binding {
                ChannelBinding::Disable => "disable",
                ChannelBinding::Prefer => "prefer",
                ChannelBinding::Require => "require",
            },
        )?;
        let (mode, authority) = self.trust(url)?;
        line("sslmode", mode)?;
        line("sslrootcert", &authority.to_string_lossy())?;
        // Without these two lines libpq would offer whatever lies in the home folder.
        line("sslcert", &self.folder.join("none").to_string_lossy())?;
        line("sslkey", &self.folder.join("none").to_string_lossy())?;
        Ok(text)
    }

    /// libpq's words for what the URL asks of the server. libpq has no "encrypt if offered, but then verify": it is held to
    /// the stricter `verify-full`. A certificate file that is not there keeps it from checking, in `require`, against one
    /// that lies in the home folder.
    fn trust(&self, url: &DatabaseUrl) -> Result<(&'static str, PathBuf), Trouble> {
        let none = self.folder.join("none");
        let mode = match (url.encryption, url.trust, &url.host) {
            (Encryption::Disable, ..) | (.., Host::Socket(_)) => return Ok(("disable", none)),
            (Encryption::Prefer, Trust::Anything, _) => return Ok(("prefer", none)),
            (Encryption::Require, Trust::Anything, _) => return Ok(("require", none)),
            (_, Trust::Authority, _) => "verify-ca",
            (_, Trust::AuthorityAndName, _) => "verify-full",
        };
        let authority = match &url.authority {
            Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
            None => BUNDLES
                .into_iter()
                .map(PathBuf::from)
                .find(|bundle| bundle.is_file())
                .ok_or_else(no_bundle)?,
        };
        Ok((mode, authority))
    }

    fn put(&self, name: &str, text: &str) -> Result<(), Trouble> {
        let path = self.folder.join(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| unwritable(&path, &error))
    }
}

impl Drop for ConnectionFiles {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "a folder with a password could not be removed: {}", self.folder.display());
        }
    }
}

/// The file serves one connection, so every field but the password matches anything.
fn password_line(url: &DatabaseUrl) -> Result<String, Trouble> {
    let Some(password) = &url.password else {
        return Ok(String::new());
    };
    let password = password.expose_secret();
    if password.contains(['\n', '\r', '\0']) {
        return Err(inexpressible("password"));
    }
    let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
    Ok(format!("*:*:*:*:{escaped}\n"))
}

fn inexpressible(what: &str) -> Trouble {
    let what = match what {
        "dbname" => "database's name",
        other => other,
    };
    Trouble::new(
        format!(
            "The {what} has a line break in it or a blank at its end, which the Postgres client tools cannot be told safely."
        ),
        "Nothing was read or changed.",
        "Rename it, or change it, so that it has neither.",
    )
}

fn no_bundle() -> Trouble {
    Trouble::new(
        "The server's certificate is to be checked against the public authorities, but this machine has no list of them.",
        "Nothing was read or changed.",
        "Install the package ca-certificates, or name the authority's file as sslcert in the database URL.",
    )
}

fn unwritable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(
        format!("{} cannot be written: {error}.", path.display()),
        "Nothing was read or changed.",
        "Check that the temporary folder exists, has room and may be written by this user.",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn files(url: &str) -> Result<ConnectionFiles, Trouble> {
        ConnectionFiles::write(&DatabaseUrl::parse(&url.into(), Path::new("/base")).unwrap())
    }

    fn service(url: &str) -> String {
        let files = files(url).unwrap();
        std::fs::read_to_string(files.folder.join("pg_service.conf")).unwrap()
    }

    #[test]
    fn the_files_are_ours_alone_and_leave_no_trace() {
        let files = files("postgresql://u:a%3Ab%5Cc@h:6000/d").unwrap();
        let folder = files.folder.clone();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("pgpass")), 0o600);
        assert_eq!(mode(&folder.join("pg_service.conf")), 0o600);
        let password = std::fs::read_to_string(folder.join("pgpass")).unwrap();
        assert_eq!(password, "*:*:*:*:a\\:b\\\\c\n");
        let env: Vec<_> = files.env("j").into_iter().collect();
        assert!(!format!("{env:?} {files:?}").contains("a:b"));
        drop(files);
        assert!(!folder.exists());
    }

    #[test]
    fn tls_is_said_in_libpqs_words() {
        for (query, lines) in [
            ("", "sslmode=prefer\nsslrootcert=/"),
            ("?sslmode=disable", "sslmode=disable\n"),
            ("?sslmode=require", "sslmode=require\n"),
            (
                "?sslmode=verify-ca&sslcert=ca.pem",
                "sslmode=verify-ca\nsslrootcert=/base/ca.pem\n",
            ),
            (
                "?sslaccept=strict&sslcert=/ca.pem",
                "sslmode=verify-full\nsslrootcert=/ca.pem\n",
            ),
            ("?host=/run/pg&sslmode=require", "sslmode=disable\n"),
        ] {
            let text = service(&format!("postgresql://u:p@localhost/d{query}"));
            assert!(text.contains(lines), "{query}: {text}");
        }
        assert!(service("postgresql://u:p@localhost/d?host=/run/pg").contains("host=/run/pg\n"));
        assert!(
            service("postgresql://u:p@[::1]/d?options=-c%20a%3Db").contains("options=-c a=b\n")
        );
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        for url in [
            "postgresql://u:p@h/a%0Ahost=evil",
            "postgresql://u:p@h/a%0D",
            "postgresql://u:p@h/a%20",
            "postgresql://u%0A:p@h/a",
        ] {
            let trouble = files(url).unwrap_err();
            assert!(trouble.what.contains("line break"), "{url}: {trouble:?}");
        }
        let trouble = files("postgresql://u:hunter2%0Ax@h/a").unwrap_err();
        assert!(trouble.what.contains("password") && !trouble.what.contains("hunter2"));
    }
}
